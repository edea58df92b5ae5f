// SPDX-License-Identifier: Apache-2.0
/* Numbers of chapters are those of DSP0134. A structure is a formatted area, which begins with
 * type, length and handle, and its strings behind it, counted from 1. */
#include "core/machine/smbios.h"

#include "core/memory/copy.h"

#define TABLE_OFFSET 0x20u

#define HANDLE_BIOS      0x0000
#define HANDLE_SYSTEM    0x0100
#define HANDLE_ENCLOSURE 0x0300
#define HANDLE_PROCESSOR 0x0400
#define HANDLE_ARRAY     0x1000
#define HANDLE_MODULE    0x1100
#define HANDLE_MAPPED    0x1300
#define HANDLE_END       0x7f00
#define HANDLE_NONE      0xfffe

struct entry_point { /* 5.2.1 */
    char anchor[4];
    uint8_t checksum, length, major, minor;
    uint16_t largest;
    uint8_t revision, formatted[5];
    char intermediate_anchor[5];
    uint8_t intermediate_checksum;
    uint16_t table_length;
    uint32_t table_address;
    uint16_t structure_count;
    uint8_t bcd_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_point) == 0x1f, "DSP0134, 5.2.1");

struct header {
    uint8_t type, length;
    uint16_t handle;
} __attribute__((packed));

struct bios { /* 7.1 */
    struct header header;
    uint8_t vendor, version;
    uint16_t segment;
    uint8_t date, size;
    uint64_t characteristics;
    uint8_t extensions[2], major, minor, controller_major, controller_minor;
} __attribute__((packed));
_Static_assert(sizeof(struct bios) == 0x18, "DSP0134, 7.1");

struct system { /* 7.2 */
    struct header header;
    uint8_t manufacturer, product, version, serial, uuid[16], wake_up, sku, family;
} __attribute__((packed));
_Static_assert(sizeof(struct system) == 0x1b, "DSP0134, 7.2");

struct enclosure { /* 7.4 */
    struct header header;
    uint8_t manufacturer, type, version, serial, tag, boot_state, power_state, thermal_state,
        security;
    uint32_t oem;
    uint8_t height, cords, elements, element_length;
} __attribute__((packed));
_Static_assert(sizeof(struct enclosure) == 0x15, "DSP0134, 7.4");

struct processor { /* 7.5 */
    struct header header;
    uint8_t socket, type, family, manufacturer;
    uint64_t identity;
    uint8_t version, voltage;
    uint16_t external_clock, maximum_speed, current_speed;
    uint8_t status, upgrade;
    uint16_t caches[3];
    uint8_t serial, tag, part, cores, enabled, threads;
    uint16_t characteristics;
} __attribute__((packed));
_Static_assert(sizeof(struct processor) == 0x28, "DSP0134, 7.5");

struct memory_array { /* 7.17 */
    struct header header;
    uint8_t location, use, correction;
    uint32_t capacity; /* KiB; 80000000H: see the next */
    uint16_t error_handle, devices;
    uint64_t extended_capacity; /* bytes */
} __attribute__((packed));
_Static_assert(sizeof(struct memory_array) == 0x17, "DSP0134, 7.17");

struct memory_module { /* 7.18 */
    struct header header;
    uint16_t array, error_handle, total_width, data_width, size; /* MiB; 7FFFH: see the last */
    uint8_t form, set, locator, bank, type;
    uint16_t detail, speed;
    uint8_t manufacturer, serial, tag, part, attributes;
    uint32_t extended_size;
} __attribute__((packed));
_Static_assert(sizeof(struct memory_module) == 0x20, "DSP0134, 7.18");

struct mapped_address { /* 7.20 */
    struct header header;
    uint32_t first, last; /* KiB; ffffffffH: see the last two */
    uint16_t array;
    uint8_t width;
    uint64_t extended_first, extended_last;
} __attribute__((packed));
_Static_assert(sizeof(struct mapped_address) == 0x1f, "DSP0134, 7.20");

struct table {
    uint8_t *bytes;
    uint32_t length, largest;
    uint16_t count;
    bool overrun;
};

static void put(struct table *table, const void *bytes, size_t length)
{
    if (length > SMBIOS_ROOM - TABLE_OFFSET - table->length) {
        table->overrun = true;
        return;
    }
    copy_bytes(table->bytes + table->length, bytes, length);
    table->length += (uint32_t)length;
}

/* `strings`: each with its NUL, then the one that ends them all. */
static void structure(struct table *table, const void *formatted, const char *strings)
{
    const struct header *header = formatted;
    uint32_t before = table->length;
    put(table, formatted, header->length);
    if (!*strings)
        put(table, "", 1); /* none: two NULs all the same */
    while (*strings) {
        size_t length = 0;
        while (strings[length++])
            ;
        put(table, strings, length);
        strings += length;
    }
    put(table, "", 1);
    table->count++;
    if (table->length - before > table->largest)
        table->largest = table->length - before;
}

static struct header head(uint8_t type, size_t length, uint16_t handle)
{
    return (struct header){ type, (uint8_t)length, handle };
}

