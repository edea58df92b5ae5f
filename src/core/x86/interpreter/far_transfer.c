// SPDX-License-Identifier: Apache-2.0
/* Far JMP and CALL (SDM volume 2, JMP, CALL; volume 3, 5.8.1 and 8.3). */
#include "core/x86/interpreter/far_transfer.h"

#include "core/x86/interpreter/task_switch.h"

uint64_t saved_next_rip(const struct cpu *cpu, const struct op *op)
{
    uint64_t rip = op_next_rip(cpu, op);
    return cpu->code_size == CODE_64 ? rip : (uint32_t)rip;
}

static bool far_linear(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size,
                       gva_t *linear)
{
    *linear = offset;
    return cpu->flat_segments >> segment & 1 ||
           segment_linear(cpu, segment, offset, size, ACCESS_READ, linear);
}

static bool load_part(struct cpu *cpu, const struct op *op, uint64_t offset, unsigned size,
                      uint64_t *value)
{
    const struct memory_operand *memory = &op->instruction->memory;
    gva_t linear;
    offset &= ~UINT64_C(0) >> (64 - 8 * op->instruction->address_size);
    *value = 0;
    if (far_linear(cpu, memory->segment, offset, size, &linear) &&
        cpu_read_slow(cpu, linear, value, size))
        return true;
    if (memory->segment == SEGMENT_SS && cpu->exception.non_canonical)
        cpu->exception.vector = EXCEPTION_SS;
    return false;
}

bool far_pointer_load(struct cpu *cpu, const struct op *op, struct far_pointer *pointer)
{
    unsigned size = op->instruction->operand_size;
    uint64_t at = operand_offset(cpu, op), selector;
    if (!load_part(cpu, op, at, size, &pointer->offset) ||
        !load_part(cpu, op, at + size, 2, &selector))
        return false;
    pointer->selector = (uint16_t)selector;
    return true;
}

static bool read_far_pointer(struct cpu *cpu, const struct op *op, struct far_pointer *pointer)
{
    const struct instruction *instruction = op->instruction;
    if (instruction->operands[0].kind == OPERAND_FAR) {
        pointer->offset = (uint64_t)instruction->immediate[0];
        pointer->selector = (uint16_t)instruction->immediate[1];
        if (instruction->operand_size == 2)
            pointer->offset &= UINT16_MAX;
        else
            pointer->offset &= UINT32_MAX;
        return true;
    }
    return far_pointer_load(cpu, op, pointer);
}

