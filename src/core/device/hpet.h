// SPDX-License-Identifier: Apache-2.0
/*
 * High precision event timers (IA-PC HPET Specification 1.0a): a counter of 14.31818 MHz and three
 * comparators, the first of which is periodic. They interrupt by pins of the I/O APIC, or take the
 * places of i8254 and mc146818 (legacy replacement).
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

#define HPET_BASE      0xfed00000u
#define HPET_SIZE      0x400u
#define HPET_TIMERS    3
#define HPET_FREQUENCY 14318180u
#define HPET_PINS      0x00f00000u /* 20 to 23: where a comparator may interrupt */

struct hpet_timer {
    uint64_t configuration, comparator, period;
    bool value_set;  /* the next write of a periodic comparator sets its value, too */
    bool line_level; /* of a level-triggered interrupt */
    struct platform_timer timer;
    struct hpet *hpet;
};

struct hpet {
    struct platform *platform;
    struct interrupt_line pins;      /* pin n of the I/O APIC: `number` n */
    struct interrupt_line legacy[2]; /* IRQ 0 and IRQ 8 */
    /* Legacy replacement goes on or off: i8254 and mc146818 lose or get back their lines. */
    void (*legacy_changed)(void *context, bool on);
    void *context;
    uint64_t configuration, status;
    uint64_t counter, start; /* counter at `start`, in platform_clock() */
    struct hpet_timer timers[HPET_TIMERS];
};

/* `hpet` is zeroed but for platform, pins, legacy, legacy_changed and context. */
void hpet_initialize(struct hpet *hpet);

extern const struct register_range hpet_registers;
