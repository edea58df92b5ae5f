// SPDX-License-Identifier: Apache-2.0
#include "core/machine/machine.h"

#include "core/machine/acpi.h"
#include "core/machine/boot_linux.h"
#include "core/machine/boot_pvh.h"
#include "core/machine/layout.h"
#include "core/machine/machine_state.h"

static const char *refuse(const struct machine_request *request)
{
    if (request->vcpu_count < 1 || request->vcpu_count > MACHINE_VCPUS)
        return "a machine has 1 to 32 processors";
    if (request->disk_count > MACHINE_DISKS || request->net_count > MACHINE_NETS ||
        request->console_count > MACHINE_CONSOLES || request->share_count > MACHINE_SHARES)
        return "more devices than a machine has room for";
    return NULL;
}

static void build_cpuid(struct machine *machine)
{
    const struct cpuid_request request = {
        .model = machine->request.cpu_model,
        .interface = machine->request.kind == MACHINE_MICRO ? HYPERVISOR_KVM : HYPERVISOR_NONE,
        .vcpu_count = machine->request.vcpu_count,
        .tsc_frequency = platform_tsc_frequency(machine->platform),
    };
    cpuid_table_build(&machine->cpuid, &request);
}

struct machine *machine_create(struct platform *platform, const struct machine_request *request,
                               const char **why)
{
    static int (*const makers[])(struct machine *, const char **) = {
        [MACHINE_PC] = machine_make_pc,
        [MACHINE_MICRO] = machine_make_micro,
    };
    *why = refuse(request);
    if (*why)
        return NULL;
    struct machine *machine = platform_allocate(platform, sizeof(*machine));
    if (!machine) {
        *why = "there is no memory left";
        return NULL;
    }
    machine->platform = platform;
    machine->request = *request;
    machine->memory_size = machine_memory_size(request->memory);
    build_cpuid(machine);
    if (machine_make_chipset(machine, why) < 0 || makers[request->kind](machine, why) < 0)
        return NULL;
    return machine;
}

const struct cpuid_table *machine_cpuid(const struct machine *machine)
{
    return &machine->cpuid;
}

bool machine_has_hypercalls(const struct machine *machine)
{
    return machine->request.kind == MACHINE_MICRO;
}

int machine_plug(struct machine *machine, struct pci_function *function)
{
    int slot = pci_host_free_slot(&machine->pci, 1);
    return slot < 0 ? -1 : pci_host_plug(&machine->pci, function, (unsigned)slot, 0);
}

static gpa_t write_tables(struct machine *machine)
{
    struct acpi_request acpi = {
        .vcpu_count = machine->request.vcpu_count,
        .local_apic = LAPIC_BASE,
        .io_apic = IOAPIC_BASE,
        .power_management = POWER_MANAGEMENT_BASE,
        .sci_interrupt = 9,
        .reset_port = 0xcf9,
        .reset_value = 6,
        .pci_gsi = 16,
        .pci_memory_first = PCI_MEMORY_BASE,
        .pci_memory_last = PCI_MEMORY_LAST,
        .real_time_clock = true,
        .keyboard_controller = machine->request.kind == MACHINE_PC,
        .hpet = machine->request.kind == MACHINE_PC ? HPET_BASE : 0,
    };
    for (unsigned pirq = 0; pirq < PCI_PIRQS; pirq++)
        acpi.pci_interrupts[pirq] = machine_pci_interrupt(pirq);
    for (unsigned i = 0; i < MACHINE_SERIAL_LINES; i++)
        acpi.serial_lines |= machine->request.serial_lines[i] ? 1u << i : 0;
    return acpi_write(machine->request.memory, FIRMWARE_BASE, &acpi);
}

enum boot_problem machine_boot(struct machine *machine, const struct boot_request *request,
                               struct cpu_state *state)
{
    struct memory_map map = { 0 };
    machine_describe_memory(machine->memory_size, &map);
    machine_assign_pci(machine);
    lapic_virtual_wire(&machine->lapics[0]);
    const struct boot_context context = {
        .memory = machine->request.memory,
        .map = &map,
        .request = request,
        .acpi_rsdp = write_tables(machine),
    };
    if (boot_pvh_recognizes(&request->kernel))
        return boot_pvh(&context, state);
    return boot_linux(&context, state);
}

int machine_acknowledge(struct machine *machine, unsigned vcpu)
{
    return lapic_acknowledge(&machine->lapics[vcpu]);
}

bool machine_interrupt_pending(struct machine *machine, unsigned vcpu)
{
    return lapic_pending(&machine->lapics[vcpu]);
}

uint64_t machine_read_task_priority(struct machine *machine, unsigned vcpu)
{
    return lapic_read_cr8(&machine->lapics[vcpu]);
}

void machine_write_task_priority(struct machine *machine, unsigned vcpu, uint64_t value)
{
    lapic_write_cr8(&machine->lapics[vcpu], value);
}

struct virtio_device *machine_balloon(struct machine *machine)
{
    return machine->balloon;
}

void machine_nmi(struct machine *machine)
{
    for (unsigned i = 0; i < machine->request.vcpu_count; i++)
        lapic_nmi(&machine->lapics[i]);
}

void machine_power_button(struct machine *machine)
{
    piix4_pm_press_power_button(&machine->power);
}
