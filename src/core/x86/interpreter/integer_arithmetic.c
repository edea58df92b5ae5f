// SPDX-License-Identifier: Apache-2.0
/*
 * ADD OR ADC SBB AND SUB XOR, CMP TEST, INC DEC NEG NOT: a function for each operand size and form.
 * destination: the register; source: the other; immediate: the immediate; the memory operand as
 * lower_address has it.
 */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/integer.h"
#include "core/x86/interpreter/update.h"

#define READ                   ACCESS_READ
#define SOURCE_REGISTER(bits)  register_read_##bits(cpu, op->source)
#define SOURCE_IMMEDIATE(bits) ((uint##bits##_t)op->immediate)

#define DEFINE_REGISTER(bits, name, form, SOURCE)                                                  \
    static enum outcome name##_##form##_##bits(struct cpu *cpu, const struct op *op)               \
    {                                                                                              \
        register_write_##bits(                                                                     \
            cpu, op->destination,                                                                  \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), SOURCE(bits)));   \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_LOAD(address, bits, name)                                                           \
    static enum outcome name##_load_##bits##_##address(struct cpu *cpu, const struct op *op)       \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits##_t value;                                                                      \
        if (!address_##address(cpu, op, bits / 8, READ, &linear) ||                                \
            !linear_read_##bits(cpu, linear, &value))                                              \
            return op_memory_fault(cpu, op);                                                       \
        register_write_##bits(                                                                     \
            cpu, op->destination,                                                                  \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), value));          \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_UPDATE(address, bits, name, form, SOURCE)                                           \
    static enum outcome name##_##form##_##bits##_##address(struct cpu *cpu, const struct op *op)   \
    {                                                                                              \
        UPDATE_OPERAND(address, bits,                                                              \
                       *pointer = alu_##name##_##bits(cpu, *pointer, SOURCE(bits)));               \
    }

#define DEFINE_LOCKED(bits, name, form, SOURCE)                                                    \
    static enum outcome name##_##form##_##bits(struct cpu *cpu, const struct op *op)               \
    {                                                                                              \
        UPDATE_OPERAND(any, bits, locked_##name##_##bits(cpu, pointer, SOURCE(bits)));             \
    }

/* CMP and TEST. */
#define DEFINE_COMPARE_REGISTER(bits, name, form, SOURCE)                                          \
    static enum outcome name##_##form##_##bits(struct cpu *cpu, const struct op *op)               \
    {                                                                                              \
        alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), SOURCE(bits));        \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_COMPARE_MEMORY(address, bits, name, form, LEFT, RIGHT)                              \
    static enum outcome name##_##form##_##bits##_##address(struct cpu *cpu, const struct op *op)   \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits##_t value;                                                                      \
        if (!address_##address(cpu, op, bits / 8, READ, &linear) ||                                \
            !linear_read_##bits(cpu, linear, &value))                                              \
            return op_memory_fault(cpu, op);                                                       \
        alu_##name##_##bits(cpu, LEFT(bits), RIGHT(bits));                                         \
        NEXT_OP(cpu, op);                                                                          \
    }
#define VALUE(bits)       value
#define DESTINATION(bits) register_read_##bits(cpu, op->destination)

#define DEFINE_UNARY_REGISTER(bits, name)                                                          \
    static enum outcome name##_register_##bits(struct cpu *cpu, const struct op *op)               \
    {                                                                                              \
        register_write_##bits(                                                                     \
            cpu, op->destination,                                                                  \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination)));                 \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_UNARY_UPDATE(address, bits, name)                                                   \
    static enum outcome name##_update_##bits##_##address(struct cpu *cpu, const struct op *op)     \
    {                                                                                              \
        UPDATE_OPERAND(address, bits, *pointer = alu_##name##_##bits(cpu, *pointer));              \
    }

#define DEFINE_UNARY_LOCKED(bits, name)                                                            \
    static enum outcome name##_locked_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        UPDATE_OPERAND(any, bits, locked_##name##_##bits(cpu, pointer));                           \
    }

