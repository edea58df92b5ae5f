// SPDX-License-Identifier: Apache-2.0
/*
 * Who runs when and where: process.scheduler (sched_setattr(2)), process.ioPriority
 * (ioprio_set(2)), process.execCPUAffinity (sched_setaffinity(2)), linux.memoryPolicy
 * (set_mempolicy(2)). A pid of 0 is the caller.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

int scheduler_set(const struct spec_scheduler *scheduler, pid_t pid, struct error *error);
int io_priority_set(const struct spec_io_priority *priority, pid_t pid, struct error *error);

/* `field` is "initial" or "final". A list that is not set is left alone. */
int cpu_affinity_set(const struct spec_cpu_list *list, const char *field, pid_t pid,
                     struct error *error);

/* For the caller alone: the kernel has no call for another process. It survives execve(2). */
int memory_policy_set(const struct spec_memory_policy *policy, struct error *error);
