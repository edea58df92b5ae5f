// SPDX-License-Identifier: Apache-2.0
/*
 * The scope unit that systemd makes for a container: https://systemd.io/CGROUP_DELEGATION and
 * org.freedesktop.systemd1(5).
 */
#pragma once

#include "container/cgroup/internal.h"

/* Unit, slice and expected path, of cgroupsPath "SLICE:PREFIX:NAME". */
int systemd_plan(struct cgroup *cgroup, const struct cgroup_request *request, struct error *error);

/* Start the scope around a process, with the limits; returns when it is in its cgroups. */
int systemd_start(struct cgroup *cgroup, pid_t pid, const struct spec_resources *resources,
                  struct error *error);

/*
 * Have systemd move a process into the scope, or the cgroup `below` it: a user may not move one
 * himself that comes from outside of his manager's cgroups.
 */
int systemd_attach(struct cgroup *cgroup, pid_t pid, const char *below, struct error *error);

/* Tell systemd of changed limits, so that it does not put the old ones back. */
int systemd_update(struct cgroup *cgroup, const struct spec_resources *resources,
                   struct error *error);

/* Stop the scope; fine when it is gone. */
int systemd_stop(struct cgroup *cgroup, struct error *error);
