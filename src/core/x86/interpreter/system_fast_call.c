// SPDX-License-Identifier: Apache-2.0
/* System calls without descriptors (SDM volume 3, 5.8.7, 5.8.8; volume 2, SYSCALL, SYSENTER), and
 * the bases of FS and GS. */
#include "core/x86/interpreter/system.h"

#define FLAT_CODE_ATTRIBUTES  0x809b /* G, present, code, readable, accessed */
#define FLAT_STACK_ATTRIBUTES 0xc093 /* G, B, present, writable, accessed */

void load_flat_code(struct cpu *cpu, uint16_t selector, unsigned privilege, bool long_mode)
{
    uint16_t size = long_mode ? SEGMENT_LONG : SEGMENT_BIG;
    cpu->state.segments[SEGMENT_CS] = (struct segment){
        .selector = selector,
        .limit = UINT32_MAX,
        .attributes = (uint16_t)(FLAT_CODE_ATTRIBUTES | size | privilege << 5),
    };
}

void load_flat_stack(struct cpu *cpu, uint16_t selector, unsigned privilege)
{
    cpu->state.segments[SEGMENT_SS] = (struct segment){
        .selector = selector,
        .limit = UINT32_MAX,
        .attributes = (uint16_t)(FLAT_STACK_ATTRIBUTES | privilege << 5),
    };
}

static enum outcome enter(struct cpu *cpu, uint64_t rip)
{
    cpu->state.rip = rip;
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

enum outcome execute_syscall(struct cpu *cpu, const struct op *op)
{
    struct cpu_state *state = &cpu->state;
    if (!(state->efer & EFER_SCE))
        return op_raise(cpu, op, EXCEPTION_UD);
    uint64_t rflags = cpu_rflags(cpu) & ~RFLAGS_RF;
    uint16_t selector = (uint16_t)(state->star >> 32) & 0xfffc;
    state->general[RCX] = op_next_rip(cpu, op);
    state->general[R11] = rflags;
    cpu_set_rflags(cpu, rflags & ~state->sfmask);
    load_flat_code(cpu, selector, 0, true);
    load_flat_stack(cpu, (uint16_t)(selector + 8), 0);
    return enter(cpu, state->lstar);
}

enum outcome execute_sysret(struct cpu *cpu, const struct op *op)
{
    struct cpu_state *state = &cpu->state;
    bool long_mode = op->instruction->operand_size == 8;
    uint64_t rip = state->general[RCX];
    if (!(state->efer & EFER_SCE))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (long_mode && !is_canonical(rip))
        return op_raise(cpu, op, EXCEPTION_GP);
    uint16_t selector = (uint16_t)(state->star >> 48);
    uint64_t kept = RFLAGS_WRITABLE & ~(RFLAGS_RF | RFLAGS_VM);
    cpu_set_rflags(cpu, state->general[R11] & kept);
    load_flat_code(cpu, (uint16_t)((selector + (long_mode ? 16 : 0)) | 3), 3, long_mode);
    load_flat_stack(cpu, (uint16_t)((selector + 8) | 3), 3);
    return enter(cpu, long_mode ? rip : (uint32_t)rip);
}

enum outcome execute_sysenter(struct cpu *cpu, const struct op *op)
{
    struct cpu_state *state = &cpu->state;
    uint16_t selector = state->sysenter_cs & 0xfffc;
    if (in_real_mode(cpu) || selector == 0)
        return op_raise(cpu, op, EXCEPTION_GP);
    state->rflags &= ~(RFLAGS_VM | RFLAGS_IF);
    uint64_t mask = cpu->long_mode ? ~UINT64_C(0) : UINT32_MAX;
    state->general[RSP] = state->sysenter_esp & mask;
    load_flat_code(cpu, selector, 0, cpu->long_mode);
    load_flat_stack(cpu, (uint16_t)(selector + 8), 0);
    return enter(cpu, state->sysenter_eip & mask);
}

enum outcome execute_sysexit(struct cpu *cpu, const struct op *op)
{
    struct cpu_state *state = &cpu->state;
    bool long_mode = op->instruction->operand_size == 8;
    uint64_t mask = long_mode ? ~UINT64_C(0) : UINT32_MAX;
    uint64_t rip = state->general[RDX] & mask, rsp = state->general[RCX] & mask;
    uint16_t selector = state->sysenter_cs & 0xfffc;
    if (in_real_mode(cpu) || selector == 0 || !is_canonical(rip) || !is_canonical(rsp))
        return op_raise(cpu, op, EXCEPTION_GP);
    selector = (uint16_t)(selector + (long_mode ? 32 : 16));
    state->general[RSP] = rsp;
    load_flat_code(cpu, selector | 3, 3, long_mode);
    load_flat_stack(cpu, (uint16_t)(selector + 8) | 3, 3);
    return enter(cpu, rip);
}

enum outcome execute_swapgs(struct cpu *cpu, const struct op *op)
{
    struct segment *gs = &cpu->state.segments[SEGMENT_GS];
    uint64_t base = gs->base;
    gs->base = cpu->state.kernel_gs_base;
    cpu->state.kernel_gs_base = base;
    cpu_level_changed(cpu);
    NEXT_OP(cpu, op);
}

static enum outcome read_base(struct cpu *cpu, const struct op *op, unsigned segment)
{
    if (!(cpu->state.cr4 & CR4_FSGSBASE))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_write(cpu, op, 0, cpu->state.segments[segment].base))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome write_base(struct cpu *cpu, const struct op *op, unsigned segment)
{
    uint64_t base;
    if (!(cpu->state.cr4 & CR4_FSGSBASE))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 0, &base))
        return op_fault(cpu, op);
    if (!is_canonical(base))
        return op_raise(cpu, op, EXCEPTION_GP);
    cpu->state.segments[segment].base = base;
    cpu_level_changed(cpu);
    NEXT_OP(cpu, op);
}

enum outcome execute_rdfsbase(struct cpu *cpu, const struct op *op)
{
    return read_base(cpu, op, SEGMENT_FS);
}

enum outcome execute_rdgsbase(struct cpu *cpu, const struct op *op)
{
    return read_base(cpu, op, SEGMENT_GS);
}

enum outcome execute_wrfsbase(struct cpu *cpu, const struct op *op)
{
    return write_base(cpu, op, SEGMENT_FS);
}

enum outcome execute_wrgsbase(struct cpu *cpu, const struct op *op)
{
    return write_base(cpu, op, SEGMENT_GS);
}
