// SPDX-License-Identifier: Apache-2.0
/* What machine `pc` has beyond the chipset: nothing that is not in the data sheets of real boards.
 */
#include "core/device/e1000.h"
#include "core/device/ide.h"
#include "core/machine/machine_state.h"

static int make_ide(struct machine *machine)
{
    struct ide *ide = platform_allocate(machine->platform, sizeof(*ide));
    if (!ide)
        return -1;
    struct ide_configuration configuration = {
        .platform = machine->platform,
        .memory = machine->request.memory,
        .model = IDE_PIIX4,
        .lines = { machine_isa_line(machine, 14, ISA_SOURCE_CHIP),
                   machine_isa_line(machine, 15, ISA_SOURCE_CHIP) },
    };
    for (unsigned i = 0; i < machine->request.disk_count; i++)
        configuration.disks[i] = machine->request.disks[i];
    ide_initialize(ide, &configuration);
    machine->ide = ide;
    pci_host_plug(&machine->pci, &ide->function, 1, 1);
    bus_map(&machine->ports, IDE_PRIMARY_COMMAND_PORT, 8, &ide_command_registers,
            &ide->channels[0]);
    bus_map(&machine->ports, IDE_PRIMARY_CONTROL_PORT, 1, &ide_control_registers,
            &ide->channels[0]);
    bus_map(&machine->ports, IDE_SECONDARY_COMMAND_PORT, 8, &ide_command_registers,
            &ide->channels[1]);
    bus_map(&machine->ports, IDE_SECONDARY_CONTROL_PORT, 1, &ide_control_registers,
            &ide->channels[1]);
    return 0;
}

static int make_network(struct machine *machine, struct platform_net *net)
{
    struct e1000 *e1000 = platform_allocate(machine->platform, sizeof(*e1000));
    if (!e1000)
        return -1;
    e1000_initialize(e1000, &(struct e1000_configuration){
                                .platform = machine->platform,
                                .memory = machine->request.memory,
                                .net = net,
                            });
    return machine_plug(machine, &e1000->function);
}

static int make_keyboard_controller(struct machine *machine)
{
    struct i8042 *keyboard = &machine->keyboard;
    keyboard->platform = machine->platform;
    keyboard->keyboard = machine_isa_line(machine, 1, ISA_SOURCE_CHIP);
    keyboard->auxiliary = machine_isa_line(machine, 12, ISA_SOURCE_CHIP);
    i8042_initialize(keyboard);
    return bus_map(&machine->ports, 0x60, 1, &i8042_data_registers, keyboard) |
           bus_map(&machine->ports, 0x64, 1, &i8042_command_registers, keyboard);
}

int machine_make_pc(struct machine *machine, const char **why)
{
    *why = "there is no memory left";
    int status = make_ide(machine) | machine_make_hpet(machine) | make_keyboard_controller(machine);
    for (unsigned i = 0; i < machine->request.net_count; i++)
        status |= make_network(machine, machine->request.nets[i]);
    return status;
}
