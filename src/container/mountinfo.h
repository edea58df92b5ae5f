// SPDX-License-Identifier: Apache-2.0
/* The mounts of our own mount namespace (proc_pid_mountinfo(5)), while /proc is the host's. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct mountinfo_entry {
    uint64_t id, parent_id;
    const char *mount_point; /* seen from our root; decoded */
};

typedef int (*mountinfo_visitor)(const struct mountinfo_entry *entry, void *context,
                                 struct error *error);

/* Call `visit` for each mount until it returns other than 0, which is then returned. */
int mountinfo_for_each(mountinfo_visitor visit, void *context, struct error *error);

/* Where the mount is; allocated; NULL when there is none with that id. */
char *mountinfo_mount_point(uint64_t id, struct error *error);
