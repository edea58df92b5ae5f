// SPDX-License-Identifier: Apache-2.0
#include "core/device/pci_host.h"

#include "core/device/pci_registers.h"

#define CONFADD_ENABLE   0x80000000u
#define CONFADD_WRITABLE 0x80fffffcu

static void map_bar(void *context, struct pci_function *function, unsigned bar, uint64_t address)
{
    struct pci_host *host = context;
    host->map(host->context, function, bar, address);
}

static void send_message(void *context, uint64_t address, uint32_t data)
{
    struct pci_host *host = context;
    host->message(host->context, address, data);
}

/* pci.c calls this for changes alone, so that holders can be counted. */
static void drive_pin(void *context, struct pci_function *function, bool level)
{
    struct pci_host *host = context;
    unsigned pin = function->config[PCI_INTERRUPT_PIN];
    if (pin < 1 || pin > 4)
        return;
    unsigned pirq = pci_host_pirq(function->slot, pin);
    unsigned before = host->pirq_holders[pirq];
    host->pirq_holders[pirq] = level ? before + 1 : before - 1;
    if ((before > 0) != (host->pirq_holders[pirq] > 0))
        interrupt_line_set(&host->pirqs[pirq], level);
}

void pci_host_initialize(struct pci_host *host)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x1237,
        .class_code = 0x060000, /* host bridge */
        .revision = 2,
    };
    host->operations = (struct pci_bus_operations){ map_bar, send_message, drive_pin };
    pci_function_initialize(&host->bridge, "i440FX", &identity, NULL);
    /* PMCCFG, DRAM timing, PAM0-6 (59H-5FH), DRAM row boundaries, SMRAM: firmware's; memory is laid
     * out before the guest wakes, so that they keep what is written and do nothing. */
    for (unsigned i = 0x50; i <= 0x93; i++)
        host->bridge.writable[i] = 0xff;
    for (unsigned i = 0x59; i <= 0x5f; i++)
        host->bridge.config[i] = 0x33; /* shadow memory readable and writable */
    pci_host_plug(host, &host->bridge, 0, 0);
}

int pci_host_plug(struct pci_host *host, struct pci_function *function, unsigned slot,
                  unsigned number)
{
    if (slot >= PCI_SLOTS || number >= PCI_FUNCTIONS || host->functions[slot][number])
        return -1;
    host->functions[slot][number] = function;
    function->slot = (uint8_t)slot;
    function->number = (uint8_t)number;
    function->bus = &host->operations;
    function->bus_context = host;
    if (number > 0 && host->functions[slot][0])
        host->functions[slot][0]->config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
    return 0;
}

int pci_host_free_slot(const struct pci_host *host, unsigned first)
{
    for (unsigned slot = first; slot < PCI_SLOTS; slot++) {
        bool taken = false;
        for (unsigned number = 0; number < PCI_FUNCTIONS; number++)
            taken |= host->functions[slot][number] != NULL;
        if (!taken)
            return (int)slot;
    }
    return -1;
}

/* CONFADD is a register of 32 bits: narrower accesses go to the ports behind it, which are others'
 * (CF9H is the reset control of the PIIX). */
static uint64_t read_address(void *device, uint64_t offset, unsigned size)
{
    const struct pci_host *host = device;
    return offset == 0 && size == 4 ? host->address : ~UINT64_C(0);
}

static void write_address(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_host *host = device;
    if (offset == 0 && size == 4)
        host->address = (uint32_t)value & CONFADD_WRITABLE;
}

/* What CONFADD names: bus in bits 23-16, device 15-11, function 10-8, register 7-2. */
static struct pci_function *addressed(const struct pci_host *host)
{
    if (!(host->address & CONFADD_ENABLE) || (host->address >> 16 & 0xff) != 0)
        return NULL;
    return host->functions[host->address >> 11 & 31][host->address >> 8 & 7];
}

static uint64_t read_data(void *device, uint64_t offset, unsigned size)
{
    struct pci_host *host = device;
    struct pci_function *function = addressed(host);
    unsigned reg = (host->address & 0xfc) + (unsigned)offset;
    return function ? pci_config_read(function, reg, size) : ~UINT64_C(0);
}

static void write_data(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_host *host = device;
    struct pci_function *function = addressed(host);
    if (function)
        pci_config_write(function, (host->address & 0xfc) + (unsigned)offset, size,
                         (uint32_t)value);
}

const struct register_range pci_host_address = { read_address, write_address };
const struct register_range pci_host_data = { read_data, write_data };
