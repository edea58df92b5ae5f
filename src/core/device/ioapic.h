// SPDX-License-Identifier: Apache-2.0
/*
 * The I/O APIC (82093AA data sheet, 290566). Wires are told as asserted or not, so the polarity of
 * an entry is kept and means nothing here.
 */
#pragma once

#include "core/device/lapic.h"

#define IOAPIC_BASE 0xfec00000u
#define IOAPIC_SIZE 0x1000u
#define IOAPIC_PINS 24

struct ioapic {
    struct interrupt_bus *bus;
    uint32_t id, select;
    uint32_t lines; /* asserted now */
    uint64_t entries[IOAPIC_PINS];
};

void ioapic_reset(struct ioapic *ioapic);
void ioapic_set_line(struct ioapic *ioapic, unsigned pin, bool level);
/* A local APIC has ended this level-triggered vector. */
void ioapic_end_of_interrupt(struct ioapic *ioapic, uint8_t vector);

extern const struct register_range ioapic_registers;
