// SPDX-License-Identifier: Apache-2.0
/*
 * Being told when the container runs out of memory: v1 by an eventfd that is registered in
 * cgroup.event_control (Documentation/admin-guide/cgroup-v1/memory.rst, section 10), v2 by inotify
 * on memory.events (cgroup-v2.rst).
 */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/io.h"
#include "container/cgroup/stats.h"

static int open_v1(struct cgroup_directory *directory, struct error *error)
{
    int fd = directory_open(directory);
    AUTO_CLOSE int events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    AUTO_CLOSE int control = fd < 0 ? -1 : openat(fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
    if (events < 0 || control < 0)
        return error_set(error, errno, "watch cgroup %s for OOM events", directory->path);
    AUTO_FREE char *text = string_format("%d %d", events, control);
    if (directory_write(directory, "cgroup.event_control", text, error) < 0)
        return -1;
    return take_fd(&events);
}

static int open_v2(const struct cgroup *cgroup, const struct cgroup_directory *directory,
                   struct error *error)
{
    AUTO_CLOSE int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    AUTO_FREE char *file = string_format("%s/memory.events", directory->path);
    if (events < 0 || inotify_add_watch(events, file, IN_MODIFY) < 0)
        return error_set(error, errno, "watch %s", file);
    *cgroup->oom_kills_seen = stats_flat_number(directory, "memory.events", "oom_kill");
    return take_fd(&events);
}

int cgroup_open_oom_events(const struct cgroup *cgroup, struct error *error)
{
    struct cgroup_directory *v1 = directory_v1(cgroup, "memory"), *v2 = directory_v2(cgroup);
    if (v1)
        return open_v1(v1, error);
    if (v2)
        return open_v2(cgroup, v2, error);
    return error_set_code(error, ENOTSUP, "the container has no memory cgroup to be watched");
}

/* The end of the cgroup raises the eventfd too. */
static uint64_t read_v1(const struct cgroup_directory *directory, int fd)
{
    uint64_t events = 0;
    if (read(fd, &events, sizeof(events)) != (ssize_t)sizeof(events))
        return 0;
    AUTO_FREE char *control = directory_read(directory, "memory.oom_control");
    return control ? events : 0;
}

static uint64_t read_v2(const struct cgroup *cgroup, const struct cgroup_directory *directory,
                        int fd)
{
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        ;
    uint64_t kills = stats_flat_number(directory, "memory.events", "oom_kill");
    uint64_t before = *cgroup->oom_kills_seen;
    *cgroup->oom_kills_seen = kills;
    return kills > before ? kills - before : 0;
}

int cgroup_read_oom_events(const struct cgroup *cgroup, int fd, uint64_t *new_kills,
                           struct error *error)
{
    const struct cgroup_directory *v1 = directory_v1(cgroup, "memory"), *v2 = directory_v2(cgroup);
    if (!v1 && !v2)
        return error_set_code(error, ENOTSUP, "the container has no memory cgroup to be watched");
    *new_kills = v1 ? read_v1(v1, fd) : read_v2(cgroup, v2, fd);
    return 0;
}