/* 16-bit operands are rare enough for one address form. */
#define FOR_EACH_MEMORY_FORM(DEFINE, ...)                                                          \
    FOR_EACH_ADDRESS_FORM(DEFINE, 8, __VA_ARGS__)                                                  \
    DEFINE(any, 16, __VA_ARGS__)                                                                   \
    FOR_EACH_ADDRESS_FORM(DEFINE, 32, __VA_ARGS__)                                                 \
    FOR_EACH_ADDRESS_FORM(DEFINE, 64, __VA_ARGS__)

#define DEFINE_BINARY_OPS(name)                                                                    \
    FOR_EACH_SIZE(DEFINE_REGISTER, name, rr, SOURCE_REGISTER)                                      \
    FOR_EACH_SIZE(DEFINE_REGISTER, name, ri, SOURCE_IMMEDIATE)                                     \
    FOR_EACH_MEMORY_FORM(DEFINE_LOAD, name)                                                        \
    FOR_EACH_MEMORY_FORM(DEFINE_UPDATE, name, mr, SOURCE_REGISTER)                                 \
    FOR_EACH_MEMORY_FORM(DEFINE_UPDATE, name, mi, SOURCE_IMMEDIATE)                                \
    FOR_EACH_SIZE(DEFINE_LOCKED, name, locked_mr, SOURCE_REGISTER)                                 \
    FOR_EACH_SIZE(DEFINE_LOCKED, name, locked_mi, SOURCE_IMMEDIATE)

#define DEFINE_COMPARE_OPS(name)                                                                   \
    FOR_EACH_SIZE(DEFINE_COMPARE_REGISTER, name, rr, SOURCE_REGISTER)                              \
    FOR_EACH_SIZE(DEFINE_COMPARE_REGISTER, name, ri, SOURCE_IMMEDIATE)                             \
    FOR_EACH_MEMORY_FORM(DEFINE_COMPARE_MEMORY, name, load, DESTINATION, VALUE)                    \
    FOR_EACH_MEMORY_FORM(DEFINE_COMPARE_MEMORY, name, mr, VALUE, SOURCE_REGISTER)                  \
    FOR_EACH_MEMORY_FORM(DEFINE_COMPARE_MEMORY, name, mi, VALUE, SOURCE_IMMEDIATE)

#define DEFINE_UNARY_OPS(name)                                                                     \
    FOR_EACH_SIZE(DEFINE_UNARY_REGISTER, name)                                                     \
    FOR_EACH_MEMORY_FORM(DEFINE_UNARY_UPDATE, name)                                                \
    FOR_EACH_SIZE(DEFINE_UNARY_LOCKED, name)

DEFINE_BINARY_OPS(add)
DEFINE_BINARY_OPS(or)
DEFINE_BINARY_OPS(adc)
DEFINE_BINARY_OPS(sbb)
DEFINE_BINARY_OPS(and)
DEFINE_BINARY_OPS(sub)
DEFINE_BINARY_OPS(xor)
DEFINE_COMPARE_OPS(cmp)
DEFINE_COMPARE_OPS(test)
DEFINE_UNARY_OPS(inc)
DEFINE_UNARY_OPS(dec)
DEFINE_UNARY_OPS(neg)
DEFINE_UNARY_OPS(not )

struct binary_forms {
    op_execute *rr, *ri, *locked_mr, *locked_mi;
    op_execute *load[ADDRESS_FORMS], *mr[ADDRESS_FORMS], *mi[ADDRESS_FORMS];
};

struct unary_forms {
    op_execute *reg, *locked, *update[ADDRESS_FORMS];
};

