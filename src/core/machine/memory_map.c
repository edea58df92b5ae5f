// SPDX-License-Identifier: Apache-2.0
#include "core/machine/memory_map.h"

#include "core/memory/copy.h"

#define ONE_MIB  (UINT64_C(1) << 20)
#define FOUR_GIB (UINT64_C(1) << 32)

void memory_map_add(struct memory_map *map, gpa_t base, uint64_t size, enum memory_type type)
{
    if (size > 0 && map->count < MEMORY_MAP_ENTRIES)
        map->entries[map->count++] = (struct memory_map_entry){ base, size, type };
}

gpa_t memory_map_low_end(const struct memory_map *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_map_entry *entry = &map->entries[i];
        gpa_t end = entry->base + entry->size;
        if (entry->type == MEMORY_RAM && entry->base <= ONE_MIB && end > ONE_MIB)
            return end < FOUR_GIB ? end : FOUR_GIB;
    }
    return 0;
}

bool boot_write(const struct guest_memory *memory, gpa_t gpa, const void *bytes, uint64_t length)
{
    uint8_t *slice = guest_slice(memory, gpa, length);
    if (!slice)
        return length == 0;
    copy_bytes(slice, bytes, length);
    guest_written(memory, gpa, length);
    return true;
}

bool boot_fill(const struct guest_memory *memory, gpa_t gpa, uint8_t value, uint64_t length)
{
    uint8_t *slice = guest_slice(memory, gpa, length);
    if (!slice)
        return length == 0;
    fill_bytes(slice, value, length);
    guest_written(memory, gpa, length);
    return true;
}
