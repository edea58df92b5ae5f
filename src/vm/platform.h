// SPDX-License-Identifier: Apache-2.0
/*
 * The Linux process as the place where a virtual machine runs: what core/platform.h asks for.
 *
 * Threads: the one that called vm_run waits in the event loop; each vCPU has its own. Back ends may
 * have more.
 *
 * Locks, in the order in which they are taken:
 *   1. platform.lock, the lock of the machine: chips, timers, consoles, back ends, what vCPUs wait
 *      for. Held while anything of core/device, core/virtio, core/machine runs.
 *   2. the engine's own, which it takes for itself inside its functions.
 * Nothing is called with an engine's lock held that takes the machine's: an engine calls
 * struct interrupt_source without locks.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "core/platform.h"

/* Guest time is the host's CLOCK_MONOTONIC minus what it stood still. */
struct vm_clock {
    _Atomic uint64_t offset;     /* guest = host - offset */
    _Atomic uint64_t stopped_at; /* guest time, while it stands still; 0: it runs */
    uint64_t first_ns, first_tsc;
    _Atomic uint64_t tsc_frequency; /* 0: not known yet */
};

struct timer_queue {
    struct platform_timer *first; /* sorted by deadline */
    struct event_source source;   /* timerfd */
};

/* Guests can cause log lines: so many at once, and one more for each interval. */
struct log_limit {
    unsigned credit, dropped;
    uint64_t refilled; /* host time */
};

struct allocation;
struct vm;

struct platform {
    pthread_mutex_t lock;
    struct event_loop loop;
    struct vm_clock clock;
    struct timer_queue timers;
    struct allocation *allocations;
    struct log_limit log_limit;
    const struct log *log;
    struct vm *vm;
};

int platform_open(struct platform *platform, const struct log *log, struct error *error);
void platform_close(struct platform *platform);
/* All that platform_allocate and platform_allocate_code gave; timers are forgotten. */
void platform_free_all(struct platform *platform);

void clock_open(struct vm_clock *clock);
void clock_stop(struct vm_clock *clock);
void clock_start(struct vm_clock *clock);
uint64_t host_nanoseconds(void);
uint64_t host_tsc(void);

int timers_open(struct platform *platform, struct error *error);
void timers_close(struct platform *platform);
/* After the clock was stopped or started. */
void timers_clock_changed(struct platform *platform);
