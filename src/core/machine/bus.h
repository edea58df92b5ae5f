// SPDX-License-Identifier: Apache-2.0
/* Who answers at an address: ranges of registers, sorted, that do not overlap. One for the ports,
 * one for what is not memory in the physical address space. */
#pragma once

#include "core/device/device.h"

#define BUS_RANGES 96

struct bus_range {
    uint64_t base, length;
    const struct register_range *registers;
    void *device;
};

struct bus {
    struct bus_range ranges[BUS_RANGES];
    unsigned count;
};

/* -1: something is there already, the range is empty or wraps around, or there is no room. */
int bus_map(struct bus *bus, uint64_t base, uint64_t length, const struct register_range *registers,
            void *device);
/* Take away the range of these registers of this device, if there is one. */
void bus_unmap(struct bus *bus, const struct register_range *registers, const void *device);

/* 1 to 8 bytes. Where nobody answers, reads are all ones and writes are lost. */
uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned size);
void bus_write(const struct bus *bus, uint64_t address, unsigned size, uint64_t value);
