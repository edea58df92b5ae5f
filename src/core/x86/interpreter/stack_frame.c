// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/stack_frame.h"

#include "core/x86/instruction.h"

void stack_frame_current(struct cpu *cpu, struct stack_frame *stack)
{
    *stack = (struct stack_frame){ .segment = cpu->state.segments[SEGMENT_SS],
                                   .pointer = cpu->state.general[RSP],
                                   .mode = cpu->access_mode,
                                   .wide = cpu->code_size == CODE_64,
                                   .current = true };
}

void stack_frame_new(struct cpu *cpu, struct stack_frame *stack, const struct segment *segment,
                     uint64_t pointer, unsigned privilege, bool external)
{
    *stack = (struct stack_frame){ .segment = *segment,
                                   .pointer = pointer,
                                   .mode = stack_access_mode(cpu, privilege),
                                   .fault_code = (segment->selector & ~SELECTOR_RPL) | external };
}

static uint64_t pointer_mask(const struct stack_frame *stack)
{
    if (stack->wide)
        return ~UINT64_C(0);
    return stack->segment.attributes & SEGMENT_BIG ? UINT32_MAX : UINT16_MAX;
}

static bool frame_linear(struct cpu *cpu, const struct stack_frame *stack, uint64_t offset,
                         unsigned size, gva_t *linear)
{
    if (stack->wide) {
        *linear = offset;
        if (is_canonical(offset) && is_canonical(offset + size - 1))
            return true;
    } else {
        *linear = (uint32_t)(stack->segment.base + offset);
        if (segment_contains(&stack->segment, offset, size))
            return true;
    }
    return cpu_raise_error(cpu, EXCEPTION_SS, stack->fault_code);
}

static bool access_allowed(struct cpu *cpu, const struct stack_frame *stack, gva_t linear,
                           unsigned size, bool write)
{
    return !stack->current || memory_access_allowed(cpu, linear, size, write);
}

bool stack_frame_push(struct cpu *cpu, struct stack_frame *stack, uint64_t value, unsigned size)
{
    gva_t linear;
    uint64_t pointer = (stack->pointer - size) & pointer_mask(stack);
    if (!frame_linear(cpu, stack, pointer, size, &linear) ||
        !access_allowed(cpu, stack, linear, size, true) ||
        !memory_write(cpu, stack->mode, linear, &value, size))
        return false;
    stack->pointer = pointer;
    return true;
}

bool stack_frame_push_all(struct cpu *cpu, struct stack_frame *stack, const uint64_t *values,
                          unsigned count, unsigned size)
{
    for (unsigned i = 0; i < count; i++)
        if (!stack_frame_push(cpu, stack, values[i], size))
            return false;
    return true;
}

bool stack_frame_pop(struct cpu *cpu, struct stack_frame *stack, unsigned size, uint64_t *value)
{
    gva_t linear;
    uint64_t pointer = stack->pointer & pointer_mask(stack);
    *value = 0;
    if (!frame_linear(cpu, stack, pointer, size, &linear) ||
        !access_allowed(cpu, stack, linear, size, false) ||
        !memory_read(cpu, stack->mode, linear, value, size))
        return false;
    stack->pointer = (pointer + size) & pointer_mask(stack);
    return true;
}

void stack_frame_skip(struct stack_frame *stack, uint64_t bytes)
{
    stack->pointer = (stack->pointer + bytes) & pointer_mask(stack);
}

void stack_frame_commit(struct cpu *cpu, const struct stack_frame *stack)
{
    uint64_t *rsp = &cpu->state.general[RSP];
    uint64_t mask = pointer_mask(stack);
    cpu->state.segments[SEGMENT_SS] = stack->segment;
    *rsp = mask == UINT16_MAX ? (*rsp & ~mask) | (stack->pointer & mask) : stack->pointer & mask;
}
