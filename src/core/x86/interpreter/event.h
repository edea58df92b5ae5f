// SPDX-License-Identifier: Apache-2.0
/* Interrupts and exceptions on their way through the IDT or the real-mode table. */
#pragma once

#include "core/x86/interpreter/descriptor.h"
#include "core/x86/interpreter/memory_page.h"

struct event {
    uint8_t vector;
    bool software; /* INT n, INT3, INTO: the DPL of the gate counts */
    bool external; /* EXT of error codes for faults on the way */
    bool has_error_code;
    bool resume; /* RFLAGS.RF is saved as 1 (SDM volume 3, 18.3.1.1) */
    uint32_t error_code;
    uint64_t return_rip;
};

/* False: another exception on the way, or an exit is pending. Nothing but memory below the stack
 * pointer and accessed bits has changed then. */
bool event_deliver_real(struct cpu *cpu, const struct event *event);
bool event_deliver_protected(struct cpu *cpu, const struct event *event);
bool event_deliver_long(struct cpu *cpu, const struct event *event);

/* The error code that names a gate of the IDT. */
static inline bool raise_gate(struct cpu *cpu, unsigned vector, const struct event *event)
{
    return cpu_raise_error(cpu, vector, event->vector * 8u + 2u + event->external);
}

/* RFLAGS as an event saves them. */
static inline uint64_t event_saved_flags(const struct cpu *cpu, const struct event *event)
{
    return cpu_rflags(cpu) | (event->resume ? RFLAGS_RF : 0);
}

/* Checks of the gate itself that all IDTs share; and of the code segment it names, with what it
 * leads to: `*privilege` is the new CPL. */
bool event_check_gate(struct cpu *cpu, const struct event *event, const struct descriptor *gate);
bool event_code_segment(struct cpu *cpu, const struct event *event, uint16_t selector,
                        struct segment *segment, unsigned *privilege);

/* RFLAGS, CS and RIP of the handler. */
void event_enter(struct cpu *cpu, const struct segment *code, uint64_t rip, bool interrupt_gate);
