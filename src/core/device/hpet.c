// SPDX-License-Identifier: Apache-2.0
#include "core/device/hpet.h"

#define NS_PER_SECOND UINT64_C(1000000000)

#define PERIOD_FEMTOSECONDS UINT64_C(69841279)

#define HPET_CAPABILITIES   0x000
#define HPET_CONFIGURATION  0x010
#define HPET_STATUS         0x020
#define HPET_COUNTER        0x0f0
#define HPET_FIRST_TIMER    0x100
#define HPET_TIMER_SIZE     0x20
#define TIMER_CONFIGURATION 0x00
#define TIMER_COMPARATOR    0x08

/* Revision 1, three timers, a counter of 64 bits, legacy replacement, Intel. */
#define CAPABILITIES (UINT64_C(0x8086a201) | PERIOD_FEMTOSECONDS << 32)

#define CONFIGURATION_ENABLE UINT64_C(1)
#define CONFIGURATION_LEGACY UINT64_C(2)

#define TIMER_LEVEL            UINT64_C(0x0002)
#define TIMER_ENABLE           UINT64_C(0x0004)
#define TIMER_PERIODIC         UINT64_C(0x0008)
#define TIMER_PERIODIC_CAPABLE UINT64_C(0x0010)
#define TIMER_64_BIT_CAPABLE   UINT64_C(0x0020)
#define TIMER_VALUE_SET        UINT64_C(0x0040)
#define TIMER_32_BIT           UINT64_C(0x0100)
#define TIMER_ROUTE_SHIFT      9
#define TIMER_WRITABLE         UINT64_C(0x3f0e) /* and TIMER_32_BIT */

static uint64_t ticks_of(uint64_t nanoseconds)
{
    return nanoseconds / NS_PER_SECOND * HPET_FREQUENCY +
           nanoseconds % NS_PER_SECOND * HPET_FREQUENCY / NS_PER_SECOND;
}

/* Far away is as good as never, and adds up without wrapping. */
static uint64_t nanoseconds_of(uint64_t ticks)
{
    if (ticks >> 50)
        return UINT64_C(1) << 62;
    return ticks / HPET_FREQUENCY * NS_PER_SECOND +
           (ticks % HPET_FREQUENCY * NS_PER_SECOND + HPET_FREQUENCY - 1) / HPET_FREQUENCY;
}

static bool is_enabled(const struct hpet *hpet)
{
    return hpet->configuration & CONFIGURATION_ENABLE;
}

static uint64_t counter_at(const struct hpet *hpet, uint64_t now)
{
    return hpet->counter + (is_enabled(hpet) ? ticks_of(now - hpet->start) : 0);
}

static uint64_t counter(const struct hpet *hpet)
{
    return counter_at(hpet, platform_clock(hpet->platform));
}

static unsigned index_of(const struct hpet_timer *timer)
{
    return (unsigned)(timer - timer->hpet->timers);
}

static uint64_t width_mask(const struct hpet_timer *timer)
{
    return timer->configuration & TIMER_32_BIT ? UINT32_MAX : UINT64_MAX;
}

/* -- Interrupts -- */

static struct interrupt_line line_of(const struct hpet_timer *timer)
{
    const struct hpet *hpet = timer->hpet;
    unsigned index = index_of(timer), route = timer->configuration >> TIMER_ROUTE_SHIFT & 31;
    if ((hpet->configuration & CONFIGURATION_LEGACY) && index < 2)
        return hpet->legacy[index];
    if (!(HPET_PINS >> route & 1))
        return (struct interrupt_line){ 0 };
    struct interrupt_line line = hpet->pins;
    line.number = route;
    return line;
}

static void lower(struct hpet_timer *timer)
{
    struct interrupt_line line = line_of(timer);
    if (timer->line_level)
        interrupt_line_set(&line, false);
    timer->line_level = false;
}

