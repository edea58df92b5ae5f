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
 * newgidmap. `setgroups_denied` (may be NULL) tells whether additional groups cannot be set inside.
 */
int id_map_write(pid_t pid, const struct spec *spec, bool *setgroups_denied, struct error *error);
