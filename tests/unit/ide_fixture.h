// SPDX-License-Identifier: Apache-2.0
/* An IDE controller with two disks on its first channel, 1 MiB of guest memory, and the words in
 * which a driver speaks to it. */
#pragma once

#include "fake_platform.h"

#include "core/device/ide.h"

#define MEMORY_SIZE  (1u << 20)
#define DISK_SECTORS 4096u
#define TABLE        0x8000u /* physical region descriptors */

enum {
    PORT_DATA,
    PORT_ERROR,
    PORT_COUNT,
    PORT_LOW,
    PORT_MID,
    PORT_HIGH,
    PORT_DEVICE,
    PORT_STATUS,
    PORT_FEATURES = PORT_ERROR,
    PORT_COMMAND = PORT_STATUS
};

struct machine {
    struct platform platform;
    struct ide ide;
    struct guest_memory memory;
    struct frame frames[MEMORY_SIZE / FRAME_SIZE];
    uint8_t *ram;
    struct platform_block disks[2];
    bool interrupt;
    unsigned interrupts; /* rising edges */
};

static inline void set_interrupt(void *context, unsigned number, bool level)
{
    struct machine *machine = context;
    assert_int_equal(number, 14);
    machine->interrupts += level && !machine->interrupt;
    machine->interrupt = level;
}

static inline void make_disk(struct platform_block *disk)
{
    disk->size = (uint64_t)DISK_SECTORS * IDE_SECTOR_SIZE;
    disk->serial = "QM00001";
    disk->bytes = calloc(1, disk->size);
    for (uint64_t i = 0; i < disk->size; i += 8) {
        uint64_t value = i * UINT64_C(0x9e3779b97f4a7c15);
        memcpy(disk->bytes + i, &value, 8);
    }
}

static inline struct machine *machine_new(unsigned disks)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    machine->ram = calloc(1, MEMORY_SIZE);
    assert_int_equal(
        guest_memory_add(&machine->memory, 0, MEMORY_SIZE, machine->ram, machine->frames, false),
        0);
    struct ide_configuration configuration = {
        .platform = &machine->platform,
        .memory = &machine->memory,
        .model = IDE_PIIX4,
        .lines = { { .set = set_interrupt, .context = machine, .number = 14 } },
    };
    for (unsigned i = 0; i < disks; i++) {
        make_disk(&machine->disks[i]);
        configuration.disks[i] = &machine->disks[i];
    }
    ide_initialize(&machine->ide, &configuration);
    pci_config_write(&machine->ide.function, 4, 2, 5); /* ports, bus master */
    return machine;
}

static inline void machine_free(struct machine *machine)
{
    for (unsigned i = 0; i < 2; i++)
        free(machine->disks[i].bytes);
    free(machine->ram);
    free(machine);
}

#define AUTO_MACHINE __attribute__((cleanup(machine_cleanup)))
static inline void machine_cleanup(struct machine **machine)
{
    machine_free(*machine);
}

static inline struct ide_channel *channel(struct machine *machine)
{
    return &machine->ide.channels[0];
}

static inline uint8_t in8(struct machine *machine, unsigned port)
{
    return (uint8_t)ide_command_registers.read(channel(machine), port, 1);
}

static inline uint16_t in16(struct machine *machine)
{
    return (uint16_t)ide_command_registers.read(channel(machine), PORT_DATA, 2);
}

static inline void out8(struct machine *machine, unsigned port, uint8_t value)
{
    ide_command_registers.write(channel(machine), port, 1, value);
}

static inline uint8_t alternate_status(struct machine *machine)
{
    return (uint8_t)ide_control_registers.read(channel(machine), 0, 1);
}

static inline void control(struct machine *machine, uint8_t value)
{
    ide_control_registers.write(channel(machine), 0, 1, value);
}

static inline uint32_t bus_master_in(struct machine *machine, unsigned offset, unsigned size)
{
    const struct register_range *registers = machine->ide.function.bars[4].registers;
    return (uint32_t)registers->read(&machine->ide, offset, size);
}

static inline void bus_master_out(struct machine *machine, unsigned offset, unsigned size,
                                  uint32_t value)
{
    machine->ide.function.bars[4].registers->write(&machine->ide, offset, size, value);
}

/* 28-bit arguments to the selected device. */
static inline void command28(struct machine *machine, uint8_t opcode, uint32_t lba, uint8_t count)
{
    uint8_t device = channel(machine)->device & IDE_DEVICE_DEV;
    out8(machine, PORT_DEVICE, (uint8_t)(0xe0 | device | lba >> 24));
    out8(machine, PORT_COUNT, count);
    out8(machine, PORT_LOW, (uint8_t)lba);
    out8(machine, PORT_MID, (uint8_t)(lba >> 8));
    out8(machine, PORT_HIGH, (uint8_t)(lba >> 16));
    out8(machine, PORT_COMMAND, opcode);
}

static inline void command48(struct machine *machine, uint8_t opcode, uint64_t lba, uint16_t count)
{
    uint8_t device = channel(machine)->device & IDE_DEVICE_DEV;
    out8(machine, PORT_DEVICE, (uint8_t)(0xe0 | device));
    out8(machine, PORT_COUNT, (uint8_t)(count >> 8));
    out8(machine, PORT_COUNT, (uint8_t)count);
    for (unsigned i = 0; i < 3; i++) {
        out8(machine, PORT_LOW + i, (uint8_t)(lba >> (24 + 8 * i)));
        out8(machine, PORT_LOW + i, (uint8_t)(lba >> 8 * i));
    }
    out8(machine, PORT_COMMAND, opcode);
}

static inline void put_region(struct machine *machine, unsigned index, uint32_t address,
                              uint32_t length, bool last)
{
    uint32_t descriptor[2] = { address, (length & 0xffff) | (last ? UINT32_C(1) << 31 : 0) };
    memcpy(machine->ram + TABLE + index * 8, descriptor, 8);
}

static inline void start_bus_master(struct machine *machine, bool to_memory)
{
    bus_master_out(machine, 4, 4, TABLE);
    bus_master_out(machine, 2, 1, IDE_BUS_MASTER_ERROR | IDE_BUS_MASTER_INTERRUPT);
    bus_master_out(machine, 0, 1, to_memory ? 8 : 0);
    bus_master_out(machine, 0, 1, to_memory ? 9 : 1);
}
