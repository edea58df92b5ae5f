// SPDX-License-Identifier: Apache-2.0
/* The cgroup hierarchies that the host has mounted: cgroups(7). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct hierarchy {
    char *name;        /* v1: last part of the mount point; v2: "", or "unified" beside v1 */
    char *mount_point; /* absolute, as seen by us */
    char *controllers; /* v1: "cpu,cpuacct" or "name=systemd"; NULL for v2 */
};

/* At most one of them is v2. Hybrid: some are v1 and one is v2. */
struct hierarchies {
    struct hierarchy *entries;
    size_t count;
};

/* What this host has. A host with v2 at /sys/fs/cgroup is not asked for anything else. */
int hierarchies_discover(struct hierarchies *hierarchies, struct error *error);

/* The same from the text of /proc/PID/mountinfo, which is taken apart in place. */
int hierarchies_parse(char *mountinfo, struct hierarchies *hierarchies, struct error *error);

void hierarchies_free(struct hierarchies *hierarchies);
#define AUTO_HIERARCHIES __attribute__((cleanup(hierarchies_free)))

/* Is `word` one of the comma-separated `words`? */
bool word_list_has(const char *words, const char *word);

/*
 * The path of a process in one hierarchy, from the text of /proc/PID/cgroup; `controllers` as in
 * struct hierarchy, NULL for v2. Allocated; NULL where the hierarchy is not listed.
 */
char *membership_find(const char *proc_cgroup, const char *controllers);
