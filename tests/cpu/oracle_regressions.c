// SPDX-License-Identifier: Apache-2.0
/* Cases that once differed, as host_oracle prints them. */
#include "oracle.h"

#define PLAIN                                                                                      \
    .data_seed = 3, .rflags = 0x202, .xsave = { [0] = 0x37f, [3] = 0xffff00001f80, [64] = 7 }
#define CASE_64(count, ...)                                                                        \
    {                                                                                              \
        .code = { __VA_ARGS__ }, .length = (count), .code_size = CODE_64, PLAIN
#define CASE_32(count, ...)                                                                        \
    {                                                                                              \
        .code = { __VA_ARGS__ }, .length = (count), .code_size = CODE_32,                          \
        .ds = SELECTOR_USER_DATA, .es = SELECTOR_USER_DATA, .fs = SELECTOR_USER_DATA,              \
        .gs = SELECTOR_USER_DATA, PLAIN

const struct oracle_case oracle_regressions[] = {
    /* BT with a 32-bit register leaves its upper half alone. */
    CASE_64(3, 0x0f, 0xa3, 0xe9), .general = { [RCX] = 0x99413472d9ef0010 } },
    /* So does CMPXCHG that fails. */
    CASE_64(4, 0x41, 0x0f, 0xb1, 0xe8),
      .general = { [RAX] = 0x200022b7, [R8] = 0x8000000000000000 }
}
,
    /* CMPS reads ES:rDI first. */
    CASE_64(2, 0x44, 0xa6), .general = { [RSI] = 0x7ffffffffff3, [RDI] = 0xffff90000000001f }
}
,
    /* An access that begins canonical and does not end so is #GP, not #PF. */
    CASE_64(4, 0x66, 0x48, 0xf7, 0x21), .general = { [RCX] = 0x7ffffffffffe }
}
,
    /* In the stack segment it is #SS. */
    CASE_64(5, 0x0f, 0x4d, 0x64, 0x2c, 0xe1),
    .general = { [RSP] = 0x7fffdffff564, [RBP] = 0x20000ab9 }
}
, CASE_64(7, 0x48, 0x0f, 0x38, 0x0b, 0x64, 0x4c, 0xf0), .general = { [RSP] = 0xa9490a25ad98c0e5 }
}
,
    /* OUTS with rCX 0 asks for permission. */
    CASE_32(3, 0x66, 0xf3, 0x6e), .general = { 0 }
}
,
    /* POP FS reads two bytes. */
    CASE_64(2, 0x0f, 0xa1), .general = { [RSP] = 0x7ffffffffffc }
}
,
    /* RETF to compatibility mode cuts its offset; CS is read as two bytes. */
    CASE_64(2, 0x48, 0xcb), .general = { [RSP] = 0x20001ff3 }
}
,
    /* VZEROUPPER outside 64-bit mode knows of eight registers. */
    { .code = { 0xc4, 0xe1, 0x78, 0x77 },
      .length = 4,
      .code_size = CODE_32,
      .ds = SELECTOR_USER_DATA,
      .es = SELECTOR_USER_DATA,
      .data_seed = 3,
      .rflags = 0x202,
      .xsave = { [0] = 0x37f, [3] = 0xffff00001f80, [64] = 7, [103] = 0x242eac6f05564653 } },
    /* FLDENV moves the top of the stack, not the registers. */
    { .code = { 0xd9, 0x26 },
      .length = 2,
      .code_size = CODE_64,
      .data_seed = 3,
      .rflags = 0x202,
      .general = { [RSI] = DATA_BASE + 0x940 },
      .xsave = { [0] = 0xff7834057f, [3] = 0xffff00001f80, [19] = 0xcf10, [64] = 7 } },
    /* A gather that faults has made its mask whole elements. */
    { .code = { 0xc4, 0xe2, 0x89, 0x93, 0x2c, 0x19 },
      .length = 6,
      .code_size = CODE_64,
      .data_seed = 3,
      .rflags = 0x202,
      .xsave = { [0] = 0x37f,
                 [3] = 0xffff00001f80,
                 [48] = 0xfff0000000000007,
                 [64] = 7,
                 [101] = 0x7214ac92122fb348 } },
    /* FIST with an unmasked exception stores nothing, so that it does not fault. */
    { .code = { 0xdb, 0x10 },
      .length = 2,
      .code_size = CODE_64,
      .data_seed = 3,
      .rflags = 0x202,
      .xsave = { [0] = 0xc36028037e, [3] = 0xffff00001f80, [64] = 7 } },
}
;

const unsigned oracle_regression_count = sizeof(oracle_regressions) / sizeof(oracle_regressions[0]);
