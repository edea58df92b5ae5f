// SPDX-License-Identifier: Apache-2.0
/* A machine from the inside: its chips and how they are wired. */
#pragma once

#include "core/device/hpet.h"
#include "core/device/i8042.h"
#include "core/device/i8254.h"
#include "core/device/i8259.h"
#include "core/device/ioapic.h"
#include "core/device/lapic.h"
#include "core/device/mc146818.h"
#include "core/device/pci_host.h"
#include "core/device/piix4.h"
#include "core/device/piix4_pm.h"
#include "core/device/uart16550.h"
#include "core/kvmpv/kvmpv.h"
#include "core/machine/bus.h"
#include "core/machine/machine.h"
#include "core/machine/memory_map.h"

#define ISA_LINES 16

/* Who may drive an ISA interrupt line: they share by OR. */
enum isa_source {
    ISA_SOURCE_CHIP,   /* the one that the line belongs to */
    ISA_SOURCE_SERIAL, /* and the three behind it: COM1 and COM3 share, COM2 and COM4 */
    ISA_SOURCE_PIRQ = ISA_SOURCE_SERIAL + MACHINE_SERIAL_LINES, /* and the three behind it */
    ISA_SOURCE_SCI = ISA_SOURCE_PIRQ + PCI_PIRQS,
    ISA_SOURCE_HPET,
};

struct ide;

struct machine {
    struct platform *platform;
    struct machine_request request;
    uint64_t memory_size;
    struct cpuid_table cpuid;
    struct bus ports, registers; /* registers: in memory */

    struct interrupt_bus interrupts;
    struct lapic lapics[MACHINE_VCPUS];
    struct ioapic ioapic;
    struct i8259_pair pic;
    struct i8254 timer;
    struct mc146818 clock;
    struct hpet hpet;
    struct i8042 keyboard;
    bool legacy_replaced; /* by the HPET */
    struct uart16550 serial[MACHINE_SERIAL_LINES];
    struct pci_host pci;
    struct piix4 bridge;
    struct piix4_pm power;
    struct ide *ide;
    struct virtio_device *balloon;
    struct kvmpv kvmpv; /* of machine `micro` */

    uint16_t isa_holders[ISA_LINES]; /* bit n: enum isa_source n */
};

/* The line `irq` as `source` drives it. */
struct interrupt_line machine_isa_line(struct machine *machine, unsigned irq, unsigned source);

/* Allocate, wire and map what both machines have. -1 with *why. */
int machine_make_chipset(struct machine *machine, const char **why);
int machine_make_hpet(struct machine *machine);
/* The machine's own: IDE and e1000, or virtio. */
int machine_make_pc(struct machine *machine, const char **why);
int machine_make_micro(struct machine *machine, const char **why);
void machine_make_kvmpv(struct machine *machine);

/* What firmware notes of memory in the CMOS. */
void machine_set_cmos(struct machine *machine);
uint64_t machine_memory_size(const struct guest_memory *memory);
void machine_describe_memory(uint64_t size, struct memory_map *map);

/* The ISA interrupt of a PIRQ, as firmware sets it. */
uint8_t machine_pci_interrupt(unsigned pirq);
/* Give every BAR an address and every pin a line, as firmware does. */
void machine_assign_pci(struct machine *machine);
