// SPDX-License-Identifier: Apache-2.0
/*
 * The interval timer of a PC (Intel 8254 data sheet, 231164) at 1.193182 MHz, and port 61H of the
 * board: gate and output of counter 2, and the bit that memory refresh toggles.
 *
 * Nothing counts here: a counter knows when it began, and count and output follow from the clock.
 * Counter 0 has a timer for the next rise of its output. The tick in which a count is loaded is
 * left out: outputs change one tick early.
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

#define I8254_FREQUENCY 1193182u

struct i8254_counter {
    uint32_t count, next_count; /* 1 to 65536; next_count 0: none is waiting */
    uint64_t start, ticks;      /* counting since `start`, with `ticks` before that */
    uint8_t mode, access;       /* mode 0-5; access: low byte 1, high byte 2, both 3 */
    bool decimal, gate, loaded, triggered;
    bool write_high, read_high; /* the second byte is next */
    uint8_t low_byte;           /* the first byte of a count */
    bool count_latched, status_latched;
    uint16_t latched_count;
    uint8_t latched_status;
};

struct i8254 {
    struct platform *platform;
    struct i8254_counter counters[3];
    struct interrupt_line output; /* OUT of counter 0 */
    struct platform_timer timer;
    uint8_t speaker; /* port 61H, bits 1 and 0 */
};

/* `timer` is zeroed but for the platform and the output. */
void i8254_initialize(struct i8254 *timer);

extern const struct register_range i8254_registers;         /* 40H, 4 ports */
extern const struct register_range i8254_speaker_registers; /* 61H */
