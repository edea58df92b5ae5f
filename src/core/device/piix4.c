// SPDX-License-Identifier: Apache-2.0
#include "core/device/piix4.h"

#define ROUTE_DISABLED 0x80
#define ROUTE_ALLOWED  0xdef8u /* interrupts 3 to 7, 9 to 12, 14, 15 */

#define RESET_CPU      0x04
#define RESET_WRITABLE 0x06

#define PORT_92_FAST_INIT 0x01
#define PORT_92_A20       0x02

static uint8_t route_of(const struct piix4 *bridge, unsigned pirq)
{
    uint8_t route = bridge->function.config[PIIX4_PIRQ_ROUTE + pirq];
    return !(route & ROUTE_DISABLED) && (ROUTE_ALLOWED >> (route & 15) & 1) ? route & 15 : 0;
}

static void drive(struct piix4 *bridge, unsigned pirq, bool level)
{
    struct interrupt_line line = bridge->lines[pirq];
    if (!bridge->routes[pirq])
        return;
    line.number += bridge->routes[pirq];
    interrupt_line_set(&line, level);
}

void piix4_set_pirq(struct piix4 *bridge, unsigned pirq, bool level)
{
    bridge->levels[pirq] = level;
    drive(bridge, pirq, level);
}

static void config_written(void *device, unsigned offset, unsigned size)
{
    struct piix4 *bridge = device;
    (void)offset, (void)size;
    for (unsigned pirq = 0; pirq < PCI_PIRQS; pirq++) {
        uint8_t route = route_of(bridge, pirq);
        if (route == bridge->routes[pirq])
            continue;
        drive(bridge, pirq, false);
        bridge->routes[pirq] = route;
        drive(bridge, pirq, bridge->levels[pirq]);
    }
}

void piix4_initialize(struct piix4 *bridge)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x7110,
        .class_code = 0x060100, /* ISA bridge */
        .revision = 2,
    };
    struct pci_function *function = &bridge->function;
    pci_function_initialize(function, "PIIX4", &identity, bridge);
    function->config_written = config_written;
    /* The bridge passes everything on: I/O, memory and bus master are on for ever. */
    function->config[0x04] = 0x07;
    function->writable[0x04] = 0x08;
    function->writable[0x05] = 0x01;
    function->config[0x4c] = 0x4d; /* IORT */
    function->config[0x4e] = 0x03; /* XBCS */
    for (unsigned i = 0x4c; i <= 0x4f; i++)
        function->writable[i] = 0xff;
    for (unsigned pirq = 0; pirq < PCI_PIRQS; pirq++) {
        function->config[PIIX4_PIRQ_ROUTE + pirq] = ROUTE_DISABLED;
        function->writable[PIIX4_PIRQ_ROUTE + pirq] = 0x8f;
    }
    bridge->port_92 = PORT_92_A20;
}

static void reset(struct piix4 *bridge)
{
    platform_machine_event(bridge->platform, MACHINE_RESET);
}

static uint64_t read_reset(void *device, uint64_t offset, unsigned size)
{
    const struct piix4 *bridge = device;
    (void)offset, (void)size;
    return bridge->reset_control;
}

/* The processor is reset when bit 2 goes from 0 to 1. */
static void write_reset(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct piix4 *bridge = device;
    (void)offset, (void)size;
    bool rises = (value & ~(uint64_t)bridge->reset_control) & RESET_CPU;
    bridge->reset_control = value & RESET_WRITABLE;
    if (rises)
        reset(bridge);
}

static uint64_t read_port_92(void *device, uint64_t offset, unsigned size)
{
    const struct piix4 *bridge = device;
    (void)offset, (void)size;
    return bridge->port_92;
}

static void write_port_92(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct piix4 *bridge = device;
    (void)offset, (void)size;
    bool rises = (value & ~(uint64_t)bridge->port_92) & PORT_92_FAST_INIT;
    bridge->port_92 = (value & PORT_92_FAST_INIT) | PORT_92_A20;
    if (rises)
        reset(bridge);
}

const struct register_range piix4_reset_registers = { read_reset, write_reset, .widest = 1 };
const struct register_range piix4_port_92_registers = { read_port_92, write_port_92, .widest = 1 };
