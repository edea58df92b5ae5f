// SPDX-License-Identifier: Apache-2.0
/* One byte string, decoded by core/x86 and by Zydis. */
#pragma once

#include <Zydis/Zydis.h>

#include "core/x86/instruction.h"

struct comparison {
    const uint8_t *bytes;
    size_t available;
    enum code_size code_size;
    enum decode_status status;
    struct instruction ours;
    bool zydis_accepts;
    bool zydis_needs_more;
    ZydisDecodedInstruction zydis;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

enum { DISAGREEMENT_LENGTH = 80 };

void zydis_decoder_init(ZydisDecoder *decoder, enum code_size code_size);

/* Fills the comparison from bytes, available and code_size. */
void compare_decode(struct comparison *comparison, const ZydisDecoder *decoder);

/* NULL if both agree, else what differs. */
const char *compare_find(const struct comparison *comparison);

/* What an instruction needs and does beside its operands (zydis_properties.c). */
const char *compare_properties(const struct comparison *comparison);

/* Both decodings, for people. */
void compare_print(const struct comparison *comparison);
