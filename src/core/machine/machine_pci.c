// SPDX-License-Identifier: Apache-2.0
/* What firmware does to the PCI bus before it starts a system: addresses, interrupts, decoding. */
#include "core/device/pci_registers.h"
#include "core/machine/layout.h"
#include "core/machine/machine_state.h"

struct allocation {
    uint32_t port, memory;
};

static uint32_t allocate(uint32_t *next, uint32_t size)
{
    uint32_t address = (*next + size - 1) & ~(size - 1);
    *next = address + size;
    return address;
}

static void assign_function(struct pci_function *function, struct allocation *next)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &function->bars[i];
        if (bar->kind == PCI_BAR_NONE)
            continue;
        uint32_t address = bar->kind == PCI_BAR_IO ? allocate(&next->port, bar->size)
                                                   : allocate(&next->memory, bar->size);
        pci_config_write(function, PCI_BASE_ADDRESS + 4 * i, 4, address);
    }
    uint32_t command = pci_config_read(function, PCI_COMMAND, 2);
    pci_config_write(function, PCI_COMMAND, 2, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

/* PIRQA and PIRQC share interrupt 10, PIRQB and PIRQD 11. */
uint8_t machine_pci_interrupt(unsigned pirq)
{
    return pirq % 2 ? 11 : 10;
}

static void assign_interrupt(struct pci_function *function)
{
    unsigned pin = function->config[PCI_INTERRUPT_PIN];
    if (pin >= 1 && pin <= 4)
        pci_config_write(function, PCI_INTERRUPT_LINE, 1,
                         machine_pci_interrupt(pci_host_pirq(function->slot, pin)));
}

void machine_assign_pci(struct machine *machine)
{
    struct allocation next = { .port = PCI_PORTS_BASE, .memory = PCI_MEMORY_BASE };
    struct pci_function *bridge = &machine->bridge.function, *power = &machine->power.function;
    for (unsigned pirq = 0; pirq < PCI_PIRQS; pirq++)
        pci_config_write(bridge, PIIX4_PIRQ_ROUTE + pirq, 1, machine_pci_interrupt(pirq));
    i8259_level_registers.write(&machine->pic, 0, 2, 1u << 9 | 1u << 10 | 1u << 11);
    pci_config_write(power, PIIX4_PM_BASE, 4, POWER_MANAGEMENT_BASE);
    pci_config_write(power, PIIX4_PM_MISC, 1, 1);
    power->config[PCI_INTERRUPT_LINE] = 9;
    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        struct pci_function *function =
            machine->pci.functions[i / PCI_FUNCTIONS][i % PCI_FUNCTIONS];
        if (!function)
            continue;
        assign_function(function, &next);
        assign_interrupt(function);
    }
}
