// SPDX-License-Identifier: Apache-2.0
#include "core/machine/acpi_dsdt.h"

#define OP_LOCAL_STORE 0x70
#define OP_ARGUMENT_0  0x68
#define OP_RETURN      0xa4
#define PCI_SLOTS      32
#define PCI_PINS       4

/* Interrupt model, as the system tells it by \_PIC: 0 is the 8259 pair, 1 the I/O APIC. */
#define MODEL "PICM"

/* Package { address, pin, Zero, interrupt }: an interrupt that is wired, not routed by a link. */
static void routing_entry(struct aml *aml, unsigned slot, unsigned pin, unsigned interrupt)
{
    size_t entry = aml_begin_package(aml, 4);
    aml_integer(aml, (uint64_t)slot << 16 | 0xffff);
    aml_integer(aml, pin);
    aml_integer(aml, 0);
    aml_integer(aml, interrupt);
    aml_end(aml, entry);
}

static void routing_table(struct aml *aml, const char *name, const struct acpi_request *request,
                          bool io_apic)
{
    aml_name(aml, name);
    size_t table = aml_begin_package(aml, PCI_SLOTS * PCI_PINS);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        for (unsigned pin = 0; pin < PCI_PINS; pin++) {
            unsigned wire = (slot + pin) % 4;
            routing_entry(aml, slot, pin,
                          io_apic ? request->pci_gsi + wire : request->pci_interrupts[wire]);
        }
    aml_end(aml, table);
}

/* Method (_PRT) { If (PICM) { Return (PRTA) } Return (PRTP) } */
static void routing_method(struct aml *aml)
{
    size_t method = aml_begin_method(aml, "_PRT", 0);
    size_t condition = aml_begin_if(aml);
    aml_name_string(aml, MODEL);
    aml_byte(aml, OP_RETURN);
    aml_name_string(aml, "PRTA");
    aml_end(aml, condition);
    aml_byte(aml, OP_RETURN);
    aml_name_string(aml, "PRTP");
    aml_end(aml, method);
}

/* Method (_PIC, 1) { Store (Arg0, PICM) } */
static void model_method(struct aml *aml)
{
    aml_name_integer(aml, MODEL, 0);
    size_t method = aml_begin_method(aml, "_PIC", 1);
    aml_byte(aml, OP_LOCAL_STORE);
    aml_byte(aml, OP_ARGUMENT_0);
    aml_name_string(aml, MODEL);
    aml_end(aml, method);
}

/* Name (_S5, Package { type, type, 0, 0 }): soft off (ACPI 6.5, 7.4.2). */
static void sleep_states(struct aml *aml, const struct acpi_request *request)
{
    aml_name(aml, "_S5_");
    size_t package = aml_begin_package(aml, 4);
    aml_integer(aml, request->soft_off_type);
    aml_integer(aml, request->soft_off_type);
    aml_integer(aml, 0);
    aml_integer(aml, 0);
    aml_end(aml, package);
}

struct isa_device {
    const char *name, *identifier;
    uint16_t ports[2];
    uint8_t port_lengths[2];
    int interrupt; /* -1: none */
};

static void isa_device(struct aml *aml, const struct isa_device *device, unsigned unique)
{
    size_t begin = aml_begin_device(aml, device->name);
    aml_name_eisa(aml, "_HID", device->identifier);
    aml_name_integer(aml, "_UID", unique);
    struct aml_resources resources = aml_begin_resources(aml);
    for (unsigned i = 0; i < 2 && device->port_lengths[i]; i++)
        aml_io(aml, device->ports[i], device->port_lengths[i]);
    if (device->interrupt >= 0)
        aml_irq(aml, (unsigned)device->interrupt);
    aml_end_resources(aml, &resources);
    aml_end(aml, begin);
}

static void serial_lines(struct aml *aml, const struct acpi_request *request)
{
    static const struct isa_device lines[] = {
        { "COM1", "PNP0501", { 0x3f8 }, { 8 }, 4 },
        { "COM2", "PNP0501", { 0x2f8 }, { 8 }, 3 },
        { "COM3", "PNP0501", { 0x3e8 }, { 8 }, 4 },
        { "COM4", "PNP0501", { 0x2e8 }, { 8 }, 3 },
    };
    for (unsigned i = 0; i < 4; i++)
        if (request->serial_lines >> i & 1)
            isa_device(aml, &lines[i], i + 1);
}

/* The ISA bridge with what lies behind it. */
static void isa_bridge(struct aml *aml, const struct acpi_request *request)
{
    static const struct isa_device clock = { "RTC_", "PNP0B00", { 0x70 }, { 2 }, 8 };
    static const struct isa_device keyboard = { "KBD_", "PNP0303", { 0x60, 0x64 }, { 1, 1 }, 1 };
    static const struct isa_device mouse = { "MOU_", "PNP0F13", { 0 }, { 0 }, 12 };
    size_t bridge = aml_begin_device(aml, "ISA_");
    aml_name_integer(aml, "_ADR", 0x00010000);
    if (request->real_time_clock)
        isa_device(aml, &clock, 0);
    if (request->keyboard_controller) {
        isa_device(aml, &keyboard, 0);
        isa_device(aml, &mouse, 0);
    }
    serial_lines(aml, request);
    aml_end(aml, bridge);
}

static void host_bridge(struct aml *aml, const struct acpi_request *request)
{
    size_t bridge = aml_begin_device(aml, "PCI0");
    aml_name_eisa(aml, "_HID", "PNP0A03");
    aml_name_integer(aml, "_UID", 0);
    struct aml_resources resources = aml_begin_resources(aml);
    aml_bus_range(aml, 0, 0xff);
    aml_io(aml, 0xcf8, 8);
    aml_io_window(aml, 0, 0xcf7);
    aml_io_window(aml, 0xd00, 0xffff);
    aml_memory_window(aml, request->pci_memory_first, request->pci_memory_last);
    aml_end_resources(aml, &resources);
    routing_table(aml, "PRTA", request, true);
    routing_table(aml, "PRTP", request, false);
    routing_method(aml);
    isa_bridge(aml, request);
    aml_end(aml, bridge);
}

static void event_timer(struct aml *aml, const struct acpi_request *request)
{
    size_t device = aml_begin_device(aml, "HPET");
    aml_name_eisa(aml, "_HID", "PNP0103");
    aml_name_integer(aml, "_UID", 0);
    struct aml_resources resources = aml_begin_resources(aml);
    aml_fixed_memory(aml, request->hpet, 0x400);
    aml_end_resources(aml, &resources);
    aml_end(aml, device);
}

void acpi_write_dsdt(struct aml *aml, const struct acpi_request *request)
{
    model_method(aml);
    sleep_states(aml, request);
    size_t scope = aml_begin_scope(aml, "\\_SB_");
    host_bridge(aml, request);
    if (request->hpet)
        event_timer(aml, request);
    aml_end(aml, scope);
}
