// SPDX-License-Identifier: Apache-2.0
/* The chips of a board and the wires between them. */
#include "core/machine/machine_state.h"

/* -- Interrupt lines -- */

/* IRQ 0 is pin 2 of the I/O APIC, as on every board: pin 0 is the i8259's. */
static void set_isa_line(void *context, unsigned number, bool level)
{
    struct machine *machine = context;
    unsigned irq = number % ISA_LINES;
    uint16_t bit = (uint16_t)(1u << number / ISA_LINES), before = machine->isa_holders[irq];
    uint16_t after = level ? before | bit : before & (uint16_t)~bit;
    if (before == after)
        return;
    machine->isa_holders[irq] = after;
    if ((before != 0) == (after != 0))
        return;
    i8259_set_line(&machine->pic, irq, after != 0);
    ioapic_set_line(&machine->ioapic, irq == 0 ? 2 : irq, after != 0);
}

struct interrupt_line machine_isa_line(struct machine *machine, unsigned irq, unsigned source)
{
    return (struct interrupt_line){ set_isa_line, machine, source * ISA_LINES + irq };
}

/* PIRQA to PIRQD are pins 16 to 19, and what the bridge routes them to. */
static void set_pirq(void *context, unsigned number, bool level)
{
    struct machine *machine = context;
    ioapic_set_line(&machine->ioapic, 16 + number, level);
    piix4_set_pirq(&machine->bridge, number, level);
}

static void set_pic_output(void *context, unsigned number, bool level)
{
    struct machine *machine = context;
    (void)number;
    lapic_set_lint0(&machine->lapics[0], level);
}

static void end_of_interrupt(void *context, uint8_t vector)
{
    struct machine *machine = context;
    ioapic_end_of_interrupt(&machine->ioapic, vector);
}

static uint8_t external_acknowledge(void *context)
{
    struct machine *machine = context;
    return i8259_acknowledge(&machine->pic);
}

static void make_interrupt_controllers(struct machine *machine)
{
    machine->interrupts = (struct interrupt_bus){
        .lapics = machine->lapics,
        .count = machine->request.vcpu_count,
        .end_of_interrupt = end_of_interrupt,
        .external_acknowledge = external_acknowledge,
        .context = machine,
    };
    for (unsigned i = 0; i < machine->request.vcpu_count; i++)
        lapic_initialize(&machine->lapics[i], machine->platform, &machine->interrupts, i);
    machine->ioapic.bus = &machine->interrupts;
    ioapic_reset(&machine->ioapic);
    machine->pic.output = (struct interrupt_line){ set_pic_output, machine, 0 };
    i8259_reset(&machine->pic);
}

/* -- PCI -- */

static void send_message(void *context, uint64_t address, uint32_t data)
{
    struct machine *machine = context;
    interrupt_bus_message(&machine->interrupts, address, data);
}

static struct bus *bus_of(struct machine *machine, const struct pci_bar *bar)
{
    return bar->kind == PCI_BAR_IO ? &machine->ports : &machine->registers;
}

/* A BAR that lies over something else does not answer until that has gone: so all are tried again
 * after each change. bus_map refuses what is there already. */
static void map_all(struct machine *machine)
{
    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        struct pci_function *function =
            machine->pci.functions[i / PCI_FUNCTIONS][i % PCI_FUNCTIONS];
        for (unsigned bar = 0; function && bar < PCI_BARS; bar++)
            if (function->mapped[bar])
                bus_map(bus_of(machine, &function->bars[bar]), function->mapped[bar],
                        function->bars[bar].size, function->bars[bar].registers,
                        function->bars[bar].device);
    }
}

static void map_bar(void *context, struct pci_function *function, unsigned index, uint64_t address)
{
    struct machine *machine = context;
    const struct pci_bar *bar = &function->bars[index];
    (void)address;
    bus_unmap(bus_of(machine, bar), bar->registers, bar->device);
    map_all(machine);
}

static void move_power_management(void *context, uint16_t base)
{
    struct machine *machine = context;
    bus_unmap(&machine->ports, &piix4_pm_registers, &machine->power);
    if (base)
        bus_map(&machine->ports, base, PIIX4_PM_PORTS, &piix4_pm_registers, &machine->power);
    map_all(machine);
}

static void make_pci(struct machine *machine)
{
    struct pci_host *host = &machine->pci;
    for (unsigned i = 0; i < PCI_PIRQS; i++) {
        host->pirqs[i] = (struct interrupt_line){ set_pirq, machine, i };
        machine->bridge.lines[i] = machine_isa_line(machine, 0, ISA_SOURCE_PIRQ + i);
    }
    host->map = map_bar;
    host->message = send_message;
    host->context = machine;
    pci_host_initialize(host);
    machine->bridge.platform = machine->platform;
    piix4_initialize(&machine->bridge);
    machine->power.platform = machine->platform;
    machine->power.interrupt = machine_isa_line(machine, 9, ISA_SOURCE_SCI);
    machine->power.moved = move_power_management;
    machine->power.context = machine;
    piix4_pm_initialize(&machine->power);
    pci_host_plug(host, &machine->bridge.function, 1, 0);
    pci_host_plug(host, &machine->power.function, 1, 3);
}

