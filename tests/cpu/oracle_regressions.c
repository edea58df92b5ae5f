// SPDX-License-Identifier: Apache-2.0
/* Cases that once differed, as host_oracle prints them. */
#include "oracle.h"

const struct oracle_case oracle_regressions[] = {
    /* ADD EAX, [RBX] with nothing special about it. */
    { .code = { 0x03, 0x03 },
      .length = 2,
      .code_size = CODE_64,
      .data_seed = 2,
      .rflags = 0x202,
      .general = { [RBX] = DATA_BASE },
      .xsave = { 0x37f, [3] = 0xffff00001f80, [64] = 7 } },
};

const unsigned oracle_regression_count = sizeof(oracle_regressions) / sizeof(oracle_regressions[0]);
