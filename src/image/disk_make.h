// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "image/disk_source.h"
#include "image/progress.h"

struct disk_plan {
    const struct disk_source *source;
    const char *label;       /* at most 16 bytes */
    const char *path;        /* of the file that is made */
    const char *mount_point; /* an empty directory, where stacked directories are seen as one */
    uint64_t bytes;          /* size of the disk; 0: `least_bytes`, more where the files need it */
    uint64_t least_bytes;
    struct progress *progress;
};

/*
 * Make an ext4 file system of directories with mke2fs(8), in a sparse file. Owners are those that
 * the user's namespace shows (user_namespace.h).
 */
int disk_make(const struct disk_plan *plan, struct error *error);
