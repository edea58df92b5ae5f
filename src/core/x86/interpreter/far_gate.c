// SPDX-License-Identifier: Apache-2.0
/* Call gates: to the same privilege, or to a higher one on a stack of its own with the parameters
 * copied (SDM volume 3, 5.8.3 to 5.8.5). */
#include "core/x86/interpreter/far_transfer.h"
#include "core/x86/interpreter/task_switch.h"

#define GATE_PARAMETERS 31u
#define TSS_64_RSP0     4u

struct gate_call {
    const struct op *op;
    bool call;
    unsigned size; /* of what is pushed: 2, 4, 8 */
    unsigned parameters;
    uint64_t offset;
    uint16_t selector; /* of the code segment */
    struct descriptor code;
};

static bool read_gate(struct cpu *cpu, uint16_t selector, struct descriptor *gate,
                      struct gate_call *call)
{
    bool wide = descriptor_type(gate) == SYSTEM_CALL_GATE;
    call->size = wide ? 4 : 2;
    call->parameters = gate->low >> 32 & GATE_PARAMETERS;
    if (cpu->long_mode) {
        enum descriptor_status status = descriptor_find_high(cpu, selector, gate);
        if (status == DESCRIPTOR_FAULT)
            return false;
        if (status == DESCRIPTOR_OUTSIDE || gate->high >> 40 & 0x1f)
            return raise_selector(cpu, EXCEPTION_GP, selector, false);
        call->size = 8;
        call->parameters = 0;
    }
    call->offset = gate_offset(gate) & (wide ? ~UINT64_C(0) : UINT16_MAX);
    call->selector = gate_selector(gate);
    return true;
}

static bool read_code(struct cpu *cpu, struct gate_call *call)
{
    uint16_t selector = call->selector;
    if (selector_is_null(selector))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!descriptor_read(cpu, selector, EXCEPTION_GP, false, &call->code))
        return false;
    uint16_t attributes = descriptor_attributes(&call->code);
    bool wrong_size = cpu->long_mode && (attributes & (SEGMENT_LONG | SEGMENT_BIG)) != SEGMENT_LONG;
    if (!descriptor_is_code(&call->code) || wrong_size ||
        descriptor_dpl(&call->code) > cpu->privilege_level)
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_present(&call->code))
        return raise_selector(cpu, EXCEPTION_NP, selector, false);
    return true;
}

static enum outcome same_privilege(struct cpu *cpu, const struct gate_call *call)
{
    struct segment code;
    struct stack_frame stack;
    if (!far_load_code(cpu, call->selector, &call->code, true, &code))
        return op_fault(cpu, call->op);
    uint64_t values[] = { cpu->state.segments[SEGMENT_CS].selector, saved_next_rip(cpu, call->op) };
    stack_frame_current(cpu, &stack);
    stack.wide = cpu->long_mode;
    if (call->call && !stack_frame_push_all(cpu, &stack, values, 2, call->size))
        return op_fault(cpu, call->op);
    if (!far_check_rip(cpu, &code, call->offset))
        return op_fault(cpu, call->op);
    if (call->call)
        stack_frame_commit(cpu, &stack);
    return far_enter(cpu, &code, call->offset);
}

/* The stack of the inner level, in long mode with a null SS. */
static bool inner_stack(struct cpu *cpu, unsigned privilege, struct stack_frame *stack)
{
    struct segment segment;
    uint16_t selector;
    uint32_t pointer;
    if (!cpu->long_mode) {
        if (!task_stack(cpu, privilege, false, &selector, &pointer) ||
            !stack_segment_load(cpu, selector, privilege, EXCEPTION_TS, false, &segment))
            return false;
        stack_frame_new(cpu, stack, &segment, pointer, privilege, false);
        return true;
    }
    const struct segment *tr = &cpu->state.tr;
    uint32_t offset = TSS_64_RSP0 + 8 * privilege;
    uint64_t rsp;
    if (offset + 7 > tr->limit)
        return raise_selector(cpu, EXCEPTION_TS, tr->selector, false);
    if (!cpu_read_system(cpu, tr->base + offset, &rsp, sizeof(rsp)))
        return false;
    segment = segment_null((uint16_t)privilege, privilege);
    stack_frame_new(cpu, stack, &segment, rsp, privilege, false);
    stack->wide = true;
    return true;
}

static bool copy_parameters(struct cpu *cpu, const struct gate_call *call,
                            struct stack_frame *stack)
{
    uint64_t values[GATE_PARAMETERS];
    struct stack_frame old;
    stack_frame_current(cpu, &old);
    for (unsigned i = call->parameters; i-- > 0;)
        if (!stack_frame_pop(cpu, &old, call->size, &values[i]))
            return false;
    return stack_frame_push_all(cpu, stack, values, call->parameters, call->size);
}

static enum outcome inner_privilege(struct cpu *cpu, struct gate_call *call)
{
    const struct cpu_state *state = &cpu->state;
    unsigned privilege = descriptor_dpl(&call->code);
    struct stack_frame stack;
    uint64_t outer[] = { state->segments[SEGMENT_SS].selector, state->general[RSP] };
    uint64_t back[] = { state->segments[SEGMENT_CS].selector, saved_next_rip(cpu, call->op) };
    uint16_t selector = (uint16_t)((call->selector & ~SELECTOR_RPL) | privilege);
    if (!inner_stack(cpu, privilege, &stack) ||
        !stack_frame_push_all(cpu, &stack, outer, 2, call->size) ||
        !copy_parameters(cpu, call, &stack) ||
        !stack_frame_push_all(cpu, &stack, back, 2, call->size) ||
        !descriptor_set(cpu, &call->code, SEGMENT_TYPE_ACCESSED))
        return op_fault(cpu, call->op);
    struct segment code = segment_from_descriptor(selector, &call->code);
    if (!far_check_rip(cpu, &code, call->offset))
        return op_fault(cpu, call->op);
    stack_frame_commit(cpu, &stack);
    return far_enter(cpu, &code, call->offset);
}

enum outcome far_through_gate(struct cpu *cpu, const struct op *op, uint16_t selector,
                              struct descriptor *gate, bool call)
{
    struct gate_call request = { .op = op, .call = call };
    if (!read_gate(cpu, selector, gate, &request) || !read_code(cpu, &request))
        return op_fault(cpu, op);
    bool inner = call && !descriptor_is_conforming(&request.code) &&
                 descriptor_dpl(&request.code) < cpu->privilege_level;
    return inner ? inner_privilege(cpu, &request) : same_privilege(cpu, &request);
}
