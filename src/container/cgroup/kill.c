// SPDX-License-Identifier: Apache-2.0
/* Signals to all processes, and the end of the cgroups. */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/io.h"
#include "container/cgroup/systemd.h"

#define END_TIMEOUT_MS  10000
#define REMOVE_ATTEMPTS 40 /* with pauses that double from 50 us to 250 ms: about 8 s */

int cgroup_processes(const struct cgroup *cgroup, pid_t **pids, size_t *count, struct error *error)
{
    *pids = NULL;
    *count = 0;
    const struct cgroup_directory *directory = directory_main(cgroup);
    if (!directory)
        return error_set_code(error, ENOTSUP,
                              "the container has no cgroup, so its processes cannot be found");
    return tree_processes(directory->path, pids, count, error);
}

static int signal_all(const char *path, int signal_number, struct error *error)
{
    AUTO_FREE pid_t *pids = NULL;
    size_t count = 0;
    if (tree_processes(path, &pids, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (kill(pids[i], signal_number) < 0 && errno != ESRCH)
            return error_set(error, errno, "send signal %d to process %d", signal_number, pids[i]);
    }
    return 0;
}

/*
 * The kernel does it at once, new children included (since 5.14). 1 where it cannot. A process that
 * the v1 freezer holds as well dies only when that lets go.
 */
static int kill_at_once(struct cgroup *cgroup, struct error *error)
{
    struct cgroup_directory *v2 = directory_v2(cgroup);
    AUTO_ERROR struct error failure = { 0 };
    if (!v2)
        return 1;
    if (directory_write(v2, "cgroup.kill", "1", &failure) < 0)
        return failure.code == ENOENT || failure.code == EOPNOTSUPP ? 1
                                                                    : error_move(error, &failure);
    struct cgroup_directory *v1 = directory_v1(cgroup, "freezer");
    if (v1 && directory_is_frozen(v1))
        return directory_write(v1, "freezer.state", "THAWED", error);
    return 0;
}

/* Frozen, no process can escape by forking while its parents are being signalled. */
static int signal_frozen(struct cgroup *cgroup, int signal_number, struct error *error)
{
    const struct cgroup_directory *directory = directory_main(cgroup);
    if (!directory)
        return error_set_code(error, ENOTSUP, "the container has no cgroup to signal");
    AUTO_ERROR struct error ignored = { 0 }, failure = { 0 };
    bool was_frozen = cgroup_is_frozen(cgroup);
    bool frozen = was_frozen || cgroup_freeze(cgroup, &ignored) == 0;
    int result = signal_all(directory->path, signal_number, &failure);
    if (frozen && (!was_frozen || signal_number == SIGKILL) && cgroup_thaw(cgroup, &ignored) < 0 &&
        result == 0)
        return error_move(error, &ignored);
    return result < 0 ? error_move(error, &failure) : 0;
}

int cgroup_kill(struct cgroup *cgroup, int signal_number, struct error *error)
{
    if (signal_number == SIGKILL) {
        int result = kill_at_once(cgroup, error);
        if (result <= 0)
            return result;
    }
    return signal_frozen(cgroup, signal_number, error);
}

/* Until every process that is in it now has ended, or the time is up. */
static void wait_for_end(const char *path, uint64_t timeout_ms)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE pid_t *pids = NULL;
    size_t count = 0;
    tree_processes(path, &pids, &count, &ignored);
    for (size_t i = 0; i < count; i++) {
        AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pids[i], 0);
        struct pollfd waiting = { .fd = pidfd, .events = POLLIN };
        if (pidfd >= 0 && poll(&waiting, 1, (int)timeout_ms) == 0)
            return;
    }
}

/* A process that has just died leaves its cgroup a moment after its parent hears of it. */
static int remove_patiently(const char *path, struct error *error)
{
    struct timespec pause = { .tv_nsec = 50000 };
    for (int attempt = 1;; attempt++) {
        AUTO_ERROR struct error failure = { 0 };
        if (tree_remove(path, &failure) == 0)
            return 0;
        if (failure.code != EBUSY || attempt == REMOVE_ATTEMPTS)
            return error_move(error, &failure);
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 250000000)
            pause.tv_nsec *= 2;
    }
}

/* Processes may be left in this one hierarchy alone: a creation that was cut off half way. */
static int end_directory(struct cgroup *cgroup, const struct cgroup_directory *directory,
                         struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 };
    cgroup_kill(cgroup, SIGKILL, &ignored);
    if (signal_all(directory->path, SIGKILL, error) < 0)
        return -1;
    wait_for_end(directory->path, END_TIMEOUT_MS);
    return remove_patiently(directory->path, error);
}

int cgroup_remove_directories(struct cgroup *cgroup, struct error *error)
{
    int result = 0;
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        if (!directory->present || rmdir(directory->path) == 0 || errno == ENOENT)
            continue;
        if (!path_exists_at(AT_FDCWD, directory->path)) /* EROFS, EACCES tell nothing of it */
            continue;
        AUTO_ERROR struct error failure = { 0 };
        if (end_directory(cgroup, directory, &failure) < 0 && result == 0)
            result = error_move(error, &failure);
    }
    return result;
}

int cgroup_destroy(struct cgroup *cgroup, struct error *error)
{
    if (cgroup->foreign)
        return 0;
    AUTO_ERROR struct error failure = { 0 };
    int result = cgroup->systemd.unit ? systemd_stop(cgroup, &failure) : 0;
    if (cgroup_remove_directories(cgroup, error) < 0)
        return -1;
    return result < 0 ? error_move(error, &failure) : 0;
}
