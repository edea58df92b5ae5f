// SPDX-License-Identifier: Apache-2.0
/* MMX and SSE in the two-byte map: the rows of SDM volume 2, table A-3, that opcodes_0f leaves. */
#include "core/x86/decoder_table.h"

#define HOST    INSTRUCTION_HOST_EXECUTED
#define ALIGNED (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_ALIGNED)

/* With a 16-byte memory operand that must be aligned, and any other. */
#define SIMD16(needs, ...) INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, ALIGNED, __VA_ARGS__)
#define SIMD(needs, ...)   INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, HOST, __VA_ARGS__)
#define FLAGS(needs, ...)                                                                          \
    INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, HOST | INSTRUCTION_WRITES_FLAGS, __VA_ARGS__)

/* The usual columns: PS, PD, SS, SD; MMX and its SSE2 twin. */
#define PS_PD(...)                                                                                 \
    ROWS(PREFIX, SIMD16(SSE, __VA_ARGS__), SIMD16(SSE2, __VA_ARGS__), NOTHING, NOTHING)
#define ARITHMETIC                                                                                 \
    ROWS(PREFIX, SIMD16(SSE, RW(Vdq), R(Wdq)), SIMD16(SSE2, RW(Vdq), R(Wdq)),                      \
         SIMD(SSE, RW(Vdq), R(Wd)), SIMD(SSE2, RW(Vdq), R(Wq)))
#define MMX_SSE2(mmx_feature)                                                                      \
    ROWS(PREFIX, SIMD(mmx_feature, RW(P), R(Q)), SIMD16(SSE2, RW(Vdq), R(Wdq)), NOTHING, NOTHING)
#define MMX_LOW                                                                                    \
    ROWS(PREFIX, SIMD(MMX, RW(P), R(Qd)), SIMD16(SSE2, RW(Vdq), R(Wdq)), NOTHING, NOTHING)
#define ONLY_66(row) ROWS(PREFIX, NOTHING, row, NOTHING, NOTHING)

/* Groups 12, 13, 14: shifts by an immediate. */
#define SHIFT ROWS(PREFIX, SIMD(MMX, RW(N), R(Ib)), SIMD(SSE2, RW(Udq), R(Ib)), NOTHING, NOTHING)
static const struct opcode group12[8] = { [2] = SHIFT, [4] = SHIFT, [6] = SHIFT };
static const struct opcode group14[8] = {
    [2] = SHIFT,
    [3] = ONLY_66(SIMD(SSE2, RW(Udq), R(Ib))),
    [6] = SHIFT,
    [7] = ONLY_66(SIMD(SSE2, RW(Udq), R(Ib))),
};

