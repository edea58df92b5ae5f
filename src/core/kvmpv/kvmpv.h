// SPDX-License-Identifier: Apache-2.0
/*
 * The paravirtual interface of KVM, as Linux guests know it (the kernel's
 * Documentation/virt/kvm/x86/{cpuid,msr,hypercalls}.rst): a clock, steal time, interprocessor
 * interrupts and kicks by hypercall.
 *
 * The guest names memory to us by MSRs. An address is bound once, when it is written, to a slice of
 * guest memory that lies in one slot; after that only our own pointer is used. What the guest reads
 * there carries a version that is odd while we write.
 *
 * Not offered: asynchronous page faults (nothing of a guest is paged out by us), the end of
 * interrupts by memory (our local APIC would have to take it back when another interrupt waits).
 */
#pragma once

#include "core/memory/guest_memory.h"
#include "core/platform.h"

#define KVMPV_VCPUS 32

enum kvmpv_msr {
    KVMPV_MSR_WALL_CLOCK = 0x4b564d00,
    KVMPV_MSR_SYSTEM_TIME = 0x4b564d01,
    KVMPV_MSR_ASYNC_PF = 0x4b564d02,
    KVMPV_MSR_STEAL_TIME = 0x4b564d03,
    KVMPV_MSR_END_OF_INTERRUPT = 0x4b564d04,
    KVMPV_MSR_POLL_CONTROL = 0x4b564d05,
    KVMPV_MSR_LAST = 0x4b564dff,
};

enum kvmpv_hypercall {
    KVMPV_HYPERCALL_POLL_INTERRUPT = 1,
    KVMPV_HYPERCALL_KICK = 5,
    KVMPV_HYPERCALL_CLOCK_PAIRING = 9,
    KVMPV_HYPERCALL_SEND_INTERRUPTS = 10,
    KVMPV_HYPERCALL_YIELD = 11,
};

enum kvmpv_error { KVMPV_NOT_PERMITTED = 1, KVMPV_INVALID = 22, KVMPV_NO_SUCH_CALL = 1000 };

/* An interprocessor interrupt: a delivery mode of the ICR (0: fixed, 4: NMI) and a vector. */
struct kvmpv_interrupts {
    void (*deliver)(void *context, uint32_t apic_id, unsigned mode, uint8_t vector);
    void *context;
};

/* Guest memory that an MSR has named; `host` NULL: none. */
struct kvmpv_area {
    uint8_t *host;
    gpa_t address;
    uint64_t value; /* of the MSR */
};

struct kvmpv_vcpu {
    struct kvmpv_area system_time, steal_time;
    uint64_t poll_control;
    uint64_t steal_updated; /* platform_clock() */
};

struct kvmpv {
    struct platform *platform;
    const struct guest_memory *memory;
    struct kvmpv_interrupts interrupts;
    unsigned vcpu_count;
    struct kvmpv_area wall_clock;
    /* One moment in both clocks, the same for all vCPUs: so what they read never disagrees. */
    bool has_reference;
    uint64_t reference_tsc, reference_clock;
    uint32_t multiplier; /* nanoseconds = (ticks << shift) * multiplier >> 32 */
    int8_t shift;
    struct kvmpv_vcpu vcpus[KVMPV_VCPUS];
};

/* CPUID leaf 40000001H EAX. */
uint32_t kvmpv_features(void);

/* `kvmpv` is zeroed. APIC identifiers are the numbers of the vCPUs. */
void kvmpv_initialize(struct kvmpv *kvmpv, struct platform *platform,
                      const struct guest_memory *memory, unsigned vcpu_count,
                      struct kvmpv_interrupts interrupts);

static inline bool kvmpv_is_msr(uint32_t index)
{
    return index >= KVMPV_MSR_WALL_CLOCK && index <= KVMPV_MSR_LAST;
}

/* False: #GP(0). `tsc` is what the guest's time-stamp counter says now. */
bool kvmpv_msr_read(const struct kvmpv *kvmpv, unsigned vcpu, uint32_t index, uint64_t *value);
bool kvmpv_msr_write(struct kvmpv *kvmpv, unsigned vcpu, uint32_t index, uint64_t value,
                     uint64_t tsc);

/* The result, for RAX: negative enum kvmpv_error, or what the call returns. */
uint64_t kvmpv_hypercall(struct kvmpv *kvmpv, unsigned vcpu, uint64_t number,
                         const uint64_t arguments[4]);

/* Now and then, by the vCPU's thread: bring its steal time up to date. */
void kvmpv_update(struct kvmpv *kvmpv, unsigned vcpu);
