// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"
#include "instance/launch.h"

static int run_start(const struct host *host, const void *options, const struct words *words,
                     struct error *error)
{
    (void)options;
    return launch_start(host, words->operands[0], error);
}

const struct command command_start = {
    .name = "start",
    .summary = "Run the process of a created container, or a stopped instance again",
    .operands = "ID",
    .section = COMMAND_OCI,
    .minimum_operands = 1,
    .run = run_start,
};
