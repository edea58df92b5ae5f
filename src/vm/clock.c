// SPDX-License-Identifier: Apache-2.0
#include <time.h>
#include <x86intrin.h>

#include "vm/platform.h"

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)

/* The frequency is measured between the opening and the first question, and over this at least: two
 * readings that are 20 ns off each make an error of 10 in a million. */
#define SHORTEST_MEASUREMENT (4 * UINT64_C(1000000))

uint64_t host_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t host_tsc(void)
{
    return __rdtsc();
}

/* Both clocks at one moment: of a few tries the one that was least interrupted. */
static void read_both(uint64_t *nanoseconds, uint64_t *tsc)
{
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = __rdtsc();
        uint64_t now = host_nanoseconds();
        uint64_t after = __rdtsc();
        if (after - before >= shortest)
            continue;
        shortest = after - before;
        *nanoseconds = now;
        *tsc = before + (after - before) / 2;
    }
}

void clock_open(struct vm_clock *clock)
{
    read_both(&clock->first_ns, &clock->first_tsc);
    /* Guest time begins at 1: 0 is no time, and no deadline either. */
    atomic_store(&clock->offset, clock->first_ns - 1);
}

void clock_stop(struct vm_clock *clock)
{
    if (!atomic_load(&clock->stopped_at))
        atomic_store(&clock->stopped_at, host_nanoseconds() - atomic_load(&clock->offset));
}

void clock_start(struct vm_clock *clock)
{
    uint64_t stopped_at = atomic_load(&clock->stopped_at);
    if (!stopped_at)
        return;
    atomic_store(&clock->offset, host_nanoseconds() - stopped_at);
    atomic_store(&clock->stopped_at, 0);
}

uint64_t platform_clock(struct platform *platform)
{
    uint64_t stopped_at = atomic_load_explicit(&platform->clock.stopped_at, memory_order_relaxed);
    if (stopped_at)
        return stopped_at;
    return host_nanoseconds() - atomic_load_explicit(&platform->clock.offset, memory_order_relaxed);
}

uint64_t platform_wall_clock(struct platform *platform)
{
    struct timespec now;
    (void)platform;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t measure_tsc(const struct vm_clock *clock)
{
    uint64_t nanoseconds = 0, tsc = 0;
    do
        read_both(&nanoseconds, &tsc);
    while (nanoseconds - clock->first_ns < SHORTEST_MEASUREMENT);
    unsigned __int128 cycles = tsc - clock->first_tsc;
    return (uint64_t)(cycles * NANOSECONDS_PER_SECOND / (nanoseconds - clock->first_ns));
}

uint64_t platform_tsc_frequency(struct platform *platform)
{
    uint64_t known = atomic_load(&platform->clock.tsc_frequency);
    if (known)
        return known;
    /* Two threads that measure at once: the first one's answer is everybody's. */
    uint64_t measured = measure_tsc(&platform->clock);
    if (atomic_compare_exchange_strong(&platform->clock.tsc_frequency, &known, measured))
        return measured;
    return known;
}
