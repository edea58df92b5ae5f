// SPDX-License-Identifier: Apache-2.0
/* One timerfd for all timers of a machine, set to the earliest. There are a dozen at most. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/platform.h"

#define NANOSECONDS_PER_SECOND 1000000000

static void set_timerfd(struct platform *platform)
{
    struct itimerspec setting = { 0 };
    const struct platform_timer *first = platform->timers.first;
    if (first && !atomic_load(&platform->clock.stopped_at)) {
        uint64_t now = platform_clock(platform);
        uint64_t wait = first->deadline > now ? first->deadline - now : 1;
        setting.it_value.tv_sec = (time_t)(wait / NANOSECONDS_PER_SECOND);
        setting.it_value.tv_nsec = (long)(wait % NANOSECONDS_PER_SECOND);
    }
    timerfd_settime(platform->timers.source.fd, 0, &setting, NULL);
}

static void insert(struct timer_queue *timers, struct platform_timer *timer)
{
    struct platform_timer **link = &timers->first;
    while (*link && (*link)->deadline <= timer->deadline)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
    timer->armed = true;
}

static void remove_timer(struct timer_queue *timers, struct platform_timer *timer)
{
    for (struct platform_timer **link = &timers->first; *link; link = &(*link)->next)
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    timer->armed = false;
    timer->next = NULL;
}

void platform_timer_arm(struct platform *platform, struct platform_timer *timer, uint64_t deadline)
{
    struct timer_queue *timers = &platform->timers;
    if (timer->armed)
        remove_timer(timers, timer);
    timer->deadline = deadline;
    insert(timers, timer);
    /* A timerfd that comes too early, for one that was put off or cancelled, is set anew then. */
    if (timers->first == timer)
        set_timerfd(platform);
}

void platform_timer_cancel(struct platform *platform, struct platform_timer *timer)
{
    if (timer->armed)
        remove_timer(&platform->timers, timer);
}

static unsigned count_due(const struct timer_queue *timers, uint64_t now)
{
    unsigned count = 0;
    for (const struct platform_timer *timer = timers->first; timer && timer->deadline <= now;
         timer = timer->next)
        count++;
    return count;
}

/* As many as were due at the start: a guest whose timer is always due again does not keep the event
 * loop here. Handlers arm and cancel, so each time the first one is looked at anew. */
static void expire(void *context, uint32_t events)
{
    struct platform *platform = context;
    struct timer_queue *timers = &platform->timers;
    uint64_t expirations, now = platform_clock(platform);
    (void)events;
    (void)!read(timers->source.fd, &expirations, sizeof(expirations));
    for (unsigned count = count_due(timers, now); count; count--) {
        struct platform_timer *timer = timers->first;
        if (!timer || timer->deadline > now)
            break;
        remove_timer(timers, timer);
        timer->expired(timer->context);
    }
    set_timerfd(platform);
}

int timers_open(struct platform *platform, struct error *error)
{
    struct event_source *source = &platform->timers.source;
    *source = (struct event_source){
        .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
        .events = EPOLLIN,
        .ready = expire,
        .context = platform,
    };
    if (source->fd < 0)
        return error_set(error, errno, "make a timer");
    return event_loop_add(&platform->loop, source, error);
}

void timers_close(struct platform *platform)
{
    event_loop_remove(&platform->loop, &platform->timers.source);
    cleanup_close(&platform->timers.source.fd);
    platform->timers.source.fd = -1;
}

void timers_clock_changed(struct platform *platform)
{
    set_timerfd(platform);
}
