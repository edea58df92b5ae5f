// SPDX-License-Identifier: Apache-2.0
/* MOV, MOVZX, MOVSX, MOVSXD, LEA. */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/integer.h"

#define DEFINE_MOV_REGISTER(bits, ...)                                                             \
    static enum outcome mov_rr_##bits(struct cpu *cpu, const struct op *op)                        \
    {                                                                                              \
        register_write_##bits(cpu, op->destination, register_read_##bits(cpu, op->source));        \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome mov_ri_##bits(struct cpu *cpu, const struct op *op)                        \
    {                                                                                              \
        register_write_##bits(cpu, op->destination, (uint##bits##_t)op->immediate);                \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_MOV_LOAD(address, bits, ...)                                                        \
    static enum outcome mov_load_##bits##_##address(struct cpu *cpu, const struct op *op)          \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits##_t value;                                                                      \
        if (!address_##address(cpu, op, bits / 8, ACCESS_READ, &linear) ||                         \
            !linear_read_##bits(cpu, linear, &value))                                              \
            return op_memory_fault(cpu, op);                                                       \
        register_write_##bits(cpu, op->destination, value);                                        \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_MOV_STORE(address, bits, form, SOURCE)                                              \
    static enum outcome mov_##form##_##bits##_##address(struct cpu *cpu, const struct op *op)      \
    {                                                                                              \
        gva_t linear;                                                                              \
        if (!address_##address(cpu, op, bits / 8, ACCESS_WRITE, &linear) ||                        \
            !linear_write_##bits(cpu, linear, SOURCE(bits)))                                       \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }
#define SOURCE_REGISTER(bits)  register_read_##bits(cpu, op->source)
#define SOURCE_IMMEDIATE(bits) ((uint##bits##_t)op->immediate)

#define FOR_EACH_FORM_AND_SIZE(DEFINE, ...)                                                        \
    FOR_EACH_ADDRESS_FORM(DEFINE, 8, __VA_ARGS__)                                                  \
    FOR_EACH_ADDRESS_FORM(DEFINE, 16, __VA_ARGS__)                                                 \
    FOR_EACH_ADDRESS_FORM(DEFINE, 32, __VA_ARGS__)                                                 \
    FOR_EACH_ADDRESS_FORM(DEFINE, 64, __VA_ARGS__)

FOR_EACH_SIZE(DEFINE_MOV_REGISTER, )
FOR_EACH_FORM_AND_SIZE(DEFINE_MOV_LOAD, )
FOR_EACH_FORM_AND_SIZE(DEFINE_MOV_STORE, store, SOURCE_REGISTER)
FOR_EACH_FORM_AND_SIZE(DEFINE_MOV_STORE, store_immediate, SOURCE_IMMEDIATE)

#define BY_SIZE(name)                                                                              \
    {                                                                                              \
        name##_8, name##_16, name##_32, name##_64                                                  \
    }
#define BY_SIZE_AND_FORM(name)                                                                     \
    {                                                                                              \
        ADDRESS_FORM_ENTRIES(name##_8), ADDRESS_FORM_ENTRIES(name##_16),                           \
            ADDRESS_FORM_ENTRIES(name##_32), ADDRESS_FORM_ENTRIES(name##_64)                       \
    }

static op_execute *const mov_rr[4] = BY_SIZE(mov_rr);
static op_execute *const mov_ri[4] = BY_SIZE(mov_ri);
static op_execute *const mov_load[4][ADDRESS_FORMS] = BY_SIZE_AND_FORM(mov_load);
static op_execute *const mov_store[4][ADDRESS_FORMS] = BY_SIZE_AND_FORM(mov_store);
static op_execute *const mov_store_immediate[4][ADDRESS_FORMS] =
    BY_SIZE_AND_FORM(mov_store_immediate);

static op_execute *lower_mov(const struct cpu *cpu, const struct instruction *instruction,
                             struct op *op)
{
    unsigned size = size_index(instruction->operands[0].size);
    if (is_immediate(instruction, 1))
        op->immediate = immediate_of(instruction, 1);
    else if (!is_memory(instruction, 1))
        op->source = register_place(&instruction->operands[1]);
    if (is_memory(instruction, 0)) {
        enum address_form form = lower_address(cpu, instruction, op);
        return (is_immediate(instruction, 1) ? mov_store_immediate : mov_store)[size][form];
    }
    op->destination = register_place(&instruction->operands[0]);
    if (is_memory(instruction, 1))
        return mov_load[size][lower_address(cpu, instruction, op)];
    return (is_immediate(instruction, 1) ? mov_ri : mov_rr)[size];
}

/* -- Extensions: `to` and `from` as C types, so that the conversion is C's -- */

#define DEFINE_EXTEND_REGISTER(name, to, from, bits_to, bits_from)                                 \
    static enum outcome name##_rr(struct cpu *cpu, const struct op *op)                            \
    {                                                                                              \
        register_write_##bits_to(cpu, op->destination,                                             \
                                 (to)(from)register_read_##bits_from(cpu, op->source));            \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_EXTEND_LOAD(address, name, to, from, bits_to, bits_from)                            \
    static enum outcome name##_load_##address(struct cpu *cpu, const struct op *op)                \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits_from##_t value;                                                                 \
        if (!address_##address(cpu, op, bits_from / 8, ACCESS_READ, &linear) ||                    \
            !linear_read_##bits_from(cpu, linear, &value))                                         \
            return op_memory_fault(cpu, op);                                                       \
        register_write_##bits_to(cpu, op->destination, (to)(from)value);                           \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_EXTEND(name, ...)                                                                   \
    DEFINE_EXTEND_REGISTER(name, __VA_ARGS__)                                                      \
    FOR_EACH_ADDRESS_FORM(DEFINE_EXTEND_LOAD, name, __VA_ARGS__)

DEFINE_EXTEND(zero_8_to_16, uint16_t, uint8_t, 16, 8)
DEFINE_EXTEND(zero_8_to_32, uint32_t, uint8_t, 32, 8)
DEFINE_EXTEND(zero_16_to_32, uint32_t, uint16_t, 32, 16)
DEFINE_EXTEND(sign_8_to_16, uint16_t, int8_t, 16, 8)
DEFINE_EXTEND(sign_8_to_32, uint32_t, int8_t, 32, 8)
DEFINE_EXTEND(sign_8_to_64, uint64_t, int8_t, 64, 8)
DEFINE_EXTEND(sign_16_to_32, uint32_t, int16_t, 32, 16)
DEFINE_EXTEND(sign_16_to_64, uint64_t, int16_t, 64, 16)
DEFINE_EXTEND(sign_32_to_64, uint64_t, int32_t, 64, 32)

struct extend_forms {
    op_execute *rr, *load[ADDRESS_FORMS];
};
#define EXTEND(name)                                                                               \
    {                                                                                              \
        name##_rr, ADDRESS_FORM_ENTRIES(name##_load)                                               \
    }

/* [from][to], by size_index; zero extension to 32 bits is that to 64. The same size: MOVSXD with
 * 16 and 32 bits, MOVZX and MOVSX of 16 bits with an operand-size prefix. */
static const struct extend_forms zero_extend[2][4] = {
    { { NULL }, EXTEND(zero_8_to_16), EXTEND(zero_8_to_32), EXTEND(zero_8_to_32) },
    { { NULL },
      { mov_rr_16, ADDRESS_FORM_ENTRIES(mov_load_16) },
      EXTEND(zero_16_to_32),
      EXTEND(zero_16_to_32) },
};
static const struct extend_forms sign_extend[3][4] = {
    { { NULL }, EXTEND(sign_8_to_16), EXTEND(sign_8_to_32), EXTEND(sign_8_to_64) },
    { { NULL },
      { mov_rr_16, ADDRESS_FORM_ENTRIES(mov_load_16) },
      EXTEND(sign_16_to_32),
      EXTEND(sign_16_to_64) },
    { { NULL }, { NULL }, { mov_rr_32, ADDRESS_FORM_ENTRIES(mov_load_32) }, EXTEND(sign_32_to_64) },
};

static op_execute *lower_extend(const struct cpu *cpu, const struct instruction *instruction,
                                struct op *op)
{
    unsigned to = size_index(instruction->operands[0].size);
    unsigned from = size_index(instruction->operands[1].size);
    const struct extend_forms *forms =
        instruction->mnemonic == MNEMONIC_MOVZX ? &zero_extend[from][to] : &sign_extend[from][to];
    op->destination = register_place(&instruction->operands[0]);
    if (is_memory(instruction, 1))
        return forms->load[lower_address(cpu, instruction, op)];
    op->source = register_place(&instruction->operands[1]);
    return forms->rr;
}

/* -- LEA: the offset, without a segment -- */

static enum outcome lea_64_base(struct cpu *cpu, const struct op *op)
{
    cpu->state.general[op->destination] = slot(cpu, op->base) + (uint64_t)op->displacement;
    NEXT_OP(cpu, op);
}

static enum outcome lea_64(struct cpu *cpu, const struct op *op)
{
    cpu->state.general[op->destination] = address_sum(cpu, op);
    NEXT_OP(cpu, op);
}

#define DEFINE_LEA(bits)                                                                           \
    static enum outcome lea_any_##bits(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        register_write_##bits(cpu, op->destination, (uint##bits##_t)address_offset(cpu, op));      \
        NEXT_OP(cpu, op);                                                                          \
    }
DEFINE_LEA(16)
DEFINE_LEA(32)
DEFINE_LEA(64)

static op_execute *lower_lea(const struct cpu *cpu, const struct instruction *instruction,
                             struct op *op)
{
    lower_address(cpu, instruction, op);
    op->destination = instruction->operands[0].index;
    switch (instruction->operands[0].size) {
    case 2:
        return lea_any_16;
    case 4:
        return lea_any_32;
    default:
        if (instruction->address_size != 8)
            return lea_any_64;
        return instruction->memory.index == NO_REGISTER ? lea_64_base : lea_64;
    }
}

op_execute *lower_move(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    op->instruction = NULL;
    switch (instruction->mnemonic) {
    case MNEMONIC_LEA:
        return lower_lea(cpu, instruction, op);
    case MNEMONIC_MOV:
    case MNEMONIC_MOVNTI:
        return lower_mov(cpu, instruction, op);
    default:
        return lower_extend(cpu, instruction, op);
    }
}
