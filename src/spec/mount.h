// SPDX-License-Identifier: Apache-2.0
/* mounts[], with the option words already told apart by who carries them out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/value.h"

enum spec_mount_idmap { SPEC_IDMAP_NONE, SPEC_IDMAP, SPEC_IDMAP_RECURSIVE };

struct spec_mount {
    const char *destination; /* absolute (a relative one is decoded as below /) */
    const char *source;      /* as written; relative to the bundle for binds; NULL when absent */
    const char *type;        /* file system type, "bind", "cgroup" ...; NULL when absent */

    bool bind, recursive; /* options bind and rbind (rbind sets both), or type bind */
    bool remount;
    uint64_t attributes_set,
        attributes_clear; /* MOUNT_ATTR_* on this mount (ro, nosuid, noatime ...) */
    uint64_t recursive_set, recursive_clear; /* MOUNT_ATTR_* with AT_RECURSIVE (rro, rnosuid ...) */
    unsigned long superblock_flags;       /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK,
                                             MS_I_VERSION, MS_SILENT, MS_RDONLY */
    unsigned long superblock_flags_clear; /* of async, loud, nolazytime, nomand, noiversion, rw */
    const unsigned long *propagation;     /* MS_PRIVATE ... each with or without MS_REC, in order */
    size_t propagation_count;
    const char *data; /* all other options, comma-separated: the file system's own; "" when none */

    bool copy_up;                /* tmpcopyup: the tmpfs starts with what the image has there */
    bool copy_symlink;           /* copy-symlink: a link as source is made again, not followed */
    bool source_nofollow;        /* src-nofollow */
    bool destination_nofollow;   /* dest-nofollow */
    enum spec_mount_idmap idmap; /* options idmap and ridmap, or mappings given */
    const struct spec_id_mapping *uid_mappings,
        *gid_mappings; /* none with idmap: the container's own */
    size_t uid_mapping_count, gid_mapping_count;
};
