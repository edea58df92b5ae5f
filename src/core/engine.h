// SPDX-License-Identifier: Apache-2.0
/*
 * Seam 1: who executes guest instructions. An engine runs a vCPU until something happens that is
 * not the processor's business, says what in a `struct vm_exit`, and takes the answer with the next
 * run.
 */
#pragma once

#include "core/memory/guest_memory.h"
#include "core/x86/cpu_state.h"
#include "core/x86/cpuid_table.h"

struct platform;
struct engine;

/* What every engine's own vCPU structure begins with. */
struct vcpu {
    const struct engine *engine;
    unsigned index;
};

enum vm_exit_reason {
    VM_EXIT_KICKED, /* vcpu_kick: the host wants its thread back */
    VM_EXIT_IO,
    VM_EXIT_MMIO,
    VM_EXIT_HYPERCALL, /* VMCALL or VMMCALL with a paravirtual interface announced */
    VM_EXIT_MSR,       /* an MSR that the engine does not keep itself */
    VM_EXIT_HALT,      /* HLT: run again when an interrupt is there */
    VM_EXIT_SHUTDOWN,  /* triple fault */
    VM_EXIT_FAIL,      /* the engine cannot go on: `fail` says why; a bug of ours or of the host */
    VM_EXIT_REASONS
};

/*
 * io, mmio and msr with `write` false: the handler puts the answer into `value`, and the next
 * vcpu_run hands it to the guest. RIP still points at the instruction, which completes then.
 */
struct vm_exit {
    enum vm_exit_reason reason;
    bool write;
    uint8_t size; /* io: 1, 2, 4; mmio: 1 to 8 */
    union {
        struct {
            uint16_t port;
            /* REP INS and REP OUTS: `count` accesses to or from `bytes` (host memory, within one
             * frame), all of which the handler makes. An engine that does not gather them, and
             * every other instruction, leaves `bytes` NULL: one access, with `value`. */
            void *bytes;
            uint32_t count;
        } io;
        struct {
            gpa_t address;
        } mmio;
        struct {
            uint32_t index;
            bool refused; /* set by the handler: #GP(0) */
            uint64_t tsc; /* the guest's time-stamp counter at the exit */
        } msr;
        struct {
            uint64_t number, arguments[6], result;
        } hypercall;
        struct {
            const char *reason; /* static text */
            uint64_t detail;
        } fail;
    };
    uint64_t value; /* of io, mmio, msr */
};

/* The local interrupt controller as the processor sees it. The functions take the machine's lock
 * themselves; they are called by the vCPU's own thread. */
struct interrupt_source {
    /* The vector to deliver now, taken from the controller; -1: none after all. */
    int (*acknowledge)(void *context);
    /* CR8 is the task priority of the controller. */
    uint64_t (*read_task_priority)(void *context);
    void (*write_task_priority)(void *context, uint64_t value);
    void *context;
};

struct vcpu_request {
    struct platform *platform;
    struct guest_memory *memory;
    const struct cpuid_table *cpuid;
    unsigned index, count;
    struct interrupt_source interrupts;
    bool hypercalls; /* a paravirtual interface is announced in CPUID; otherwise VMCALL is #UD */
};

struct engine {
    const char *name;
    /* One for each machine; NULL with `*why` (static text) when it cannot be. */
    void *(*create)(struct platform *platform, struct guest_memory *memory, unsigned vcpu_count,
                    const char **why);
    void (*destroy)(void *engine);
    struct vcpu *(*vcpu_create)(void *engine, const struct vcpu_request *request, const char **why);
    void (*vcpu_destroy)(struct vcpu *vcpu);
    /* By the vCPU's thread alone, without the machine's lock. */
    void (*vcpu_run)(struct vcpu *vcpu, struct vm_exit *exit);
    void (*vcpu_get_state)(struct vcpu *vcpu, struct cpu_state *state);
    int (*vcpu_set_state)(struct vcpu *vcpu, const struct cpu_state *state);
    /* Any thread: leave vcpu_run soon with VM_EXIT_KICKED. */
    void (*vcpu_kick)(struct vcpu *vcpu);
    /* Any thread: interrupts.acknowledge has something; NMI: one is pending. A vcpu_run under way
     * takes it at the next instruction boundary that allows it, without an exit. */
    void (*vcpu_interrupt)(struct vcpu *vcpu);
    void (*vcpu_nmi)(struct vcpu *vcpu);
    /* By the vCPU's thread: could it take an interrupt or NMI now if one came (IF, shadow)? Tells
     * HLT whether to wait on. */
    bool (*vcpu_interruptible)(struct vcpu *vcpu);
};
