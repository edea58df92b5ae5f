// SPDX-License-Identifier: Apache-2.0
/* What delivery through an IDT has in common in protected and in long mode (SDM volume 3, 6.12 and
 * 6.14; volume 2, INT n). */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/event.h"

bool event_check_gate(struct cpu *cpu, const struct event *event, const struct descriptor *gate)
{
    if (event->software && descriptor_dpl(gate) < cpu->privilege_level)
        return raise_gate(cpu, EXCEPTION_GP, event);
    if (!descriptor_present(gate))
        return raise_gate(cpu, EXCEPTION_NP, event);
    return true;
}

bool event_code_segment(struct cpu *cpu, const struct event *event, uint16_t selector,
                        struct segment *segment, unsigned *privilege)
{
    struct descriptor code;
    if (selector_is_null(selector))
        return cpu_raise_error(cpu, EXCEPTION_GP, event->external);
    if (!descriptor_read(cpu, selector, EXCEPTION_GP, event->external, &code))
        return false;
    unsigned dpl = descriptor_dpl(&code);
    if (!descriptor_is_code(&code) || dpl > cpu->privilege_level)
        return raise_selector(cpu, EXCEPTION_GP, selector, event->external);
    if (!descriptor_present(&code))
        return raise_selector(cpu, EXCEPTION_NP, selector, event->external);
    uint16_t attributes = descriptor_attributes(&code);
    if (cpu->long_mode && (attributes & (SEGMENT_LONG | SEGMENT_BIG)) != SEGMENT_LONG)
        return raise_selector(cpu, EXCEPTION_GP, selector, event->external);
    *privilege = descriptor_is_conforming(&code) ? cpu->privilege_level : dpl;
    if (in_virtual_8086_mode(cpu) && *privilege != 0)
        return raise_selector(cpu, EXCEPTION_GP, selector, event->external);
    if (!descriptor_set(cpu, &code, SEGMENT_TYPE_ACCESSED))
        return false;
    *segment = segment_from_descriptor((uint16_t)((selector & ~SELECTOR_RPL) | *privilege), &code);
    return true;
}

void event_enter(struct cpu *cpu, const struct segment *code, uint64_t rip, bool interrupt_gate)
{
    uint64_t cleared = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM;
    cpu->state.rflags &= ~(cleared | (interrupt_gate ? RFLAGS_IF : 0));
    cpu->state.segments[SEGMENT_CS] = *code;
    cpu->state.rip = rip;
    cpu_level_changed(cpu);
}
