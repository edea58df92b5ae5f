// SPDX-License-Identifier: Apache-2.0
/* From the operand forms of a row to operands: SDM volume 2, appendix A.2. */
#include "core/x86/decoder_state.h"

enum operand_source {
    SOURCE_NONE,
    SOURCE_RM,
    SOURCE_MEMORY,
    SOURCE_RM_REGISTER,
    SOURCE_REG,
    SOURCE_REG_SEGMENT,
    SOURCE_REG_CONTROL,
    SOURCE_REG_DEBUG,
    SOURCE_VVVV,
    SOURCE_IMMEDIATE_REGISTER,
    SOURCE_OPCODE,
    SOURCE_FIXED,
    SOURCE_UNSIGNED,
    SOURCE_SIGNED,
    SOURCE_ONE,
    SOURCE_RELATIVE,
    SOURCE_FAR,
    SOURCE_OFFSET,
    SOURCE_SOURCE,
    SOURCE_DESTINATION,
    SOURCE_BASE,
};

/* Sizes that prefixes decide come after those that are fixed. */
enum size_rule {
    SIZE_0,
    SIZE_1,
    SIZE_2,
    SIZE_4,
    SIZE_8,
    SIZE_10,
    SIZE_16,
    SIZE_32,
    SIZE_512,
    SIZE_V,      /* operand size */
    SIZE_Z,      /* operand size, at most 4 */
    SIZE_Y,      /* 4, with W in 64-bit mode 8 */
    SIZE_NATIVE, /* 8 in 64-bit mode, else 4 */
    SIZE_ADDRESS,
    SIZE_X,    /* vector length */
    SIZE_HALF, /* of the vector length */
    SIZE_QUARTER,
    SIZE_EIGHTH,
    SIZE_DUPLICATE, /* VMOVDDUP: 8 or 32 */
    SIZE_POINTER,   /* selector and offset */
    SIZE_PAIR,      /* BOUND: two of the operand size */
    SIZE_TABLE,     /* limit and base of a descriptor table */
    SIZE_X87_ENVIRONMENT,
    SIZE_X87_STATE,
};

static const uint16_t fixed_sizes[] = { 0, 1, 2, 4, 8, 10, 16, 32, 512 };

