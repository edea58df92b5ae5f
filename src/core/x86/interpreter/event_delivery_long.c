// SPDX-License-Identifier: Apache-2.0
/* Events in long mode (SDM volume 3, 6.14): 16-byte gates, a stack that is always switched by
 * aligning it, the interrupt stack table, and a frame of 64-bit values. */
#include "core/x86/interpreter/event.h"

#define GATE_SIZE       16
#define TSS_RSP0        0x04
#define TSS_IST1        0x24
#define STACK_ALIGNMENT UINT64_C(15)

static bool read_gate(struct cpu *cpu, const struct event *event, struct descriptor *gate)
{
    uint32_t offset = event->vector * GATE_SIZE;
    uint64_t halves[2];
    if (offset + GATE_SIZE - 1 > cpu->state.idtr.limit)
        return raise_gate(cpu, EXCEPTION_GP, event);
    gate->address = cpu->state.idtr.base + offset;
    if (!cpu_read_system(cpu, gate->address, halves, sizeof(halves)))
        return false;
    gate->low = halves[0];
    gate->high = halves[1];
    unsigned type = descriptor_type(gate);
    if (!descriptor_is_system(gate) || (type != SYSTEM_INTERRUPT_GATE && type != SYSTEM_TRAP_GATE))
        return raise_gate(cpu, EXCEPTION_GP, event);
    return event_check_gate(cpu, event, gate);
}

static bool read_tss_stack(struct cpu *cpu, unsigned offset, bool external, uint64_t *rsp)
{
    const struct segment *tr = &cpu->state.tr;
    if (offset + 7 > tr->limit)
        return raise_selector(cpu, EXCEPTION_TS, tr->selector, external);
    return cpu_read_system(cpu, tr->base + offset, rsp, sizeof(*rsp));
}

static bool choose_stack(struct cpu *cpu, const struct event *event, const struct descriptor *gate,
                         unsigned privilege, uint64_t *rsp)
{
    unsigned ist = gate->low >> 32 & 7;
    *rsp = cpu->state.general[RSP];
    if (ist) {
        if (!read_tss_stack(cpu, TSS_IST1 + 8 * (ist - 1), event->external, rsp))
            return false;
    } else if (privilege != cpu->privilege_level) {
        if (!read_tss_stack(cpu, TSS_RSP0 + 8 * privilege, event->external, rsp))
            return false;
    }
    *rsp &= ~STACK_ALIGNMENT;
    if (is_canonical(*rsp) && is_canonical(*rsp - 48))
        return true;
    return cpu_raise_error(cpu, EXCEPTION_SS, event->external);
}

static bool push_frame(struct cpu *cpu, const struct event *event, unsigned privilege,
                       uint64_t *rsp)
{
    const struct cpu_state *state = &cpu->state;
    uint64_t frame[6] = {
        event->error_code,
        event->return_rip,
        state->segments[SEGMENT_CS].selector,
        event_saved_flags(cpu, event),
        state->general[RSP],
        state->segments[SEGMENT_SS].selector,
    };
    unsigned skipped = event->has_error_code ? 0 : 1;
    unsigned size = (6 - skipped) * 8;
    *rsp -= size;
    return memory_write(cpu, stack_access_mode(cpu, privilege), *rsp, frame + skipped, size);
}

bool event_deliver_long(struct cpu *cpu, const struct event *event)
{
    struct descriptor gate;
    struct segment code;
    unsigned privilege;
    uint64_t rsp;
    if (!read_gate(cpu, event, &gate) ||
        !event_code_segment(cpu, event, gate_selector(&gate), &code, &privilege) ||
        !choose_stack(cpu, event, &gate, privilege, &rsp))
        return false;
    uint64_t rip = (gate_offset(&gate) & UINT32_MAX) | gate.high << 32;
    if (!is_canonical(rip))
        return cpu_raise_error(cpu, EXCEPTION_GP, event->external);
    if (!push_frame(cpu, event, privilege, &rsp))
        return false;
    if (privilege != cpu->privilege_level)
        cpu->state.segments[SEGMENT_SS] = segment_null((uint16_t)privilege, privilege);
    cpu->state.general[RSP] = rsp;
    event_enter(cpu, &code, rip, descriptor_type(&gate) == SYSTEM_INTERRUPT_GATE);
    return true;
}
