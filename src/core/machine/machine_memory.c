// SPDX-License-Identifier: Apache-2.0
#include "core/machine/layout.h"
#include "core/machine/machine_state.h"

static gpa_t low_end(uint64_t size)
{
    return size < PCI_MEMORY_BASE ? size : PCI_MEMORY_BASE;
}

unsigned machine_memory_map(uint64_t size,
                            struct machine_memory_range ranges[MACHINE_MEMORY_RANGES])
{
    unsigned count = 0;
    gpa_t end = low_end(size);
    if (size < MACHINE_MEMORY_LEAST || size > MACHINE_MEMORY_MOST || size % HIGH_MEMORY_BASE)
        return 0;
    ranges[count++] =
        (struct machine_memory_range){ HIGH_MEMORY_BASE, end - HIGH_MEMORY_BASE, false };
    if (size > end)
        ranges[count++] = (struct machine_memory_range){ FAR_MEMORY_BASE, size - end, false };
    ranges[count++] = (struct machine_memory_range){ 0, LOW_MEMORY_END, false };
    ranges[count++] =
        (struct machine_memory_range){ FIRMWARE_BASE, HIGH_MEMORY_BASE - FIRMWARE_BASE, false };
    return count;
}

uint64_t machine_memory_size(const struct guest_memory *memory)
{
    uint64_t size = HIGH_MEMORY_BASE; /* what lies below is whole but for the display's part */
    for (unsigned i = 0; i < memory->slot_count; i++)
        if (memory->slots[i].base >= HIGH_MEMORY_BASE)
            size += memory->slots[i].size;
    return size;
}

void machine_describe_memory(uint64_t size, struct memory_map *map)
{
    gpa_t end = low_end(size);
    memory_map_add(map, 0, EBDA_BASE, MEMORY_RAM);
    memory_map_add(map, EBDA_BASE, LOW_MEMORY_END - EBDA_BASE, MEMORY_RESERVED);
    memory_map_add(map, FIRMWARE_BASE, HIGH_MEMORY_BASE - FIRMWARE_BASE, MEMORY_RESERVED);
    memory_map_add(map, HIGH_MEMORY_BASE, end - HIGH_MEMORY_BASE, MEMORY_RAM);
    memory_map_add(map, CHIPSET_BASE, FAR_MEMORY_BASE - CHIPSET_BASE, MEMORY_RESERVED);
    memory_map_add(map, FAR_MEMORY_BASE, size - end, MEMORY_RAM);
}

void machine_set_cmos(struct machine *machine)
{
    gpa_t end = low_end(machine->memory_size);
    mc146818_set_memory_size(&machine->clock, end, machine->memory_size - end);
}
