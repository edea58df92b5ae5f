// SPDX-License-Identifier: Apache-2.0
/*
 * What every emulated chip has in common. A device knows no bus and no engine: it gets offsets into
 * its registers, an interrupt line, a clock (platform.h) and slices of guest memory.
 */
#pragma once

#include "core/types.h"

/* A wire. set() is told of levels, repeats included; edge or level is the receiver's business. */
struct interrupt_line {
    void (*set)(void *context, unsigned number, bool level);
    void *context;
    unsigned number;
};

static inline void interrupt_line_set(const struct interrupt_line *line, bool level)
{
    if (line->set)
        line->set(line->context, line->number, level);
}

/* A timer of a chip may be set to periods that no processor could follow: its host, at least, is
 * not kept busy by it. Nanoseconds from one expiry to the next. */
#define TIMER_PERIOD_LEAST 20000u

/*
 * A range of registers, on ports or in memory. `size` is 1, 2, 4 (memory: 8 too), `offset` is below
 * the range's length and the access lies within it, not necessarily aligned. What is not there
 * reads as all ones. read() may leave anything above `size` bytes: the bus cuts it off.
 */
struct register_range {
    uint64_t (*read)(void *device, uint64_t offset, unsigned size);
    void (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
    /* `count` reads or writes of `size` at one offset, to or from `bytes` in turn: what REP INS and
     * REP OUTS ask for. NULL: one by one. */
    void (*read_string)(void *device, uint64_t offset, unsigned size, void *bytes, size_t count);
    void (*write_string)(void *device, uint64_t offset, unsigned size, const void *bytes,
                         size_t count);
    unsigned widest; /* 1: wider accesses come byte by byte, as to a device of 8 bits; 0: any */
};
