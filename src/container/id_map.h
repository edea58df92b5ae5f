// SPDX-License-Identifier: Apache-2.0
/* Id maps of a new user namespace (user_namespaces(7)). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

/*
 * Write uid_map, gid_map (and setgroups, where it must be denied) of a process that has just
 * entered a new user namespace: directly where the privileges allow it, else by newuidmap and
 * newgidmap.
 */
int id_map_write(pid_t pid, const struct spec *spec, struct error *error);

/* Whether the calling process's user namespace denies setgroups(2); `procfs_fd` as in procfs.h. */
bool id_map_setgroups_denied(int procfs_fd);
