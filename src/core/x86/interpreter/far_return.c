// SPDX-License-Identifier: Apache-2.0
/* Far RET and IRET (SDM volume 2, RET, IRET; volume 3, 5.8.6, 6.12.1, 6.14.3). */
#include "core/x86/interpreter/far_transfer.h"
#include "core/x86/interpreter/task_switch.h"

/* What IRET may change besides what depends on privilege. */
#define IRET_FLAGS    (RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT)
#define IRET_FLAGS_32 (RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

struct far_return {
    unsigned size;
    uint64_t rip, cs, rflags;
    bool interrupt;   /* IRET */
    uint64_t skipped; /* RET n */
    struct stack_frame stack;
    struct segment code;
};

static bool pop_return(struct cpu *cpu, struct far_return *back)
{
    stack_frame_current(cpu, &back->stack);
    if (!stack_frame_pop(cpu, &back->stack, back->size, &back->rip) ||
        !stack_frame_pop(cpu, &back->stack, 2, &back->cs)) /* no more than the selector is read */
        return false;
    stack_frame_skip(&back->stack, back->size - 2u);
    return !back->interrupt || stack_frame_pop(cpu, &back->stack, back->size, &back->rflags);
}

/* The flags that a return at the present CPL takes from its image. */
static void load_flags(struct cpu *cpu, const struct far_return *back)
{
    uint64_t mask = IRET_FLAGS, old = cpu_rflags(cpu);
    if (!back->interrupt)
        return;
    if (back->size > 2)
        mask |= IRET_FLAGS_32;
    if (in_real_mode(cpu) || cpu->privilege_level <= io_privilege_level(cpu))
        mask |= RFLAGS_IF;
    if (cpu->privilege_level == 0)
        mask |= RFLAGS_IOPL;
    if (cpu->privilege_level == 0 && in_protected_mode(cpu) && back->size > 2)
        mask |= RFLAGS_VIF | RFLAGS_VIP;
    cpu_set_rflags(cpu, (old & ~mask) | (back->rflags & mask));
}

static void unblock_nmi(struct cpu *cpu, const struct far_return *back)
{
    if (back->interrupt)
        cpu->state.nmi_blocked = false;
}

/* Real mode, and virtual-8086 mode with IOPL 3. */
static enum outcome return_real(struct cpu *cpu, const struct op *op, struct far_return *back)
{
    if (back->rip > cpu->state.segments[SEGMENT_CS].limit)
        return op_raise(cpu, op, EXCEPTION_GP);
    stack_frame_skip(&back->stack, back->skipped);
    stack_frame_commit(cpu, &back->stack);
    uint64_t virtual_8086 = cpu->state.rflags & (RFLAGS_VM | RFLAGS_IOPL);
    bool in_virtual_8086 = in_virtual_8086_mode(cpu);
    load_flags(cpu, back);
    if (in_virtual_8086)
        cpu->state.rflags = (cpu->state.rflags & ~RFLAGS_IOPL) | virtual_8086;
    segment_load_real(cpu, SEGMENT_CS, (uint16_t)back->cs);
    cpu->state.rip = back->rip;
    unblock_nmi(cpu, back);
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

/* CS of the returned-to code; its RPL becomes CPL. */
static bool load_return_code(struct cpu *cpu, struct far_return *back)
{
    struct descriptor code;
    uint16_t selector = (uint16_t)back->cs;
    unsigned privilege = selector & SELECTOR_RPL;
    if (selector_is_null(selector))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!descriptor_read(cpu, selector, EXCEPTION_GP, false, &code))
        return false;
    uint16_t attributes = descriptor_attributes(&code);
    unsigned dpl = descriptor_dpl(&code);
    bool permitted = descriptor_is_conforming(&code) ? dpl <= privilege : dpl == privilege;
    bool both_sizes = cpu->long_mode && attributes & SEGMENT_LONG && attributes & SEGMENT_BIG;
    if (!descriptor_is_code(&code) || privilege < cpu->privilege_level || !permitted || both_sizes)
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_present(&code))
        return raise_selector(cpu, EXCEPTION_NP, selector, false);
    if (!descriptor_set(cpu, &code, SEGMENT_TYPE_ACCESSED))
        return false;
    back->code = segment_from_descriptor(selector, &code);
    if (cpu->long_mode && !(back->code.attributes & SEGMENT_LONG))
        back->rip = (uint32_t)back->rip; /* compatibility mode takes 32 bits of it */
    return far_check_rip(cpu, &back->code, back->rip);
}