static const struct form {
    uint8_t source, register_class, register_size, memory_size;
} forms[FORM_COUNT] = {
#define FORM_ROW(name, source, class, register_size, memory_size)                                  \
    [FORM_##name] = { SOURCE_##source, REGISTER_##class, register_size, memory_size },
    OPERAND_FORMS(FORM_ROW)
#undef FORM_ROW
};

static uint16_t variable_size(const struct decoder *decoder, enum size_rule rule)
{
    const struct instruction *instruction = decoder->instruction;
    unsigned vector_length = instruction->vector_length ? instruction->vector_length : 16;
    unsigned operand_size = instruction->operand_size;
    bool long_mode = decoder->code_size == CODE_64;
    switch (rule) {
    case SIZE_Z:
        return operand_size > 4 ? 4 : operand_size;
    case SIZE_Y:
        return long_mode && decoder->rex & REX_W ? 8 : 4;
    case SIZE_NATIVE:
        return long_mode ? 8 : 4;
    case SIZE_ADDRESS:
        return instruction->address_size;
    case SIZE_X:
        return vector_length;
    case SIZE_HALF:
        return vector_length / 2;
    case SIZE_QUARTER:
        return vector_length / 4;
    case SIZE_EIGHTH:
        return vector_length / 8;
    case SIZE_DUPLICATE:
        return vector_length == 16 ? 8 : 32;
    case SIZE_POINTER:
        return operand_size + 2;
    case SIZE_PAIR:
        return operand_size * 2;
    case SIZE_TABLE:
        return long_mode ? 10 : 6;
    case SIZE_X87_ENVIRONMENT:
        return operand_size == 2 ? 14 : 28;
    case SIZE_X87_STATE:
        return operand_size == 2 ? 94 : 108;
    default:
        return operand_size;
    }
}

static uint16_t size_of(const struct decoder *decoder, uint8_t rule)
{
    return rule < SIZE_V ? fixed_sizes[rule] : variable_size(decoder, rule);
}

/* Class and number of a register that ModR/M, the opcode or VEX names with 4 bits. */
static void set_register(const struct decoder *decoder, const struct form *form, unsigned number,
                         struct operand *operand)
{
    operand->kind = OPERAND_REGISTER;
    operand->register_class = form->register_class;
    operand->size = size_of(decoder, form->register_size);
    if (form->register_class == REGISTER_MMX || form->register_class == REGISTER_X87)
        number &= 7;
    else if (operand->size == 1 && number - 4 < 4 &&
             !(decoder->instruction->prefixes & (PREFIX_REX | PREFIX_VEX))) {
        operand->register_class = REGISTER_HIGH_BYTE;
        number -= 4;
    }
    operand->index = number;
}

static enum operand_field field_of(enum operand_source source)
{
    switch (source) {
    case SOURCE_RM:
    case SOURCE_MEMORY:
    case SOURCE_RM_REGISTER:
        return FIELD_MODRM_RM;
    case SOURCE_REG:
        return FIELD_MODRM_REG;
    case SOURCE_VVVV:
        return FIELD_VEX_VVVV;
    default:
        return FIELD_NONE;
    }
}

static unsigned modrm_reg(const struct decoder *decoder)
{
    return (decoder->instruction->modrm >> 3 & 7) | (decoder->rex & REX_R ? 8 : 0);
}

static enum decode_status set_rm(const struct decoder *decoder, const struct form *form,
                                 struct operand *operand)
{
    uint8_t modrm = decoder->instruction->modrm;
    if (modrm < 0xc0) {
        operand->kind = OPERAND_MEMORY;
        operand->size = size_of(decoder, form->memory_size);
    } else {
        set_register(decoder, form, (modrm & 7) | (decoder->rex & REX_B ? 8 : 0), operand);
    }
    return DECODE_OK;
}

/* There is no segment register 6 or 7, and CS cannot be loaded (MOV in SDM volume 2). */
static enum decode_status set_segment(const struct decoder *decoder, struct operand *operand)
{
    unsigned number = decoder->instruction->modrm >> 3 & 7;
    if (number > SEGMENT_GS || (number == SEGMENT_CS && operand->access & ACCESS_WRITE))
        return DECODE_INVALID;
    *operand = (struct operand){ .kind = OPERAND_REGISTER,
                                 .register_class = REGISTER_SEGMENT,
                                 .access = operand->access,
                                 .index = number,
                                 .size = 2 };
    return DECODE_OK;
}

static enum decode_status take_immediate(struct decoder *decoder, unsigned size, bool is_signed,
                                         int64_t *value)
{
    if (!decoder_has(decoder, size))
        return decoder_shortage(decoder);
    *value = decoder_take(decoder, size);
    if (!is_signed)
        *value &= (INT64_C(1) << (8 * size)) - 1;
    return DECODE_OK;
}

static enum decode_status set_immediate(struct decoder *decoder, const struct form *form,
                                        struct operand *operand)
{
    struct instruction *instruction = decoder->instruction;
    operand->size = size_of(decoder, form->register_size);
    operand->kind = form->source == SOURCE_RELATIVE ? OPERAND_RELATIVE : OPERAND_IMMEDIATE;
    operand->index = decoder->immediates++;
    return take_immediate(decoder, operand->size, form->source != SOURCE_UNSIGNED,
                          &instruction->immediate[operand->index]);
}

static enum decode_status set_far(struct decoder *decoder, struct operand *operand)
{
    struct instruction *instruction = decoder->instruction;
    operand->kind = OPERAND_FAR;
    operand->size = instruction->operand_size + 2;
    if (!decoder_has(decoder, operand->size))
        return decoder_shortage(decoder);
    take_immediate(decoder, instruction->operand_size, false, &instruction->immediate[0]);
    return take_immediate(decoder, 2, false, &instruction->immediate[1]);
}

/* A memory operand that no ModR/M byte describes. */
static void set_memory(struct decoder *decoder, const struct form *form, uint8_t base,
                       struct operand *operand)
{
    struct memory_operand *memory = &decoder->instruction->memory;
    memory->base = base;
    memory->segment = decoder->segment != NO_REGISTER ? decoder->segment : SEGMENT_DS;
    operand->kind = OPERAND_MEMORY;
    operand->size = size_of(decoder, form->memory_size);
}

static enum decode_status set_offset(struct decoder *decoder, const struct form *form,
                                     struct operand *operand)
{
    unsigned size = decoder->instruction->address_size;
    set_memory(decoder, form, NO_REGISTER, operand);
    if (!decoder_has(decoder, size))
        return decoder_shortage(decoder);
    uint64_t offset = decoder_take(decoder, size);
    decoder->instruction->memory.displacement =
        size < 8 ? offset & ((UINT64_C(1) << (8 * size)) - 1) : offset;
    return DECODE_OK;
}

/* Bits 7-4 of a last byte; bit 7 does not count outside 64-bit mode. */
static enum decode_status set_immediate_register(struct decoder *decoder, const struct form *form,
                                                 struct operand *operand)
{
    if (!decoder_has(decoder, 1))
        return decoder_shortage(decoder);
    unsigned number = decoder->bytes[decoder->position++] >> 4;
    set_register(decoder, form, decoder->code_size == CODE_64 ? number : number & 7, operand);
    return DECODE_OK;
}

static enum decode_status set_control(const struct decoder *decoder, const struct form *form,
                                      struct operand *operand)
{
    static const uint16_t there = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8;
    unsigned number = modrm_reg(decoder);
    if (!(there >> number & 1))
        return DECODE_INVALID;
    set_register(decoder, form, number, operand);
    return DECODE_OK;
}

static enum decode_status decode_operand(struct decoder *decoder, const struct form *form,
                                         struct operand *operand)
{
    switch ((enum operand_source)form->source) {
    case SOURCE_RM:
        return set_rm(decoder, form, operand);
    case SOURCE_MEMORY:
        return decoder->instruction->modrm < 0xc0 ? set_rm(decoder, form, operand) : DECODE_INVALID;
    case SOURCE_RM_REGISTER:
        if (decoder->instruction->modrm < 0xc0)
            return DECODE_INVALID;
        return set_rm(decoder, form, operand);
    case SOURCE_REG:
        set_register(decoder, form, modrm_reg(decoder), operand);
        return DECODE_OK;
    case SOURCE_REG_SEGMENT:
        return set_segment(decoder, operand);
    case SOURCE_REG_CONTROL:
        return set_control(decoder, form, operand);
    case SOURCE_REG_DEBUG:
        set_register(decoder, form, modrm_reg(decoder), operand);
        return operand->index < 8 ? DECODE_OK : DECODE_INVALID;
    case SOURCE_VVVV:
        decoder->vvvv_used = true;
        set_register(decoder, form, decoder->instruction->vex_register, operand);
        return DECODE_OK;
    case SOURCE_IMMEDIATE_REGISTER:
        return set_immediate_register(decoder, form, operand);
    case SOURCE_OPCODE:
        set_register(decoder, form,
                     (decoder->instruction->opcode & 7) | (decoder->rex & REX_B ? 8 : 0), operand);
        return DECODE_OK;
    case SOURCE_FIXED:
        operand->kind = OPERAND_REGISTER;
        operand->register_class = form->register_class;
        operand->index = form->memory_size;
        operand->size = size_of(decoder, form->register_size);
        return DECODE_OK;
    case SOURCE_UNSIGNED:
    case SOURCE_SIGNED:
    case SOURCE_RELATIVE:
        return set_immediate(decoder, form, operand);
    case SOURCE_ONE:
        operand->kind = OPERAND_IMMEDIATE;
        operand->size = 1;
        decoder->instruction->immediate[0] = 1;
        return DECODE_OK;
    case SOURCE_FAR:
        return set_far(decoder, operand);
    case SOURCE_OFFSET:
        return set_offset(decoder, form, operand);
    case SOURCE_SOURCE:
        set_memory(decoder, form, RSI, operand);
        return DECODE_OK;
    case SOURCE_DESTINATION:
        operand->kind = OPERAND_STRING_DESTINATION;
        operand->size = size_of(decoder, form->memory_size);
        return DECODE_OK;
    case SOURCE_BASE:
        set_memory(decoder, form, form->register_size, operand);
        return DECODE_OK;
    case SOURCE_NONE:
        break;
    }
    return DECODE_INVALID;
}

enum decode_status decode_operands(struct decoder *decoder, const struct opcode *opcode)
{
    struct instruction *instruction = decoder->instruction;
    for (unsigned i = 0; i < INSTRUCTION_MAX_OPERANDS && opcode->operands[i].form; i++) {
        const struct operand_row *row = &opcode->operands[i];
        struct operand *operand = &instruction->operands[i];
        operand->access = row->access & ~OPERAND_HIDDEN;
        operand->implicit = row->access & OPERAND_HIDDEN;
        operand->field = field_of(forms[row->form].source);
        instruction->operand_count = i + 1;
        enum decode_status status = decode_operand(decoder, &forms[row->form], operand);
        if (status != DECODE_OK)
            return status;
    }
    return DECODE_OK;
}
