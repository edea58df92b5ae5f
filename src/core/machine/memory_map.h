// SPDX-License-Identifier: Apache-2.0
/* Physical memory as firmware tells it to a kernel (ACPI 6.5, 15.1; hvm_start_info's memory map
 * uses the same types). */
#pragma once

#include "core/memory/guest_memory.h"

enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED = 2, MEMORY_ACPI = 3 };

struct memory_map_entry {
    gpa_t base;
    uint64_t size;
    enum memory_type type;
};

#define MEMORY_MAP_ENTRIES 16

struct memory_map {
    unsigned count;
    struct memory_map_entry entries[MEMORY_MAP_ENTRIES];
};

void memory_map_add(struct memory_map *map, gpa_t base, uint64_t size, enum memory_type type);

/* The end of the RAM that begins at or below 1 MiB and goes on behind it, at most 4 GiB; 0: none.
 */
gpa_t memory_map_low_end(const struct memory_map *map);

/* Write what the guest finds, read-only memory included; false when [gpa, + length) is no memory.
 */
bool boot_write(const struct guest_memory *memory, gpa_t gpa, const void *bytes, uint64_t length);
bool boot_fill(const struct guest_memory *memory, gpa_t gpa, uint8_t value, uint64_t length);
