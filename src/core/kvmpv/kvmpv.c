// SPDX-License-Identifier: Apache-2.0
#include "core/kvmpv/kvmpv.h"

#include "core/kvmpv/kvmpv_clock.h"

enum kvmpv_feature {
    FEATURE_NO_IO_DELAY = 1u << 1,
    FEATURE_CLOCK = 1u << 3, /* the MSRs above 4B564D00H */
    FEATURE_STEAL_TIME = 1u << 5,
    FEATURE_KICK = 1u << 7,
    FEATURE_SEND_INTERRUPTS = 1u << 11,
    FEATURE_POLL_CONTROL = 1u << 12,
    FEATURE_YIELD = 1u << 13,
    FEATURE_CLOCK_STABLE = 1u << 24,
};

uint32_t kvmpv_features(void)
{
    return FEATURE_NO_IO_DELAY | FEATURE_CLOCK | FEATURE_STEAL_TIME | FEATURE_KICK |
           FEATURE_SEND_INTERRUPTS | FEATURE_POLL_CONTROL | FEATURE_YIELD | FEATURE_CLOCK_STABLE;
}

void kvmpv_initialize(struct kvmpv *kvmpv, struct platform *platform,
                      const struct guest_memory *memory, unsigned vcpu_count,
                      struct kvmpv_interrupts interrupts)
{
    kvmpv->platform = platform;
    kvmpv->memory = memory;
    kvmpv->interrupts = interrupts;
    kvmpv->vcpu_count = vcpu_count < KVMPV_VCPUS ? vcpu_count : KVMPV_VCPUS;
    for (unsigned i = 0; i < KVMPV_VCPUS; i++)
        kvmpv->vcpus[i].poll_control = KVMPV_ENABLE; /* the host may poll: the default */
    kvmpv_set_frequency(kvmpv, platform_tsc_frequency(platform));
}

/* -- MSRs -- */

/* `value` without `flags` is an address of `size` bytes, to be written from now on. */
static bool bind(const struct kvmpv *kvmpv, struct kvmpv_area *area, uint64_t value, uint64_t flags,
                 unsigned size, unsigned alignment)
{
    gpa_t address = value & ~flags;
    uint8_t *host = guest_slice_writable(kvmpv->memory, address, size);
    if (address & (alignment - 1) || !host)
        return false;
    *area = (struct kvmpv_area){ .host = host, .address = address, .value = value };
    return true;
}

/* Bit 0 of the value switches it on; off, the rest does not count. */
static bool bind_if_enabled(const struct kvmpv *kvmpv, struct kvmpv_area *area, uint64_t value,
                            unsigned size, unsigned alignment)
{
    if (value & KVMPV_ENABLE)
        return bind(kvmpv, area, value, KVMPV_ENABLE, size, alignment);
    *area = (struct kvmpv_area){ .value = value };
    return true;
}

bool kvmpv_msr_read(const struct kvmpv *kvmpv, unsigned vcpu, uint32_t index, uint64_t *value)
{
    if (vcpu >= kvmpv->vcpu_count)
        return false;
    const struct kvmpv_vcpu *state = &kvmpv->vcpus[vcpu];
    switch (index) {
    case KVMPV_MSR_WALL_CLOCK:
        *value = kvmpv->wall_clock.value;
        return true;
    case KVMPV_MSR_SYSTEM_TIME:
        *value = state->system_time.value;
        return true;
    case KVMPV_MSR_STEAL_TIME:
        *value = state->steal_time.value;
        return true;
    case KVMPV_MSR_POLL_CONTROL:
        *value = state->poll_control;
        return true;
    default:
        return false;
    }
}

/* Written once for each time that the guest asks. */
static bool write_wall_clock(struct kvmpv *kvmpv, uint64_t value)
{
    if (!bind(kvmpv, &kvmpv->wall_clock, value, 0, sizeof(struct kvmpv_wall_clock),
              KVMPV_CLOCK_ALIGNMENT))
        return false;
    kvmpv_write_wall_clock(kvmpv);
    return true;
}

static bool write_system_time(struct kvmpv *kvmpv, unsigned vcpu, uint64_t value, uint64_t tsc)
{
    if (!bind_if_enabled(kvmpv, &kvmpv->vcpus[vcpu].system_time, value,
                         sizeof(struct kvmpv_system_time), KVMPV_CLOCK_ALIGNMENT))
        return false;
    kvmpv_write_system_time(kvmpv, vcpu, tsc);
    return true;
}

