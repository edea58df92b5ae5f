// SPDX-License-Identifier: Apache-2.0
/* Instructions that write the system flags (SDM volume 2, CLI, STI, POPF, PUSHF; volume 3, 20.3 for
 * virtual-8086 mode and protected-mode virtual interrupts). */
#include "core/x86/interpreter/system.h"

/* Where CLI, STI, PUSHF and POPF mean the virtual interrupt flag. */
static bool virtual_interrupts(const struct cpu *cpu)
{
    if (in_virtual_8086_mode(cpu))
        return cpu->state.cr4 & CR4_VME;
    return in_protected_mode(cpu) && cpu->privilege_level == 3 && cpu->state.cr4 & CR4_PVI;
}

static bool may_change_if(const struct cpu *cpu)
{
    return in_real_mode(cpu) || cpu->privilege_level <= io_privilege_level(cpu);
}

enum outcome execute_cli(struct cpu *cpu, const struct op *op)
{
    if (may_change_if(cpu)) {
        cpu->state.rflags &= ~RFLAGS_IF;
        NEXT_OP(cpu, op);
    }
    if (!virtual_interrupts(cpu))
        return op_raise(cpu, op, EXCEPTION_GP);
    cpu->state.rflags &= ~RFLAGS_VIF;
    NEXT_OP(cpu, op);
}

enum outcome execute_sti(struct cpu *cpu, const struct op *op)
{
    struct cpu_state *state = &cpu->state;
    if (may_change_if(cpu)) {
        if (!(state->rflags & RFLAGS_IF)) {
            state->rflags |= RFLAGS_IF;
            state->interrupt_shadow = true;
            cpu_attend(cpu, ATTENTION_STEP);
        }
        return op_end_block(cpu, op);
    }
    if (!virtual_interrupts(cpu) || state->rflags & RFLAGS_VIP)
        return op_raise(cpu, op, EXCEPTION_GP);
    state->rflags |= RFLAGS_VIF;
    NEXT_OP(cpu, op);
}

/* In virtual-8086 mode with IOPL < 3: with VME, VIF stands for IF in the 16-bit image. */
static bool virtual_flags_image(struct cpu *cpu, unsigned size)
{
    if (!in_virtual_8086_mode(cpu) || io_privilege_level(cpu) == 3)
        return false;
    return size == 2 && cpu->state.cr4 & CR4_VME;
}

static bool flags_permitted(struct cpu *cpu, unsigned size)
{
    if (!in_virtual_8086_mode(cpu) || io_privilege_level(cpu) == 3 ||
        virtual_flags_image(cpu, size))
        return true;
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

enum outcome execute_pushf(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size;
    uint64_t image = cpu_rflags(cpu) & ~(RFLAGS_VM | RFLAGS_RF);
    if (!flags_permitted(cpu, size))
        return op_fault(cpu, op);
    if (virtual_flags_image(cpu, size)) {
        image |= RFLAGS_IOPL;
        image = image & RFLAGS_VIF ? image | RFLAGS_IF : image & ~RFLAGS_IF;
    }
    if (!stack_push(cpu, size, image))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

/* What POPF may change (volume 2, table 4-16). */
static uint64_t popf_mask(const struct cpu *cpu, unsigned size)
{
    uint64_t mask = RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT;
    if (size > 2)
        mask |= RFLAGS_AC | RFLAGS_ID;
    if (may_change_if(cpu))
        mask |= RFLAGS_IF;
    if (cpu->privilege_level == 0)
        mask |= RFLAGS_IOPL;
    return mask;
}

/* False: #GP(0). */
static bool pop_virtual_flags(struct cpu *cpu, uint64_t image)
{
    const uint64_t mask = RFLAGS_ARITHMETIC | RFLAGS_DF | RFLAGS_NT | RFLAGS_TF;
    uint64_t old = cpu_rflags(cpu);
    if (image & RFLAGS_TF || (image & RFLAGS_IF && old & RFLAGS_VIP))
        return false;
    old = (old & ~mask) | (image & mask);
    cpu_set_rflags(cpu, image & RFLAGS_IF ? old | RFLAGS_VIF : old & ~RFLAGS_VIF);
    return true;
}

enum outcome execute_popf(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size;
    uint64_t image, old_rsp = cpu->state.general[RSP];
    if (!flags_permitted(cpu, size) || !stack_pop(cpu, size, &image))
        return op_fault(cpu, op);
    if (virtual_flags_image(cpu, size)) {
        if (!pop_virtual_flags(cpu, image)) {
            cpu->state.general[RSP] = old_rsp;
            return op_raise(cpu, op, EXCEPTION_GP);
        }
        return op_end_level(cpu, op);
    }
    uint64_t mask = popf_mask(cpu, size), old = cpu_rflags(cpu);
    uint64_t new = (old & ~(mask | RFLAGS_RF)) | (image & mask);
    cpu_set_rflags(cpu, new);
    if ((old ^ new) & (RFLAGS_AC | RFLAGS_TF))
        return op_end_level(cpu, op);
    return op_end_block(cpu, op);
}

/* EFLAGS.AC lets the supervisor look at user pages: another row of the TLB, the same code. */
static enum outcome set_alignment_check(struct cpu *cpu, const struct op *op, uint64_t flag)
{
    cpu->state.rflags = (cpu->state.rflags & ~RFLAGS_AC) | flag;
    cpu_level_changed(cpu);
    NEXT_OP(cpu, op);
}

enum outcome execute_clac(struct cpu *cpu, const struct op *op)
{
    return set_alignment_check(cpu, op, 0);
}

enum outcome execute_stac(struct cpu *cpu, const struct op *op)
{
    return set_alignment_check(cpu, op, RFLAGS_AC);
}
