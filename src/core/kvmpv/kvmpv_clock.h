// SPDX-License-Identifier: Apache-2.0
/* The structures that guest and host share (Documentation/virt/kvm/x86/msr.rst). */
#pragma once

#include "core/kvmpv/kvmpv.h"

#define KVMPV_ENABLE             1u
#define KVMPV_CLOCK_STABLE       (1u << 0) /* in flags: all vCPUs agree */
#define KVMPV_CLOCK_ALIGNMENT    4u
#define KVMPV_STEAL_ALIGNMENT    64u
#define KVMPV_STEAL_INTERVAL     UINT64_C(10000000) /* ns between updates */
#define KVMPV_NANOSECONDS_SECOND UINT64_C(1000000000)

struct kvmpv_wall_clock {
    uint32_t version, seconds, nanoseconds;
};

struct kvmpv_system_time {
    uint32_t version, padding;
    uint64_t tsc, system_time;
    uint32_t multiplier;
    int8_t shift;
    uint8_t flags, padding_2[2];
};

struct kvmpv_steal_time {
    uint64_t steal;
    uint32_t version, flags;
    uint8_t preempted, padding[47];
};

_Static_assert(sizeof(struct kvmpv_wall_clock) == 12, "shared with the guest");
_Static_assert(sizeof(struct kvmpv_system_time) == 32, "shared with the guest");
_Static_assert(sizeof(struct kvmpv_steal_time) == 64, "shared with the guest");

/* Factors that make nanoseconds of ticks. */
void kvmpv_set_frequency(struct kvmpv *kvmpv, uint64_t frequency);

void kvmpv_write_wall_clock(struct kvmpv *kvmpv);
void kvmpv_write_system_time(struct kvmpv *kvmpv, unsigned vcpu, uint64_t tsc);
void kvmpv_write_steal_time(struct kvmpv *kvmpv, unsigned vcpu);