static bool write_steal_time(struct kvmpv *kvmpv, unsigned vcpu, uint64_t value)
{
    if (!bind_if_enabled(kvmpv, &kvmpv->vcpus[vcpu].steal_time, value,
                         sizeof(struct kvmpv_steal_time), KVMPV_STEAL_ALIGNMENT))
        return false;
    kvmpv_write_steal_time(kvmpv, vcpu);
    return true;
}

bool kvmpv_msr_write(struct kvmpv *kvmpv, unsigned vcpu, uint32_t index, uint64_t value,
                     uint64_t tsc)
{
    if (vcpu >= kvmpv->vcpu_count)
        return false;
    switch (index) {
    case KVMPV_MSR_WALL_CLOCK:
        return write_wall_clock(kvmpv, value);
    case KVMPV_MSR_SYSTEM_TIME:
        return write_system_time(kvmpv, vcpu, value, tsc);
    case KVMPV_MSR_STEAL_TIME:
        return write_steal_time(kvmpv, vcpu, value);
    case KVMPV_MSR_POLL_CONTROL:
        if (value & ~(uint64_t)KVMPV_ENABLE)
            return false;
        kvmpv->vcpus[vcpu].poll_control = value;
        return true;
    default:
        return false;
    }
}

void kvmpv_update(struct kvmpv *kvmpv, unsigned vcpu)
{
    if (vcpu >= kvmpv->vcpu_count || !kvmpv->vcpus[vcpu].steal_time.host)
        return;
    uint64_t now = platform_clock(kvmpv->platform);
    if (now - kvmpv->vcpus[vcpu].steal_updated < KVMPV_STEAL_INTERVAL)
        return;
    kvmpv->vcpus[vcpu].steal_updated = now;
    kvmpv_write_steal_time(kvmpv, vcpu);
}

/* -- Hypercalls -- */

static uint64_t failure(enum kvmpv_error error)
{
    return -(uint64_t)error;
}

static uint64_t kick(struct kvmpv *kvmpv, uint64_t apic_id)
{
    if (apic_id < kvmpv->vcpu_count)
        platform_vcpu_signal(kvmpv->platform, (unsigned)apic_id, VCPU_SIGNAL_KICK, 0);
    return 0;
}

#define COMMAND_VECTOR     0xffu
#define COMMAND_MODE_SHIFT 8
#define COMMAND_MODE_MASK  7u
#define COMMAND_MODE_FIXED 0u
#define COMMAND_MODE_NMI   4u
#define BITMAP_BITS        128

/* Bit n of the two words is the APIC identifier `first` + n. How many got one. */
static uint64_t send_interrupts(struct kvmpv *kvmpv, const uint64_t bitmap[2], uint64_t first,
                                uint64_t command)
{
    unsigned mode = command >> COMMAND_MODE_SHIFT & COMMAND_MODE_MASK;
    uint64_t count = 0;
    if (mode != COMMAND_MODE_FIXED && mode != COMMAND_MODE_NMI)
        return failure(KVMPV_INVALID);
    for (unsigned i = 0; i < BITMAP_BITS && i < kvmpv->vcpu_count && first < kvmpv->vcpu_count - i;
         i++) {
        if (!(bitmap[i / 64] >> i % 64 & 1))
            continue;
        kvmpv->interrupts.deliver(kvmpv->interrupts.context, (uint32_t)first + i, mode,
                                  command & COMMAND_VECTOR);
        count++;
    }
    return count;
}

uint64_t kvmpv_hypercall(struct kvmpv *kvmpv, unsigned vcpu, uint64_t number,
                         const uint64_t arguments[4])
{
    kvmpv_update(kvmpv, vcpu);
    switch (number) {
    case KVMPV_HYPERCALL_POLL_INTERRUPT:
    case KVMPV_HYPERCALL_YIELD: /* each vCPU has a thread; the host's scheduler knows better */
        return 0;
    case KVMPV_HYPERCALL_KICK:
        return kick(kvmpv, arguments[1]);
    case KVMPV_HYPERCALL_SEND_INTERRUPTS:
        return send_interrupts(kvmpv, arguments, arguments[2], arguments[3]);
    default: /* CLOCK_PAIRING too: its feature bit is KVM's own, guests go without it */
        return failure(KVMPV_NO_SUCH_CALL);
    }
}
