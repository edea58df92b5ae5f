// SPDX-License-Identifier: Apache-2.0
#include "core/device/ide.h"

#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

/* Configuration space, 82371AB data sheet 4.1. */
enum {
    IDE_CONFIG_TIMING_PRIMARY = 0x40,
    IDE_CONFIG_TIMING_SECONDARY = 0x42,
    IDE_CONFIG_SLAVE_TIMING = 0x44,
    IDE_CONFIG_UDMA_CONTROL = 0x48,
    IDE_CONFIG_UDMA_TIMING = 0x4a
};
#define IDE_TIMING_DECODE_ENABLE 0x80 /* bit 15 of the timing register: its high byte */

#define IDE_BUS_MASTER_BAR  4
#define IDE_BUS_MASTER_SIZE 16

static void set_writable(struct pci_function *function, unsigned offset, uint8_t mask)
{
    function->writable[offset] = mask;
}

/* Firmware leaves both channels decoded; nobody else would switch them on. */
static void reset_configuration(struct pci_function *function)
{
    static const uint8_t channels[] = { IDE_CONFIG_TIMING_PRIMARY, IDE_CONFIG_TIMING_SECONDARY };
    for (unsigned i = 0; i < 2; i++) {
        function->config[channels[i]] = 0;
        function->config[channels[i] + 1] = IDE_TIMING_DECODE_ENABLE;
    }
    fill_bytes(&function->config[IDE_CONFIG_SLAVE_TIMING], 0, 8);
}

static void initialize_function(struct ide *ide, enum ide_model model)
{
    static const struct pci_bar bus_master = { .kind = PCI_BAR_IO,
                                               .size = IDE_BUS_MASTER_SIZE,
                                               .registers = &ide_bus_master_registers };
    const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = (uint16_t)model,
        .class_code = 0x010180, /* bus master; both channels at their legacy addresses for good */
        .revision = model == IDE_PIIX4 ? 1 : 0,
    };
    struct pci_function *function = &ide->function;
    pci_function_initialize(function, "ide", &identity, ide);
    struct pci_bar bar = bus_master;
    bar.device = ide;
    pci_add_bar(function, IDE_BUS_MASTER_BAR, &bar);
    for (unsigned offset = IDE_CONFIG_TIMING_PRIMARY; offset < IDE_CONFIG_SLAVE_TIMING; offset++)
        set_writable(function, offset, offset & 1 ? 0xf3 : 0xff);
    set_writable(function, IDE_CONFIG_SLAVE_TIMING, 0xff);
    if (model == IDE_PIIX4) {
        set_writable(function, IDE_CONFIG_UDMA_CONTROL, 0x0f);
        set_writable(function, IDE_CONFIG_UDMA_TIMING, 0x33);
        set_writable(function, IDE_CONFIG_UDMA_TIMING + 1, 0x33);
    }
    reset_configuration(function);
}

static void reset_drive(struct ide_drive *drive)
{
    drive->multiple = IDE_MULTIPLE_MAXIMUM;
    drive->dma_mode = 0;
    drive->write_cache = true;
    drive->look_ahead = true;
    drive->heads = 16;
    drive->sectors_per_track = 63;
    drive->interrupt_pending = false;
}

static void attach(struct ide_drive *drive, struct platform_block *block)
{
    if (block && platform_block_size(block) >= IDE_SECTOR_SIZE) {
        drive->block = block;
        drive->sectors = platform_block_size(block) / IDE_SECTOR_SIZE;
    }
}

void ide_reset(struct ide *ide)
{
    reset_configuration(&ide->function);
    for (unsigned i = 0; i < 2; i++) {
        struct ide_channel *channel = &ide->channels[i];
        channel->control = 0;
        channel->device = 0;
        channel->bus_master = (struct ide_bus_master){ 0 };
        for (unsigned j = 0; j < 2; j++)
            reset_drive(&channel->drives[j]);
        ide_channel_reset(channel);
    }
}

void ide_initialize(struct ide *ide, const struct ide_configuration *configuration)
{
    ide->platform = configuration->platform;
    ide->memory = configuration->memory;
    for (unsigned i = 0; i < 2; i++) {
        struct ide_channel *channel = &ide->channels[i];
        channel->controller = ide;
        channel->index = i;
        channel->line = configuration->lines[i];
        for (unsigned j = 0; j < 2; j++)
            attach(&channel->drives[j], configuration->disks[2 * i + j]);
    }
    initialize_function(ide, configuration->model);
    ide_reset(ide);
}
