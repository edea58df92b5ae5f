// SPDX-License-Identifier: Apache-2.0
/*
 * Clock and timers of a platform that a test moves by hand: included once, behind the definition of
 * its `struct platform`, which has `clock` and the list `timers`.
 */
#pragma once

#include "core/platform.h"

uint64_t platform_clock(struct platform *platform)
{
    return platform->clock;
}

void platform_timer_cancel(struct platform *platform, struct platform_timer *timer)
{
    for (struct platform_timer **at = &platform->timers; *at; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    timer->armed = false;
}

void platform_timer_arm(struct platform *platform, struct platform_timer *timer, uint64_t deadline)
{
    platform_timer_cancel(platform, timer);
    timer->deadline = deadline;
    timer->armed = true;
    timer->next = platform->timers;
    platform->timers = timer;
}
