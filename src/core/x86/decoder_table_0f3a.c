// SPDX-License-Identifier: Apache-2.0
/* The map 0F 3A: SDM volume 2, table A-5. All rows take an immediate byte. */
#include "core/x86/decoder_table.h"

#define HOST    INSTRUCTION_HOST_EXECUTED
#define ALIGNED (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_ALIGNED)
#define FLAGS   (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_WRITES_FLAGS)

#define SIMD16(needs, ...)                                                                         \
    INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, ALIGNED, __VA_ARGS__, R(Ib))
#define SIMD(needs, ...) INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, HOST, __VA_ARGS__, R(Ib))
#define ONLY_66(row)     ROWS(PREFIX, NOTHING, row, NOTHING, NOTHING)
#define ONLY_NONE(row)   ROWS(PREFIX, row, NOTHING, NOTHING, NOTHING)

const struct opcode opcodes_0f3a[256] = {
    [0x08 ... 0x09] = ONLY_66(SIMD16(SSE4_1, W(Vdq), R(Wdq))),
    [0x0a] = ONLY_66(SIMD(SSE4_1, RW(Vdq), R(Wd))),
    [0x0b] = ONLY_66(SIMD(SSE4_1, RW(Vdq), R(Wq))),
    [0x0c ... 0x0e] = ONLY_66(SIMD16(SSE4_1, RW(Vdq), R(Wdq))),
    [0x0f] =
        ROWS(PREFIX, SIMD(SSSE3, RW(P), R(Q)), SIMD16(SSSE3, RW(Vdq), R(Wdq)), NOTHING, NOTHING),
    [0x14] = ONLY_66(SIMD(SSE4_1, W(RdMb), R(Vdq))),
    [0x15] = ONLY_66(SIMD(SSE4_1, W(RdMw), R(Vdq))),
    [0x16] = ONLY_66(SIMD(SSE4_1, W(Ey), R(Vdq))),
    [0x17] = ONLY_66(SIMD(SSE4_1, W(Ed), R(Vdq))),
    [0x20] = ONLY_66(SIMD(SSE4_1, RW(Vdq), R(RdMb))),
    [0x21] = ONLY_66(SIMD(SSE4_1, RW(Vdq), R(Wd))),
    [0x22] = ONLY_66(SIMD(SSE4_1, RW(Vdq), R(Ey))),
    [0x40 ... 0x42] = ONLY_66(SIMD16(SSE4_1, RW(Vdq), R(Wdq))),
    [0x44] = ONLY_66(SIMD16(PCLMULQDQ, RW(Vdq), R(Wdq))),
    [0x60] = ONLY_66(INSTRUCTION(PCMPESTRM, SSE4_2, RULE_MODRM, FLAGS, R(Vdq), R(Wdq), R(Ib),
                                 HIDDEN_R(rAXy), HIDDEN_R(rDXy))),
    [0x61] = ONLY_66(INSTRUCTION(PCMPESTRI, SSE4_2, RULE_MODRM, FLAGS, R(Vdq), R(Wdq), R(Ib),
                                 HIDDEN_R(rAXy), HIDDEN_R(rDXy))),
    [0x62] = ONLY_66(
        INSTRUCTION(PCMPISTRM, SSE4_2, RULE_MODRM, FLAGS, R(Vdq), R(Wdq), R(Ib), HIDDEN_W(XMM0))),
    [0x63] = ONLY_66(
        INSTRUCTION(PCMPISTRI, SSE4_2, RULE_MODRM, FLAGS, R(Vdq), R(Wdq), R(Ib), HIDDEN_W(ECX))),
    [0xcc] = ONLY_NONE(SIMD16(SHA, RW(Vdq), R(Wdq))),
    [0xce ... 0xcf] = ONLY_66(SIMD16(GFNI, RW(Vdq), R(Wdq))),
    [0xdf] = ONLY_66(SIMD16(AES, W(Vdq), R(Wdq))),
};
