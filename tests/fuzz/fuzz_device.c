// SPDX-License-Identifier: Apache-2.0
/* Emulated hardware under a guest that does anything: the input is a list of accesses. */
#include <stdlib.h>

#include "core/device/e1000.h"
#include "core/device/ide.h"
#include "fuzz_platform.h"

static void ignore_map(void *context, struct pci_function *function, unsigned bar, uint64_t address)
{
    (void)context, (void)function, (void)bar, (void)address;
}

static void ignore_message(void *context, uint64_t address, uint32_t data)
{
    (void)context, (void)address, (void)data;
}

static void ignore_interrupt(void *context, struct pci_function *function, bool level)
{
    (void)context, (void)function, (void)level;
}

static const struct pci_bus_operations bus = { ignore_map, ignore_message, ignore_interrupt };

static void access_registers(const struct register_range *registers, void *device, uint64_t offset,
                             uint64_t length, struct fuzz_input *input)
{
    uint8_t how = (uint8_t)fuzz_take(input, 1);
    unsigned size = 1u << (how & 1 ? 2 : how >> 1 & 1);
    if (size > length - offset)
        size = 1; /* accesses lie within the range (core/device/device.h) */
    if (how & 0x80)
        registers->read(device, offset, size);
    else
        registers->write(device, offset, size, fuzz_value(input, size));
}

/* -- IDE -- */

#define COMMAND_PORTS    8u
#define BUS_MASTER_PORTS 16u
#define DISK_SIZE        (64u << 10)

struct ide_machine {
    struct fuzz_machine machine;
    struct ide ide;
    struct platform_block disks[3];
};

static void access_string(struct ide_channel *channel, struct fuzz_input *input)
{
    static uint8_t zeroes[4096];
    uint8_t bytes[4096];
    uint8_t how = (uint8_t)fuzz_take(input, 1);
    size_t count = (how & 0x3f) * 32u;
    if (how & 0x80)
        ide_command_registers.read_string(channel, 0, 2, bytes, count);
    else
        ide_command_registers.write_string(channel, 0, 2, zeroes, count);
}

static void change_disk(struct platform_block *disk, struct fuzz_input *input)
{
    uint8_t how = (uint8_t)fuzz_take(input, 1);
    disk->hold = how & 1;
    disk->fail = how & 2;
    fuzz_block_complete(disk);
}

static void ide_step(struct ide_machine *m, struct fuzz_input *input)
{
    uint8_t what = (uint8_t)fuzz_take(input, 1);
    struct ide_channel *channel = &m->ide.channels[what >> 7];
    switch (what & 7) {
    case 0:
    case 1:
        access_registers(&ide_command_registers, channel, what >> 3 & 7, COMMAND_PORTS, input);
        break;
    case 2:
        access_registers(&ide_control_registers, channel, 0, 1, input);
        break;
    case 3:
        access_registers(m->ide.function.bars[4].registers, &m->ide, what >> 3 & 15,
                         BUS_MASTER_PORTS, input);
        break;
    case 4:
        access_string(channel, input);
        break;
    case 5:
        fuzz_fill_memory(&m->machine, input);
        break;
    case 6:
        change_disk(&m->disks[what >> 3 & 1], input);
        break;
    default:
        fuzz_config_write(&m->ide.function, input);
        break;
    }
}

void fuzz_ide(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct ide_machine *m = calloc(1, sizeof(*m));
    PROMISE(m);
    fuzz_machine_open(&m->machine);
    struct ide_configuration configuration = { .platform = &m->machine.platform,
                                               .memory = &m->machine.memory,
                                               .model = IDE_PIIX4 };
    for (unsigned i = 0; i < 3; i++) { /* the last place is empty */
        fuzz_block_open(&m->disks[i], DISK_SIZE);
        configuration.disks[i] = &m->disks[i];
    }
    ide_initialize(&m->ide, &configuration);
    m->ide.function.bus = &bus;
    pci_config_write(&m->ide.function, 4, 2, 5);
    while (input.left > 0)
        ide_step(m, &input);
    for (unsigned i = 0; i < 3; i++) {
        fuzz_block_complete(&m->disks[i]);
        m->disks[i].hold = false;
        fuzz_block_complete(&m->disks[i]);
    }
    ide_reset(&m->ide); /* whatever has happened, a reset brings the disks back */
    for (unsigned i = 0; i < 2; i++)
        PROMISE(ide_control_registers.read(&m->ide.channels[i], 0, 1) == IDE_STATUS_IDLE);
    for (unsigned i = 0; i < 3; i++)
        fuzz_block_close(&m->disks[i]);
    fuzz_machine_close(&m->machine);
    free(m);
}

