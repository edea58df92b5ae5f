// SPDX-License-Identifier: Apache-2.0
/* Near CALL and RET. CPUs store the return address before they look at the target. */
#include "core/x86/interpreter/branch.h"

/* -- Flat stacks, operand size 4 and 8 -- */

#define DEFINE_CALL(bits)                                                                          \
    static inline enum outcome call_##bits(struct cpu *cpu, const struct op *op,                   \
                                           uint##bits##_t target)                                  \
    {                                                                                              \
        uint64_t rsp = cpu->state.general[RSP];                                                    \
        if (!push_##bits(cpu, (uint##bits##_t)op_next_rip(cpu, op)))                               \
            return op_memory_fault(cpu, op);                                                       \
        if (!target_valid_##bits(cpu, target)) {                                                   \
            cpu->state.general[RSP] = rsp;                                                         \
            return op_fault(cpu, op);                                                              \
        }                                                                                          \
        return block_jump(cpu, target);                                                            \
    }                                                                                              \
    static enum outcome call_relative_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        return call_##bits(cpu, op, (uint##bits##_t)relative_target(cpu, op));                     \
    }                                                                                              \
    static enum outcome call_register_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        return call_##bits(cpu, op, register_read_##bits(cpu, op->source));                        \
    }                                                                                              \
    static enum outcome ret_##bits(struct cpu *cpu, const struct op *op)                           \
    {                                                                                              \
        uint##bits##_t target;                                                                     \
        if (!peek_##bits(cpu, &target))                                                            \
            return op_memory_fault(cpu, op);                                                       \
        if (!target_valid_##bits(cpu, target))                                                     \
            return op_fault(cpu, op);                                                              \
        drop_##bits(cpu, bits / 8 + (unsigned)op->immediate);                                      \
        return block_jump(cpu, target);                                                            \
    }
DEFINE_CALL(32)
DEFINE_CALL(64)

/* -- Everything else -- */

static uint64_t truncate(uint64_t target, unsigned size)
{
    return target & ~UINT64_C(0) >> (64 - 8 * size);
}

static bool target_valid(struct cpu *cpu, uint64_t target)
{
    return cpu->code_size == CODE_64 ? target_valid_64(cpu, target) : target_valid_32(cpu, target);
}

static bool call_target(struct cpu *cpu, const struct op *op, uint64_t *target)
{
    const struct instruction *instruction = op->instruction;
    if (instruction->operands[0].kind != OPERAND_RELATIVE)
        return operand_read(cpu, op, 0, target);
    *target = op_next_rip(cpu, op) + (uint64_t)instruction->immediate[0];
    return true;
}

static enum outcome call_any(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size;
    uint64_t target;
    if (!call_target(cpu, op, &target))
        return op_fault(cpu, op);
    target = truncate(target, size);
    uint64_t rsp = cpu->state.general[RSP];
    if (!stack_push(cpu, size, op_next_rip(cpu, op)))
        return op_fault(cpu, op);
    if (!target_valid(cpu, target)) {
        cpu->state.general[RSP] = rsp;
        return op_fault(cpu, op);
    }
    return block_jump(cpu, target);
}

static enum outcome ret_any(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    uint64_t before = cpu->state.general[RSP], target;
    if (!stack_pop(cpu, instruction->operand_size, &target))
        return op_fault(cpu, op);
    if (!target_valid(cpu, target)) {
        cpu->state.general[RSP] = before;
        return op_fault(cpu, op);
    }
    if (instruction->operand_count > 0)
        stack_drop(cpu, (unsigned)instruction->immediate[0]);
    return block_jump(cpu, target);
}

static op_execute *lower_ret(const struct cpu *cpu, const struct instruction *instruction,
                             struct op *op)
{
    if (!stack_is_flat(cpu, instruction->operand_size))
        return ret_any;
    op->instruction = NULL;
    op->immediate = instruction->operand_count > 0 ? instruction->immediate[0] : 0;
    return instruction->operand_size == 8 ? ret_64 : ret_32;
}

op_execute *lower_call(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    op->segment = SEGMENT_SS;
    if (instruction->mnemonic == MNEMONIC_RET)
        return lower_ret(cpu, instruction, op);
    bool wide = instruction->operand_size == 8;
    if (is_memory(instruction, 0) || !stack_is_flat(cpu, instruction->operand_size))
        return call_any;
    op->instruction = NULL;
    if (instruction->operands[0].kind == OPERAND_REGISTER) {
        op->source = instruction->operands[0].index;
        return wide ? call_register_64 : call_register_32;
    }
    lower_relative(instruction, op);
    return wide ? call_relative_64 : call_relative_32;
}
