// SPDX-License-Identifier: Apache-2.0
/*
 * The local APIC of each processor, and the bus between them (SDM volume 3, chapter 10, numbered as
 * in the edition of 2022), xAPIC and x2APIC.
 *
 *      interrupt_bus_deliver: IOAPIC, MSI, ICR  ->  lapic_accept: IRR  ->  lapic_acknowledge: ISR
 *
 * Whenever a vector has become deliverable the platform is told (platform_vcpu_signal); the vCPU
 * asks with lapic_acknowledge, which may find that a changed task priority holds it back.
 *
 * The timer counts nanoseconds: the bus clock is 1 GHz.
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

#define LAPIC_BASE 0xfee00000u
#define LAPIC_SIZE 0x1000u

enum delivery_mode {
    DELIVERY_FIXED,
    DELIVERY_LOWEST_PRIORITY,
    DELIVERY_SMI,
    DELIVERY_REMOTE_READ,
    DELIVERY_NMI,
    DELIVERY_INIT,
    DELIVERY_STARTUP,
    DELIVERY_EXTINT,
};

/* What travels on the bus. */
struct interrupt_message {
    uint32_t destination; /* 8 bits, or 32 from an x2APIC */
    bool logical;
    bool wide;  /* the destination is one of 32 bits */
    bool level; /* level triggered */
    enum delivery_mode mode;
    uint8_t vector;
};

enum lapic_lvt {
    LVT_TIMER,
    LVT_THERMAL,
    LVT_PERFORMANCE,
    LVT_LINT0,
    LVT_LINT1,
    LVT_ERROR,
    LVT_COUNT,
};

struct interrupt_bus;

struct lapic {
    struct platform *platform;
    struct interrupt_bus *bus;
    uint32_t id;   /* initial; in xAPIC mode its low 8 bits */
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t irr[8], isr[8], tmr[8];
    uint32_t task_priority, spurious, logical_destination, destination_format;
    uint32_t lvt[LVT_COUNT];
    uint32_t error_status, errors; /* as last latched; since then */
    uint64_t command;              /* ICR */
    uint32_t initial_count, divide;
    uint64_t timer_start, timer_period; /* ns; period 0: stopped */
    uint64_t tsc_deadline;
    struct platform_timer timer;
    bool lint0;               /* INT of the i8259 */
    bool external;            /* an ExtINT message has come */
    bool waiting_for_startup; /* after INIT */
};

struct interrupt_bus {
    struct lapic *lapics;
    unsigned count, next; /* next: where arbitration of the lowest priority begins */
    /* EOI of a level-triggered vector. */
    void (*end_of_interrupt)(void *context, uint8_t vector);
    uint8_t (*external_acknowledge)(void *context); /* INTA to the i8259 */
    void *context;
};

/* `lapic` is zeroed; its place on the bus and platform are filled in. */
void lapic_initialize(struct lapic *lapic, struct platform *platform, struct interrupt_bus *bus,
                      uint32_t id);
void lapic_reset(struct lapic *lapic);
/* LINT0 passes the i8259 on, LINT1 is NMI: virtual wire mode as firmware leaves it (MultiProcessor
 * Specification 1.4, 3.6.2.2). */
void lapic_virtual_wire(struct lapic *lapic);

/* -- For the processor -- */

int lapic_acknowledge(struct lapic *lapic); /* vector, or -1 */
bool lapic_pending(const struct lapic *lapic);
static inline uint64_t lapic_read_cr8(const struct lapic *lapic)
{
    return lapic->task_priority >> 4;
}
void lapic_write_cr8(struct lapic *lapic, uint64_t value);

/* False: #GP(0). */
bool lapic_read_base(const struct lapic *lapic, uint64_t *value);
bool lapic_write_base(struct lapic *lapic, uint64_t value);
bool lapic_read_msr(struct lapic *lapic, uint32_t index, uint64_t *value);
bool lapic_write_msr(struct lapic *lapic, uint32_t index, uint64_t value);
/* IA32_TSC_DEADLINE; `now` is the processor's time-stamp counter. */
uint64_t lapic_read_deadline(const struct lapic *lapic);
void lapic_write_deadline(struct lapic *lapic, uint64_t value, uint64_t now);

/* Is `address` in the registers of this processor's APIC as they are mapped now? */
bool lapic_decodes(const struct lapic *lapic, gpa_t address);
extern const struct register_range lapic_registers;

/* -- For the bus -- */

void interrupt_bus_deliver(struct interrupt_bus *bus, const struct interrupt_message *message);
/* A message signalled interrupt (10.11). */
void interrupt_bus_message(struct interrupt_bus *bus, uint64_t address, uint32_t data);
void lapic_set_lint0(struct lapic *lapic, bool level);
void lapic_nmi(struct lapic *lapic);
