// SPDX-License-Identifier: Apache-2.0
/*
 * One thread that waits for many descriptors. What it calls is called with `lock` held, and every
 * function here but event_loop_wake and event_loop_stop is to be called with it held, too (or
 * before the loop runs). A source may remove itself or another one at any time: an event that was
 * under way is then dropped.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/error.h"

struct event_source {
    int fd;          /* the owner's */
    uint32_t events; /* EPOLLIN, EPOLLOUT or 0; level-triggered; change by event_loop_change */
    void (*ready)(void *context, uint32_t events); /* EPOLLERR and EPOLLHUP come unasked */
    void *context;
    unsigned slot; /* the loop's: 0 while it is not in it */
};

/* For a library with descriptors and time-outs of its own: called before each wait. */
struct event_hook {
    /* Brings its sources up to date; the most milliseconds to wait, -1: any time. */
    int (*before_wait)(void *context);
    void (*after_wait)(void *context); /* after the sources; may be NULL */
    void *context;
    struct event_hook *next; /* the loop's */
};

struct event_loop {
    pthread_mutex_t *lock;
    int epoll_fd, wake_fd;
    struct event_slot *slots;
    unsigned slot_count;
    struct event_hook *hooks;
    _Atomic bool stopping;
};

int event_loop_open(struct event_loop *loop, pthread_mutex_t *lock, struct error *error);
void event_loop_close(struct event_loop *loop);

/* Regular files, which epoll(7) refuses, are always ready. */
int event_loop_add(struct event_loop *loop, struct event_source *source, struct error *error);
void event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events);
void event_loop_remove(struct event_loop *loop, struct event_source *source);
void event_loop_add_hook(struct event_loop *loop, struct event_hook *hook);
void event_loop_remove_hook(struct event_loop *loop, struct event_hook *hook);

/* Any thread: run the hooks again soon. */
void event_loop_wake(struct event_loop *loop);
/* Any thread: event_loop_run returns soon. */
void event_loop_stop(struct event_loop *loop);
/* After it has stopped: event_loop_run may be called again. */
void event_loop_rearm(struct event_loop *loop);

/* Without the lock; returns after event_loop_stop. */
void event_loop_run(struct event_loop *loop);
