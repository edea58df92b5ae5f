// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/scheduling.h"

int memory_policy_set(const struct spec_memory_policy *policy, struct error *error)
{
    /* get_nodes(), mm/mempolicy.c, takes one off maxnode before it counts bits. */
    unsigned long most = policy->node_mask_bits ? policy->node_mask_bits + 1 : 0;
    int mode = policy->mode | (int)policy->mode_flags;
    if (syscall(SYS_set_mempolicy, mode, policy->node_mask, most) == 0)
        return 0;
    const char *nodes = policy->nodes ? policy->nodes : "none";
    if (errno == EINVAL)
        return error_set(error, errno,
                         "linux.memoryPolicy: mode %d with the nodes %s (are they there, with "
                         "memory, and permitted by the cgroup's cpuset?)",
                         policy->mode, nodes);
    return error_set(error, errno, "linux.memoryPolicy: set mode %d with the nodes %s",
                     policy->mode, nodes);
}
