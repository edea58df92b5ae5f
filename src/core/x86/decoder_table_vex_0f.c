// SPDX-License-Identifier: Apache-2.0
/* VEX map 1: SDM volume 2, table A-3, the mnemonics that begin with a v. */
#include "core/x86/decoder_table_vex.h"

#define PS_PD(...) ROWS(PREFIX, AVX_ANY(__VA_ARGS__), AVX_ANY(__VA_ARGS__), NOTHING, NOTHING)
#define PS_PD_ALIGNED(...)                                                                         \
    ROWS(PREFIX, AVX_ALIGNED(__VA_ARGS__), AVX_ALIGNED(__VA_ARGS__), NOTHING, NOTHING)
#define ARITHMETIC                                                                                 \
    ROWS(PREFIX, AVX_ANY(W(Vx), R(Hx), R(Wx)), AVX_ANY(W(Vx), R(Hx), R(Wx)),                       \
         AVX_ANY(W(Vdq), R(Hdq), R(Wd)), AVX_ANY(W(Vdq), R(Hdq), R(Wq)))

/* VMOVSS and VMOVSD merge between registers and clear the rest from memory. */
#define LOAD_SCALAR(memory)  ROWS(MOD, AVX_ANY(W(Vdq), R(memory)), AVX_ANY(W(Vdq), R(Hdq), R(Udq)))
#define STORE_SCALAR(memory) ROWS(MOD, AVX_ANY(W(memory), R(Vdq)), AVX_ANY(W(Udq), R(Hdq), R(Vdq)))

#define SHIFT_BY_REGISTER ONLY_66(AVX_AVX2(0, W(Vx), R(Hx), R(Wdq)))
#define SHIFT             ONLY_66(AVX_AVX2(0, W(Hx), R(Ux), R(Ib)))
static const struct opcode group12[8] = { [2] = SHIFT, [4] = SHIFT, [6] = SHIFT };
static const struct opcode group13[8] = { [2] = SHIFT, [4] = SHIFT, [6] = SHIFT };
static const struct opcode group14[8] = {
    [2] = SHIFT,
    [3] = SHIFT,
    [6] = SHIFT,
    [7] = SHIFT,
};
static const struct opcode group15[8] = {
    [2] = ONLY_NONE(INSTRUCTION(LDMXCSR, AVX, RULE_MODRM | RULE_L0, HOST, R(Md))),
    [3] = ONLY_NONE(INSTRUCTION(STMXCSR, AVX, RULE_MODRM | RULE_L0, HOST, W(Md))),
};

