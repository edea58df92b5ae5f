// SPDX-License-Identifier: Apache-2.0
/* linux.intelRdt: cache and memory bandwidth allocation by the resctrl file system. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

/* The mount point from /proc/self/mountinfo; allocated; NULL when there is none. */
char *resctrl_mount_point(void);

/*
 * Make (or check) the class of service below `root`, write its schemata, move the process in.
 * `made` tells whether the group was made by this call and is to be removed with the container.
 */
int resctrl_apply(const char *root, const char *container_id, const struct spec_intel_rdt *rdt,
                  pid_t pid, bool *made, struct error *error);

/* `update --l3-cache-schema --mem-bw-schema`. */
int resctrl_update(const char *root, const char *clos_id, const char *l3_cache_schema,
                   const char *memory_bandwidth_schema, struct error *error);

int resctrl_remove(const char *root, const char *clos_id, struct error *error);
