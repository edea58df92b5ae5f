// SPDX-License-Identifier: Apache-2.0
/*
 * The ACPI tables of a machine (ACPI 6.5, chapter 5; revision 2.0 fields suffice): RSDP, RSDT,
 * XSDT, FADT, FACS, DSDT, MADT and, where there is one, HPET. They lie together in the firmware's
 * area.
 */
#pragma once

#include "core/machine/memory_map.h"

struct acpi_request {
    unsigned vcpu_count;          /* local APIC identifiers 0 to vcpu_count - 1 */
    uint32_t local_apic, io_apic; /* physical addresses */
    uint32_t hpet;                /* physical address; 0: none */
    /* Ports of the power management block (PIIX4): PM1a events at + 0, control at + 4, timer at
     * + 8. */
    uint16_t power_management;
    uint8_t sci_interrupt; /* of the 8259 pair; level-triggered, active high in the I/O APIC */
    uint8_t soft_off_type; /* SLP_TYP of S5 */
    uint16_t reset_port;   /* 0: none */
    uint8_t reset_value;
    /* INTA#..INTD# of slot s go to GSI pci_gsi + (s + pin) % 4, with the 8259 pair to
     * pci_interrupts[(s + pin) % 4]. */
    unsigned pci_gsi;
    uint8_t pci_interrupts[4];
    uint32_t pci_memory_first, pci_memory_last; /* the window for BARs */
    unsigned serial_lines;                      /* bit n: COMn+1 is there */
    bool keyboard_controller, real_time_clock;
};

#define ACPI_ROOM 0x8000u /* more than the tables need with 32 vCPUs */

/* Write the tables at `base`, which is aligned to 16 bytes and has ACPI_ROOM bytes. Returns the
 * address of the RSDP; 0: they do not fit. */
gpa_t acpi_write(const struct guest_memory *memory, gpa_t base, const struct acpi_request *request);
