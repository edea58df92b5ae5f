// SPDX-License-Identifier: Apache-2.0
/* Shifts and rotates. The count: op->immediate, or CL. */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/integer.h"
#include "core/x86/interpreter/update.h"

#define COUNT_immediate ((uint8_t)op->immediate)
#define COUNT_cl        ((uint8_t)cpu->state.general[RCX])

#define DEFINE_SHIFT_REGISTER(bits, name, count)                                                   \
    static enum outcome name##_register_##count##_##bits(struct cpu *cpu, const struct op *op)     \
    {                                                                                              \
        register_write_##bits(                                                                     \
            cpu, op->destination,                                                                  \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), COUNT_##count));  \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_SHIFT_MEMORY(bits, name, count)                                                     \
    static enum outcome name##_memory_##count##_##bits(struct cpu *cpu, const struct op *op)       \
    {                                                                                              \
        UPDATE_OPERAND(any, bits, *pointer = alu_##name##_##bits(cpu, *pointer, COUNT_##count));   \
    }

struct shift_forms {
    op_execute *reg[2], *memory[2]; /* by immediate, by CL */
};

#define SHIFT_ENTRY(bits, name)                                                                    \
    { { name##_register_immediate_##bits, name##_register_cl_##bits },                             \
      { name##_memory_immediate_##bits, name##_memory_cl_##bits } },

#define DEFINE_SHIFT_OPS(name)                                                                     \
    FOR_EACH_SIZE(DEFINE_SHIFT_REGISTER, name, immediate)                                          \
    FOR_EACH_SIZE(DEFINE_SHIFT_REGISTER, name, cl)                                                 \
    FOR_EACH_SIZE(DEFINE_SHIFT_MEMORY, name, immediate)                                            \
    FOR_EACH_SIZE(DEFINE_SHIFT_MEMORY, name, cl)                                                   \
    static const struct shift_forms name##_forms[4] = { FOR_EACH_SIZE(SHIFT_ENTRY, name) };

DEFINE_SHIFT_OPS(rol)
DEFINE_SHIFT_OPS(ror)
DEFINE_SHIFT_OPS(rcl)
DEFINE_SHIFT_OPS(rcr)
DEFINE_SHIFT_OPS(shl)
DEFINE_SHIFT_OPS(shr)
DEFINE_SHIFT_OPS(sar)

static const struct shift_forms *const shift_forms[MNEMONIC_COUNT] = {
    [MNEMONIC_ROL] = rol_forms, [MNEMONIC_ROR] = ror_forms, [MNEMONIC_RCL] = rcl_forms,
    [MNEMONIC_RCR] = rcr_forms, [MNEMONIC_SHL] = shl_forms, [MNEMONIC_SHR] = shr_forms,
    [MNEMONIC_SAR] = sar_forms,
};

op_execute *lower_shift(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    const struct shift_forms *forms =
        &shift_forms[instruction->mnemonic][size_index(instruction->operands[0].size)];
    bool by_cl = !is_immediate(instruction, 1);
    op->instruction = NULL;
    if (!by_cl)
        op->immediate = immediate_of(instruction, 1);
    if (is_memory(instruction, 0)) {
        lower_address(cpu, instruction, op);
        return forms->memory[by_cl];
    }
    op->destination = register_place(&instruction->operands[0]);
    return forms->reg[by_cl];
}

/* -- SHLD and SHRD: bits come in from a second register -- */

#define DEFINE_DOUBLE(bits, name)                                                                  \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a,            \
                                                     uint##bits##_t from, uint8_t count)           \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        __asm__(FLAGS_IN #name " %%cl, %[from], %[a]" FLAGS_OUT                                    \
                : [a] "+r"(a), "+a"(flags)                                                         \
                : [from] "r"(from), "c"(count)                                                     \
                : "cc");                                                                           \
        cpu->flags = (uint16_t)flags;                                                              \
        return a;                                                                                  \
    }                                                                                              \
    static enum outcome name##_##bits(struct cpu *cpu, const struct op *op)                        \
    {                                                                                              \
        uint8_t count = op->scale ? COUNT_cl : COUNT_immediate;                                    \
        register_write_##bits(cpu, op->destination,                                                \
                              alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), \
                                                  register_read_##bits(cpu, op->source), count));  \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome name##_memory_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        uint8_t count = op->destination ? COUNT_cl : COUNT_immediate;                              \
        UPDATE_OPERAND(any, bits,                                                                  \
                       *pointer = alu_##name##_##bits(                                             \
                           cpu, *pointer, register_read_##bits(cpu, op->source), count));          \
    }

#define DEFINE_DOUBLES(name)                                                                       \
    DEFINE_DOUBLE(16, name)                                                                        \
    DEFINE_DOUBLE(32, name)                                                                        \
    DEFINE_DOUBLE(64, name)
DEFINE_DOUBLES(shld)
DEFINE_DOUBLES(shrd)

/* [SHRD?][memory?][16, 32, 64 bits] */
static op_execute *const double_shifts[2][2][3] = {
    { { shld_16, shld_32, shld_64 }, { shld_memory_16, shld_memory_32, shld_memory_64 } },
    { { shrd_16, shrd_32, shrd_64 }, { shrd_memory_16, shrd_memory_32, shrd_memory_64 } },
};

op_execute *lower_double_shift(struct cpu *cpu, const struct instruction *instruction,
                               struct op *op)
{
    bool by_cl = !is_immediate(instruction, 2), memory = is_memory(instruction, 0);
    op->instruction = NULL;
    op->source = register_place(&instruction->operands[1]);
    if (!by_cl)
        op->immediate = immediate_of(instruction, 2);
    if (memory) {
        lower_address(cpu, instruction, op);
        op->destination = by_cl;
    } else {
        op->destination = register_place(&instruction->operands[0]);
        op->scale = by_cl;
    }
    return double_shifts[instruction->mnemonic == MNEMONIC_SHRD][memory]
                        [size_index(instruction->operands[0].size) - 1];
}
