// SPDX-License-Identifier: Apache-2.0
/* A vCPU: a thread that runs the engine, and what it is waiting for. */
#pragma once

#include "core/engine.h"
#include "vm/platform.h"

struct vm;

struct vm_vcpu {
    struct vm *vm;
    struct vcpu *engine_vcpu;
    unsigned index;
    pthread_t thread;
    bool thread_runs;
    pthread_cond_t wake;

    /* With the machine's lock; `attention` is looked at without it. */
    _Atomic bool attention; /* something below needs the vCPU's own thread */
    bool woken;             /* an interrupt or NMI came: HLT looks again */
    bool kicked;            /* a paravirtual kick: HLT ends */
    bool init_pending;      /* INIT came */
    bool waits_for_startup; /* after INIT, until SIPI */
    bool startup_pending;   /* SIPI came */
    uint8_t startup_vector;
    uint64_t tsc_stood_still; /* to be added to its TSC offset */

    int schedule_statistics_fd; /* /proc/self/task/TID/schedstat */
};

/* What the vCPU starts with; NULL: it waits for INIT and SIPI. */
int vm_vcpu_make(struct vm *vm, unsigned index, const struct cpu_state *state, struct error *error);
int vm_vcpu_start(struct vm_vcpu *vcpu, struct error *error);
/* Its thread has been told to stop. */
void vm_vcpu_join(struct vm_vcpu *vcpu);
void vm_vcpu_free(struct vm_vcpu *vcpu);

/* With the lock held: the thread looks at what has changed. */
void vm_vcpu_attend(struct vm_vcpu *vcpu);

/* Without the lock, by its own thread: HLT. */
void vm_vcpu_wait(struct vm_vcpu *vcpu);

/* exit_table.c: without the lock, by its own thread. */
void vm_exit_handle(struct vm_vcpu *vcpu, struct vm_exit *exit);

/* dump.c: everything there is to know about an exit that nobody handles, once, into the log. */
void vm_dump(struct vm_vcpu *vcpu, const struct vm_exit *exit);
