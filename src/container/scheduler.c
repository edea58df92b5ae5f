// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/scheduling.h"

int scheduler_set(const struct spec_scheduler *scheduler, pid_t pid, struct error *error)
{
    struct sched_attr attributes = {
        .size = sizeof(attributes),
        .sched_policy = scheduler->policy,
        .sched_flags = scheduler->flags,
        .sched_nice = scheduler->nice,
        .sched_priority = scheduler->priority,
        .sched_runtime = scheduler->runtime_ns,
        .sched_deadline = scheduler->deadline_ns,
        .sched_period = scheduler->period_ns,
    };
    if (syscall(SYS_sched_setattr, pid, &attributes, 0) == 0)
        return 0;
    if (errno == EPERM)
        return error_set(error, errno,
                         "process.scheduler: policy %u, priority %u, nice %d need CAP_SYS_NICE (or "
                         "real-time time in the cgroup)",
                         scheduler->policy, scheduler->priority, scheduler->nice);
    return error_set(error, errno, "process.scheduler: set policy %u, priority %u, nice %d",
                     scheduler->policy, scheduler->priority, scheduler->nice);
}
