// SPDX-License-Identifier: Apache-2.0
/* What the parts of the decoder share while one instruction is decoded. */
#pragma once

#include "core/x86/decoder_table.h"
#include "core/x86/registers.h"

struct decoder {
    const uint8_t *bytes;
    struct instruction *instruction;
    uint8_t position;
    uint8_t limit;      /* never read at or after it */
    uint8_t code_size;  /* enum code_size */
    uint8_t rex;        /* W R X B in bits 3-0; from REX or VEX */
    uint8_t repeat;     /* 0, 0xf2, 0xf3: the last one */
    uint8_t segment;    /* the override, or NO_REGISTER */
    uint8_t immediates; /* how many of instruction.immediate are taken */
    uint8_t vvvv;       /* inverted, all four bits in every mode */
    bool vvvv_used;
};

enum {
    REX_B = 1,
    REX_X = 2,
    REX_R = 4,
    REX_W = 8,
};

static inline bool decoder_has(const struct decoder *decoder, unsigned count)
{
    return decoder->position + count <= decoder->limit;
}

/* What running out of bytes means. */
static inline enum decode_status decoder_shortage(const struct decoder *decoder)
{
    return decoder->limit == INSTRUCTION_MAX_LENGTH ? DECODE_TOO_LONG : DECODE_TRUNCATED;
}

/* Little-endian, sign-extended. The caller has asked decoder_has. */
static inline int64_t decoder_take(struct decoder *decoder, unsigned count)
{
    const uint8_t *bytes = decoder->bytes + decoder->position;
    decoder->position += count;
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    unsigned unused = 64 - 8 * count;
    return (int64_t)(value << unused) >> unused;
}

/* Decode what ModR/M addresses: SIB and displacement (decoder_memory.c). */
enum decode_status decode_memory(struct decoder *decoder, bool vector_index);

/* Decode the operands of a row (decoder_operand.c). */
enum decode_status decode_operands(struct decoder *decoder, const struct opcode *opcode);
