// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/scheduling.h"

int cpu_affinity_set(const struct spec_cpu_list *list, const char *field, pid_t pid,
                     struct error *error)
{
    if (!list->set)
        return 0;
    /* The mask is an array of 64-bit words in host order, as the kernel wants it. */
    size_t bytes = (list->mask_bits + 63) / 64 * sizeof(uint64_t);
    if (syscall(SYS_sched_setaffinity, pid, bytes, list->mask) == 0)
        return 0;
    if (errno == EINVAL)
        return error_set(error, errno,
                         "process.execCPUAffinity.%s: none of the CPUs %s is there (or permitted "
                         "by the cgroup's cpuset)",
                         field, list->text);
    return error_set(error, errno, "process.execCPUAffinity.%s: run on CPUs %s", field, list->text);
}
