// SPDX-License-Identifier: Apache-2.0
/* `events`: statistics at an interval and out-of-memory events, until the instance stops. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/json.h"
#include "instance/instance.h"
#include "instance/process_state.h"

struct watch {
    const struct host *host;
    const struct instance *instance;
    FILE *output;
    int timer_fd, oom_fd, pidfd;
};

static int print_line(struct watch *watch, struct json_object *event, struct error *error)
{
    AUTO_FREE char *text = json_text(event);
    if (fprintf(watch->output, "%s\n", text) < 0 || fflush(watch->output) < 0)
        return error_set(error, errno, "write an event");
    return 0;
}

static int print_stats(struct watch *watch, struct error *error)
{
    uint64_t expirations;
    if (read(watch->timer_fd, &expirations, sizeof(expirations)) < 0)
        return error_set(error, errno, "read the timer");
    AUTO_JSON struct json_object *stats = instance_stats(watch->host, watch->instance->id, error);
    return stats ? print_line(watch, stats, error) : -1;
}

static int print_oom(struct watch *watch, struct error *error)
{
    uint64_t kills;
    if (cgroup_read_oom_events(watch->instance->cgroup, watch->oom_fd, &kills, error) < 0)
        return -1;
    for (; kills > 0; kills--) {
        AUTO_JSON struct json_object *event = json_object_new_object();
        json_object_object_add(event, "type", json_object_new_string("oom"));
        json_object_object_add(event, "id", json_object_new_string(watch->instance->id));
        if (print_line(watch, event, error) < 0)
            return -1;
    }
    return 0;
}

static int watch_until_stopped(struct watch *watch, struct error *error)
{
    struct pollfd fds[] = { { .fd = watch->pidfd, .events = POLLIN },
                            { .fd = watch->oom_fd, .events = POLLIN },
                            { .fd = watch->timer_fd, .events = POLLIN } };
    for (;;) {
        if (poll(fds, ARRAY_LENGTH(fds), -1) < 0) {
            if (errno == EINTR)
                continue;
            return error_set(error, errno, "wait for events");
        }
        if (fds[1].revents && print_oom(watch, error) < 0)
            return -1;
        if (fds[0].revents)
            return 0;
        if (fds[2].revents && print_stats(watch, error) < 0)
            return -1;
    }
}

static int interval_timer(uint32_t interval_s, struct error *error)
{
    struct itimerspec interval = { .it_interval.tv_sec = interval_s,
                                   .it_value.tv_sec = interval_s };
    AUTO_CLOSE int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &interval, NULL) < 0)
        return error_set(error, errno, "set a timer of %u seconds", interval_s);
    return take_fd(&fd);
}

int instance_events(const struct host *host, const char *id, uint32_t interval_s, FILE *output,
                    struct error *error)
{
    AUTO_INSTANCE struct instance *instance = instance_load(host, id, error);
    if (!instance)
        return -1;
    AUTO_CLOSE int pidfd = process_state_open(instance->pid, instance->pid_start_time, error);
    if (pidfd < 0)
        return error_wrap(error, "events of %s", id);
    if (!instance->cgroup)
        return error_set_code(error, ENOTSUP, "events of %s: it has no cgroup", id);
    AUTO_CLOSE int timer_fd = interval_timer(interval_s, error);
    AUTO_CLOSE int oom_fd = cgroup_open_oom_events(instance->cgroup, error);
    if (timer_fd < 0 || oom_fd < 0)
        return error_wrap(error, "events of %s", id);
    struct watch watch = { host, instance, output, timer_fd, oom_fd, pidfd };
    return watch_until_stopped(&watch, error);
}
