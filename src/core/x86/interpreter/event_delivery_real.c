// SPDX-License-Identifier: Apache-2.0
/* Interrupts and exceptions in real mode (SDM volume 3, 21.1.4): a table of far pointers at the
 * base of IDTR, three words on the stack, no error codes. */
#include "core/x86/interpreter/event.h"
#include "core/x86/interpreter/stack_frame.h"

bool event_deliver_real(struct cpu *cpu, const struct event *event)
{
    struct cpu_state *state = &cpu->state;
    uint32_t offset = event->vector * 4u;
    uint16_t pointer[2];
    if (offset + 3 > state->idtr.limit)
        return cpu_raise(cpu, EXCEPTION_GP);
    if (!cpu_read_system(cpu, state->idtr.base + offset, pointer, sizeof(pointer)))
        return false;
    struct stack_frame stack;
    stack_frame_current(cpu, &stack);
    uint64_t values[] = { cpu_rflags(cpu), state->segments[SEGMENT_CS].selector,
                          event->return_rip };
    if (!stack_frame_push_all(cpu, &stack, values, 3, 2))
        return false;
    stack_frame_commit(cpu, &stack);
    state->rflags &= ~(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF);
    segment_load_real(cpu, SEGMENT_CS, pointer[1]);
    state->rip = pointer[0];
    cpu_level_changed(cpu);
    return true;
}
