// SPDX-License-Identifier: Apache-2.0
#include "core/machine/acpi.h"

#include "core/machine/acpi_dsdt.h"
#include "core/memory/copy.h"

#define REVISION_2_RSDP 2
#define HEADER_SIZE     36

struct header { /* ACPI 6.5, 5.2.6 */
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_identifier[6], oem_table_identifier[8];
    uint32_t oem_revision;
    char creator_identifier[4];
    uint32_t creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == HEADER_SIZE, "ACPI 6.5, 5.2.6");

struct rsdp { /* 5.2.5.3 */
    char signature[8];
    uint8_t checksum;
    char oem_identifier[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct generic_address { /* 5.2.3.2 */
    uint8_t space, bit_width, bit_offset, access_size;
    uint64_t address;
} __attribute__((packed));

struct fadt { /* 5.2.9, as of revision 3 */
    struct header header;
    uint32_t facs, dsdt;
    uint8_t reserved_1, preferred_profile;
    uint16_t sci_interrupt;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios_request, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length, gpe0_length,
        gpe1_length, gpe1_base, cstate_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_architecture;
    uint8_t reserved_2;
    uint32_t flags;
    struct generic_address reset_register;
    uint8_t reset_value, reserved_3[3];
    uint64_t extended_facs, extended_dsdt;
    struct generic_address extended_pm1a_event, extended_pm1b_event, extended_pm1a_control,
        extended_pm1b_control, extended_pm2_control, extended_pm_timer, extended_gpe0,
        extended_gpe1;
} __attribute__((packed));
_Static_assert(sizeof(struct fadt) == 244, "ACPI 3.0, 5.2.9");

enum fadt_flag {
    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_SLEEP_BUTTON_IS_CONTROL_METHOD = 1 << 5,
    FADT_RTC_NOT_FIXED = 1 << 6,
    FADT_RESET_SUPPORTED = 1 << 10,
};

enum boot_architecture { LEGACY_DEVICES = 1, HAS_8042 = 2, NO_VGA = 4 };

struct facs { /* 5.2.10 */
    char signature[4];
    uint32_t length, hardware_signature, waking_vector, global_lock, flags;
    uint64_t extended_waking_vector;
    uint8_t version, reserved[31];
} __attribute__((packed));
_Static_assert(sizeof(struct facs) == 64, "ACPI 6.5, 5.2.10");

/* The tables as they are laid out, one after the other. */
struct layout {
    gpa_t base;
    struct aml out; /* raw bytes: its writer serves for all tables */
};

static uint8_t checksum(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}

static void put(struct layout *layout, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        aml_byte(&layout->out, ((const uint8_t *)bytes)[i]);
}

/* Tables begin at 64 bytes: FACS has to, the others may. */
static gpa_t align_table(struct layout *layout)
{
    while (layout->out.length % 64)
        aml_byte(&layout->out, 0);
    return layout->base + layout->out.length;
}

static struct header table_header(const char *signature, uint8_t revision)
{
    struct header header = {
        .revision = revision,
        .oem_identifier = { 'O', 'P', 'N', 'F', 'W', ' ' },
        .oem_table_identifier = { 'P', 'C', ' ', ' ', ' ', ' ', ' ', ' ' },
        .oem_revision = 1,
        .creator_identifier = { 'O', 'P', 'F', 'W' },
        .creator_revision = 1,
    };
    copy_bytes(header.signature, signature, 4);
    return header;
}

/* Fill in length and checksum of the table that begins at `start`. */
static void finish_table(struct layout *layout, gpa_t start)
{
    uint8_t *table = layout->out.bytes + (start - layout->base);
    if (layout->out.overrun)
        return;
    uint32_t length = (uint32_t)(layout->base + layout->out.length - start);
    copy_bytes(table + offsetof(struct header, length), &length, sizeof(length));
    table[offsetof(struct header, checksum)] = 0;
    table[offsetof(struct header, checksum)] = checksum(table, length);
}

static gpa_t begin_table(struct layout *layout, const char *signature, uint8_t revision)
{
    gpa_t start = align_table(layout);
    struct header header = table_header(signature, revision);
    put(layout, &header, sizeof(header));
    return start;
}

static gpa_t write_dsdt(struct layout *layout, const struct acpi_request *request)
{
    gpa_t start = begin_table(layout, "DSDT", 2);
    acpi_write_dsdt(&layout->out, request);
    finish_table(layout, start);
    return start;
}

static gpa_t write_facs(struct layout *layout)
{
    const struct facs facs = { .signature = { 'F', 'A', 'C', 'S' },
                               .length = sizeof(facs),
                               .version = 1 };
    gpa_t start = align_table(layout);
    put(layout, &facs, sizeof(facs));
    return start;
}

static struct generic_address port(uint16_t address, uint8_t bits)
{
    return (struct generic_address){ .space = 1, .bit_width = bits, .address = address };
}

static gpa_t write_fadt(struct layout *layout, const struct acpi_request *request, gpa_t facs,
                        gpa_t dsdt)
{
    uint16_t base = request->power_management;
    struct fadt fadt = {
        .header = table_header("FACP", 3),
        .facs = (uint32_t)facs,
        .dsdt = (uint32_t)dsdt,
        .sci_interrupt = request->sci_interrupt,
        .pm1a_event = base,
        .pm1a_control = base + 4u,
        .pm_timer = base + 8u,
        .pm1_event_length = 4,
        .pm1_control_length = 2,
        .pm_timer_length = 4,
        .c2_latency = 0xfff, /* more than 100 and 1000: no C2, no C3 */
        .c3_latency = 0xfff,
        .century = request->real_time_clock ? 0x32 : 0,
        .boot_architecture =
            (uint16_t)(LEGACY_DEVICES | NO_VGA | (request->keyboard_controller ? HAS_8042 : 0)),
        .flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON_IS_CONTROL_METHOD |
                 FADT_RTC_NOT_FIXED | (request->reset_port ? FADT_RESET_SUPPORTED : 0),
        .reset_value = request->reset_value,
        .extended_dsdt = dsdt,
        .extended_pm1a_event = port(base, 32),
        .extended_pm1a_control = port(base + 4, 16),
        .extended_pm_timer = port(base + 8, 32),
    };
    if (request->reset_port)
        fadt.reset_register = port(request->reset_port, 8);
    gpa_t start = align_table(layout);
    put(layout, &fadt, sizeof(fadt));
    finish_table(layout, start);
    return start;
}

/* -- MADT (5.2.12) -- */

static void interrupt_override(struct layout *layout, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    const struct {
        uint8_t type, length, bus, source;
        uint32_t gsi;
        uint16_t flags;
    } __attribute__((packed)) entry = { 2, 10, 0, irq, gsi, flags };
    put(layout, &entry, sizeof(entry));
}

static void local_apic(struct layout *layout, uint8_t identifier)
{
    const struct {
        uint8_t type, length, processor, identifier;
        uint32_t flags;
    } entry = { 0, 8, identifier, identifier, 1 };
    put(layout, &entry, sizeof(entry));
}

static gpa_t write_madt(struct layout *layout, const struct acpi_request *request)
{
    const struct {
        uint32_t local_apic, flags;
    } fixed = { request->local_apic, 1 }; /* a pair of 8259 is there */
    const struct {
        uint8_t type, length, identifier, reserved;
        uint32_t address, gsi_base;
    } io_apic = { 1, 12, (uint8_t)request->vcpu_count, 0, request->io_apic, 0 };
    const struct {
        uint8_t type, length, processor;
        uint16_t flags;
        uint8_t line;
    } __attribute__((packed)) nmi = { 4, 6, 0xff, 0, 1 };
    gpa_t start = begin_table(layout, "APIC", 3);
    put(layout, &fixed, sizeof(fixed));
    for (unsigned i = 0; i < request->vcpu_count; i++)
        local_apic(layout, (uint8_t)i);
    put(layout, &io_apic, sizeof(io_apic));
    interrupt_override(layout, 0, 2, 0); /* the i8254 */
    interrupt_override(layout, request->sci_interrupt, request->sci_interrupt, 0x0d); /* level */
    put(layout, &nmi, sizeof(nmi));
    finish_table(layout, start);
    return start;
}

/* IA-PC HPET Specification 1.0a, 3.2.4 */
static gpa_t write_hpet(struct layout *layout, const struct acpi_request *request)
{
    const struct {
        uint32_t event_timer_block;
        struct generic_address address;
        uint8_t number;
        uint16_t minimum_tick;
        uint8_t protection;
    } __attribute__((packed))
    body = { 0x8086a201, { .bit_width = 64, .address = request->hpet }, 0, 100, 0 };
    gpa_t start = begin_table(layout, "HPET", 1);
    put(layout, &body, sizeof(body));
    finish_table(layout, start);
    return start;
}

/* RSDT and XSDT list the same tables, in 32 and in 64 bits. */
static gpa_t write_list(struct layout *layout, const char *signature, unsigned size,
                        const gpa_t *tables, unsigned count)
{
    gpa_t start = begin_table(layout, signature, 1);
    for (unsigned i = 0; i < count; i++)
        put(layout, &tables[i], size);
    finish_table(layout, start);
    return start;
}

static void write_rsdp(struct layout *layout, gpa_t rsdt, gpa_t xsdt)
{
    struct rsdp rsdp = {
        .signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
        .oem_identifier = { 'O', 'P', 'N', 'F', 'W', ' ' },
        .revision = REVISION_2_RSDP,
        .rsdt = (uint32_t)rsdt,
        .length = sizeof(rsdp),
        .xsdt = xsdt,
    };
    rsdp.checksum = checksum((const uint8_t *)&rsdp, 20);
    rsdp.extended_checksum = checksum((const uint8_t *)&rsdp, sizeof(rsdp));
    if (!layout->out.overrun)
        copy_bytes(layout->out.bytes, &rsdp, sizeof(rsdp));
}

gpa_t acpi_write(const struct guest_memory *memory, gpa_t base, const struct acpi_request *request)
{
    struct layout layout = { .base = base };
    gpa_t tables[3];
    unsigned count = 0;
    layout.out.bytes = guest_slice(memory, base, ACPI_ROOM);
    layout.out.room = ACPI_ROOM;
    if (!layout.out.bytes)
        return 0;
    fill_bytes(layout.out.bytes, 0, ACPI_ROOM);
    layout.out.length = sizeof(struct rsdp); /* written last: it points at the others */
    gpa_t facs = write_facs(&layout), dsdt = write_dsdt(&layout, request);
    tables[count++] = write_fadt(&layout, request, facs, dsdt);
    tables[count++] = write_madt(&layout, request);
    if (request->hpet)
        tables[count++] = write_hpet(&layout, request);
    gpa_t rsdt = write_list(&layout, "RSDT", 4, tables, count);
    gpa_t xsdt = write_list(&layout, "XSDT", 8, tables, count);
    write_rsdp(&layout, rsdt, xsdt);
    guest_written(memory, base, ACPI_ROOM);
    return layout.out.overrun ? 0 : base;
}
