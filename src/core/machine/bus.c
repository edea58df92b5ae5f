// SPDX-License-Identifier: Apache-2.0
#include "core/machine/bus.h"

/* Index of the first range that ends behind `address`. */
static unsigned position(const struct bus *bus, uint64_t address)
{
    unsigned low = 0, high = bus->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct bus_range *range = &bus->ranges[middle];
        if (range->base + (range->length - 1) < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int bus_map(struct bus *bus, uint64_t base, uint64_t length, const struct register_range *registers,
            void *device)
{
    unsigned index = position(bus, base);
    uint64_t last = base + length - 1;
    if (!registers || length == 0 || last < base || bus->count == BUS_RANGES ||
        (index < bus->count && bus->ranges[index].base <= last))
        return -1;
    for (unsigned i = bus->count++; i > index; i--)
        bus->ranges[i] = bus->ranges[i - 1];
    bus->ranges[index] = (struct bus_range){ base, length, registers, device };
    return 0;
}

void bus_unmap(struct bus *bus, const struct register_range *registers, const void *device)
{
    unsigned index = 0;
    while (index < bus->count &&
           (bus->ranges[index].registers != registers || bus->ranges[index].device != device))
        index++;
    if (index == bus->count)
        return;
    bus->count--;
    for (unsigned i = index; i < bus->count; i++)
        bus->ranges[i] = bus->ranges[i + 1];
}

static const struct bus_range *range_at(const struct bus *bus, uint64_t address)
{
    unsigned index = position(bus, address);
    if (index == bus->count || bus->ranges[index].base > address)
        return NULL;
    return &bus->ranges[index];
}

/* Can the device take it in one piece? */
static bool takes(const struct bus_range *range, uint64_t offset, unsigned size)
{
    unsigned widest = range->registers->widest;
    return (size & (size - 1)) == 0 && size <= range->length - offset &&
           (widest == 0 || size <= widest);
}

static uint64_t mask_of(unsigned size)
{
    return ~UINT64_C(0) >> (64 - 8 * size);
}

uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned size)
{
    const struct bus_range *range = range_at(bus, address);
    if (range && takes(range, address - range->base, size))
        return range->registers->read(range->device, address - range->base, size) & mask_of(size);
    if (size == 1)
        return 0xff;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= bus_read(bus, address + i, 1) << (8 * i);
    return value;
}

void bus_write(const struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    const struct bus_range *range = range_at(bus, address);
    if (range && takes(range, address - range->base, size)) {
        range->registers->write(range->device, address - range->base, size, value & mask_of(size));
        return;
    }
    for (unsigned i = 0; size > 1 && i < size; i++)
        bus_write(bus, address + i, 1, value >> (8 * i));
}
