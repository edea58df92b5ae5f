// SPDX-License-Identifier: Apache-2.0
/*
 * epoll(7) is given the number and the generation of a slot, no pointer: between its answer and our
 * taking the lock another thread may have removed the source and freed it.
 */
#include "base/event_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/string.h"

enum { EVENTS_AT_ONCE = 64, FIRST_SLOTS = 16 };

struct event_slot {
    struct event_source *source; /* NULL: free */
    uint32_t generation;
    bool always_ready;
};

static int register_fd(struct event_loop *loop, int operation, int fd, uint32_t events,
                       uint64_t data)
{
    struct epoll_event event = { .events = events, .data.u64 = data };
    return epoll_ctl(loop->epoll_fd, operation, fd, &event);
}

int event_loop_open(struct event_loop *loop, pthread_mutex_t *lock, struct error *error)
{
    *loop = (struct event_loop){
        .lock = lock,
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
        .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .slots = allocate(FIRST_SLOTS, sizeof(struct event_slot)),
        .slot_count = FIRST_SLOTS,
    };
    /* Slot 0 is the wake-up's and never a source's. */
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        register_fd(loop, EPOLL_CTL_ADD, loop->wake_fd, EPOLLIN, 0) < 0) {
        error_set(error, errno, "make an event loop");
        event_loop_close(loop);
        return -1;
    }
    return 0;
}

void event_loop_close(struct event_loop *loop)
{
    cleanup_close(&loop->epoll_fd);
    cleanup_close(&loop->wake_fd);
    free(loop->slots);
    *loop = (struct event_loop){ .epoll_fd = -1, .wake_fd = -1 };
}

static unsigned free_slot(struct event_loop *loop)
{
    for (unsigned slot = 1; slot < loop->slot_count; slot++)
        if (!loop->slots[slot].source)
            return slot;
    unsigned count = loop->slot_count;
    struct event_slot *slots = allocate(2 * (size_t)count, sizeof(*slots));
    for (unsigned slot = 0; slot < count; slot++)
        slots[slot] = loop->slots[slot];
    free(loop->slots);
    loop->slots = slots;
    loop->slot_count = 2 * count;
    return count;
}

static uint64_t slot_data(const struct event_loop *loop, unsigned slot)
{
    return (uint64_t)slot << 32 | loop->slots[slot].generation;
}

int event_loop_add(struct event_loop *loop, struct event_source *source, struct error *error)
{
    unsigned number = free_slot(loop);
    struct event_slot *slot = &loop->slots[number];
    slot->generation++;
    slot->always_ready = false;
    if (register_fd(loop, EPOLL_CTL_ADD, source->fd, source->events, slot_data(loop, number)) < 0) {
        if (errno != EPERM)
            return error_set(error, errno, "wait for descriptor %d", source->fd);
        slot->always_ready = true;
        event_loop_wake(loop);
    }
    slot->source = source;
    source->slot = number;
    return 0;
}

void event_loop_change(struct event_loop *loop, struct event_source *source, uint32_t events)
{
    if (source->slot == 0 || source->events == events)
        return;
    source->events = events;
    if (loop->slots[source->slot].always_ready)
        event_loop_wake(loop);
    else
        register_fd(loop, EPOLL_CTL_MOD, source->fd, events, slot_data(loop, source->slot));
}

void event_loop_remove(struct event_loop *loop, struct event_source *source)
{
    if (source->slot == 0)
        return;
    if (!loop->slots[source->slot].always_ready)
        register_fd(loop, EPOLL_CTL_DEL, source->fd, 0, 0);
    loop->slots[source->slot].source = NULL;
    source->slot = 0;
}

void event_loop_add_hook(struct event_loop *loop, struct event_hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
    event_loop_wake(loop);
}

void event_loop_remove_hook(struct event_loop *loop, struct event_hook *hook)
{
    for (struct event_hook **link = &loop->hooks; *link; link = &(*link)->next)
        if (*link == hook) {
            *link = hook->next;
            return;
        }
}

void event_loop_wake(struct event_loop *loop)
{
    uint64_t one = 1;
    (void)!write(loop->wake_fd, &one, sizeof(one));
}

void event_loop_stop(struct event_loop *loop)
{
    atomic_store(&loop->stopping, true);
    event_loop_wake(loop);
}

void event_loop_rearm(struct event_loop *loop)
{
    atomic_store(&loop->stopping, false);
}

/* Milliseconds; -1: until something happens. */
static int prepare(struct event_loop *loop)
{
    int shortest = -1;
    for (struct event_hook *hook = loop->hooks; hook; hook = hook->next) {
        int wanted = hook->before_wait(hook->context);
        if (wanted >= 0 && (shortest < 0 || wanted < shortest))
            shortest = wanted;
    }
    for (unsigned slot = 1; slot < loop->slot_count; slot++)
        if (loop->slots[slot].source && loop->slots[slot].always_ready &&
            loop->slots[slot].source->events)
            return 0;
    return shortest;
}

static void dispatch(struct event_loop *loop, const struct epoll_event *event)
{
    unsigned number = (unsigned)(event->data.u64 >> 32);
    uint64_t count;
    if (number == 0) {
        (void)!read(loop->wake_fd, &count, sizeof(count));
        return;
    }
    const struct event_slot *slot = &loop->slots[number];
    if (slot->source && slot->generation == (uint32_t)event->data.u64)
        slot->source->ready(slot->source->context, event->events);
}

static void dispatch_always_ready(struct event_loop *loop)
{
    for (unsigned number = 1; number < loop->slot_count; number++) {
        const struct event_slot *slot = &loop->slots[number];
        if (slot->source && slot->always_ready && slot->source->events)
            slot->source->ready(slot->source->context, slot->source->events);
    }
}

void event_loop_run(struct event_loop *loop)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    pthread_mutex_lock(loop->lock);
    while (!atomic_load(&loop->stopping)) {
        int timeout = prepare(loop);
        pthread_mutex_unlock(loop->lock);
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, timeout);
        pthread_mutex_lock(loop->lock);
        for (int i = 0; i < count; i++)
            dispatch(loop, &events[i]);
        dispatch_always_ready(loop);
        struct event_hook *next;
        for (struct event_hook *hook = loop->hooks; hook; hook = next) {
            next = hook->next;
            if (hook->after_wait)
                hook->after_wait(hook->context);
        }
    }
    pthread_mutex_unlock(loop->lock);
}