/* CF8H to CFBH are one register of the host bridge, but a byte at CF9H is the reset control. */
static uint64_t read_config_address(void *device, uint64_t offset, unsigned size)
{
    struct machine *machine = device;
    if (offset == 1 && size == 1)
        return piix4_reset_registers.read(&machine->bridge, 0, 1);
    return pci_host_address.read(&machine->pci, offset, size);
}

static void write_config_address(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct machine *machine = device;
    if (offset == 1 && size == 1)
        piix4_reset_registers.write(&machine->bridge, 0, 1, value);
    else
        pci_host_address.write(&machine->pci, offset, size, value);
}

static const struct register_range config_address = { read_config_address, write_config_address };

/* -- Serial lines -- */

static void make_serial_lines(struct machine *machine)
{
    static const struct {
        uint16_t port;
        uint8_t irq;
    } rows[MACHINE_SERIAL_LINES] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };
    for (unsigned i = 0; i < MACHINE_SERIAL_LINES; i++) {
        struct uart16550 *uart = &machine->serial[i];
        uart->platform = machine->platform;
        uart->console = machine->request.serial_lines[i];
        uart->interrupt = machine_isa_line(machine, rows[i].irq, ISA_SOURCE_SERIAL + i);
        if (!uart->console)
            continue;
        uart16550_initialize(uart);
        bus_map(&machine->ports, rows[i].port, 8, &uart16550_registers, uart);
    }
}

/* -- Timers: the HPET may take the lines of i8254 and mc146818 -- */

static void set_timer_line(void *context, unsigned irq, bool level)
{
    struct machine *machine = context;
    if (!machine->legacy_replaced)
        set_isa_line(machine, ISA_SOURCE_CHIP * ISA_LINES + irq, level);
}

static void replace_legacy(void *context, bool on)
{
    struct machine *machine = context;
    machine->legacy_replaced = on;
    set_isa_line(machine, ISA_SOURCE_CHIP * ISA_LINES + 0, false);
    set_isa_line(machine, ISA_SOURCE_CHIP * ISA_LINES + 8, false);
}

static void set_io_apic_pin(void *context, unsigned pin, bool level)
{
    struct machine *machine = context;
    ioapic_set_line(&machine->ioapic, pin, level);
}

static void make_timers(struct machine *machine)
{
    machine->timer.platform = machine->platform;
    machine->timer.output = (struct interrupt_line){ set_timer_line, machine, 0 };
    i8254_initialize(&machine->timer);
    machine->clock.platform = machine->platform;
    machine->clock.interrupt = (struct interrupt_line){ set_timer_line, machine, 8 };
    mc146818_initialize(&machine->clock);
    machine_set_cmos(machine);
}

int machine_make_hpet(struct machine *machine)
{
    struct hpet *hpet = &machine->hpet;
    hpet->platform = machine->platform;
    hpet->pins = (struct interrupt_line){ set_io_apic_pin, machine, 0 };
    hpet->legacy[0] = machine_isa_line(machine, 0, ISA_SOURCE_HPET);
    hpet->legacy[1] = machine_isa_line(machine, 8, ISA_SOURCE_HPET);
    hpet->legacy_changed = replace_legacy;
    hpet->context = machine;
    hpet_initialize(hpet);
    return bus_map(&machine->registers, HPET_BASE, HPET_SIZE, &hpet_registers, hpet);
}

/* -- Who answers where -- */

/* Ports that software uses for its own ends: POST codes and delays. */
static uint64_t read_nothing(void *device, uint64_t offset, unsigned size)
{
    (void)device, (void)offset, (void)size;
    return ~UINT64_C(0);
}

static void write_nothing(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device, (void)offset, (void)size, (void)value;
}

static const struct register_range nothing = { read_nothing, write_nothing };

int machine_make_chipset(struct machine *machine, const char **why)
{
    make_interrupt_controllers(machine);
    make_pci(machine);
    make_timers(machine);
    make_serial_lines(machine);
    const struct {
        uint16_t port, length;
        const struct register_range *registers;
        void *device;
    } ports[] = {
        { 0x20, 2, &i8259_master_registers, &machine->pic },
        { 0x40, 4, &i8254_registers, &machine->timer },
        { 0x61, 1, &i8254_speaker_registers, &machine->timer },
        { 0x70, 2, &mc146818_registers, &machine->clock },
        { 0x80, 1, &nothing, machine },
        { 0x92, 1, &piix4_port_92_registers, &machine->bridge },
        { 0xa0, 2, &i8259_slave_registers, &machine->pic },
        { 0xed, 1, &nothing, machine },
        { 0x4d0, 2, &i8259_level_registers, &machine->pic },
        { 0xcf8, 4, &config_address, machine },
        { 0xcfc, 4, &pci_host_data, &machine->pci },
    };
    int status =
        bus_map(&machine->registers, IOAPIC_BASE, IOAPIC_SIZE, &ioapic_registers, &machine->ioapic);
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        status |= bus_map(&machine->ports, ports[i].port, ports[i].length, ports[i].registers,
                          ports[i].device);
    *why = "two devices at one address";
    return status;
}
