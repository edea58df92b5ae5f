// SPDX-License-Identifier: Apache-2.0
/* VEX map 2: SDM volume 2, table A-4. */
#include "core/x86/decoder_table_vex.h"

#define GENERAL(name, needs, flag_bits, ...)                                                       \
    INSTRUCTION(name, needs, RULE_MODRM | RULE_L0, HOST | (flag_bits), __VA_ARGS__)
#define SETS INSTRUCTION_WRITES_FLAGS

#define AVX2_RULES(rule_bits, ...) AVX_RULES(AVX2, rule_bits, __VA_ARGS__)
#define EXTEND(source)             ONLY_66(AVX_AVX2(0, W(Vx), R(source)))
#define BROADCAST(source)          ONLY_66(AVX2_RULES(RULE_W0, W(Vx), R(source)))
#define MASKED(needs, rule_bits, ...)                                                              \
    ONLY_66(INSTRUCTION(VMASKMOV, needs, RULE_MODRM | (rule_bits), HOST, __VA_ARGS__))

/* By W: elements of 4 and of 8 bytes. */
#define FMA_PACKED ONLY_66(AVX_RULES(FMA, 0, RW(Vx), R(Hx), R(Wx)))
#define FMA_SCALAR                                                                                 \
    ONLY_66(ROWS(W, AVX_RULES(FMA, 0, RW(Vdq), R(Hdq), R(Wd)),                                     \
                 AVX_RULES(FMA, 0, RW(Vdq), R(Hdq), R(Wq))))

#define GATHER_ROW(vector, element, mask)                                                          \
    INSTRUCTION(VGATHER, AVX2, RULE_MODRM | RULE_VSIB, HOST, RW(vector), R(element), RW(mask))
#define GATHER_BY_DOUBLEWORD ONLY_66(ROWS(W, GATHER_ROW(Vx, Md, Hx), GATHER_ROW(Vx, Mq, Hx)))
#define GATHER_BY_QUADWORD   ONLY_66(ROWS(W, GATHER_ROW(Vdq, Md, Hdq), GATHER_ROW(Vx, Mq, Hx)))

#define AES_ROUND                                                                                  \
    ONLY_66(                                                                                       \
        ROWS(L, AVX_RULES(AES, 0, W(Vx), R(Hx), R(Wx)), AVX_RULES(VAES, 0, W(Vx), R(Hx), R(Wx))))

static const struct opcode group17[8] = {
    [1] = ONLY_NONE(GENERAL(BLSR, BMI1, SETS, W(By), R(Ey))),
    [2] = ONLY_NONE(GENERAL(BLSMSK, BMI1, SETS, W(By), R(Ey))),
    [3] = ONLY_NONE(GENERAL(BLSI, BMI1, SETS, W(By), R(Ey))),
};