const struct opcode opcodes_0f_simd[256] = {
    [0x10] = ROWS(PREFIX, SIMD(SSE, W(Vdq), R(Wdq)), SIMD(SSE2, W(Vdq), R(Wdq)),
                  ROWS(MOD, SIMD(SSE, W(Vdq), R(Wd)), SIMD(SSE, RW(Vdq), R(Wd))),
                  ROWS(MOD, SIMD(SSE2, W(Vdq), R(Wq)), SIMD(SSE2, RW(Vdq), R(Wq)))),
    [0x11] = ROWS(PREFIX, SIMD(SSE, W(Wdq), R(Vdq)), SIMD(SSE2, W(Wdq), R(Vdq)),
                  ROWS(MOD, SIMD(SSE, W(Wd), R(Vdq)), SIMD(SSE, RW(Wd), R(Vdq))),
                  ROWS(MOD, SIMD(SSE2, W(Wq), R(Vdq)), SIMD(SSE2, RW(Wq), R(Vdq)))),
    [0x12] = ROWS(PREFIX, SIMD(SSE, RW(Vdq), R(Wq)), SIMD(SSE2, RW(Vdq), R(Mq)),
                  SIMD16(SSE3, W(Vdq), R(Wdq)), SIMD(SSE3, W(Vdq), R(Wq))),
    [0x13] = ROWS(PREFIX, SIMD(SSE, W(Mq), R(Vdq)), SIMD(SSE2, W(Mq), R(Vdq)), NOTHING, NOTHING),
    [0x14 ... 0x15] = PS_PD(RW(Vdq), R(Wdq)),
    [0x16] = ROWS(PREFIX, SIMD(SSE, RW(Vdq), R(Wq)), SIMD(SSE2, RW(Vdq), R(Mq)),
                  SIMD16(SSE3, W(Vdq), R(Wdq)), NOTHING),
    [0x17] = ROWS(PREFIX, SIMD(SSE, W(Mq), R(Vdq)), SIMD(SSE2, W(Mq), R(Vdq)), NOTHING, NOTHING),
    [0x28] = PS_PD(W(Vdq), R(Wdq)),
    [0x29] = PS_PD(W(Wdq), R(Vdq)),
    [0x2a] = ROWS(PREFIX, SIMD(SSE, RW(Vdq), R(Q)), SIMD(SSE2, W(Vdq), R(Q)),
                  SIMD(SSE, RW(Vdq), R(Ey)), SIMD(SSE2, RW(Vdq), R(Ey))),
    [0x2b] = PS_PD(W(Mdq), R(Vdq)),
    [0x2c ... 0x2d] = ROWS(PREFIX, SIMD(SSE, W(P), R(Wq)), SIMD16(SSE2, W(P), R(Wdq)),
                           SIMD(SSE, W(Gy), R(Wd)), SIMD(SSE2, W(Gy), R(Wq))),
    [0x2e ... 0x2f] =
        ROWS(PREFIX, FLAGS(SSE, R(Vdq), R(Wd)), FLAGS(SSE2, R(Vdq), R(Wq)), NOTHING, NOTHING),
    [0x50] = ROWS(PREFIX, SIMD(SSE, W(Gy), R(Udq)), SIMD(SSE2, W(Gy), R(Udq)), NOTHING, NOTHING),
    [0x51] = ROWS(PREFIX, SIMD16(SSE, W(Vdq), R(Wdq)), SIMD16(SSE2, W(Vdq), R(Wdq)),
                  SIMD(SSE, RW(Vdq), R(Wd)), SIMD(SSE2, RW(Vdq), R(Wq))),
    [0x52 ... 0x53] =
        ROWS(PREFIX, SIMD16(SSE, W(Vdq), R(Wdq)), NOTHING, SIMD(SSE, RW(Vdq), R(Wd)), NOTHING),
    [0x54 ... 0x57] = PS_PD(RW(Vdq), R(Wdq)),
    [0x58 ... 0x59] = ARITHMETIC,
    [0x5a] = ROWS(PREFIX, SIMD(SSE2, W(Vdq), R(Wq)), SIMD16(SSE2, W(Vdq), R(Wdq)),
                  SIMD(SSE2, RW(Vdq), R(Wd)), SIMD(SSE2, RW(Vdq), R(Wq))),
    [0x5b] = ROWS(PREFIX, SIMD16(SSE2, W(Vdq), R(Wdq)), SIMD16(SSE2, W(Vdq), R(Wdq)),
                  SIMD16(SSE2, W(Vdq), R(Wdq)), NOTHING),
    [0x5c ... 0x5f] = ARITHMETIC,
    [0x60 ... 0x62] = MMX_LOW,
    [0x63 ... 0x6b] = MMX_SSE2(MMX),
    [0x6c ... 0x6d] = ONLY_66(SIMD16(SSE2, RW(Vdq), R(Wdq))),
    [0x6e] = ROWS(PREFIX, SIMD(MMX, W(P), R(Ey)), SIMD(SSE2, W(Vdq), R(Ey)), NOTHING, NOTHING),
    [0x6f] = ROWS(PREFIX, SIMD(MMX, W(P), R(Q)), SIMD16(SSE2, W(Vdq), R(Wdq)),
                  SIMD(SSE2, W(Vdq), R(Wdq)), NOTHING),
    [0x70] = ROWS(PREFIX, SIMD(SSE, W(P), R(Q), R(Ib)), SIMD16(SSE2, W(Vdq), R(Wdq), R(Ib)),
                  SIMD16(SSE2, W(Vdq), R(Wdq), R(Ib)), SIMD16(SSE2, W(Vdq), R(Wdq), R(Ib))),
    [0x71 ... 0x72] = TABLE(REG, group12),
    [0x73] = TABLE(REG, group14),
    [0x74 ... 0x76] = MMX_SSE2(MMX),
    [0x77] = ROWS(PREFIX, INSTRUCTION(EMMS, MMX, 0, HOST), NOTHING, NOTHING, NOTHING),
    [0x7c ... 0x7d] = ROWS(PREFIX, NOTHING, SIMD16(SSE3, RW(Vdq), R(Wdq)), NOTHING,
                           SIMD16(SSE3, RW(Vdq), R(Wdq))),
    [0x7e] = ROWS(PREFIX, SIMD(MMX, W(Ey), R(P)), SIMD(SSE2, W(Ey), R(Vdq)),
                  SIMD(SSE2, W(Vdq), R(Wq)), NOTHING),
    [0x7f] = ROWS(PREFIX, SIMD(MMX, W(Q), R(P)), SIMD16(SSE2, W(Wdq), R(Vdq)),
                  SIMD(SSE2, W(Wdq), R(Vdq)), NOTHING),
    [0xc2] = ROWS(PREFIX, SIMD16(SSE, RW(Vdq), R(Wdq), R(Ib)), SIMD16(SSE2, RW(Vdq), R(Wdq), R(Ib)),
                  SIMD(SSE, RW(Vdq), R(Wd), R(Ib)), SIMD(SSE2, RW(Vdq), R(Wq), R(Ib))),
    [0xc4] = ROWS(PREFIX, SIMD(SSE, RW(P), R(RdMw), R(Ib)), SIMD(SSE2, RW(Vdq), R(RdMw), R(Ib)),
                  NOTHING, NOTHING),
    [0xc5] = ROWS(PREFIX, SIMD(SSE, W(Gd), R(N), R(Ib)), SIMD(SSE2, W(Gd), R(Udq), R(Ib)), NOTHING,
                  NOTHING),
    [0xc6] = PS_PD(RW(Vdq), R(Wdq), R(Ib)),
    [0xd0] = ROWS(PREFIX, NOTHING, SIMD16(SSE3, RW(Vdq), R(Wdq)), NOTHING,
                  SIMD16(SSE3, RW(Vdq), R(Wdq))),
    [0xd1 ... 0xd3] = MMX_SSE2(MMX),
    [0xd4] = MMX_SSE2(SSE2),
    [0xd5] = MMX_SSE2(MMX),
    [0xd6] = ROWS(PREFIX, NOTHING, SIMD(SSE2, W(Wq), R(Vdq)), SIMD(SSE2, W(Vdq), R(N)),
                  SIMD(SSE2, W(P), R(Udq))),
    [0xd7] = ROWS(PREFIX, SIMD(SSE, W(Gd), R(N)), SIMD(SSE2, W(Gd), R(Udq)), NOTHING, NOTHING),
    [0xd8 ... 0xd9] = MMX_SSE2(MMX),
    [0xda] = MMX_SSE2(SSE),
    [0xdb ... 0xdd] = MMX_SSE2(MMX),
    [0xde] = MMX_SSE2(SSE),
    [0xdf] = MMX_SSE2(MMX),
    [0xe0] = MMX_SSE2(SSE),
    [0xe1 ... 0xe2] = MMX_SSE2(MMX),
    [0xe3 ... 0xe4] = MMX_SSE2(SSE),
    [0xe5] = MMX_SSE2(MMX),
    [0xe6] = ROWS(PREFIX, NOTHING, SIMD16(SSE2, W(Vdq), R(Wdq)), SIMD(SSE2, W(Vdq), R(Wq)),
                  SIMD16(SSE2, W(Vdq), R(Wdq))),
    [0xe7] = ROWS(PREFIX, SIMD(SSE, W(Mq), R(P)), SIMD16(SSE2, W(Mdq), R(Vdq)), NOTHING, NOTHING),
    [0xe8 ... 0xe9] = MMX_SSE2(MMX),
    [0xea] = MMX_SSE2(SSE),
    [0xeb ... 0xed] = MMX_SSE2(MMX),
    [0xee] = MMX_SSE2(SSE),
    [0xef] = MMX_SSE2(MMX),
    [0xf0] = ROWS(PREFIX, NOTHING, NOTHING, NOTHING, SIMD(SSE3, W(Vdq), R(Mdq))),
    [0xf1 ... 0xf3] = MMX_SSE2(MMX),
    [0xf4] = MMX_SSE2(SSE2),
    [0xf5] = MMX_SSE2(MMX),
    [0xf6] = MMX_SSE2(SSE),
    [0xf7] = ROWS(PREFIX, INSTRUCTION(MASKMOVQ, SSE, RULE_MODRM, HOST, R(P), R(N), HIDDEN_W(DIq)),
                  INSTRUCTION(MASKMOVDQU, SSE2, RULE_MODRM, HOST, R(Vdq), R(Udq), HIDDEN_W(DIdq)),
                  NOTHING, NOTHING),
    [0xf8 ... 0xfa] = MMX_SSE2(MMX),
    [0xfb] = MMX_SSE2(SSE2),
    [0xfc ... 0xfe] = MMX_SSE2(MMX),
};