static void interrupt(struct hpet_timer *timer)
{
    struct interrupt_line line = line_of(timer);
    if (timer->configuration & TIMER_LEVEL)
        timer->hpet->status |= UINT64_C(1) << index_of(timer);
    if (!(timer->configuration & TIMER_ENABLE))
        return;
    interrupt_line_set(&line, true);
    timer->line_level = timer->configuration & TIMER_LEVEL;
    if (!timer->line_level)
        interrupt_line_set(&line, false);
}

/* -- Comparators -- */

/* When the counter comes to the comparator next; one that it has passed waits for a whole turn. */
static void arm_after(struct hpet_timer *timer, uint64_t earliest)
{
    struct hpet *hpet = timer->hpet;
    uint64_t now = platform_clock(hpet->platform);
    if (!is_enabled(hpet) || !(timer->configuration & TIMER_ENABLE)) {
        if (timer->timer.armed)
            platform_timer_cancel(hpet->platform, &timer->timer);
        return;
    }
    uint64_t distance = (timer->comparator - counter_at(hpet, now)) & width_mask(timer);
    /* Counted from `start`, so that rounding does not add up. */
    uint64_t ticks = ticks_of(now - hpet->start) + distance;
    uint64_t deadline = ticks >= distance ? hpet->start + nanoseconds_of(ticks) : UINT64_MAX;
    platform_timer_arm(hpet->platform, &timer->timer, deadline > earliest ? deadline : earliest);
}

static void arm(struct hpet_timer *timer)
{
    arm_after(timer, 0);
}

/* The periods that a machine was held up for are one interrupt. */
static void advance(struct hpet_timer *timer)
{
    uint64_t mask = width_mask(timer);
    if (!(timer->configuration & TIMER_PERIODIC) || !timer->period)
        return;
    uint64_t passed = (counter(timer->hpet) - timer->comparator) & mask;
    uint64_t periods = passed / timer->period + 1;
    timer->comparator = (timer->comparator + periods * timer->period) & mask;
}

static void expired(void *context)
{
    struct hpet_timer *timer = context;
    advance(timer);
    interrupt(timer);
    /* What is not periodic matches again when the counter has gone all the way round. */
    if ((timer->configuration & TIMER_PERIODIC) && timer->period)
        arm_after(timer, platform_clock(timer->hpet->platform) + TIMER_PERIOD_LEAST);
}

static void arm_all(struct hpet *hpet)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        arm(&hpet->timers[i]);
}

/* -- Registers -- */

static void write_configuration(struct hpet *hpet, uint64_t value)
{
    uint64_t now = platform_clock(hpet->platform);
    bool legacy = value & CONFIGURATION_LEGACY;
    bool changes = legacy != (bool)(hpet->configuration & CONFIGURATION_LEGACY);
    hpet->counter = counter_at(hpet, now);
    hpet->start = now;
    for (unsigned i = 0; changes && i < HPET_TIMERS; i++)
        lower(&hpet->timers[i]);
    hpet->configuration = value & (CONFIGURATION_ENABLE | CONFIGURATION_LEGACY);
    if (changes)
        hpet->legacy_changed(hpet->context, legacy);
    arm_all(hpet);
}

static void write_status(struct hpet *hpet, uint64_t value)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        if (hpet->status & value & (UINT64_C(1) << i))
            lower(&hpet->timers[i]);
    hpet->status &= ~value;
}

static void write_counter(struct hpet *hpet, uint64_t value)
{
    hpet->counter = value;
    hpet->start = platform_clock(hpet->platform);
    arm_all(hpet);
}

static void write_timer_configuration(struct hpet_timer *timer, uint64_t value)
{
    uint64_t writable = TIMER_WRITABLE | TIMER_32_BIT, kept = timer->configuration & ~writable;
    if (!(timer->configuration & TIMER_PERIODIC_CAPABLE))
        writable &= ~TIMER_PERIODIC;
    lower(timer);
    timer->configuration = kept | (value & writable);
    timer->value_set = (value & TIMER_VALUE_SET) && (timer->configuration & TIMER_PERIODIC);
    timer->comparator &= width_mask(timer);
    arm(timer);
}

