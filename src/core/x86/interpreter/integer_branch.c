// SPDX-License-Identifier: Apache-2.0
/* Jcc, JMP, LOOP.., JCXZ. */
#include "core/x86/interpreter/branch.h"
#include "core/x86/interpreter/condition.h"

#define FOR_EACH_TARGET_SIZE(X, ...)                                                               \
    X(16, __VA_ARGS__)                                                                             \
    X(32, __VA_ARGS__)                                                                             \
    X(64, __VA_ARGS__)

#define DEFINE_JMP(bits, ...)                                                                      \
    static enum outcome jmp_relative_##bits(struct cpu *cpu, const struct op *op)                  \
    {                                                                                              \
        return jump_to_##bits(cpu, op, (uint##bits##_t)relative_target(cpu, op));                  \
    }                                                                                              \
    static enum outcome jmp_register_##bits(struct cpu *cpu, const struct op *op)                  \
    {                                                                                              \
        return jump_to_##bits(cpu, op, register_read_##bits(cpu, op->source));                     \
    }
FOR_EACH_TARGET_SIZE(DEFINE_JMP, )

#define DEFINE_JMP_MEMORY(address, bits, ...)                                                      \
    static enum outcome jmp_memory_##bits##_##address(struct cpu *cpu, const struct op *op)        \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits##_t target;                                                                     \
        if (!address_##address(cpu, op, bits / 8, ACCESS_READ, &linear) ||                         \
            !linear_read_##bits(cpu, linear, &target))                                             \
            return op_memory_fault(cpu, op);                                                       \
        return jump_to_##bits(cpu, op, target);                                                    \
    }
DEFINE_JMP_MEMORY(any, 16)
DEFINE_JMP_MEMORY(any, 32)
FOR_EACH_ADDRESS_FORM(DEFINE_JMP_MEMORY, 64)

/* By operand size: 2, 4, 8. */
static op_execute *const jmp_relative[] = { jmp_relative_16, jmp_relative_32, jmp_relative_64 };
static op_execute *const jmp_register[] = { jmp_register_16, jmp_register_32, jmp_register_64 };
static op_execute *const jmp_memory[][ADDRESS_FORMS] = {
    ADDRESS_ANY_ENTRIES(jmp_memory_16),
    ADDRESS_ANY_ENTRIES(jmp_memory_32),
    ADDRESS_FORM_ENTRIES(jmp_memory_64),
};

static op_execute *lower_jmp(const struct cpu *cpu, const struct instruction *instruction,
                             struct op *op)
{
    unsigned size = size_index(instruction->operand_size) - 1;
    if (is_memory(instruction, 0))
        return jmp_memory[size][lower_address(cpu, instruction, op)];
    if (instruction->operands[0].kind == OPERAND_REGISTER) {
        op->source = instruction->operands[0].index;
        return jmp_register[size];
    }
    lower_relative(instruction, op);
    return jmp_relative[size];
}

#define DEFINE_JCC(condition, bits)                                                                \
    static enum outcome jcc_##condition##_##bits(struct cpu *cpu, const struct op *op)             \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        if (CONDITION_##condition(flags))                                                          \
            return jump_to_##bits(cpu, op, (uint##bits##_t)relative_target(cpu, op));              \
        NEXT_OP(cpu, op);                                                                          \
    }
FOR_EACH_CONDITION(DEFINE_JCC, 16)
FOR_EACH_CONDITION(DEFINE_JCC, 32)
FOR_EACH_CONDITION(DEFINE_JCC, 64)

#define JCC_ENTRY(condition, bits) jcc_##condition##_##bits,
static op_execute *const jcc[3][16] = {
    { FOR_EACH_CONDITION(JCC_ENTRY, 16) },
    { FOR_EACH_CONDITION(JCC_ENTRY, 32) },
    { FOR_EACH_CONDITION(JCC_ENTRY, 64) },
};

/* -- Counted branches: the counter is rCX of the address size -- */

static uint64_t counter_mask(const struct op *op)
{
    return ~UINT64_C(0) >> (64 - 8 * op->extra);
}

static enum outcome jump_by_size(struct cpu *cpu, const struct op *op)
{
    uint64_t target = relative_target(cpu, op);
    switch (op->scale) {
    case 2:
        return jump_to_16(cpu, op, (uint16_t)target);
    case 4:
        return jump_to_32(cpu, op, (uint32_t)target);
    default:
        return jump_to_64(cpu, op, target);
    }
}

static enum outcome jcxz(struct cpu *cpu, const struct op *op)
{
    if (!(cpu->state.general[RCX] & counter_mask(op)))
        return jump_by_size(cpu, op);
    NEXT_OP(cpu, op);
}

static bool loop_condition(const struct cpu *cpu, const struct op *op)
{
    switch (op->source) {
    case MNEMONIC_LOOPE:
        return cpu->flags & FLAG_ZF;
    case MNEMONIC_LOOPNE:
        return !(cpu->flags & FLAG_ZF);
    default:
        return true;
    }
}

static void set_counter(struct cpu *cpu, const struct op *op, uint64_t count)
{
    register_write(cpu, RCX, op->extra, count);
}

static enum outcome loop(struct cpu *cpu, const struct op *op)
{
    uint64_t count = (cpu->state.general[RCX] - 1) & counter_mask(op);
    bool taken = count != 0 && loop_condition(cpu, op);
    uint64_t before = cpu->state.general[RCX];
    set_counter(cpu, op, count);
    if (!taken)
        NEXT_OP(cpu, op);
    enum outcome outcome = jump_by_size(cpu, op);
    if (outcome == OUTCOME_FAULT && cpu->state.rip == op_rip(cpu, op))
        cpu->state.general[RCX] = before;
    return outcome;
}

_Static_assert(MNEMONIC_LOOPNE < 256, "op.source names the mnemonic");

static op_execute *lower_counted(const struct instruction *instruction, struct op *op)
{
    lower_relative(instruction, op);
    op->extra = instruction->address_size;
    op->scale = instruction->operand_size;
    op->source = (uint8_t)instruction->mnemonic;
    return instruction->mnemonic == MNEMONIC_JCXZ ? jcxz : loop;
}

op_execute *lower_branch(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    op->instruction = NULL;
    switch (instruction->mnemonic) {
    case MNEMONIC_JMP:
        return lower_jmp(cpu, instruction, op);
    case MNEMONIC_JCC:
        lower_relative(instruction, op);
        return jcc[size_index(instruction->operand_size) - 1][instruction->opcode & 15];
    default:
        return lower_counted(instruction, op);
    }
}
