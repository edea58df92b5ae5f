// SPDX-License-Identifier: Apache-2.0
#include "core/machine/machine.h"

#include "core/machine/acpi.h"
#include "core/machine/boot_elf.h"
#include "core/machine/boot_linux.h"
#include "core/machine/boot_pvh.h"
#include "core/machine/layout.h"
#include "core/machine/machine_state.h"
#include "core/machine/smbios.h"

#define MTRR_VALID        (UINT64_C(1) << 11) /* of a mask */
#define MTRR_ENABLE       (UINT64_C(1) << 11) /* of the default type */
#define MTRR_FIXED_ENABLE (UINT64_C(1) << 10)
#define MTRR_WRITE_BACK   6

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
        .kvm_features = kvmpv_features(),
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
    if (request->kind == MACHINE_MICRO)
        machine_make_kvmpv(machine);
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

static void write_identity(struct machine *machine)
{
    const struct cpuid_entry *entry = cpuid_find(&machine->cpuid, 1, 0);
    smbios_write(machine->request.memory, SMBIOS_BASE,
                 &(struct smbios_request){
                     .vcpu_count = machine->request.vcpu_count,
                     .memory_size = machine->memory_size,
                     .processor_identity = entry->eax | (uint64_t)entry->edx << 32,
                     .megahertz = (uint32_t)(platform_tsc_frequency(machine->platform) / 1000000),
                 });
}

/* As firmware does (SDM volume 3, 11.11): memory is cached, but for the hole below 4 GiB and what
 * lies from A0000H on. */
static void set_memory_types(const struct machine *machine, struct cpu_state *state)
{
    const uint64_t write_back = UINT64_C(0x0606060606060606);
    const uint64_t write_protected = UINT64_C(0x0505050505050505);
    unsigned bits = cpuid_find(&machine->cpuid, 0x80000008, 0)->eax & 0xff;
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++) /* to 80000H, A0000H, C0000H, and the rest */
        state->mtrr_fixed[i] = i < 2 ? write_back : i == 2 ? 0 : write_protected;
    state->mtrr_base[0] = PCI_MEMORY_BASE; /* uncached */
    state->mtrr_mask[0] =
        ((UINT64_C(1) << bits) - (FAR_MEMORY_BASE - PCI_MEMORY_BASE)) | MTRR_VALID;
    state->mtrr_default_type = MTRR_ENABLE | MTRR_FIXED_ENABLE | MTRR_WRITE_BACK;
}

/* PVH is for guests that know: its entry tells a kernel that it was started by a hypervisor. */
static enum boot_problem enter_kernel(const struct machine *machine,
                                      const struct boot_context *context, struct cpu_state *state)
{
    if (!boot_pvh_recognizes(&context->request->kernel))
        return boot_linux(context, state);
    return machine->request.kind == MACHINE_MICRO ? boot_pvh(context, state)
                                                  : boot_elf(context, state);
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
    write_identity(machine);
    enum boot_problem problem = enter_kernel(machine, &context, state);
    if (problem == BOOT_OK)
        set_memory_types(machine, state);
    return problem;
}

void machine_waiting_state(const struct machine *machine, struct cpu_state *state)
{
    cpu_state_reset(state, cpuid_family_model_stepping(&machine->cpuid));
    set_memory_types(machine, state);
}

int machine_acknowledge(struct machine *machine, unsigned vcpu)
{
    if (machine->request.kind == MACHINE_MICRO)
        kvmpv_update(&machine->kvmpv, vcpu);
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
