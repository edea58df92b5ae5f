// SPDX-License-Identifier: Apache-2.0
#include "container/rlimits.h"

#include <errno.h>
#include <sys/resource.h>

static const char *const names[] = {
    [RLIMIT_AS] = "RLIMIT_AS",
    [RLIMIT_CORE] = "RLIMIT_CORE",
    [RLIMIT_CPU] = "RLIMIT_CPU",
    [RLIMIT_DATA] = "RLIMIT_DATA",
    [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
    [RLIMIT_LOCKS] = "RLIMIT_LOCKS",
    [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",
    [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE",
    [RLIMIT_NICE] = "RLIMIT_NICE",
    [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
    [RLIMIT_NPROC] = "RLIMIT_NPROC",
    [RLIMIT_RSS] = "RLIMIT_RSS",
    [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",
    [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
    [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
    [RLIMIT_STACK] = "RLIMIT_STACK",
};

static int explain(const struct spec_rlimit *wanted, pid_t pid, struct error *error)
{
    int failure = errno;
    struct rlimit present;
    const char *name = names[wanted->resource];
    if (failure == EPERM && prlimit(pid, wanted->resource, NULL, &present) == 0 &&
        wanted->hard > present.rlim_max)
        return error_set(
            error, failure,
            "process.rlimits: %s: the hard limit %llu is above the present one (%llu), "
            "and raising it needs CAP_SYS_RESOURCE, which openvirt does not have",
            name, (unsigned long long)wanted->hard, (unsigned long long)present.rlim_max);
    return error_set(error, failure, "process.rlimits: %s: set soft limit %llu, hard limit %llu",
                     name, (unsigned long long)wanted->soft, (unsigned long long)wanted->hard);
}

int rlimits_raise(const struct spec_process *process, pid_t pid, struct error *error)
{
    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct spec_rlimit *wanted = &process->rlimits[i];
        struct rlimit limit;
        if (prlimit(pid, wanted->resource, NULL, &limit) < 0)
            return explain(wanted, pid, error);
        if (wanted->hard <= limit.rlim_max)
            continue;
        limit.rlim_max = wanted->hard;
        if (prlimit(pid, wanted->resource, &limit, NULL) < 0)
            return explain(wanted, pid, error);
    }
    return 0;
}

int rlimits_set(const struct spec_process *process, struct error *error)
{
    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct spec_rlimit *wanted = &process->rlimits[i];
        struct rlimit limit = { .rlim_cur = wanted->soft, .rlim_max = wanted->hard };
        if (setrlimit(wanted->resource, &limit) < 0)
            return explain(wanted, 0, error);
    }
    return 0;
}
