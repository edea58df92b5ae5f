// SPDX-License-Identifier: Apache-2.0
/* ModR/M and SIB addressing: SDM volume 2, tables 2-1, 2-2, 2-3; VSIB: section 2.3.12. */
#include "core/x86/decoder_state.h"

/* Table 2-1: what rm stands for with 16-bit addresses. */
static const struct {
    uint8_t base, index;
} addresses_16[8] = {
    { RBX, RSI },         { RBX, RDI },         { RBP, RSI },         { RBP, RDI },
    { RSI, NO_REGISTER }, { RDI, NO_REGISTER }, { RBP, NO_REGISTER }, { RBX, NO_REGISTER },
};

static enum decode_status take_displacement(struct decoder *decoder, unsigned size)
{
    if (!decoder_has(decoder, size))
        return decoder_shortage(decoder);
    if (size)
        decoder->instruction->memory.displacement = decoder_take(decoder, size);
    return DECODE_OK;
}

static enum decode_status decode_address_16(struct decoder *decoder, unsigned mod, unsigned rm)
{
    struct memory_operand *memory = &decoder->instruction->memory;
    if (mod == 0 && rm == 6)
        return take_displacement(decoder, 2);
    memory->base = addresses_16[rm].base;
    memory->index = addresses_16[rm].index;
    return take_displacement(decoder, mod);
}

/* Returns the size of the displacement, which SIB.base may ask for. */
static unsigned decode_sib(struct decoder *decoder, unsigned mod, bool vector_index)
{
    struct memory_operand *memory = &decoder->instruction->memory;
    uint8_t sib = decoder->bytes[decoder->position++];
    unsigned base = sib & 7, index = sib >> 3 & 7;
    if (decoder->rex & REX_X)
        index |= 8;
    if (index != RSP || vector_index) {
        memory->index = index;
        memory->scale = 1 << (sib >> 6);
        memory->vector_index = vector_index;
    }
    if (base == RBP && mod == 0)
        return 4;
    memory->base = base | (decoder->rex & REX_B ? 8 : 0);
    return mod == 2 ? 4 : mod;
}

static enum decode_status decode_address(struct decoder *decoder, unsigned mod, unsigned rm,
                                         bool vector_index)
{
    struct memory_operand *memory = &decoder->instruction->memory;
    if (rm == 4) {
        if (!decoder_has(decoder, 1))
            return decoder_shortage(decoder);
        return take_displacement(decoder, decode_sib(decoder, mod, vector_index));
    }
    if (mod == 0 && rm == 5) {
        if (decoder->code_size == CODE_64)
            memory->base = RIP_BASE;
        return take_displacement(decoder, 4);
    }
    memory->base = rm | (decoder->rex & REX_B ? 8 : 0);
    return take_displacement(decoder, mod == 2 ? 4 : mod);
}

enum decode_status decode_memory(struct decoder *decoder, bool vector_index)
{
    struct memory_operand *memory = &decoder->instruction->memory;
    unsigned mod = decoder->instruction->modrm >> 6, rm = decoder->instruction->modrm & 7;
    bool short_address = decoder->instruction->address_size == 2;
    if (vector_index && (short_address || rm != 4))
        return DECODE_INVALID;
    enum decode_status status = short_address ? decode_address_16(decoder, mod, rm)
                                              : decode_address(decoder, mod, rm, vector_index);
    if (decoder->segment != NO_REGISTER)
        memory->segment = decoder->segment;
    else if (memory->base == RSP || memory->base == RBP)
        memory->segment = SEGMENT_SS;
    return status;
}