const struct opcode opcodes_vex_0f[256] = {
    [0x10] = ROWS(PREFIX, AVX_ANY(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wx)), LOAD_SCALAR(Md),
                  LOAD_SCALAR(Mq)),
    [0x11] = ROWS(PREFIX, AVX_ANY(W(Wx), R(Vx)), AVX_ANY(W(Wx), R(Vx)), STORE_SCALAR(Md),
                  STORE_SCALAR(Mq)),
    [0x12] = ROWS(PREFIX, AVX_L0(W(Vdq), R(Hdq), R(Wq)), AVX_L0(W(Vdq), R(Hdq), R(Mq)),
                  AVX_ANY(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wduplicate))),
    [0x13] = ROWS(PREFIX, AVX_L0(W(Mq), R(Vdq)), AVX_L0(W(Mq), R(Vdq)), NOTHING, NOTHING),
    [0x14 ... 0x15] = PS_PD(W(Vx), R(Hx), R(Wx)),
    [0x16] = ROWS(PREFIX, AVX_L0(W(Vdq), R(Hdq), R(Wq)), AVX_L0(W(Vdq), R(Hdq), R(Mq)),
                  AVX_ANY(W(Vx), R(Wx)), NOTHING),
    [0x17] = ROWS(PREFIX, AVX_L0(W(Mq), R(Vdq)), AVX_L0(W(Mq), R(Vdq)), NOTHING, NOTHING),
    [0x28] = PS_PD_ALIGNED(W(Vx), R(Wx)),
    [0x29] = PS_PD_ALIGNED(W(Wx), R(Vx)),
    [0x2a] = ROWS(PREFIX, NOTHING, NOTHING, AVX_ANY(W(Vdq), R(Hdq), R(Ey)),
                  AVX_ANY(W(Vdq), R(Hdq), R(Ey))),
    [0x2b] = PS_PD_ALIGNED(W(Mx), R(Vx)),
    [0x2c ... 0x2d] = ROWS(PREFIX, NOTHING, NOTHING, AVX_ANY(W(Gy), R(Wd)), AVX_ANY(W(Gy), R(Wq))),
    [0x2e ... 0x2f] =
        ROWS(PREFIX, AVX_FLAGS(0, R(Vdq), R(Wd)), AVX_FLAGS(0, R(Vdq), R(Wq)), NOTHING, NOTHING),
    [0x50] = PS_PD(W(Gd), R(Ux)),
    [0x51] = ROWS(PREFIX, AVX_ANY(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wx)),
                  AVX_ANY(W(Vdq), R(Hdq), R(Wd)), AVX_ANY(W(Vdq), R(Hdq), R(Wq))),
    [0x52 ... 0x53] =
        ROWS(PREFIX, AVX_ANY(W(Vx), R(Wx)), NOTHING, AVX_ANY(W(Vdq), R(Hdq), R(Wd)), NOTHING),
    [0x54 ... 0x57] = PS_PD(W(Vx), R(Hx), R(Wx)),
    [0x58 ... 0x59] = ARITHMETIC,
    [0x5a] = ROWS(PREFIX, AVX_ANY(W(Vx), R(Whalf)), AVX_ANY(W(Vdq), R(Wx)),
                  AVX_ANY(W(Vdq), R(Hdq), R(Wd)), AVX_ANY(W(Vdq), R(Hdq), R(Wq))),
    [0x5b] =
        ROWS(PREFIX, AVX_ANY(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wx)), NOTHING),
    [0x5c ... 0x5f] = ARITHMETIC,
    [0x60 ... 0x6d] = INTEGER,
    [0x6e] = ONLY_66(AVX_L0(W(Vdq), R(Ey))),
    [0x6f] = ROWS(PREFIX, NOTHING, AVX_ALIGNED(W(Vx), R(Wx)), AVX_ANY(W(Vx), R(Wx)), NOTHING),
    [0x70] = ROWS(PREFIX, NOTHING, AVX_AVX2(0, W(Vx), R(Wx), R(Ib)),
                  AVX_AVX2(0, W(Vx), R(Wx), R(Ib)), AVX_AVX2(0, W(Vx), R(Wx), R(Ib))),
    [0x71] = TABLE(REG, group12),
    [0x72] = TABLE(REG, group13),
    [0x73] = TABLE(REG, group14),
    [0x74 ... 0x76] = INTEGER,
    [0x77] = ONLY_NONE(
        ROWS(L, INSTRUCTION(VZEROUPPER, AVX, 0, HOST), INSTRUCTION(VZEROALL, AVX, 0, HOST))),
    [0x7c ... 0x7d] =
        ROWS(PREFIX, NOTHING, AVX_ANY(W(Vx), R(Hx), R(Wx)), NOTHING, AVX_ANY(W(Vx), R(Hx), R(Wx))),
    [0x7e] = ROWS(PREFIX, NOTHING, AVX_L0(W(Ey), R(Vdq)), AVX_L0(W(Vdq), R(Wq)), NOTHING),
    [0x7f] = ROWS(PREFIX, NOTHING, AVX_ALIGNED(W(Wx), R(Vx)), AVX_ANY(W(Wx), R(Vx)), NOTHING),
    [0xae] = TABLE(REG, group15),
    [0xc2] = ROWS(PREFIX, AVX_ANY(W(Vx), R(Hx), R(Wx), R(Ib)), AVX_ANY(W(Vx), R(Hx), R(Wx), R(Ib)),
                  AVX_ANY(W(Vdq), R(Hdq), R(Wd), R(Ib)), AVX_ANY(W(Vdq), R(Hdq), R(Wq), R(Ib))),
    [0xc4] = ONLY_66(AVX_L0(W(Vdq), R(Hdq), R(RdMw), R(Ib))),
    [0xc5] = ONLY_66(AVX_L0(W(Gd), R(Udq), R(Ib))),
    [0xc6] = PS_PD(W(Vx), R(Hx), R(Wx), R(Ib)),
    [0xd0] =
        ROWS(PREFIX, NOTHING, AVX_ANY(W(Vx), R(Hx), R(Wx)), NOTHING, AVX_ANY(W(Vx), R(Hx), R(Wx))),
    [0xd1 ... 0xd3] = SHIFT_BY_REGISTER,
    [0xd4 ... 0xd5] = INTEGER,
    [0xd6] = ONLY_66(AVX_L0(W(Wq), R(Vdq))),
    [0xd7] = ONLY_66(AVX_AVX2(0, W(Gd), R(Ux))),
    [0xd8 ... 0xe0] = INTEGER,
    [0xe1 ... 0xe2] = SHIFT_BY_REGISTER,
    [0xe3 ... 0xe5] = INTEGER,
    [0xe6] = ROWS(PREFIX, NOTHING, AVX_ANY(W(Vdq), R(Wx)), AVX_ANY(W(Vx), R(Whalf)),
                  AVX_ANY(W(Vdq), R(Wx))),
    [0xe7] = ONLY_66(AVX_ALIGNED(W(Mx), R(Vx))),
    [0xe8 ... 0xef] = INTEGER,
    [0xf0] = ONLY_F2(AVX_ANY(W(Vx), R(Mx))),
    [0xf1 ... 0xf3] = SHIFT_BY_REGISTER,
    [0xf4 ... 0xf6] = INTEGER,
    [0xf7] = ONLY_66(
        INSTRUCTION(MASKMOVDQU, AVX, RULE_MODRM | RULE_L0, HOST, R(Vdq), R(Udq), HIDDEN_W(DIdq))),
    [0xf8 ... 0xfe] = INTEGER,
};