const struct opcode opcodes_vex_0f38[256] = {
    [0x00 ... 0x0b] = INTEGER,
    [0x0c ... 0x0d] = ONLY_66(AVX_W0(W(Vx), R(Hx), R(Wx))),
    [0x0e ... 0x0f] = ONLY_66(AVX_FLAGS(RULE_W0, R(Vx), R(Wx))),
    [0x13] = ONLY_66(AVX_RULES(F16C, RULE_W0, W(Vx), R(Whalf))),
    [0x16] = ONLY_66(AVX2_RULES(RULE_W0 | RULE_L1, W(Vqq), R(Hqq), R(Wqq))),
    [0x17] = ONLY_66(AVX_FLAGS(0, R(Vx), R(Wx))),
    [0x18] = ONLY_66(ROWS(MOD, AVX_W0(W(Vx), R(Wd)), AVX2_RULES(RULE_W0, W(Vx), R(Wd)))),
    [0x19] = ONLY_66(ROWS(MOD, AVX_RULES(AVX, RULE_W0 | RULE_L1, W(Vqq), R(Wq)),
                          AVX2_RULES(RULE_W0 | RULE_L1, W(Vqq), R(Wq)))),
    [0x1a] = ONLY_66(AVX_RULES(AVX, RULE_W0 | RULE_L1, W(Vqq), R(Mdq))),
    [0x1c ... 0x1e] = INTEGER_UNARY,
    [0x20] = EXTEND(Whalf),
    [0x21] = EXTEND(Wquarter),
    [0x22] = EXTEND(Weighth),
    [0x23] = EXTEND(Whalf),
    [0x24] = EXTEND(Wquarter),
    [0x25] = EXTEND(Whalf),
    [0x28 ... 0x29] = INTEGER,
    [0x2a] = ONLY_66(ROWS(L, AVX_ALIGNED(W(Vx), R(Mx)),
                          INSTRUCTION(HOST_EXECUTED, AVX2, RULE_MODRM, ALIGNED, W(Vx), R(Mx)))),
    [0x2b] = INTEGER,
    [0x2c ... 0x2d] = MASKED(AVX, RULE_W0, W(Vx), R(Hx), R(Mx)),
    [0x2e ... 0x2f] = MASKED(AVX, RULE_W0, W(Mx), R(Hx), R(Vx)),
    [0x30] = EXTEND(Whalf),
    [0x31] = EXTEND(Wquarter),
    [0x32] = EXTEND(Weighth),
    [0x33] = EXTEND(Whalf),
    [0x34] = EXTEND(Wquarter),
    [0x35] = EXTEND(Whalf),
    [0x36] = ONLY_66(AVX2_RULES(RULE_W0 | RULE_L1, W(Vqq), R(Hqq), R(Wqq))),
    [0x37 ... 0x40] = INTEGER,
    [0x41] = ONLY_66(AVX_L0(W(Vdq), R(Wdq))),
    [0x45] = ONLY_66(AVX2_RULES(0, W(Vx), R(Hx), R(Wx))),
    [0x46] = ONLY_66(AVX2_RULES(RULE_W0, W(Vx), R(Hx), R(Wx))),
    [0x47] = ONLY_66(AVX2_RULES(0, W(Vx), R(Hx), R(Wx))),
    [0x58] = BROADCAST(Wd),
    [0x59] = BROADCAST(Wq),
    [0x5a] = ONLY_66(AVX2_RULES(RULE_W0 | RULE_L1, W(Vqq), R(Mdq))),
    [0x78] = BROADCAST(Wb),
    [0x79] = BROADCAST(Ww),
    [0x8c] = MASKED(AVX2, 0, W(Vx), R(Hx), R(Mx)),
    [0x8e] = MASKED(AVX2, 0, W(Mx), R(Hx), R(Vx)),
    [0x90] = GATHER_BY_DOUBLEWORD,
    [0x91] = GATHER_BY_QUADWORD,
    [0x92] = GATHER_BY_DOUBLEWORD,
    [0x93] = GATHER_BY_QUADWORD,
    [0x96 ... 0x98] = FMA_PACKED,
    [0x99] = FMA_SCALAR,
    [0x9a] = FMA_PACKED,
    [0x9b] = FMA_SCALAR,
    [0x9c] = FMA_PACKED,
    [0x9d] = FMA_SCALAR,
    [0x9e] = FMA_PACKED,
    [0x9f] = FMA_SCALAR,
    [0xa6 ... 0xa8] = FMA_PACKED,
    [0xa9] = FMA_SCALAR,
    [0xaa] = FMA_PACKED,
    [0xab] = FMA_SCALAR,
    [0xac] = FMA_PACKED,
    [0xad] = FMA_SCALAR,
    [0xae] = FMA_PACKED,
    [0xaf] = FMA_SCALAR,
    [0xb6 ... 0xb8] = FMA_PACKED,
    [0xb9] = FMA_SCALAR,
    [0xba] = FMA_PACKED,
    [0xbb] = FMA_SCALAR,
    [0xbc] = FMA_PACKED,
    [0xbd] = FMA_SCALAR,
    [0xbe] = FMA_PACKED,
    [0xbf] = FMA_SCALAR,
    [0xcf] = ONLY_66(AVX_RULES(GFNI, RULE_W0, W(Vx), R(Hx), R(Wx))),
    [0xdb] = ONLY_66(AVX_RULES(AES, RULE_L0, W(Vdq), R(Wdq))),
    [0xdc ... 0xdf] = AES_ROUND,
    [0xf2] = ONLY_NONE(GENERAL(ANDN, BMI1, SETS, W(Gy), R(By), R(Ey))),
    [0xf3] = TABLE(REG, group17),
    [0xf5] = ROWS(PREFIX, GENERAL(BZHI, BMI2, SETS, W(Gy), R(Ey), R(By)), NOTHING,
                  GENERAL(PEXT, BMI2, 0, W(Gy), R(By), R(Ey)),
                  GENERAL(PDEP, BMI2, 0, W(Gy), R(By), R(Ey))),
    [0xf6] = ONLY_F2(GENERAL(MULX, BMI2, 0, W(Gy), W(By), R(Ey), HIDDEN_R(rDXy))),
    [0xf7] = ROWS(PREFIX, GENERAL(BEXTR, BMI1, SETS, W(Gy), R(Ey), R(By)),
                  GENERAL(SHLX, BMI2, 0, W(Gy), R(Ey), R(By)),
                  GENERAL(SARX, BMI2, 0, W(Gy), R(Ey), R(By)),
                  GENERAL(SHRX, BMI2, 0, W(Gy), R(Ey), R(By))),
};
