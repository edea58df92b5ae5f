// SPDX-License-Identifier: Apache-2.0
/* x87 instructions about the control and status words. */
#include "core/x86/interpreter/host_execute.h"

static OUT_OF_LINE bool fldcw(struct cpu *cpu, const struct op *op)
{
    uint64_t fcw;
    if (!host_prepare(cpu, op->instruction) || !operand_read(cpu, op, 0, &fcw))
        return false;
    vector_set_fcw(cpu, (uint16_t)fcw);
    return true;
}

static enum outcome execute_fldcw(struct cpu *cpu, const struct op *op)
{
    if (!fldcw(cpu, op))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fnstcw(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction) || !operand_write(cpu, op, 0, cpu->vector.fcw))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fnstsw(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction) || !operand_write(cpu, op, 0, vector_fsw(cpu)))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fnclex(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction))
        return op_fault(cpu, op);
    __asm__ volatile("fnclex");
    NEXT_OP(cpu, op);
}

static enum outcome execute_fninit(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare_no_wait(cpu, op->instruction))
        return op_fault(cpu, op);
    vector_initialize_x87(cpu);
    NEXT_OP(cpu, op);
}

static enum outcome execute_fwait(struct cpu *cpu, const struct op *op)
{
    if (!host_prepare(cpu, op->instruction))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

op_execute *lower_x87_control(const struct instruction *instruction)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_FLDCW:
        return execute_fldcw;
    case MNEMONIC_FNSTCW:
        return execute_fnstcw;
    case MNEMONIC_FNSTSW:
        return execute_fnstsw;
    case MNEMONIC_FNCLEX:
        return execute_fnclex;
    case MNEMONIC_FNINIT:
        return execute_fninit;
    case MNEMONIC_FWAIT:
        return execute_fwait;
    default:
        return NULL;
    }
}
