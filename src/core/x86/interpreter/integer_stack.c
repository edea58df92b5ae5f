// SPDX-License-Identifier: Apache-2.0
/* PUSH, POP, PUSHA, POPA, ENTER, LEAVE, PUSHF, POPF. */
#include "core/x86/interpreter/branch.h"

/* -- Flat stacks, operand size 4 and 8 -- */

#define DEFINE_STACK(bits)                                                                         \
    static enum outcome push_register_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        if (!push_##bits(cpu, register_read_##bits(cpu, op->source)))                              \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome push_immediate_##bits(struct cpu *cpu, const struct op *op)                \
    {                                                                                              \
        if (!push_##bits(cpu, (uint##bits##_t)op->immediate))                                      \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome pop_register_##bits(struct cpu *cpu, const struct op *op)                  \
    {                                                                                              \
        uint##bits##_t value;                                                                      \
        if (!peek_##bits(cpu, &value))                                                             \
            return op_memory_fault(cpu, op);                                                       \
        drop_##bits(cpu, bits / 8);                                                                \
        register_write_##bits(cpu, op->destination, value);                                        \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome leave_##bits(struct cpu *cpu, const struct op *op)                         \
    {                                                                                              \
        uint##bits##_t value, frame = register_read_##bits(cpu, RBP);                              \
        if (!linear_read_##bits(cpu, frame, &value))                                               \
            return op_memory_fault(cpu, op);                                                       \
        register_write_##bits(cpu, RSP, frame + bits / 8);                                         \
        register_write_##bits(cpu, RBP, value);                                                    \
        NEXT_OP(cpu, op);                                                                          \
    }
DEFINE_STACK(32)
DEFINE_STACK(64)

/* -- Everything else: on a fault RSP goes back to where it was -- */

static enum outcome stack_fault(struct cpu *cpu, const struct op *op, uint64_t stack_pointer)
{
    cpu->state.general[RSP] = stack_pointer;
    return op_fault(cpu, op);
}

static enum outcome push_any(struct cpu *cpu, const struct op *op)
{
    uint64_t value;
    if (!operand_read(cpu, op, 0, &value) || !stack_push(cpu, op->instruction->operand_size, value))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

/* POP to memory addressed by rSP means rSP after the increment (SDM volume 2, POP). */
static enum outcome pop_any(struct cpu *cpu, const struct op *op)
{
    uint64_t before = cpu->state.general[RSP], value;
    if (!stack_pop(cpu, op->instruction->operand_size, &value) || !operand_write(cpu, op, 0, value))
        return stack_fault(cpu, op, before);
    NEXT_OP(cpu, op);
}

static enum outcome pusha(struct cpu *cpu, const struct op *op)
{
    uint64_t before = cpu->state.general[RSP];
    unsigned size = op->instruction->operand_size;
    for (unsigned i = RAX; i <= RDI; i++)
        if (!stack_push(cpu, size, i == RSP ? before : cpu->state.general[i]))
            return stack_fault(cpu, op, before);
    NEXT_OP(cpu, op);
}

static enum outcome popa(struct cpu *cpu, const struct op *op)
{
    uint64_t before = cpu->state.general[RSP], values[8];
    unsigned size = op->instruction->operand_size;
    for (unsigned i = RDI + 1; i-- > RAX;)
        if (!stack_pop(cpu, size, &values[i]))
            return stack_fault(cpu, op, before);
    for (unsigned i = RAX; i <= RDI; i++)
        if (i != RSP)
            register_write(cpu, i, size, values[i]);
    NEXT_OP(cpu, op);
}

/* The frame pointers of the procedures around, copied from their frames (SDM volume 2, ENTER). */
static bool copy_display(struct cpu *cpu, unsigned size, unsigned level, uint64_t frame)
{
    for (unsigned i = 1; i < level; i++) {
        uint64_t value;
        if (!stack_read(cpu, cpu->state.general[RBP] - (uint64_t)i * size, size, &value) ||
            !stack_push(cpu, size, value))
            return false;
    }
    return level == 0 || stack_push(cpu, size, frame);
}

static enum outcome enter(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    unsigned size = instruction->operand_size;
    unsigned level = (unsigned)instruction->immediate[1] & 31;
    uint64_t before = cpu->state.general[RSP];
    if (!stack_push(cpu, size, cpu->state.general[RBP]))
        return op_fault(cpu, op);
    uint64_t frame = cpu->state.general[RSP];
    if (!copy_display(cpu, size, level, frame))
        return stack_fault(cpu, op, before);
    stack_drop(cpu, 0u - (unsigned)(instruction->immediate[0] & 0xffff));
    /* The new top must be writable, though nothing is written there. */
    if (!stack_probe_write(cpu, size))
        return stack_fault(cpu, op, before);
    register_write(cpu, RBP, size, frame);
    NEXT_OP(cpu, op);
}

static enum outcome leave_any(struct cpu *cpu, const struct op *op)
{
    uint64_t before = cpu->state.general[RSP], value;
    unsigned size = op->instruction->operand_size;
    stack_set_pointer(cpu, cpu->state.general[RBP]);
    if (!stack_pop(cpu, size, &value))
        return stack_fault(cpu, op, before);
    register_write(cpu, RBP, size, value);
    NEXT_OP(cpu, op);
}

/* -- Flags (SDM volume 2, PUSHF and POPF) -- */

static unsigned io_privilege_level(const struct cpu *cpu)
{
    return (unsigned)(cpu->state.rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT;
}

static bool virtual_8086_forbids(struct cpu *cpu)
{
    return cpu->state.rflags & RFLAGS_VM && io_privilege_level(cpu) < 3;
}

static enum outcome pushf(struct cpu *cpu, const struct op *op)
{
    if (virtual_8086_forbids(cpu))
        cpu_raise_error(cpu, EXCEPTION_GP, 0);
    else if (stack_push(cpu, op->instruction->operand_size,
                        cpu_rflags(cpu) & ~(RFLAGS_VM | RFLAGS_RF)))
        NEXT_OP(cpu, op);
    return op_fault(cpu, op);
}

static uint64_t flags_that_popf_may_change(const struct cpu *cpu, unsigned size)
{
    uint64_t changeable = RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT;
    if (size > 2)
        changeable |= RFLAGS_AC | RFLAGS_ID;
    if (cpu->privilege_level == 0)
        changeable |= RFLAGS_IOPL;
    if (cpu->privilege_level <= io_privilege_level(cpu))
        changeable |= RFLAGS_IF;
    return changeable;
}

static enum outcome popf(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size;
    uint64_t popped, before = cpu_rflags(cpu);
    if (virtual_8086_forbids(cpu)) {
        cpu_raise_error(cpu, EXCEPTION_GP, 0);
        return op_fault(cpu, op);
    }
    if (!stack_pop(cpu, size, &popped))
        return op_fault(cpu, op);
    uint64_t changeable = flags_that_popf_may_change(cpu, size);
    cpu_set_rflags(cpu, ((before & ~changeable) | (popped & changeable)) & ~RFLAGS_RF);
    if ((before ^ popped) & changeable & RFLAGS_AC)
        cpu_mode_changed(cpu);
    return op_end_block(cpu, op);
}

static op_execute *lower_push(const struct cpu *cpu, const struct instruction *instruction,
                              struct op *op)
{
    bool wide = instruction->operand_size == 8;
    if (is_memory(instruction, 0) || !stack_is_flat(cpu, instruction->operand_size))
        return push_any;
    op->instruction = NULL;
    if (is_immediate(instruction, 0)) {
        op->immediate = immediate_of(instruction, 0);
        return wide ? push_immediate_64 : push_immediate_32;
    }
    op->source = instruction->operands[0].index;
    return wide ? push_register_64 : push_register_32;
}

static op_execute *lower_pop(const struct cpu *cpu, const struct instruction *instruction,
                             struct op *op)
{
    if (is_memory(instruction, 0) || !stack_is_flat(cpu, instruction->operand_size))
        return pop_any;
    op->instruction = NULL;
    op->destination = instruction->operands[0].index;
    return instruction->operand_size == 8 ? pop_register_64 : pop_register_32;
}

static op_execute *lower_leave(const struct cpu *cpu, const struct instruction *instruction,
                               struct op *op)
{
    if (!stack_is_flat(cpu, instruction->operand_size))
        return leave_any;
    op->instruction = NULL;
    return instruction->operand_size == 8 ? leave_64 : leave_32;
}

op_execute *lower_stack(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    op->segment = SEGMENT_SS;
    switch (instruction->mnemonic) {
    case MNEMONIC_PUSH:
        return lower_push(cpu, instruction, op);
    case MNEMONIC_POP:
        return lower_pop(cpu, instruction, op);
    case MNEMONIC_LEAVE:
        return lower_leave(cpu, instruction, op);
    case MNEMONIC_ENTER:
        return enter;
    case MNEMONIC_PUSHA:
        return pusha;
    case MNEMONIC_POPA:
        return popa;
    case MNEMONIC_PUSHF:
        return pushf;
    default:
        return popf;
    }
}
