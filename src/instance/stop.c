// SPDX-License-Identifier: Apache-2.0
#include "instance/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "instance/process_state.h"
#include "instance/signal_delivery.h"
#include "instance/storage.h"

enum {
    KILLED_TIMEOUT_MS = 10000, /* after SIGKILL: only a process stuck in the kernel takes longer */
    KEEPER_TIMEOUT_MS = 10000, /* for removing cgroups and writing down the end */
};

/* What there is of a name: either or both may be missing. */
struct found {
    struct instance *instance; /* what runs, NULL: nothing */
    struct storage storage;    /* directory_fd -1: none is kept */
};

static void found_release(struct found *found)
{
    instance_free(found->instance);
    storage_close(&found->storage);
}

#define AUTO_FOUND __attribute__((cleanup(found_release)))

static int find(const struct host *host, const char *name, struct found *found, struct error *error)
{
    *found = (struct found){ .storage = STORAGE_CLOSED };
    found->instance = instance_load(host, name, error);
    if (!found->instance && error->code != ENOENT)
        return -1;
    error_clear(error);
    if (storage_open(host, name, &found->storage, error) == 0)
        return 0;
    if (!found->instance || error->code != ENOENT)
        return -1;
    error_clear(error);
    return 0;
}

static int stop_signal_of(const struct found *found)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_RECORD struct storage_record record = { 0 };
    if (found->storage.directory_fd < 0 ||
        storage_read_record(&found->storage, &record, &ignored) < 0 || !record.stop_signal)
        return SIGTERM;
    int number = parse_signal(record.stop_signal);
    return number > 0 ? number : SIGTERM;
}

/* Whether it ended in time; EINTR starts the rest of the time over, which nobody will notice. */
static bool wait_for_end(int pidfd, uint64_t timeout_ms)
{
    struct pollfd process = { .fd = pidfd, .events = POLLIN };
    int ready;
    do
        ready = poll(&process, 1, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* The v1 freezer holds even a killed process; v2's does not, so it may be gone by now. */
static int let_killed_go(const struct host *host, const struct instance *instance,
                         struct error *error)
{
    if (instance_resume(host, instance->id, error) == 0)
        return 0;
    if (error->code != ESRCH && error->code != ENOENT)
        return -1;
    error_clear(error);
    return 0;
}

static int end_process(const struct host *host, struct instance *instance, int pidfd,
                       int signal_number, uint64_t timeout_ms, struct error *error)
{
    /* What is created but not started waits in our own code, and what is paused gets no signal. */
    bool in_vain =
        instance->status != INSTANCE_RUNNING || signal_would_be_lost(pidfd, signal_number);
    if (!in_vain && timeout_ms > 0) {
        if (signal_deliver(pidfd, signal_number, error) < 0)
            return -1;
        if (wait_for_end(pidfd, timeout_ms))
            return 0;
    }
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return error_set(error, errno, "kill process %d", instance->pid);
    if (instance->status == INSTANCE_PAUSED && let_killed_go(host, instance, error) < 0)
        return -1;
    if (!wait_for_end(pidfd, KILLED_TIMEOUT_MS))
        return error_set(error, 0, "process %d does not end: it waits in the kernel",
                         instance->pid);
    return 0;
}

static int stop_found(const struct host *host, struct found *found, uint64_t timeout_ms,
                      struct error *error)
{
    struct instance *instance = found->instance;
    AUTO_ERROR struct error gone = { 0 };
    AUTO_CLOSE int pidfd = -1;
    if (instance && instance->status != INSTANCE_STOPPED && instance->pid > 0)
        pidfd = process_state_open(instance->pid, instance->pid_start_time, &gone);
    if (pidfd >= 0 &&
        end_process(host, instance, pidfd, stop_signal_of(found), timeout_ms, error) < 0)
        return -1;
    if (found->storage.directory_fd >= 0 &&
        !storage_wait_unlocked(&found->storage, KEEPER_TIMEOUT_MS))
        return error_set(error, 0,
                         "it has ended, but its keeper has not: see `ps -ef | grep openvirt`");
    return 0;
}

int instance_stop(const struct host *host, const char *name, uint64_t timeout_ms,
                  struct error *error)
{
    AUTO_FOUND struct found found;
    if (find(host, name, &found, error) < 0)
        return -1;
    if (stop_found(host, &found, timeout_ms, error) < 0)
        return error_wrap(error, "stop %s", name);
    return 0;
}

static bool is_alive(const struct found *found)
{
    return found->instance && found->instance->status != INSTANCE_STOPPED;
}

static int remove_found(const struct host *host, const char *name, struct found *found, bool force,
                        struct error *error)
{
    if (is_alive(found) && !force)
        return error_set(error, 0, "it is %s: stop it first, or use --force",
                         instance_status_name(found->instance->status));
    if (stop_found(host, found, 0, error) < 0)
        return -1;
    bool kept = found->storage.directory_fd >= 0;
    if (kept && storage_lock(&found->storage, error) < 0) {
        if (error->code != ENOENT) /* its keeper removed it itself (--rm) */
            return -1;
        error_clear(error);
        kept = false;
    }
    if (found->instance && instance_delete(host, name, true, error) < 0)
        return -1;
    return kept ? storage_remove(&found->storage, error) : 0;
}

int instance_remove(const struct host *host, const char *name, bool force, struct error *error)
{
    AUTO_FOUND struct found found;
    if (find(host, name, &found, error) < 0)
        return -1;
    if (remove_found(host, name, &found, force, error) < 0)
        return error_wrap(error, "remove %s", name);
    return 0;
}
