// SPDX-License-Identifier: Apache-2.0
#include "core/device/e1000.h"

#include "core/device/e1000_parts.h"

#define IO_SIZE    64u
#define IO_ADDRESS 0u
#define IO_DATA    4u

/* Registers are 32 bits wide: a part of one can be read, not written. */
static uint64_t memory_read(void *device, uint64_t offset, unsigned size)
{
    struct e1000 *e1000 = device;
    uint64_t value = e1000_read(e1000, (uint32_t)offset & ~3u);
    if (size == 8)
        return value | (uint64_t)e1000_read(e1000, (uint32_t)offset + 4) << 32;
    return value >> 8 * (offset & 3);
}

static void memory_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct e1000 *e1000 = device;
    if (size < 4 || offset & 3)
        return;
    e1000_write(e1000, (uint32_t)offset, (uint32_t)value);
    if (size == 8)
        e1000_write(e1000, (uint32_t)offset + 4, (uint32_t)(value >> 32));
}

static const struct register_range memory_registers = { .read = memory_read,
                                                        .write = memory_write };

/* The same registers through two ports (13.2.3): drivers reset by them. */
static uint64_t io_read(void *device, uint64_t offset, unsigned size)
{
    struct e1000 *e1000 = device;
    if (offset == IO_ADDRESS)
        return e1000->io_address;
    if (offset == IO_DATA && size == 4)
        return e1000_read(e1000, e1000->io_address & ~3u);
    return 0;
}

static void io_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct e1000 *e1000 = device;
    if (size != 4)
        return;
    if (offset == IO_ADDRESS)
        e1000->io_address = (uint32_t)value & (E1000_REGISTER_SPACE - 1);
    else if (offset == IO_DATA)
        e1000_write(e1000, e1000->io_address & ~3u, (uint32_t)value);
}

static const struct register_range io_registers = { .read = io_read, .write = io_write };

static void initialize_function(struct e1000 *e1000)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x100e,
        .subsystem_vendor = 0x8086,
        .subsystem = 0x001e, /* PRO/1000 MT Desktop */
        .class_code = 0x020000,
        .revision = 2,
        .interrupt_pin = 1,
    };
    const struct pci_bar memory = { .kind = PCI_BAR_MEMORY32,
                                    .size = E1000_REGISTER_SPACE,
                                    .registers = &memory_registers,
                                    .device = e1000 };
    const struct pci_bar io = {
        .kind = PCI_BAR_IO, .size = IO_SIZE, .registers = &io_registers, .device = e1000
    };
    pci_function_initialize(&e1000->function, "e1000", &identity, e1000);
    pci_add_bar(&e1000->function, 0, &memory);
    pci_add_bar(&e1000->function, 1, &io);
}

void e1000_reset(struct e1000 *e1000)
{
    e1000->io_address = 0;
    e1000_phy_reset(e1000);
    e1000_registers_reset(e1000);
}

void e1000_initialize(struct e1000 *e1000, const struct e1000_configuration *configuration)
{
    e1000->platform = configuration->platform;
    e1000->memory = configuration->memory;
    e1000->net = configuration->net;
    e1000->throttle =
        (struct platform_timer){ .expired = e1000_throttle_expired, .context = e1000 };
    e1000->more = (struct platform_timer){ .expired = e1000_transmit, .context = e1000 };
    initialize_function(e1000);
    e1000_eeprom_initialize(&e1000->eeprom, platform_net_address(configuration->net));
    e1000_registers_initialize(e1000);
    e1000_reset(e1000);
    platform_net_set_receiver(configuration->net,
                              (struct platform_net_receiver){ .ready = e1000_receive_ready,
                                                              .receive = e1000_receive,
                                                              .context = e1000 });
}
