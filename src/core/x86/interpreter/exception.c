// SPDX-License-Identifier: Apache-2.0
/*
 * Exceptions from where they are raised to where a handler starts. A fault while one is delivered
 * is delivered instead, becomes a double fault, or shuts the processor down (SDM volume 3, tables
 * 6-4 and 6-5).
 */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/event.h"

#define ERROR_CODE_VECTORS                                                                         \
    (1u << EXCEPTION_DF | 1u << EXCEPTION_TS | 1u << EXCEPTION_NP | 1u << EXCEPTION_SS |           \
     1u << EXCEPTION_GP | 1u << EXCEPTION_PF | 1u << EXCEPTION_AC)
#define CONTRIBUTORY_VECTORS                                                                       \
    (1u << EXCEPTION_DE | 1u << EXCEPTION_TS | 1u << EXCEPTION_NP | 1u << EXCEPTION_SS |           \
     1u << EXCEPTION_GP)
/* Traps and aborts; #DB sets RF by itself only when a handler asks for it. */
#define NO_RESUME_VECTORS                                                                          \
    (1u << EXCEPTION_DB | 1u << EXCEPTION_NMI | 1u << EXCEPTION_BP | 1u << EXCEPTION_OF |          \
     1u << EXCEPTION_DF | 1u << EXCEPTION_MC)

bool cpu_raise_error(struct cpu *cpu, unsigned vector, uint32_t error_code)
{
    cpu->exception = (struct exception){ .vector = (uint8_t)vector,
                                         .has_error_code = ERROR_CODE_VECTORS >> vector & 1,
                                         .error_code = error_code };
    return false;
}

bool cpu_raise(struct cpu *cpu, unsigned vector)
{
    return cpu_raise_error(cpu, vector, 0);
}

bool cpu_raise_page_fault(struct cpu *cpu, gva_t linear, uint32_t error_code)
{
    cpu_raise_error(cpu, EXCEPTION_PF, error_code);
    cpu->exception.address = linear;
    return false;
}

static bool deliver(struct cpu *cpu, const struct event *event)
{
    bool done = in_real_mode(cpu) ? event_deliver_real(cpu, event)
                : cpu->long_mode  ? event_deliver_long(cpu, event)
                                  : event_deliver_protected(cpu, event);
    if (done)
        cpu->state.halted = cpu->state.interrupt_shadow = false;
    return done;
}

/* What the processor notes when an exception is recognised, delivered or not. */
static void note_exception(struct cpu *cpu, const struct exception *exception)
{
    struct cpu_state *state = &cpu->state;
    if (exception->vector == EXCEPTION_PF)
        state->cr2 = exception->address;
    if (exception->vector == EXCEPTION_DB) {
        state->dr[6] = (state->dr[6] & ~UINT64_C(15)) | exception->address;
        state->dr[7] &= ~DR7_GD;
    }
}

static uint64_t return_rip(const struct cpu *cpu, const struct exception *exception)
{
    uint64_t rip = cpu->state.rip + exception->instruction_length;
    return cpu->code_size == CODE_64 ? rip : (uint32_t)rip;
}

static bool deliver_exception(struct cpu *cpu, const struct exception *exception)
{
    struct event event = { .vector = exception->vector,
                           .software = exception->software,
                           .external = !exception->software,
                           .has_error_code = exception->has_error_code && !in_real_mode(cpu),
                           .error_code = exception->error_code,
                           .return_rip = return_rip(cpu, exception) };
    event.resume = !event.software && exception->instruction_length == 0 &&
                   !(NO_RESUME_VECTORS >> event.vector & 1);
    note_exception(cpu, exception);
    return deliver(cpu, &event);
}

static bool is_contributory(const struct exception *exception)
{
    return !exception->software && CONTRIBUTORY_VECTORS >> exception->vector & 1;
}

static bool is_page_fault(const struct exception *exception)
{
    return !exception->software && exception->vector == EXCEPTION_PF;
}

enum combination { DELIVER_SECOND, DOUBLE_FAULT, TRIPLE_FAULT };

static enum combination combine(const struct exception *first, const struct exception *second)
{
    bool grave = is_contributory(second) || is_page_fault(second);
    if (!grave)
        return DELIVER_SECOND;
    if (!first->software && first->vector == EXCEPTION_DF)
        return TRIPLE_FAULT;
    if (is_page_fault(first) || (is_contributory(first) && is_contributory(second)))
        return DOUBLE_FAULT;
    return DELIVER_SECOND;
}

static bool shut_down(struct cpu *cpu)
{
    *cpu->exit = (struct vm_exit){ .reason = VM_EXIT_SHUTDOWN };
    cpu->exit_pending = true;
    return false;
}

bool cpu_deliver_exception(struct cpu *cpu)
{
    struct exception exception = cpu->exception;
    while (!deliver_exception(cpu, &exception)) {
        if (cpu->exit_pending)
            return false;
        switch (combine(&exception, &cpu->exception)) {
        case TRIPLE_FAULT:
            return shut_down(cpu);
        case DOUBLE_FAULT:
            note_exception(cpu, &cpu->exception);
            cpu_raise_error(cpu, EXCEPTION_DF, 0);
            break;
        case DELIVER_SECOND:
            break;
        }
        exception = cpu->exception;
    }
    return true;
}

bool cpu_deliver_interrupt(struct cpu *cpu, unsigned vector)
{
    struct event event = { .vector = (uint8_t)vector,
                           .external = true,
                           .return_rip = cpu->state.rip };
    /* Blocked from here, so that a fault on the way does not let in another one. */
    if (vector == EXCEPTION_NMI)
        cpu->state.nmi_blocked = true;
    if (deliver(cpu, &event))
        return true;
    return !cpu->exit_pending && cpu_deliver_exception(cpu);
}