static bool load_return_stack(struct cpu *cpu, const struct far_return *back, uint16_t selector,
                              struct segment *segment)
{
    unsigned privilege = back->cs & SELECTOR_RPL;
    bool to_64_bit = cpu->long_mode && back->code.attributes & SEGMENT_LONG;
    if (!selector_is_null(selector))
        return stack_segment_load(cpu, selector, privilege, EXCEPTION_GP, false, segment);
    if (!to_64_bit || privilege == 3 || (selector & SELECTOR_RPL) != privilege)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    *segment = segment_null(selector, privilege);
    return true;
}

/* Data segments that the outer level may not use are nulled (volume 3, 5.8.6). A null FS or GS
 * keeps the base that it has in 64-bit mode. */
static void null_inner_segments(struct cpu *cpu, unsigned privilege)
{
    static const uint8_t indexes[] = { SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };
    for (unsigned i = 0; i < 4; i++) {
        struct segment *segment = &cpu->state.segments[indexes[i]];
        uint16_t attributes = segment->attributes;
        bool conforming = attributes & SEGMENT_TYPE_CODE && attributes & SEGMENT_TYPE_EXPAND_DOWN;
        if (attributes & SEGMENT_UNUSABLE)
            segment->selector = 0; /* whatever its RPL was */
        else if (!conforming && attributes_dpl(attributes) < privilege)
            *segment = segment_null(0, 0);
    }
}

/* With SS:rSP from the stack: to an outer level, and by any IRET in 64-bit mode. */
static enum outcome return_with_stack(struct cpu *cpu, const struct op *op, struct far_return *back)
{
    unsigned privilege = back->cs & SELECTOR_RPL;
    bool outer = privilege != cpu->privilege_level;
    uint64_t rsp, ss;
    struct segment segment;
    stack_frame_skip(&back->stack, back->skipped);
    if (!stack_frame_pop(cpu, &back->stack, back->size, &rsp) ||
        !stack_frame_pop(cpu, &back->stack, back->size, &ss) ||
        !load_return_stack(cpu, back, (uint16_t)ss, &segment))
        return op_fault(cpu, op);
    load_flags(cpu, back);
    cpu->state.segments[SEGMENT_CS] = back->code;
    bool wide = cpu->long_mode && back->code.attributes & SEGMENT_LONG;
    struct stack_frame stack = { .segment = segment, .pointer = rsp, .wide = wide };
    stack_frame_skip(&stack, back->skipped);
    stack_frame_commit(cpu, &stack);
    if (outer)
        null_inner_segments(cpu, privilege);
    unblock_nmi(cpu, back);
    return far_enter(cpu, &back->code, back->rip);
}

static enum outcome return_protected(struct cpu *cpu, const struct op *op, struct far_return *back)
{
    if (!load_return_code(cpu, back))
        return op_fault(cpu, op);
    bool outer = (back->cs & SELECTOR_RPL) != cpu->privilege_level;
    if (outer || (back->interrupt && cpu->code_size == CODE_64))
        return return_with_stack(cpu, op, back);
    stack_frame_skip(&back->stack, back->skipped);
    stack_frame_commit(cpu, &back->stack);
    load_flags(cpu, back);
    unblock_nmi(cpu, back);
    return far_enter(cpu, &back->code, back->rip);
}

