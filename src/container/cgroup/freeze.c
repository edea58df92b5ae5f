// SPDX-License-Identifier: Apache-2.0
/*
 * Stopping and continuing all processes at once. The v2 freezer is used wherever there is a v2
 * hierarchy, beside v1 too: its frozen processes can be killed, and it tells when it is done. The
 * v1 freezer does neither, and stays at FREEZING while one process is in an uninterruptible sleep.
 */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "base/io.h"

#define FREEZE_TIMEOUT_MS 10000

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* cgroup.events of v2 raises POLLPRI whenever a line of it changes. */
static int wait_for_event(struct cgroup_directory *directory, const char *line, struct error *error)
{
    AUTO_CLOSE int fd = openat(directory->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open %s/cgroup.events", directory->path);
    uint64_t end = now_ms() + FREEZE_TIMEOUT_MS;
    for (;;) {
        char text[256] = "";
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        if (length < 0)
            return error_set(error, errno, "read %s/cgroup.events", directory->path);
        if (strstr(text, line))
            return 0;
        uint64_t now = now_ms();
        struct pollfd waiting = { .fd = fd, .events = POLLPRI };
        if (now >= end)
            return error_set_code(error, ETIMEDOUT, "cgroup %s did not reach \"%s\" within %d s",
                                  directory->path, line, FREEZE_TIMEOUT_MS / 1000);
        if (poll(&waiting, 1, (int)(end - now)) < 0 && errno != EINTR)
            return error_set(error, errno, "wait for %s/cgroup.events", directory->path);
    }
}

static int freeze_v2(struct cgroup_directory *directory, bool freeze, struct error *error)
{
    if (directory_write(directory, "cgroup.freeze", freeze ? "1" : "0", error) < 0)
        return -1;
    if (wait_for_event(directory, freeze ? "frozen 1" : "frozen 0", error) == 0)
        return 0;
    AUTO_ERROR struct error ignored = { 0 };
    if (freeze)
        directory_write(directory, "cgroup.freeze", "0", &ignored);
    return -1;
}

/* v1 tells nobody when it is done, and goes on freezing new processes only when asked again. */
static int freeze_v1(struct cgroup_directory *directory, struct error *error)
{
    uint64_t end = now_ms() + FREEZE_TIMEOUT_MS;
    struct timespec pause = { .tv_nsec = 100000 };
    while (now_ms() < end) {
        if (directory_write(directory, "freezer.state", "FROZEN", error) < 0)
            return -1;
        AUTO_FREE char *state = directory_read(directory, "freezer.state");
        if (state && string_equal(state, "FROZEN"))
            return 0;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 10000000)
            pause.tv_nsec *= 2;
    }
    AUTO_ERROR struct error ignored = { 0 };
    directory_write(directory, "freezer.state", "THAWED", &ignored);
    return error_set_code(error, ETIMEDOUT, "cgroup %s is not frozen after %d s", directory->path,
                          FREEZE_TIMEOUT_MS / 1000);
}

static int no_freezer(struct error *error)
{
    return error_set_code(error, ENOTSUP,
                          "no freezer: the container has no cgroup in the v2 or freezer hierarchy");
}

static bool can_freeze_v2(const struct cgroup_directory *directory)
{
    AUTO_FREE char *state = directory ? directory_read(directory, "cgroup.freeze") : NULL;
    return state != NULL;
}

int cgroup_freeze(struct cgroup *cgroup, struct error *error)
{
    struct cgroup_directory *v2 = directory_v2(cgroup), *v1 = directory_v1(cgroup, "freezer");
    if (can_freeze_v2(v2))
        return freeze_v2(v2, true, error);
    return v1 ? freeze_v1(v1, error) : no_freezer(error);
}

/* Whichever froze it: somebody else may have used the other one. */
int cgroup_thaw(struct cgroup *cgroup, struct error *error)
{
    struct cgroup_directory *v2 = directory_v2(cgroup), *v1 = directory_v1(cgroup, "freezer");
    if (!can_freeze_v2(v2) && !v1)
        return no_freezer(error);
    if (v1 && directory_write(v1, "freezer.state", "THAWED", error) < 0)
        return -1;
    return can_freeze_v2(v2) ? freeze_v2(v2, false, error) : 0;
}

bool cgroup_is_frozen(const struct cgroup *cgroup)
{
    struct cgroup_directory *v2 = directory_v2(cgroup), *v1 = directory_v1(cgroup, "freezer");
    return (v2 && directory_is_frozen(v2)) || (v1 && directory_is_frozen(v1));
}
