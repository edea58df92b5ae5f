// SPDX-License-Identifier: Apache-2.0
/* VEX map 3: SDM volume 2, table A-5. All rows take an immediate byte. */
#include "core/x86/decoder_table_vex.h"

#define AVX2_RULES(rule_bits, ...) AVX_RULES(AVX2, rule_bits, __VA_ARGS__)
#define L1_W0                      (RULE_L1 | RULE_W0)
#define STRINGS(name, ...)                                                                         \
    ONLY_66(INSTRUCTION(name, AVX, RULE_MODRM | RULE_L0, FLAGS, R(Vdq), R(Wdq), R(Ib), __VA_ARGS__))

const struct opcode opcodes_vex_0f3a[256] = {
    [0x00 ... 0x01] = ONLY_66(AVX2_RULES(RULE_L1 | RULE_W1, W(Vqq), R(Wqq), R(Ib))),
    [0x02] = ONLY_66(AVX2_RULES(RULE_W0, W(Vx), R(Hx), R(Wx), R(Ib))),
    [0x04 ... 0x05] = ONLY_66(AVX_W0(W(Vx), R(Wx), R(Ib))),
    [0x06] = ONLY_66(AVX_RULES(AVX, L1_W0, W(Vqq), R(Hqq), R(Wqq), R(Ib))),
    [0x08 ... 0x09] = ONLY_66(AVX_ANY(W(Vx), R(Wx), R(Ib))),
    [0x0a] = ONLY_66(AVX_ANY(W(Vdq), R(Hdq), R(Wd), R(Ib))),
    [0x0b] = ONLY_66(AVX_ANY(W(Vdq), R(Hdq), R(Wq), R(Ib))),
    [0x0c ... 0x0d] = ONLY_66(AVX_ANY(W(Vx), R(Hx), R(Wx), R(Ib))),
    [0x0e ... 0x0f] = ONLY_66(AVX_AVX2(0, W(Vx), R(Hx), R(Wx), R(Ib))),
    [0x14] = ONLY_66(AVX_L0(W(RdMb), R(Vdq), R(Ib))),
    [0x15] = ONLY_66(AVX_L0(W(RdMw), R(Vdq), R(Ib))),
    [0x16] = ONLY_66(AVX_L0(W(Ey), R(Vdq), R(Ib))),
    [0x17] = ONLY_66(AVX_L0(W(Ed), R(Vdq), R(Ib))),
    [0x18] = ONLY_66(AVX_RULES(AVX, L1_W0, W(Vqq), R(Hqq), R(Wdq), R(Ib))),
    [0x19] = ONLY_66(AVX_RULES(AVX, L1_W0, W(Wdq), R(Vqq), R(Ib))),
    [0x1d] = ONLY_66(AVX_RULES(F16C, RULE_W0, W(Whalf), R(Vx), R(Ib))),
    [0x20] = ONLY_66(AVX_L0(W(Vdq), R(Hdq), R(RdMb), R(Ib))),
    [0x21] = ONLY_66(AVX_L0(W(Vdq), R(Hdq), R(Wd), R(Ib))),
    [0x22] = ONLY_66(AVX_L0(W(Vdq), R(Hdq), R(Ey), R(Ib))),
    [0x38] = ONLY_66(AVX2_RULES(L1_W0, W(Vqq), R(Hqq), R(Wdq), R(Ib))),
    [0x39] = ONLY_66(AVX2_RULES(L1_W0, W(Wdq), R(Vqq), R(Ib))),
    [0x40] = ONLY_66(AVX_ANY(W(Vx), R(Hx), R(Wx), R(Ib))),
    [0x41] = ONLY_66(AVX_L0(W(Vdq), R(Hdq), R(Wdq), R(Ib))),
    [0x42] = ONLY_66(AVX_AVX2(0, W(Vx), R(Hx), R(Wx), R(Ib))),
    [0x44] = ONLY_66(ROWS(L, AVX_RULES(PCLMULQDQ, 0, W(Vx), R(Hx), R(Wx), R(Ib)),
                          AVX_RULES(VPCLMULQDQ, 0, W(Vx), R(Hx), R(Wx), R(Ib)))),
    [0x46] = ONLY_66(AVX2_RULES(L1_W0, W(Vqq), R(Hqq), R(Wqq), R(Ib))),
    [0x4a ... 0x4b] = ONLY_66(AVX_W0(W(Vx), R(Hx), R(Wx), R(Lx))),
    [0x4c] = ONLY_66(AVX_AVX2(RULE_W0, W(Vx), R(Hx), R(Wx), R(Lx))),
    [0x60] = STRINGS(PCMPESTRM, HIDDEN_R(rAXy), HIDDEN_R(rDXy)),
    [0x61] = STRINGS(PCMPESTRI, HIDDEN_R(rAXy), HIDDEN_R(rDXy)),
    [0x62] = STRINGS(PCMPISTRM, HIDDEN_W(XMM0)),
    [0x63] = STRINGS(PCMPISTRI, HIDDEN_W(ECX)),
    [0xce ... 0xcf] = ONLY_66(AVX_RULES(GFNI, RULE_W1, W(Vx), R(Hx), R(Wx), R(Ib))),
    [0xdf] = ONLY_66(AVX_RULES(AES, RULE_L0, W(Vdq), R(Wdq), R(Ib))),
    [0xf0] = ONLY_F2(INSTRUCTION(RORX, BMI2, RULE_MODRM | RULE_L0, HOST, W(Gy), R(Ey), R(Ib))),
};
