// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/number.h"
#include "instance/instance.h"
#include "instance/process_state.h"

static int kill_first_process(const struct instance *instance, int signal_number,
                              struct error *error)
{
    AUTO_CLOSE int pidfd = process_state_open(instance->pid, instance->pid_start_time, error);
    if (pidfd < 0)
        return -1;
    if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) == 0)
        return 0;
    if (errno != ESRCH)
        return error_set(error, errno, "send signal %d to process %d", signal_number,
                         instance->pid);
    return error_set_code(error, ESRCH, "container not running");
}

/* Without its own pid namespace, processes may outlive the first one: --all is for them. */
static int kill_loaded(const struct instance *instance, int signal_number, bool all,
                       struct error *error)
{
    if (all && instance->cgroup)
        return cgroup_kill(instance->cgroup, signal_number, error);
    return kill_first_process(instance, signal_number, error);
}

int instance_kill(const struct host *host, const char *id, int signal_number, bool all,
                  struct error *error)
{
    AUTO_INSTANCE struct instance *instance = instance_load(host, id, error);
    if (!instance)
        return -1;
    if (kill_loaded(instance, signal_number, all, error) < 0)
        return error_wrap(error, "kill %s", id);
    return 0;
}
