// SPDX-License-Identifier: Apache-2.0
/* Priorities, acceptance and delivery to the processor (SDM volume 3, 10.8). */
#include "core/device/lapic.h"

#include "core/device/lapic_registers.h"

static bool test_vector(const uint32_t *bitmap, unsigned vector)
{
    return bitmap[vector / 32] >> (vector % 32) & 1;
}

static void set_vector(uint32_t *bitmap, unsigned vector)
{
    bitmap[vector / 32] |= 1u << (vector % 32);
}

static void clear_vector(uint32_t *bitmap, unsigned vector)
{
    bitmap[vector / 32] &= ~(1u << (vector % 32));
}

static int highest_vector(const uint32_t *bitmap)
{
    for (int word = 7; word >= 0; word--)
        if (bitmap[word])
            return word * 32 + 31 - __builtin_clz(bitmap[word]);
    return -1;
}

/* 10.8.3.1: the task's, or the class of what is in service. */
uint32_t lapic_processor_priority(const struct lapic *lapic)
{
    int served = highest_vector(lapic->isr);
    uint32_t class = served < 0 ? 0 : (uint32_t)served & 0xf0;
    return (lapic->task_priority & 0xf0) >= class ? lapic->task_priority : class;
}

/* The i8259 reaches the processor through LINT0, by a message, or past an APIC that is off. */
static bool external_pending(const struct lapic *lapic)
{
    uint32_t lint0 = lapic->lvt[LVT_LINT0];
    if (!(lapic->base & APIC_BASE_ENABLE))
        return lapic->lint0;
    if (lapic->external)
        return true;
    return lapic->lint0 && !(lint0 & LVT_MASKED) &&
           (lint0 >> LVT_MODE_SHIFT & 7) == DELIVERY_EXTINT;
}

static int deliverable_vector(const struct lapic *lapic)
{
    int vector = lapic_software_enabled(lapic) ? highest_vector(lapic->irr) : -1;
    if (vector < 0 || ((uint32_t)vector & 0xf0) <= (lapic_processor_priority(lapic) & 0xf0))
        return -1;
    return vector;
}

bool lapic_pending(const struct lapic *lapic)
{
    return !lapic->waiting_for_startup &&
           (external_pending(lapic) || deliverable_vector(lapic) >= 0);
}

void lapic_signal(struct lapic *lapic)
{
    if (lapic_pending(lapic))
        platform_vcpu_signal(lapic->platform, lapic->id, VCPU_SIGNAL_INTERRUPT, 0);
}

int lapic_acknowledge(struct lapic *lapic)
{
    int vector;
    if (lapic->waiting_for_startup)
        return -1;
    if (external_pending(lapic)) {
        lapic->external = false;
        vector = lapic->bus->external_acknowledge(lapic->bus->context);
    } else {
        vector = deliverable_vector(lapic);
        if (vector < 0)
            return -1;
        clear_vector(lapic->irr, (unsigned)vector);
        set_vector(lapic->isr, (unsigned)vector);
    }
    lapic_signal(lapic); /* the next one, if this one does not hold it back */
    return vector;
}

void lapic_accept(struct lapic *lapic, uint8_t vector, bool level)
{
    if (!lapic_software_enabled(lapic))
        return;
    if (vector < 16) {
        lapic_error(lapic, ERROR_RECEIVE_VECTOR);
        return;
    }
    if (test_vector(lapic->irr, vector))
        return;
    set_vector(lapic->irr, vector);
    if (level)
        set_vector(lapic->tmr, vector);
    else
        clear_vector(lapic->tmr, vector);
    lapic_signal(lapic);
}

/* INIT leaves the identifier and IA32_APIC_BASE as they are (10.4.7.3). */
static void accept_init(struct lapic *lapic)
{
    uint64_t base = lapic->base;
    lapic_reset(lapic);
    lapic->base = base;
    lapic->waiting_for_startup = !(base & APIC_BASE_BSP);
    platform_vcpu_signal(lapic->platform, lapic->id, VCPU_SIGNAL_INIT, 0);
}

static void accept_startup(struct lapic *lapic, uint8_t vector)
{
    if (!lapic->waiting_for_startup)
        return;
    lapic->waiting_for_startup = false;
    platform_vcpu_signal(lapic->platform, lapic->id, VCPU_SIGNAL_STARTUP, vector);
}

