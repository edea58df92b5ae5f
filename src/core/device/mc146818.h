// SPDX-License-Identifier: Apache-2.0
/*
 * Clock and CMOS memory of a PC (Motorola MC146818A data sheet). The time is the platform's wall
 * clock and a difference that the guest has made by setting it; nothing ticks unless somebody waits
 * for an interrupt. Ports 70H (index; bit 7 would mask NMI) and 71H (data).
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

#define MC146818_SIZE 128

/* Beyond the clock's 14 registers the memory is the firmware's. */
#define CMOS_CENTURY 0x32

struct mc146818 {
    struct platform *platform;
    struct interrupt_line interrupt;
    uint8_t index;
    uint8_t memory[MC146818_SIZE]; /* time registers: as they were when updating stopped */
    int64_t difference;            /* seconds that the guest's clock is ahead of the wall clock */
    uint64_t updates_seen;         /* seconds of the wall clock when flags were last looked at */
    uint64_t periodic_start;       /* in platform_clock(): one period began */
    struct platform_timer periodic, update;
};

/* `clock` is zeroed but for platform and interrupt. */
void mc146818_initialize(struct mc146818 *clock);
/* What firmware leaves of the size of memory, for who looks for it here. */
void mc146818_set_memory_size(struct mc146818 *clock, uint64_t below_4_gib, uint64_t above);

extern const struct register_range mc146818_registers; /* 70H, 2 ports */
