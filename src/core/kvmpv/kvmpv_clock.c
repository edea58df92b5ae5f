// SPDX-License-Identifier: Apache-2.0
#include "core/kvmpv/kvmpv_clock.h"

#include <stdatomic.h>

/*
 * The guest computes ((ticks << shift) * multiplier) >> 32. The multiplier keeps all of its 32 bits
 * when the ratio of nanoseconds to shifted ticks lies between 1/2 and 1.
 */
void kvmpv_set_frequency(struct kvmpv *kvmpv, uint64_t frequency)
{
    uint64_t nanoseconds = KVMPV_NANOSECONDS_SECOND, ticks = frequency ? frequency : nanoseconds;
    int shift = 0;
    for (; nanoseconds >= ticks; ticks <<= 1)
        shift++;
    for (; nanoseconds * 2 < ticks; nanoseconds <<= 1)
        shift--;
    /* nanoseconds < ticks < 2^63: nanoseconds * 2^64 / ticks fits 64 bits. */
    uint64_t quotient, remainder = nanoseconds;
    __asm__("divq %2" : "=a"(quotient), "+d"(remainder) : "r"(ticks), "0"(UINT64_C(0)) : "cc");
    kvmpv->multiplier = (uint32_t)(quotient >> 32);
    kvmpv->shift = (int8_t)shift;
}

/* The version in the guest's memory, which it may have changed, is taken as it is, made even. */
static uint32_t begin(volatile uint32_t *version)
{
    uint32_t odd = (*version & ~1u) + 1;
    *version = odd;
    atomic_thread_fence(memory_order_seq_cst);
    return odd;
}

static void end(volatile uint32_t *version, uint32_t odd)
{
    atomic_thread_fence(memory_order_seq_cst);
    *version = odd + 1;
}

static void written(const struct kvmpv *kvmpv, const struct kvmpv_area *area, size_t size)
{
    guest_written(kvmpv->memory, area->address, size);
}

void kvmpv_write_wall_clock(struct kvmpv *kvmpv)
{
    struct kvmpv_area *area = &kvmpv->wall_clock;
    if (!area->host)
        return;
    struct kvmpv_wall_clock *clock = (void *)area->host;
    uint64_t boot = platform_wall_clock(kvmpv->platform) - platform_clock(kvmpv->platform);
    uint32_t version = begin(&clock->version);
    clock->seconds = (uint32_t)(boot / KVMPV_NANOSECONDS_SECOND);
    clock->nanoseconds = (uint32_t)(boot % KVMPV_NANOSECONDS_SECOND);
    end(&clock->version, version);
    written(kvmpv, area, sizeof(*clock));
}

void kvmpv_write_system_time(struct kvmpv *kvmpv, unsigned vcpu, uint64_t tsc)
{
    struct kvmpv_area *area = &kvmpv->vcpus[vcpu].system_time;
    if (!area->host)
        return;
    if (!kvmpv->has_reference) {
        kvmpv->has_reference = true;
        kvmpv->reference_tsc = tsc;
        kvmpv->reference_clock = platform_clock(kvmpv->platform);
    }
    struct kvmpv_system_time *time = (void *)area->host;
    uint32_t version = begin(&time->version);
    time->tsc = kvmpv->reference_tsc;
    time->system_time = kvmpv->reference_clock;
    time->multiplier = kvmpv->multiplier;
    time->shift = kvmpv->shift;
    time->flags = KVMPV_CLOCK_STABLE;
    end(&time->version, version);
    written(kvmpv, area, sizeof(*time));
}

void kvmpv_write_steal_time(struct kvmpv *kvmpv, unsigned vcpu)
{
    struct kvmpv_area *area = &kvmpv->vcpus[vcpu].steal_time;
    if (!area->host)
        return;
    struct kvmpv_steal_time *time = (void *)area->host;
    uint64_t stolen = platform_vcpu_stolen(kvmpv->platform, vcpu);
    uint32_t version = begin(&time->version);
    time->steal = stolen;
    time->preempted = 0;
    end(&time->version, version);
    written(kvmpv, area, sizeof(*time));
}
