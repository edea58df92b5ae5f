// SPDX-License-Identifier: Apache-2.0
/* What the three VEX maps share. */
#pragma once

#include "core/x86/decoder_table.h"

#define HOST    INSTRUCTION_HOST_EXECUTED
#define ALIGNED (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_ALIGNED)
#define FLAGS   (INSTRUCTION_HOST_EXECUTED | INSTRUCTION_WRITES_FLAGS)

#define AVX_RULES(needs, rule_bits, ...)                                                           \
    INSTRUCTION(HOST_EXECUTED, needs, RULE_MODRM | (rule_bits), HOST, __VA_ARGS__)
#define AVX_ANY(...)     AVX_RULES(AVX, 0, __VA_ARGS__)
#define AVX_L0(...)      AVX_RULES(AVX, RULE_L0, __VA_ARGS__)
#define AVX_W0(...)      AVX_RULES(AVX, RULE_W0, __VA_ARGS__)
#define AVX_ALIGNED(...) INSTRUCTION(HOST_EXECUTED, AVX, RULE_MODRM, ALIGNED, __VA_ARGS__)
#define AVX_FLAGS(rule_bits, ...)                                                                  \
    INSTRUCTION(HOST_EXECUTED, AVX, RULE_MODRM | (rule_bits), FLAGS, __VA_ARGS__)

/* Integer vectors: AVX with 16 bytes, AVX2 with 32. */
#define AVX_AVX2(rule_bits, ...)                                                                   \
    ROWS(L, AVX_RULES(AVX, rule_bits, __VA_ARGS__), AVX_RULES(AVX2, rule_bits, __VA_ARGS__))

#define ONLY_NONE(row) ROWS(PREFIX, row, NOTHING, NOTHING, NOTHING)
#define ONLY_66(row)   ROWS(PREFIX, NOTHING, row, NOTHING, NOTHING)
#define ONLY_F2(row)   ROWS(PREFIX, NOTHING, NOTHING, NOTHING, row)

#define INTEGER       ONLY_66(AVX_AVX2(0, W(Vx), R(Hx), R(Wx)))
#define INTEGER_UNARY ONLY_66(AVX_AVX2(0, W(Vx), R(Wx)))
