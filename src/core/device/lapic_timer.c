// SPDX-License-Identifier: Apache-2.0
/* SDM volume 3, 10.5.4. A count lasts `divide` nanoseconds. */
#include "core/device/lapic_registers.h"

static uint32_t mode(const struct lapic *lapic)
{
    return lapic->lvt[LVT_TIMER] & LVT_TIMER_MODE;
}

/* Bits 3, 1, 0 of the divide configuration: 2, 4, ... 128, 1 (figure 10-10). */
static unsigned divide_shift(uint32_t divide)
{
    unsigned code = (divide & 3) | (divide >> 1 & 4);
    return (code + 1) & 7;
}

static void expired(void *context)
{
    struct lapic *lapic = context;
    if (mode(lapic) == LVT_TIMER_PERIODIC && lapic->timer_period) {
        /* A machine that was held up gets one interrupt for the periods that it missed. */
        uint64_t late = platform_clock(lapic->platform) - lapic->timer_start;
        lapic->timer_start += late - late % lapic->timer_period;
        uint64_t next = lapic->timer_start + lapic->timer_period;
        uint64_t least = platform_clock(lapic->platform) + TIMER_PERIOD_LEAST;
        platform_timer_arm(lapic->platform, &lapic->timer, next > least ? next : least);
    } else {
        lapic->timer_period = 0;
        lapic->tsc_deadline = 0;
    }
    lapic_local_interrupt(lapic, LVT_TIMER);
}

void lapic_timer_initialize(struct lapic *lapic)
{
    lapic->timer = (struct platform_timer){ .expired = expired, .context = lapic };
}

void lapic_timer_stop(struct lapic *lapic)
{
    platform_timer_cancel(lapic->platform, &lapic->timer);
    lapic->timer_period = 0;
    lapic->tsc_deadline = 0;
}

void lapic_timer_set_count(struct lapic *lapic, uint32_t count)
{
    if (mode(lapic) == LVT_TIMER_TSC_DEADLINE)
        return;
    lapic_timer_stop(lapic);
    lapic->initial_count = count;
    if (!count)
        return;
    lapic->timer_start = platform_clock(lapic->platform);
    lapic->timer_period = (uint64_t)count << divide_shift(lapic->divide);
    platform_timer_arm(lapic->platform, &lapic->timer, lapic->timer_start + lapic->timer_period);
}

uint32_t lapic_timer_count(const struct lapic *lapic)
{
    if (!lapic->timer_period)
        return 0;
    uint64_t elapsed = platform_clock(lapic->platform) - lapic->timer_start;
    if (mode(lapic) == LVT_TIMER_PERIODIC)
        elapsed %= lapic->timer_period;
    if (elapsed >= lapic->timer_period)
        return 0;
    unsigned shift = divide_shift(lapic->divide);
    return (uint32_t)((lapic->timer_period - elapsed + (UINT64_C(1) << shift) - 1) >> shift);
}

/* The count goes on from where it is, at the new speed. */
void lapic_timer_set_divide(struct lapic *lapic, uint32_t divide)
{
    uint32_t left = lapic_timer_count(lapic);
    lapic->divide = divide;
    if (!left)
        return;
    uint64_t now = platform_clock(lapic->platform);
    lapic->timer_period = (uint64_t)lapic->initial_count << divide_shift(divide);
    uint64_t end = now + ((uint64_t)left << divide_shift(divide));
    lapic->timer_start = end - lapic->timer_period;
    platform_timer_arm(lapic->platform, &lapic->timer, end);
}

/* To and from TSC-deadline mode disarms; between the other modes the count goes on (10.5.4.1). */
void lapic_timer_mode_changed(struct lapic *lapic, uint32_t before)
{
    uint32_t changed = (before ^ lapic->lvt[LVT_TIMER]) & LVT_TIMER_MODE;
    if (changed & LVT_TIMER_TSC_DEADLINE)
        lapic_timer_stop(lapic);
}

uint64_t lapic_read_deadline(const struct lapic *lapic)
{
    return mode(lapic) == LVT_TIMER_TSC_DEADLINE ? lapic->tsc_deadline : 0;
}

/* Ticks of the time-stamp counter in nanoseconds, not less, and never so many that a sum with the
 * clock wraps. */
static uint64_t nanoseconds(struct lapic *lapic, uint64_t ticks)
{
    const uint64_t second = 1000000000, most = UINT64_C(1) << 62;
    uint64_t frequency = platform_tsc_frequency(lapic->platform);
    if (!frequency || ticks / frequency >= most / second)
        return most;
    return ticks / frequency * second + (ticks % frequency * second + frequency - 1) / frequency;
}

void lapic_write_deadline(struct lapic *lapic, uint64_t value, uint64_t now)
{
    if (mode(lapic) != LVT_TIMER_TSC_DEADLINE)
        return;
    lapic_timer_stop(lapic);
    lapic->tsc_deadline = value;
    if (!value)
        return;
    uint64_t delay = value > now ? nanoseconds(lapic, value - now) : 0;
    if (delay)
        platform_timer_arm(lapic->platform, &lapic->timer, platform_clock(lapic->platform) + delay);
    else
        expired(lapic);
}
