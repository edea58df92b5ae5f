// SPDX-License-Identifier: Apache-2.0
/*
 * Host and guest of one machine at work: the control channel (guest_channel.h) over a console of
 * the machine, and processes of the guest with descriptors of the host as their streams.
 *
 * With the machine's lock held.
 */
#pragma once

#include "spec/process.h"
#include "vm/console.h"
#include "vm/guest_channel.h"

struct session;

/* What becomes of one process; of the three, `failed` or `exited` is the last. */
struct session_events {
    void (*started)(void *context, uint32_t guest_pid);
    void (*failed)(void *context, const struct error *why);
    /* All that it wrote has been passed on, as far as there was somebody to read it. */
    void (*exited)(void *context, unsigned status, unsigned signal);
    void *context;
};

struct session_process;

struct session_owner {
    /* The guest is up: set it up and start processes now. */
    void (*hello)(void *context, const char *kernel_release);
    void (*failed)(void *context, const struct error *why); /* no process can be started */
    void (*log)(void *context, const char *line);
    void (*down)(void *context); /* unmounted: it may be switched off */
    void *context;
};

struct session *session_new(struct platform *platform, const struct session_owner *owner);
void session_free(struct session *session); /* NULL is fine */
/* The machine was reset: its processes are gone without an event, and hello comes again. */
void session_restart(struct session *session);

/* The port or line of the machine that the guest's end is at. */
struct platform_console *session_console(struct session *session);
/* For requests that are about no process. */
struct guest_channel *session_channel(struct session *session);
/* Requests have been made: let them go. */
void session_flush(struct session *session);

/* The descriptors stay the caller's; with a terminal, input and output are its slave end, raw, and
 * error is -1. NULL: not started, and no event will come. */
struct session_process *session_start(struct session *session, const struct spec_process *spec,
                                      const int streams[3], const struct session_events *events,
                                      struct error *error);
void session_signal(struct session_process *process, int number);
void session_window_size(struct session_process *process, uint16_t rows, uint16_t columns);
/* Nobody is interested any more: no event comes, its output is lost, its input ends, and it gets
 * SIGHUP. */
void session_abandon(struct session_process *process);