/* -- 82540EM -- */

struct e1000_machine {
    struct fuzz_machine machine;
    struct e1000 e1000;
    struct platform_net net;
};

/* Registers that lead somewhere; others by their number. */
static uint32_t choose_register(struct fuzz_input *input)
{
    static const uint16_t registers[] = {
        E1000_CTRL,  E1000_EECD,  E1000_EERD, E1000_MDIC,  E1000_ICR,      E1000_ITR,
        E1000_ICS,   E1000_IMS,   E1000_IMC,  E1000_RCTL,  E1000_TCTL,     E1000_RDBAL,
        E1000_RDBAH, E1000_RDLEN, E1000_RDH,  E1000_RDT,   E1000_TDBAL,    E1000_TDBAH,
        E1000_TDLEN, E1000_TDH,   E1000_TDT,  E1000_TDT,   E1000_RXCSUM,   E1000_VET,
        E1000_RA,    E1000_MTA,   E1000_VFTA, E1000_GORCH, E1000_CTRL_EXT,
    };
    uint8_t number = (uint8_t)fuzz_take(input, 1);
    if (number < sizeof(registers) / sizeof(registers[0]))
        return registers[number];
    return (uint32_t)fuzz_take(input, 3) & (E1000_REGISTER_SPACE - 4);
}

static void receive(struct e1000_machine *m, struct fuzz_input *input)
{
    uint8_t frame[2048] = { 0 };
    size_t length = fuzz_take(input, 2) % sizeof(frame);
    size_t given = length < input->left ? length : input->left;
    for (size_t i = 0; i < given && i < 64; i++)
        frame[i] = (uint8_t)fuzz_take(input, 1);
    m->net.receiver.ready(m->net.receiver.context);
    m->net.receiver.receive(m->net.receiver.context, frame, length);
}

static void e1000_step(struct e1000_machine *m, struct fuzz_input *input)
{
    const struct pci_bar *bars = m->e1000.function.bars;
    uint8_t what = (uint8_t)fuzz_take(input, 1);
    switch (what & 7) {
    case 0:
    case 1:
    case 2:
        bars[0].registers->write(&m->e1000, choose_register(input), 4,
                                 (uint32_t)fuzz_value(input, 4));
        break;
    case 3:
        access_registers(bars[0].registers, &m->e1000, choose_register(input), E1000_REGISTER_SPACE,
                         input);
        break;
    case 4:
        access_registers(bars[1].registers, &m->e1000, what >> 3 & 4, 8, input);
        break;
    case 5:
        fuzz_fill_memory(&m->machine, input);
        break;
    case 6:
        receive(m, input);
        break;
    default:
        if (what & 8)
            fuzz_advance(&m->machine.platform, fuzz_take(input, 3));
        else
            fuzz_config_write(&m->e1000.function, input);
        break;
    }
}

void fuzz_e1000(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct e1000_machine *m = calloc(1, sizeof(*m));
    PROMISE(m);
    fuzz_machine_open(&m->machine);
    const struct e1000_configuration configuration = { .platform = &m->machine.platform,
                                                       .memory = &m->machine.memory,
                                                       .net = &m->net };
    e1000_initialize(&m->e1000, &configuration);
    m->e1000.function.bus = &bus;
    pci_config_write(&m->e1000.function, 4, 2, 7);
    while (input.left > 0)
        e1000_step(m, &input);
    e1000_reset(&m->e1000);
    PROMISE(!m->e1000.function.interrupt_level);
    fuzz_machine_close(&m->machine);
    free(m);
}
