// SPDX-License-Identifier: Apache-2.0
/* A whole machine under a guest that does anything with ports, registers and MSRs. */
#include <stdlib.h>

#include "core/device/hpet.h"
#include "core/device/ioapic.h"
#include "core/machine/machine.h"
#include "fuzz_platform.h"

/* -- Machines -- */

struct whole_machine {
    struct fuzz_machine parts;
    struct platform_block disk;
    struct platform_net net;
    struct platform_console console;
    struct machine *machine;
};

static uint16_t choose_port(struct fuzz_input *input)
{
    static const uint16_t bases[] = { 0x20,  0x40,  0x60,  0x61,  0x64,  0x70,  0x92,
                                      0xa0,  0x170, 0x1f0, 0x376, 0x3f6, 0x3f8, 0x4d0,
                                      0x600, 0xcf8, 0xcfc, 0xcf9, 0xc000 };
    uint8_t choice = (uint8_t)fuzz_take(input, 1);
    uint8_t offset = choice >> 5;
    choice &= 31;
    if (choice < sizeof(bases) / sizeof(bases[0]))
        return (uint16_t)(bases[choice] + offset);
    return (uint16_t)fuzz_take(input, 2);
}

static uint64_t choose_address(struct fuzz_input *input)
{
    static const uint32_t bases[] = { LAPIC_BASE, IOAPIC_BASE, HPET_BASE, 0xc0000000, 0xc0020000 };
    uint8_t choice = (uint8_t)fuzz_take(input, 1);
    if (choice < sizeof(bases) / sizeof(bases[0]))
        return bases[choice] + (fuzz_take(input, 2) & 0x3fff);
    return fuzz_take(input, 8);
}

static uint32_t choose_msr(struct fuzz_input *input)
{
    static const uint32_t registers[] = { 0x1b, 0x6e0, 0x808, 0x80b, 0x80f, 0x830, 0x832, 0x838 };
    uint8_t choice = (uint8_t)fuzz_take(input, 1);
    if (choice < sizeof(registers) / sizeof(registers[0]))
        return registers[choice];
    return 0x800 + choice;
}

static void step_exit(struct whole_machine *m, uint8_t what, struct fuzz_input *input)
{
    static const uint8_t port_sizes[] = { 1, 2, 4, 1 };
    unsigned vcpu = what >> 7;
    struct vm_exit exit = { .write = what & 0x40 };
    switch (what & 3) {
    case 0:
    case 1:
        exit.io.port = choose_port(input);
        exit.size = port_sizes[what >> 4 & 3];
        exit.value = fuzz_value(input, exit.size);
        machine_io(m->machine, vcpu, &exit);
        break;
    case 2:
        exit.mmio.address = choose_address(input);
        exit.size = (what >> 3 & 7) + 1;
        exit.value = fuzz_value(input, exit.size);
        machine_mmio(m->machine, vcpu, &exit);
        break;
    default:
        exit.msr.index = choose_msr(input);
        exit.msr.tsc = m->parts.platform.clock;
        exit.value = fuzz_value(input, 8);
        machine_msr(m->machine, vcpu, &exit);
        break;
    }
}

static void receive_on_console(struct platform_console *console, struct fuzz_input *input)
{
    static const uint8_t text[64] = "what somebody types";
    size_t length = fuzz_take(input, 1) & 63;
    if (console->receiver.room(console->receiver.context) >= length)
        console->receiver.receive(console->receiver.context, text, length);
}

static void step_outside(struct whole_machine *m, uint8_t what, struct fuzz_input *input)
{
    unsigned vcpu = what >> 7;
    switch (what >> 3 & 7) {
    case 0:
        PROMISE(machine_acknowledge(m->machine, vcpu) < 256);
        break;
    case 1:
        fuzz_advance(&m->parts.platform, fuzz_take(input, 4));
        break;
    case 2:
        fuzz_fill_memory(&m->parts, input);
        break;
    case 3:
        receive_on_console(&m->console, input);
        break;
    case 4:
        machine_power_button(m->machine);
        break;
    case 5:
        machine_write_task_priority(m->machine, vcpu, what);
        break;
    case 6:
        m->console.accepts = fuzz_take(input, 1);
        m->console.receiver.writable(m->console.receiver.context);
        break;
    default:
        m->disk.hold = !m->disk.hold;
        fuzz_block_complete(&m->disk);
        break;
    }
}

/* Firmware's part, by way of a boot that goes no further. */
static void open_machine(struct whole_machine *m)
{
    static const uint8_t no_kernel[16];
    const struct boot_request nothing = { .kernel = { no_kernel, sizeof(no_kernel) },
                                          .command_line = "" };
    struct cpu_state state;
    const char *why;
    fuzz_machine_open(&m->parts);
    fuzz_block_open(&m->disk, 64u << 10);
    const struct machine_request request = {
        .kind = MACHINE_PC,
        .memory = &m->parts.memory,
        .vcpu_count = 2,
        .disks = { &m->disk },
        .disk_count = 1,
        .nets = { &m->net },
        .net_count = 1,
        .serial_lines = { &m->console },
    };
    m->machine = machine_create(&m->parts.platform, &request, &why);
    PROMISE(m->machine);
    PROMISE(machine_boot(m->machine, &nothing, &state) == BOOT_NO_KERNEL);
}

void fuzz_whole_machine(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct whole_machine *m = calloc(1, sizeof(*m));
    PROMISE(m);
    open_machine(m);
    while (input.left > 0) {
        uint8_t what = (uint8_t)fuzz_take(&input, 1);
        if (what & 4)
            step_outside(m, what, &input);
        else
            step_exit(m, what, &input);
    }
    /* Whatever has happened, it answers: the I/O APIC with its version. */
    struct vm_exit exit = { .write = true, .size = 4, .mmio = { IOAPIC_BASE }, .value = 1 };
    machine_mmio(m->machine, 0, &exit);
    exit.write = false;
    exit.mmio.address = IOAPIC_BASE + 0x10;
    machine_mmio(m->machine, 0, &exit);
    PROMISE(exit.value == 0x00170011 || exit.value == 0); /* 0: the guest put its APIC there */
    m->disk.hold = false;
    fuzz_block_complete(&m->disk);
    fuzz_platform_free(&m->parts.platform);
    fuzz_block_close(&m->disk);
    fuzz_machine_close(&m->parts);
    free(m);
}