/* Of a periodic timer the comparator is written as its period; with Tn_VAL_SET_CNF it takes that
 * value itself as well (2.3.9.2.2). */
static void write_comparator(struct hpet_timer *timer, uint64_t value)
{
    value &= width_mask(timer);
    bool periodic = timer->configuration & TIMER_PERIODIC;
    if (!periodic || timer->value_set)
        timer->comparator = value;
    if (periodic)
        timer->period = value;
    timer->value_set = false;
    arm(timer);
}

static uint64_t read_timer(const struct hpet_timer *timer, unsigned offset)
{
    if (offset == TIMER_CONFIGURATION)
        return timer->configuration;
    return offset == TIMER_COMPARATOR ? timer->comparator : 0;
}

static uint64_t read_whole(const struct hpet *hpet, unsigned offset)
{
    unsigned timer = (offset - HPET_FIRST_TIMER) / HPET_TIMER_SIZE;
    switch (offset) {
    case HPET_CAPABILITIES:
        return CAPABILITIES;
    case HPET_CONFIGURATION:
        return hpet->configuration;
    case HPET_STATUS:
        return hpet->status;
    case HPET_COUNTER:
        return counter(hpet);
    }
    if (offset < HPET_FIRST_TIMER || timer >= HPET_TIMERS)
        return 0;
    return read_timer(&hpet->timers[timer], offset % HPET_TIMER_SIZE);
}

static void write_whole(struct hpet *hpet, unsigned offset, uint64_t value)
{
    unsigned timer = (offset - HPET_FIRST_TIMER) / HPET_TIMER_SIZE;
    switch (offset) {
    case HPET_CONFIGURATION:
        write_configuration(hpet, value);
        return;
    case HPET_STATUS:
        write_status(hpet, value);
        return;
    case HPET_COUNTER:
        write_counter(hpet, value);
        return;
    }
    if (offset < HPET_FIRST_TIMER || timer >= HPET_TIMERS)
        return;
    if (offset % HPET_TIMER_SIZE == TIMER_CONFIGURATION)
        write_timer_configuration(&hpet->timers[timer], value);
    else if (offset % HPET_TIMER_SIZE == TIMER_COMPARATOR)
        write_comparator(&hpet->timers[timer], value);
}

/* Words of 32 bits, or two at a time (2.3.3); others are undefined there and nothing here. */
static uint64_t read_register(void *device, uint64_t offset, unsigned size)
{
    if (size < 4 || offset % size)
        return ~UINT64_C(0);
    return read_whole(device, offset & 0x3f8) >> (8 * (offset & 7));
}

/* The halves of what is not written stay as they are; status bits are cleared by ones alone. */
static void write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct hpet *hpet = device;
    unsigned whole = offset & 0x3f8, shift = 8 * (offset & 7);
    if (size < 4 || offset % size)
        return;
    if (size == 4) {
        uint64_t mask = UINT64_C(0xffffffff) << shift;
        uint64_t kept = whole == HPET_STATUS ? 0 : read_whole(hpet, whole) & ~mask;
        value = kept | (value << shift & mask);
    }
    write_whole(hpet, whole, value);
}

const struct register_range hpet_registers = { read_register, write_register };

void hpet_initialize(struct hpet *hpet)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *timer = &hpet->timers[i];
        timer->hpet = hpet;
        timer->configuration = TIMER_64_BIT_CAPABLE | (uint64_t)HPET_PINS << 32 |
                               (i == 0 ? TIMER_PERIODIC_CAPABLE : 0);
        timer->comparator = UINT64_MAX;
        timer->timer = (struct platform_timer){ .expired = expired, .context = timer };
    }
}