void lapic_nmi(struct lapic *lapic)
{
    if (!lapic->waiting_for_startup)
        platform_vcpu_signal(lapic->platform, lapic->id, VCPU_SIGNAL_NMI, 0);
}

void lapic_accept_message(struct lapic *lapic, const struct interrupt_message *message)
{
    switch (message->mode) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST_PRIORITY:
        lapic_accept(lapic, message->vector, message->level);
        break;
    case DELIVERY_NMI:
        lapic_nmi(lapic);
        break;
    case DELIVERY_INIT:
        accept_init(lapic);
        break;
    case DELIVERY_STARTUP:
        accept_startup(lapic, message->vector);
        break;
    case DELIVERY_EXTINT:
        lapic->external = true;
        lapic_signal(lapic);
        break;
    case DELIVERY_SMI: /* there is no system management mode here, and nobody to read from afar */
    case DELIVERY_REMOTE_READ:
        break;
    }
}

/* An entry of the local vector table has been asked to deliver (10.5.1). */
void lapic_local_interrupt(struct lapic *lapic, enum lapic_lvt entry)
{
    uint32_t lvt = lapic->lvt[entry];
    if ((lvt & LVT_MASKED) || !lapic_software_enabled(lapic))
        return;
    struct interrupt_message message = { .mode = DELIVERY_FIXED, .vector = (uint8_t)lvt };
    if (entry != LVT_TIMER && entry != LVT_ERROR)
        message.mode = lvt >> LVT_MODE_SHIFT & 7;
    lapic_accept_message(lapic, &message);
}

/* ExtINT passes the level on; a fixed LINT0 delivers its rising edge. */
void lapic_set_lint0(struct lapic *lapic, bool level)
{
    bool rising = level && !lapic->lint0;
    lapic->lint0 = level;
    if (rising && (lapic->lvt[LVT_LINT0] >> LVT_MODE_SHIFT & 7) == DELIVERY_EXTINT)
        lapic_signal(lapic);
    else if (rising && (lapic->base & APIC_BASE_ENABLE))
        lapic_local_interrupt(lapic, LVT_LINT0);
    else if (rising)
        lapic_signal(lapic);
}

void lapic_error(struct lapic *lapic, uint32_t error)
{
    bool first = !(lapic->errors & error);
    lapic->errors |= error;
    if (first)
        lapic_local_interrupt(lapic, LVT_ERROR);
}

void lapic_end_of_interrupt(struct lapic *lapic)
{
    int vector = highest_vector(lapic->isr);
    if (vector < 0)
        return;
    clear_vector(lapic->isr, (unsigned)vector);
    if (test_vector(lapic->tmr, (unsigned)vector))
        lapic->bus->end_of_interrupt(lapic->bus->context, (uint8_t)vector);
    lapic_signal(lapic);
}

void lapic_write_cr8(struct lapic *lapic, uint64_t value)
{
    lapic->task_priority = (uint32_t)(value & 15) << 4;
    lapic_signal(lapic);
}

/* -- Set-up (10.4.7) -- */

void lapic_reset(struct lapic *lapic)
{
    struct platform *platform = lapic->platform;
    platform_timer_cancel(platform, &lapic->timer);
    *lapic = (struct lapic){
        .platform = platform,
        .bus = lapic->bus,
        .id = lapic->id,
        .base = LAPIC_BASE | APIC_BASE_ENABLE | (lapic->id == 0 ? APIC_BASE_BSP : 0),
        .spurious = 0xff,
        .destination_format = 0xffffffff,
        .lint0 = lapic->lint0,
        .waiting_for_startup = lapic->id != 0,
    };
    for (unsigned i = 0; i < LVT_COUNT; i++)
        lapic->lvt[i] = LVT_MASKED;
    lapic_timer_initialize(lapic);
}

void lapic_initialize(struct lapic *lapic, struct platform *platform, struct interrupt_bus *bus,
                      uint32_t id)
{
    lapic->platform = platform;
    lapic->bus = bus;
    lapic->id = id;
    lapic_reset(lapic);
}

void lapic_virtual_wire(struct lapic *lapic)
{
    lapic->spurious = SPURIOUS_ENABLE | 0xff;
    lapic->lvt[LVT_LINT0] = DELIVERY_EXTINT << LVT_MODE_SHIFT;
    lapic->lvt[LVT_LINT1] = DELIVERY_NMI << LVT_MODE_SHIFT;
    lapic_signal(lapic);
}
