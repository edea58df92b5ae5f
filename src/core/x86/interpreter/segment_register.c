// SPDX-License-Identifier: Apache-2.0
/* Instructions that read and load segment registers. */
#include "core/x86/interpreter/far_transfer.h"
#include "core/x86/interpreter/system.h"

/* After MOV SS and POP SS interrupts wait for one instruction, so that RSP can follow (SDM volume
 * 3, 6.8.3). */
static enum outcome loaded(struct cpu *cpu, const struct op *op, unsigned segment)
{
    if (segment == SEGMENT_SS)
        cpu->state.interrupt_shadow = true;
    return op_end_level(cpu, op);
}

enum outcome execute_mov_segment(struct cpu *cpu, const struct op *op)
{
    const struct operand *operands = op->instruction->operands;
    uint64_t selector;
    if (operands[0].register_class != REGISTER_SEGMENT || operands[0].kind != OPERAND_REGISTER) {
        selector = cpu->state.segments[operands[1].index].selector;
        if (!operand_write(cpu, op, 0, selector))
            return op_fault(cpu, op);
        NEXT_OP(cpu, op);
    }
    unsigned segment = operands[0].index;
    if (segment == SEGMENT_CS || segment > SEGMENT_GS)
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 1, &selector) || !segment_load(cpu, segment, (uint16_t)selector))
        return op_fault(cpu, op);
    return loaded(cpu, op, segment);
}

/* Zero-extended to the operand size, which volume 2, PUSH, allows. */
enum outcome execute_push_segment(struct cpu *cpu, const struct op *op)
{
    unsigned segment = op->instruction->operands[0].index;
    if (!stack_push(cpu, op->instruction->operand_size, cpu->state.segments[segment].selector))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_pop_segment(struct cpu *cpu, const struct op *op)
{
    unsigned segment = op->instruction->operands[0].index;
    uint64_t selector, rsp = cpu->state.general[RSP];
    if (!stack_pop(cpu, 2, &selector)) /* no more than the selector is read */
        return op_fault(cpu, op);
    stack_drop(cpu, op->instruction->operand_size - 2u);
    if (!segment_load(cpu, segment, (uint16_t)selector)) {
        cpu->state.general[RSP] = rsp;
        return op_fault(cpu, op);
    }
    return loaded(cpu, op, segment);
}

static unsigned far_pointer_segment(unsigned mnemonic)
{
    switch (mnemonic) {
    case MNEMONIC_LDS:
        return SEGMENT_DS;
    case MNEMONIC_LES:
        return SEGMENT_ES;
    case MNEMONIC_LFS:
        return SEGMENT_FS;
    case MNEMONIC_LGS:
        return SEGMENT_GS;
    default:
        return SEGMENT_SS;
    }
}

enum outcome execute_load_far_pointer(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size;
    unsigned segment = far_pointer_segment(op->instruction->mnemonic);
    struct far_pointer pointer;
    if (!far_pointer_load(cpu, op, &pointer) || !segment_load(cpu, segment, pointer.selector))
        return op_fault(cpu, op);
    register_write(cpu, op->instruction->operands[0].index, size, pointer.offset);
    return op_end_level(cpu, op);
}