#define COMPARE_ENTRY(name, bits, ENTRIES)                                                         \
    .rr = name##_rr_##bits, .ri = name##_ri_##bits, .load = ENTRIES(name##_load_##bits),           \
    .mr = ENTRIES(name##_mr_##bits), .mi = ENTRIES(name##_mi_##bits)
#define BINARY_ENTRY(name, bits, ENTRIES)                                                          \
    COMPARE_ENTRY(name, bits, ENTRIES), .locked_mr = name##_locked_mr_##bits,                      \
                                        .locked_mi = name##_locked_mi_##bits
#define UNARY_ENTRY(name, bits, ENTRIES)                                                           \
    .reg = name##_register_##bits, .locked = name##_locked_##bits,                                 \
    .update = ENTRIES(name##_update_##bits)

#define FORMS(kind, ENTRY, name)                                                                   \
    static const struct kind##_forms name##_forms[4] = {                                           \
        { ENTRY(name, 8, ADDRESS_FORM_ENTRIES) },                                                  \
        { ENTRY(name, 16, ADDRESS_ANY_ENTRIES) },                                                  \
        { ENTRY(name, 32, ADDRESS_FORM_ENTRIES) },                                                 \
        { ENTRY(name, 64, ADDRESS_FORM_ENTRIES) },                                                 \
    };

FORMS(binary, BINARY_ENTRY, add)
FORMS(binary, BINARY_ENTRY, or)
FORMS(binary, BINARY_ENTRY, adc)
FORMS(binary, BINARY_ENTRY, sbb)
FORMS(binary, BINARY_ENTRY, and)
FORMS(binary, BINARY_ENTRY, sub)
FORMS(binary, BINARY_ENTRY, xor)
FORMS(binary, COMPARE_ENTRY, cmp)
FORMS(binary, COMPARE_ENTRY, test)
FORMS(unary, UNARY_ENTRY, inc)
FORMS(unary, UNARY_ENTRY, dec)
FORMS(unary, UNARY_ENTRY, neg)
FORMS(unary, UNARY_ENTRY, not )

static const struct binary_forms *const binary_forms[MNEMONIC_COUNT] = {
    [MNEMONIC_ADD] = add_forms, [MNEMONIC_OR] = or_forms,   [MNEMONIC_ADC] = adc_forms,
    [MNEMONIC_SBB] = sbb_forms, [MNEMONIC_AND] = and_forms, [MNEMONIC_SUB] = sub_forms,
    [MNEMONIC_XOR] = xor_forms, [MNEMONIC_CMP] = cmp_forms, [MNEMONIC_TEST] = test_forms,
};

static const struct unary_forms *const unary_forms[MNEMONIC_COUNT] = {
    [MNEMONIC_INC] = inc_forms,
    [MNEMONIC_DEC] = dec_forms,
    [MNEMONIC_NEG] = neg_forms,
    [MNEMONIC_NOT] = not_forms,
};

static op_execute *lower_unary(const struct cpu *cpu, const struct instruction *instruction,
                               const struct unary_forms *forms, struct op *op)
{
    if (!is_memory(instruction, 0)) {
        op->destination = register_place(&instruction->operands[0]);
        return forms->reg;
    }
    enum address_form form = lower_address(cpu, instruction, op);
    return instruction->prefixes & PREFIX_LOCK ? forms->locked : forms->update[form];
}

static op_execute *lower_to_register(const struct cpu *cpu, const struct instruction *instruction,
                                     const struct binary_forms *forms, struct op *op)
{
    op->destination = register_place(&instruction->operands[0]);
    if (is_memory(instruction, 1))
        return forms->load[lower_address(cpu, instruction, op)];
    return is_immediate(instruction, 1) ? forms->ri : forms->rr;
}

static op_execute *lower_to_memory(const struct cpu *cpu, const struct instruction *instruction,
                                   const struct binary_forms *forms, struct op *op)
{
    enum address_form form = lower_address(cpu, instruction, op);
    bool immediate = is_immediate(instruction, 1);
    if (instruction->prefixes & PREFIX_LOCK)
        return immediate ? forms->locked_mi : forms->locked_mr;
    return immediate ? forms->mi[form] : forms->mr[form];
}

op_execute *lower_arithmetic(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    unsigned size = size_index(instruction->operands[0].size);
    op->instruction = NULL;
    if (unary_forms[instruction->mnemonic])
        return lower_unary(cpu, instruction, &unary_forms[instruction->mnemonic][size], op);
    const struct binary_forms *forms = &binary_forms[instruction->mnemonic][size];
    if (is_immediate(instruction, 1))
        op->immediate = immediate_of(instruction, 1);
    else if (!is_memory(instruction, 1))
        op->source = register_place(&instruction->operands[1]);
    return is_memory(instruction, 0) ? lower_to_memory(cpu, instruction, forms, op)
                                     : lower_to_register(cpu, instruction, forms, op);
}
