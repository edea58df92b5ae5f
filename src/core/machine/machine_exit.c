// SPDX-License-Identifier: Apache-2.0
/* The exits of the processors (core/engine.h). */
#include "core/machine/machine_state.h"
#include "core/x86/registers.h"

void machine_io(struct machine *machine, unsigned vcpu, struct vm_exit *exit)
{
    (void)vcpu;
    if (exit->write)
        bus_write(&machine->ports, exit->io.port, exit->size, exit->value);
    else
        exit->value = bus_read(&machine->ports, exit->io.port, exit->size);
}

void machine_mmio(struct machine *machine, unsigned vcpu, struct vm_exit *exit)
{
    struct lapic *lapic = &machine->lapics[vcpu];
    gpa_t address = exit->mmio.address;
    if (lapic_decodes(lapic, address)) {
        if (exit->write)
            lapic_registers.write(lapic, address & FRAME_MASK, exit->size, exit->value);
        else
            exit->value = lapic_registers.read(lapic, address & FRAME_MASK, exit->size);
    } else if (exit->write) {
        bus_write(&machine->registers, address, exit->size, exit->value);
    } else {
        exit->value = bus_read(&machine->registers, address, exit->size);
    }
}

/* Model-specific registers that processors have whose CPUID the guest sees, and that have nothing
 * to do here: they read as zero, and take zero only where software writes back what it read. */
static const uint32_t idle_msrs[] = {
    0x17,       /* IA32_PLATFORM_ID */
    0x2a,       /* EBL_CR_POWERON */
    0x34,       /* SMI_COUNT */
    0x79,       /* IA32_BIOS_UPDT_TRIG */
    0xce,       /* PLATFORM_INFO */
    0x140,      /* MISC_FEATURES_ENABLES */
    0x198,      /* IA32_PERF_STATUS */
    0x199,      /* IA32_PERF_CTL */
    0x19a,      /* IA32_CLOCK_MODULATION */
    0x19b,      /* IA32_THERM_INTERRUPT */
    0x19c,      /* IA32_THERM_STATUS */
    0xc0010010, /* SYSCFG */
    0xc0010015, /* HWCR */
    0xc001001f, /* NB_CFG */
    0xc0010055, /* interrupt pending message */
    0xc0011021, /* IC_CFG */
    0xc0011022, /* DC_CFG */
    0xc0011023, /* BU_CFG */
    0xc0011029, /* DE_CFG */
    0xc001102a, /* BU_CFG2 */
};

static bool is_idle(uint32_t index)
{
    for (unsigned i = 0; i < sizeof(idle_msrs) / sizeof(idle_msrs[0]); i++)
        if (idle_msrs[i] == index)
            return true;
    return false;
}

static bool has_kvmpv(const struct machine *machine)
{
    return machine->request.kind == MACHINE_MICRO;
}

static bool read_msr(struct machine *machine, unsigned vcpu, uint32_t index, uint64_t *value)
{
    const struct lapic *lapic = &machine->lapics[vcpu];
    if (has_kvmpv(machine) && kvmpv_is_msr(index))
        return kvmpv_msr_read(&machine->kvmpv, vcpu, index, value);
    if (index == MSR_APIC_BASE)
        return lapic_read_base(lapic, value);
    if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST)
        return lapic_read_msr(&machine->lapics[vcpu], index, value);
    if (index == MSR_TSC_DEADLINE) {
        *value = lapic_read_deadline(lapic);
        return true;
    }
    *value = 0;
    return is_idle(index);
}

static bool write_msr(struct machine *machine, unsigned vcpu, const struct vm_exit *exit)
{
    struct lapic *lapic = &machine->lapics[vcpu];
    uint32_t index = exit->msr.index;
    if (has_kvmpv(machine) && kvmpv_is_msr(index))
        return kvmpv_msr_write(&machine->kvmpv, vcpu, index, exit->value, exit->msr.tsc);
    if (index == MSR_APIC_BASE)
        return lapic_write_base(lapic, exit->value);
    if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST)
        return lapic_write_msr(lapic, index, exit->value);
    if (index == MSR_TSC_DEADLINE) {
        lapic_write_deadline(lapic, exit->value, exit->msr.tsc);
        return true;
    }
    return is_idle(index);
}

void machine_msr(struct machine *machine, unsigned vcpu, struct vm_exit *exit)
{
    exit->msr.refused = exit->write ? !write_msr(machine, vcpu, exit)
                                    : !read_msr(machine, vcpu, exit->msr.index, &exit->value);
    if (exit->msr.refused)
        platform_log(machine->platform, PLATFORM_LOG_DEBUG, "vCPU %u: %s of MSR %#x refused", vcpu,
                     exit->write ? "write" : "read", exit->msr.index);
}

/* Only a machine that announces the interface has these exits. */
void machine_hypercall(struct machine *machine, unsigned vcpu, struct vm_exit *exit)
{
    exit->hypercall.result =
        kvmpv_hypercall(&machine->kvmpv, vcpu, exit->hypercall.number, exit->hypercall.arguments);
}

static void deliver_interrupt(void *context, uint32_t apic_id, unsigned mode, uint8_t vector)
{
    const struct interrupt_message message = {
        .destination = apic_id, .wide = true, .mode = (enum delivery_mode)mode, .vector = vector
    };
    interrupt_bus_deliver(context, &message);
}

void machine_make_kvmpv(struct machine *machine)
{
    const struct kvmpv_interrupts interrupts = { deliver_interrupt, &machine->interrupts };
    kvmpv_initialize(&machine->kvmpv, machine->platform, machine->request.memory,
                     machine->request.vcpu_count, interrupts);
}