bool far_check_rip(struct cpu *cpu, const struct segment *code, uint64_t rip)
{
    bool long_mode = cpu->long_mode && code->attributes & SEGMENT_LONG;
    if (long_mode ? is_canonical(rip) : rip <= code->limit)
        return true;
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

enum outcome far_enter(struct cpu *cpu, const struct segment *code, uint64_t rip)
{
    cpu->state.segments[SEGMENT_CS] = *code;
    cpu->state.rip = rip;
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

static bool push_return(struct cpu *cpu, const struct op *op, struct stack_frame *stack)
{
    uint64_t values[] = { cpu->state.segments[SEGMENT_CS].selector, saved_next_rip(cpu, op) };
    stack_frame_current(cpu, stack);
    return stack_frame_push_all(cpu, stack, values, 2, op->instruction->operand_size);
}

static enum outcome transfer_real(struct cpu *cpu, const struct op *op,
                                  const struct far_pointer *pointer, bool call)
{
    struct stack_frame stack;
    if (pointer->offset > cpu->state.segments[SEGMENT_CS].limit)
        return op_raise(cpu, op, EXCEPTION_GP);
    if (call) {
        if (!push_return(cpu, op, &stack))
            return op_fault(cpu, op);
        stack_frame_commit(cpu, &stack);
    }
    segment_load_real(cpu, SEGMENT_CS, pointer->selector);
    cpu->state.rip = pointer->offset;
    cpu_level_changed(cpu);
    return OUTCOME_CONTINUE;
}

bool far_load_code(struct cpu *cpu, uint16_t selector, const struct descriptor *code, bool gate,
                   struct segment *segment)
{
    struct descriptor accessed = *code;
    uint16_t attributes = descriptor_attributes(code);
    unsigned privilege = cpu->privilege_level, dpl = descriptor_dpl(code);
    bool permitted = descriptor_is_conforming(code)
                         ? dpl <= privilege
                         : dpl == privilege && (gate || (selector & SELECTOR_RPL) <= privilege);
    bool both_sizes = cpu->long_mode && attributes & SEGMENT_LONG && attributes & SEGMENT_BIG;
    if (!permitted || both_sizes)
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_present(code))
        return raise_selector(cpu, EXCEPTION_NP, selector, false);
    if (!descriptor_set(cpu, &accessed, SEGMENT_TYPE_ACCESSED))
        return false;
    *segment =
        segment_from_descriptor((uint16_t)((selector & ~SELECTOR_RPL) | privilege), &accessed);
    return true;
}

static enum outcome transfer_to_code(struct cpu *cpu, const struct op *op,
                                     const struct far_pointer *pointer,
                                     const struct descriptor *descriptor, bool call)
{
    struct segment code;
    struct stack_frame stack;
    if (!far_load_code(cpu, pointer->selector, descriptor, false, &code))
        return op_fault(cpu, op);
    if (call && !push_return(cpu, op, &stack))
        return op_fault(cpu, op);
    /* Compatibility mode takes 32 bits of it (volume 2, CALL). */
    uint64_t rip = code.attributes & SEGMENT_LONG ? pointer->offset : (uint32_t)pointer->offset;
    if (!far_check_rip(cpu, &code, rip))
        return op_fault(cpu, op);
    if (call)
        stack_frame_commit(cpu, &stack);
    return far_enter(cpu, &code, rip);
}

static enum outcome transfer_to_task(struct cpu *cpu, const struct op *op, uint16_t selector,
                                     bool call)
{
    struct task_request request = { .selector = selector,
                                    .reason = call ? TASK_BY_CALL : TASK_BY_JUMP,
                                    .return_rip = saved_next_rip(cpu, op) };
    cpu->state.rip = op_rip(cpu, op);
    return task_switch(cpu, &request) ? OUTCOME_CONTINUE : OUTCOME_FAULT;
}

static bool system_permitted(const struct cpu *cpu, uint16_t selector,
                             const struct descriptor *descriptor)
{
    unsigned dpl = descriptor_dpl(descriptor);
    return cpu->privilege_level <= dpl && (selector & SELECTOR_RPL) <= dpl;
}

static enum outcome transfer_to_system(struct cpu *cpu, const struct op *op, uint16_t selector,
                                       struct descriptor *descriptor, bool call)
{
    unsigned type = descriptor_type(descriptor);
    bool known = cpu->long_mode
                     ? type == SYSTEM_CALL_GATE
                     : type == SYSTEM_CALL_GATE_16 || type == SYSTEM_CALL_GATE ||
                           type == SYSTEM_TASK_GATE || type == SYSTEM_TSS_16 || type == SYSTEM_TSS;
    unsigned vector = 0;
    if (!known || !system_permitted(cpu, selector, descriptor))
        vector = EXCEPTION_GP;
    else if (!descriptor_present(descriptor))
        vector = EXCEPTION_NP;
    if (vector) {
        raise_selector(cpu, vector, selector, false);
        return op_fault(cpu, op);
    }
    if (type == SYSTEM_CALL_GATE_16 || type == SYSTEM_CALL_GATE)
        return far_through_gate(cpu, op, selector, descriptor, call);
    if (type == SYSTEM_TASK_GATE)
        selector = gate_selector(descriptor);
    return transfer_to_task(cpu, op, selector, call);
}

static enum outcome transfer(struct cpu *cpu, const struct op *op, bool call)
{
    struct far_pointer pointer;
    struct descriptor descriptor;
    if (!read_far_pointer(cpu, op, &pointer))
        return op_fault(cpu, op);
    if (!in_protected_mode(cpu))
        return transfer_real(cpu, op, &pointer, call);
    if (selector_is_null(pointer.selector))
        return op_raise(cpu, op, EXCEPTION_GP);
    if (!descriptor_read(cpu, pointer.selector, EXCEPTION_GP, false, &descriptor))
        return op_fault(cpu, op);
    if (descriptor_is_system(&descriptor))
        return transfer_to_system(cpu, op, pointer.selector, &descriptor, call);
    if (descriptor_is_code(&descriptor))
        return transfer_to_code(cpu, op, &pointer, &descriptor, call);
    raise_selector(cpu, EXCEPTION_GP, pointer.selector, false);
    return op_fault(cpu, op);
}

enum outcome execute_jmp_far(struct cpu *cpu, const struct op *op)
{
    return transfer(cpu, op, false);
}

enum outcome execute_call_far(struct cpu *cpu, const struct op *op)
{
    return transfer(cpu, op, true);
}