enum outcome execute_ret_far(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    struct far_return back = { .size = instruction->operand_size };
    if (instruction->operand_count > 0)
        back.skipped = (uint16_t)instruction->immediate[0];
    if (!pop_return(cpu, &back))
        return op_fault(cpu, op);
    return in_protected_mode(cpu) ? return_protected(cpu, op, &back) : return_real(cpu, op, &back);
}

/* Figure 20-3: the frame of an event that interrupted virtual-8086 mode. */
static enum outcome return_to_virtual_8086(struct cpu *cpu, const struct op *op,
                                           struct far_return *back)
{
    static const uint8_t order[] = { SEGMENT_SS, SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };
    struct cpu_state *state = &cpu->state;
    uint64_t rsp, selectors[5];
    if (!stack_frame_pop(cpu, &back->stack, 4, &rsp))
        return op_fault(cpu, op);
    for (unsigned i = 0; i < 5; i++)
        if (!stack_frame_pop(cpu, &back->stack, 4, &selectors[i]))
            return op_fault(cpu, op);
    cpu_set_rflags(cpu, back->rflags & RFLAGS_WRITABLE);
    segment_load_real(cpu, SEGMENT_CS, (uint16_t)back->cs);
    for (unsigned i = 0; i < 5; i++)
        segment_load_real(cpu, order[i], (uint16_t)selectors[i]);
    state->general[RSP] = (uint32_t)rsp;
    state->rip = back->rip & UINT16_MAX;
    unblock_nmi(cpu, back);
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

/* NT: back to the task that was interrupted or called (8.4). */
static enum outcome return_to_task(struct cpu *cpu, const struct op *op)
{
    uint16_t link;
    struct task_request request = { .reason = TASK_BY_IRET, .return_rip = saved_next_rip(cpu, op) };
    if (!cpu_read_system(cpu, cpu->state.tr.base, &link, sizeof(link)))
        return op_fault(cpu, op);
    request.selector = link;
    cpu->state.rip = op_rip(cpu, op);
    if (!task_switch(cpu, &request))
        return OUTCOME_FAULT;
    cpu->state.nmi_blocked = false;
    return OUTCOME_CONTINUE;
}

/* IOPL < 3 with VME: the image's IF is VIF (20.3). */
static enum outcome return_virtual(struct cpu *cpu, const struct op *op, struct far_return *back)
{
    uint64_t old = cpu->state.rflags;
    bool pending = back->rflags & RFLAGS_IF && old & RFLAGS_VIP;
    if (!(cpu->state.cr4 & CR4_VME) || back->size != 2 || pending || back->rflags & RFLAGS_TF)
        return op_raise(cpu, op, EXCEPTION_GP);
    uint64_t vif = back->rflags & RFLAGS_IF ? RFLAGS_VIF : 0;
    enum outcome outcome = return_real(cpu, op, back);
    if (outcome == OUTCOME_CONTINUE)
        cpu->state.rflags = (cpu->state.rflags & ~RFLAGS_VIF) | vif;
    return outcome;
}

enum outcome execute_iret(struct cpu *cpu, const struct op *op)
{
    struct far_return back = { .size = op->instruction->operand_size, .interrupt = true };
    bool nested = in_protected_mode(cpu) && cpu->state.rflags & RFLAGS_NT;
    if (nested && cpu->long_mode)
        return op_raise(cpu, op, EXCEPTION_GP);
    if (nested)
        return return_to_task(cpu, op);
    if (!pop_return(cpu, &back))
        return op_fault(cpu, op);
    if (in_virtual_8086_mode(cpu) && io_privilege_level(cpu) != 3)
        return return_virtual(cpu, op, &back);
    if (!in_protected_mode(cpu))
        return return_real(cpu, op, &back);
    bool virtual_8086 = back.size == 4 && back.rflags & RFLAGS_VM && cpu->privilege_level == 0;
    if (virtual_8086 && !cpu->long_mode)
        return return_to_virtual_8086(cpu, op, &back);
    return return_protected(cpu, op, &back);
}
