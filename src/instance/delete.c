// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "instance/destroy.h"
#include "instance/instance.h"
#include "instance/process_state.h"
#include "instance/state.h"
#include "instance/state_directory.h"

enum { KILL_TIMEOUT_MS = 10000, KILL_CHECK_MS = 100 };

/* Ended, or at least past running any code; now and then, since only the former wakes a poll. */
static bool wait_for_end(const struct instance *instance, int pidfd)
{
    struct pollfd wait = { .fd = pidfd, .events = POLLIN };
    for (int waited = 0; waited < KILL_TIMEOUT_MS; waited += KILL_CHECK_MS)
        if (poll(&wait, 1, KILL_CHECK_MS) > 0 ||
            !process_state_is_alive(instance->pid, instance->pid_start_time))
            return true;
    return false;
}

/* SIGKILL and wait for the end; a frozen cgroup is thawed, for v1 delivers nothing to it. */
static int end_process(struct instance *instance, struct error *error)
{
    AUTO_ERROR struct error gone = { 0 };
    AUTO_CLOSE int pidfd = process_state_open(instance->pid, instance->pid_start_time, &gone);
    if (pidfd < 0)
        return 0;
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return error_set(error, errno, "kill process %d", instance->pid);
    if (instance->status == INSTANCE_PAUSED && cgroup_thaw(instance->cgroup, error) < 0)
        return -1;
    if (wait_for_end(instance, pidfd))
        return 0;
    return error_set(error, 0, "process %d does not end; it waits in the kernel (state D in `ps`)",
                     instance->pid);
}

static int delete_loaded(const struct host *host, struct instance *instance, int state_directory_fd,
                         bool force, struct error *error)
{
    if (instance->status != INSTANCE_STOPPED && !force)
        return error_set_code(error, EBUSY, "it is %s; stop it first, or delete it with --force",
                              instance_status_name(instance->status));
    if (end_process(instance, error) < 0)
        return -1;
    AUTO_ERROR struct error unreadable = { 0 };
    AUTO_SPEC struct spec *spec = state_directory_load_spec(state_directory_fd, &unreadable);
    return instance_destroy(host, instance, spec, error);
}

int instance_delete(const struct host *host, const char *id, bool force, struct error *error)
{
    AUTO_CLOSE int fd = state_directory_open(host, id, error);
    if (fd < 0) {
        if (!force || error->code != ENOENT)
            return -1;
        error_clear(error);
        return 0;
    }
    AUTO_INSTANCE struct instance *instance = instance_load_from(host, id, fd, error);
    if (!instance) {
        /* Its maker was killed before it had made anything, or the record is damaged. */
        if (!force || state_directory_is_locked(fd))
            return -1;
        error_clear(error);
        return state_directory_remove(host, id, error);
    }
    if (delete_loaded(host, instance, fd, force, error) < 0)
        return error_wrap(error, "delete %s", id);
    return 0;
}
