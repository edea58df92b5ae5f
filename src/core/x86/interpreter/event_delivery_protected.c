// SPDX-License-Identifier: Apache-2.0
/* Events in protected and virtual-8086 mode (SDM volume 3, 6.12 and 20.3; volume 2, INT n). */
#include "core/x86/interpreter/event.h"
#include "core/x86/interpreter/stack_frame.h"
#include "core/x86/interpreter/task_switch.h"

#define GATE_SIZE 8

static bool gate_is_32_bit(const struct descriptor *gate)
{
    return descriptor_type(gate) & 8;
}

static bool read_gate(struct cpu *cpu, const struct event *event, struct descriptor *gate)
{
    uint32_t offset = event->vector * GATE_SIZE;
    if (offset + GATE_SIZE - 1 > cpu->state.idtr.limit)
        return raise_gate(cpu, EXCEPTION_GP, event);
    gate->high = 0;
    gate->address = cpu->state.idtr.base + offset;
    if (!cpu_read_system(cpu, gate->address, &gate->low, sizeof(gate->low)))
        return false;
    unsigned type = descriptor_type(gate);
    bool known = type == SYSTEM_TASK_GATE || (type & ~8u) == SYSTEM_INTERRUPT_GATE_16 ||
                 (type & ~8u) == SYSTEM_TRAP_GATE_16;
    if (!descriptor_is_system(gate) || !known)
        return raise_gate(cpu, EXCEPTION_GP, event);
    return event_check_gate(cpu, event, gate);
}

/* What an event leaves on the stack of its handler, first pushed first. */
static unsigned frame_values(const struct cpu *cpu, const struct event *event, bool new_stack,
                             uint64_t values[10])
{
    static const uint8_t virtual_8086_segments[] = { SEGMENT_GS, SEGMENT_FS, SEGMENT_DS,
                                                     SEGMENT_ES };
    const struct cpu_state *state = &cpu->state;
    unsigned count = 0;
    if (in_virtual_8086_mode(cpu))
        for (unsigned i = 0; i < 4; i++)
            values[count++] = state->segments[virtual_8086_segments[i]].selector;
    if (new_stack) {
        values[count++] = state->segments[SEGMENT_SS].selector;
        values[count++] = state->general[RSP];
    }
    values[count++] = event_saved_flags(cpu, event);
    values[count++] = state->segments[SEGMENT_CS].selector;
    values[count++] = event->return_rip;
    if (event->has_error_code)
        values[count++] = event->error_code;
    return count;
}

static bool prepare_stack(struct cpu *cpu, const struct event *event, unsigned privilege,
                          struct stack_frame *stack)
{
    struct segment segment;
    uint16_t selector;
    uint32_t pointer;
    if (privilege == cpu->privilege_level && !in_virtual_8086_mode(cpu)) {
        stack_frame_current(cpu, stack);
        stack->fault_code = event->external;
        return true;
    }
    if (!task_stack(cpu, privilege, event->external, &selector, &pointer) ||
        !stack_segment_load(cpu, selector, privilege, EXCEPTION_TS, event->external, &segment))
        return false;
    stack_frame_new(cpu, stack, &segment, pointer, privilege, event->external);
    return true;
}

static bool deliver_by_gate(struct cpu *cpu, const struct event *event,
                            const struct descriptor *gate)
{
    struct segment code;
    struct stack_frame stack;
    unsigned privilege;
    uint64_t values[10];
    if (!event_code_segment(cpu, event, gate_selector(gate), &code, &privilege) ||
        !prepare_stack(cpu, event, privilege, &stack))
        return false;
    bool new_stack = privilege != cpu->privilege_level;
    unsigned count = frame_values(cpu, event, new_stack, values);
    if (!stack_frame_push_all(cpu, &stack, values, count, gate_is_32_bit(gate) ? 4 : 2))
        return false;
    uint64_t rip = gate_offset(gate) & (gate_is_32_bit(gate) ? UINT32_MAX : UINT16_MAX);
    if (rip > code.limit)
        return cpu_raise_error(cpu, EXCEPTION_GP, event->external);
    if (in_virtual_8086_mode(cpu)) {
        static const uint8_t nulled[] = { SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };
        for (unsigned i = 0; i < 4; i++)
            cpu->state.segments[nulled[i]] = segment_null(0, 0);
    }
    stack_frame_commit(cpu, &stack);
    bool interrupt_gate = (descriptor_type(gate) & ~8u) == SYSTEM_INTERRUPT_GATE_16;
    event_enter(cpu, &code, rip, interrupt_gate);
    return true;
}

static bool deliver_by_task(struct cpu *cpu, const struct event *event,
                            const struct descriptor *gate)
{
    struct task_request request = { .selector = gate_selector(gate),
                                    .reason = TASK_BY_EVENT,
                                    .return_rip = event->return_rip,
                                    .external = event->external,
                                    .resume = event->resume,
                                    .has_error_code = event->has_error_code,
                                    .error_code = event->error_code };
    return task_switch(cpu, &request);
}

bool event_deliver_protected(struct cpu *cpu, const struct event *event)
{
    struct descriptor gate;
    if (!read_gate(cpu, event, &gate))
        return false;
    if (descriptor_type(&gate) == SYSTEM_TASK_GATE)
        return deliver_by_task(cpu, event, &gate);
    return deliver_by_gate(cpu, event, &gate);
}