static void describe_system(struct table *table)
{
    const struct bios bios = {
        .header = head(0, sizeof(bios), HANDLE_BIOS),
        .vendor = 1,
        .version = 2,
        .segment = 0xe000,
        .date = 3,
        .size = 1,                             /* 128 KiB */
        .characteristics = 1u << 7 | 1u << 12, /* PCI; shadowed */
        .extensions = { 1, 0 },                /* ACPI */
        .major = 1,
        .controller_major = 0xff,
        .controller_minor = 0xff,
    };
    const struct system system = {
        .header = head(1, sizeof(system), HANDLE_SYSTEM),
        .manufacturer = 1,
        .product = 2,
        .version = 3,
        .wake_up = 6, /* power switch */
    };
    const struct enclosure enclosure = {
        .header = head(3, sizeof(enclosure), HANDLE_ENCLOSURE),
        .manufacturer = 1,
        .type = 3, /* desktop */
        .boot_state = 3,
        .power_state = 3,
        .thermal_state = 3,
        .security = 2, /* unknown */
    };
    structure(table, &bios, "OPN\0001.0\00001/01/2026\0");
    structure(table, &system, "OPN\0PC\0001.0\0");
    structure(table, &enclosure, "OPN\0");
}

static void describe_processors(struct table *table, const struct smbios_request *request)
{
    const struct processor processor = {
        .header = head(4, sizeof(processor), HANDLE_PROCESSOR),
        .socket = 1,
        .type = 3,   /* central processor */
        .family = 2, /* unknown: CPUID says more */
        .identity = request->processor_identity,
        .maximum_speed = (uint16_t)request->megahertz,
        .current_speed = (uint16_t)request->megahertz,
        .status = 0x41, /* socket populated, enabled */
        .upgrade = 2,
        .caches = { 0xffff, 0xffff, 0xffff },
        .cores = (uint8_t)request->vcpu_count,
        .enabled = (uint8_t)request->vcpu_count,
        .threads = (uint8_t)request->vcpu_count,
        .characteristics = 1u << 2, /* 64 bits */
    };
    structure(table, &processor, "CPU 0\0");
}

static void describe_memory(struct table *table, uint64_t size)
{
    const struct memory_array array = {
        .header = head(16, sizeof(array), HANDLE_ARRAY),
        .location = 3, /* system board */
        .use = 3,      /* system memory */
        .correction = 3,
        .capacity = 0x80000000,
        .error_handle = HANDLE_NONE,
        .devices = 1,
        .extended_capacity = size,
    };
    const struct memory_module module = {
        .header = head(17, sizeof(module), HANDLE_MODULE),
        .array = HANDLE_ARRAY,
        .error_handle = HANDLE_NONE,
        .total_width = 64,
        .data_width = 64,
        .size = 0x7fff,
        .form = 9, /* DIMM */
        .locator = 1,
        .type = 7, /* RAM */
        .detail = 2,
        .extended_size = (uint32_t)(size >> 20),
    };
    const struct mapped_address mapped = {
        .header = head(19, sizeof(mapped), HANDLE_MAPPED),
        .first = 0xffffffff,
        .last = 0xffffffff,
        .array = HANDLE_ARRAY,
        .width = 1,
        .extended_last = size - 1,
    };
    structure(table, &array, "");
    structure(table, &module, "DIMM 0\0");
    structure(table, &mapped, "");
}

static uint8_t checksum(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + at[i]);
    return (uint8_t)-sum;
}

static struct entry_point entry_point(const struct table *table, gpa_t address)
{
    struct entry_point entry = {
        .anchor = { '_', 'S', 'M', '_' },
        .length = sizeof(entry),
        .major = 2,
        .minor = 8,
        .largest = (uint16_t)table->largest,
        .intermediate_anchor = { '_', 'D', 'M', 'I', '_' },
        .table_length = (uint16_t)table->length,
        .table_address = (uint32_t)address,
        .structure_count = table->count,
        .bcd_revision = 0x28,
    };
    size_t half = offsetof(struct entry_point, intermediate_anchor);
    entry.intermediate_checksum = checksum((const uint8_t *)&entry + half, sizeof(entry) - half);
    entry.checksum = checksum(&entry, sizeof(entry));
    return entry;
}

bool smbios_write(const struct guest_memory *memory, gpa_t base,
                  const struct smbios_request *request)
{
    uint8_t *bytes = guest_slice(memory, base, SMBIOS_ROOM);
    if (!bytes)
        return false;
    struct table table = { .bytes = bytes + TABLE_OFFSET };
    describe_system(&table);
    describe_processors(&table, request);
    describe_memory(&table, request->memory_size);
    const struct header end = head(127, sizeof(end), HANDLE_END);
    structure(&table, &end, "");
    struct entry_point entry = entry_point(&table, base + TABLE_OFFSET);
    copy_bytes(bytes, &entry, sizeof(entry));
    guest_written(memory, base, SMBIOS_ROOM);
    return !table.overrun;
}
