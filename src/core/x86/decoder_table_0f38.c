// SPDX-License-Identifier: Apache-2.0
/* The map 0F 38: SDM volume 2, table A-4. */
#include "core/x86/decoder_table.h"

#define HOST             INSTRUCTION_HOST_EXECUTED
#define ALIGNED          (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_ALIGNED)
#define READ_WRITE_FLAGS (INSTRUCTION_READS_FLAGS | INSTRUCTION_WRITES_FLAGS)

#define SIMD16(needs, ...) INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, ALIGNED, __VA_ARGS__)
#define SIMD(needs, ...)   INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM, HOST, __VA_ARGS__)
#define ONLY_66(row)       ROWS(PREFIX, NOTHING, row, NOTHING, NOTHING)
#define ONLY_NONE(row)     ROWS(PREFIX, row, NOTHING, NOTHING, NOTHING)

#define SSSE3_PAIR                                                                                 \
    ROWS(PREFIX, SIMD(SSSE3, RW(P), R(Q)), SIMD16(SSSE3, RW(Vdq), R(Wdq)), NOTHING, NOTHING)
#define SSSE3_PAIR_UNARY                                                                           \
    ROWS(PREFIX, SIMD(SSSE3, W(P), R(Q)), SIMD16(SSSE3, W(Vdq), R(Wdq)), NOTHING, NOTHING)
#define SSE4_BINARY       ONLY_66(SIMD16(SSE4_1, RW(Vdq), R(Wdq)))
#define SSE4_BLEND        ONLY_66(SIMD16(SSE4_1, RW(Vdq), R(Wdq), HIDDEN_R(XMM0)))
#define SSE4_EXTEND(form) ONLY_66(SIMD(SSE4_1, W(Vdq), R(form)))
#define AES_ROUND         ONLY_66(SIMD16(AES, RW(Vdq), R(Wdq)))
#define SHA_ROUND         ONLY_NONE(SIMD16(SHA, RW(Vdq), R(Wdq)))

const struct opcode opcodes_0f38[256] = {
    [0x00 ... 0x0b] = SSSE3_PAIR,
    [0x10] = SSE4_BLEND,
    [0x14 ... 0x15] = SSE4_BLEND,
    [0x17] = ONLY_66(INSTRUCTION(HOST_EXECUTED, SSE4_1, RULE_MODRM,
                                 ALIGNED | INSTRUCTION_WRITES_FLAGS, R(Vdq), R(Wdq))),
    [0x1c ... 0x1e] = SSSE3_PAIR_UNARY,
    [0x20] = SSE4_EXTEND(Wq),
    [0x21] = SSE4_EXTEND(Wd),
    [0x22] = SSE4_EXTEND(Ww),
    [0x23] = SSE4_EXTEND(Wq),
    [0x24] = SSE4_EXTEND(Wd),
    [0x25] = SSE4_EXTEND(Wq),
    [0x28 ... 0x29] = SSE4_BINARY,
    [0x2a] = ONLY_66(SIMD16(SSE4_1, W(Vdq), R(Mdq))),
    [0x2b] = SSE4_BINARY,
    [0x30] = SSE4_EXTEND(Wq),
    [0x31] = SSE4_EXTEND(Wd),
    [0x32] = SSE4_EXTEND(Ww),
    [0x33] = SSE4_EXTEND(Wq),
    [0x34] = SSE4_EXTEND(Wd),
    [0x35] = SSE4_EXTEND(Wq),
    [0x37] = ONLY_66(SIMD16(SSE4_2, RW(Vdq), R(Wdq))),
    [0x38 ... 0x40] = SSE4_BINARY,
    [0x41] = ONLY_66(SIMD16(SSE4_1, W(Vdq), R(Wdq))),
    [0x82] = ONLY_66(INSTRUCTION(INVPCID, INVPCID, RULE_MODRM,
                                 INSTRUCTION_PRIVILEGED | INSTRUCTION_BRANCH, R(Gn), R(Mdq))),
    [0xc8 ... 0xca] = SHA_ROUND,
    [0xcb] = ONLY_NONE(SIMD16(SHA, RW(Vdq), R(Wdq), HIDDEN_R(XMM0))),
    [0xcc ... 0xcd] = SHA_ROUND,
    [0xcf] = ONLY_66(SIMD16(GFNI, RW(Vdq), R(Wdq))),
    [0xdb] = ONLY_66(SIMD16(AES, W(Vdq), R(Wdq))),
    [0xdc ... 0xdf] = AES_ROUND,
    [0xf0] = ROWS(REPEAT, INSTRUCTION(MOVBE, MOVBE, RULE_MODRM, 0, W(Gv), R(Mv)), NOTHING,
                  INSTRUCTION(CRC32, SSE4_2, RULE_MODRM, HOST, RW(Gy), R(Eb))),
    [0xf1] = ROWS(REPEAT, INSTRUCTION(MOVBE, MOVBE, RULE_MODRM, 0, W(Mv), R(Gv)), NOTHING,
                  INSTRUCTION(CRC32, SSE4_2, RULE_MODRM, HOST, RW(Gy), R(Ev))),
    [0xf6] = ROWS(
        PREFIX, NOTHING, INSTRUCTION(ADCX, ADX, RULE_MODRM, HOST | READ_WRITE_FLAGS, RW(Gy), R(Ey)),
        INSTRUCTION(ADOX, ADX, RULE_MODRM, HOST | READ_WRITE_FLAGS, RW(Gy), R(Ey)), NOTHING),
};
