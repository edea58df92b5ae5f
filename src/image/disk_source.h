// SPDX-License-Identifier: Apache-2.0
/* The directories that become a disk, and what is known of them. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/string.h"

struct disk_source {
    const char *const *directories; /* NULL-terminated, topmost first; more than one are stacked */
};

/* Where the directories are seen as one: the first, or an overlay of all. */
struct disk_size {
    uint64_t bytes; /* of all files, in whole blocks; of stacked ones a little too much */
    uint64_t files; /* of every kind */
};

/* Count what is there. Works as root of the user's namespace where it has to. */
int disk_source_measure(const struct disk_source *source, struct disk_size *size,
                        struct error *error);

/*
 * A name for what the directories hold, allocated. Directories of the cache never change once they
 * are made; of any other one (`changes`), all that stat(2) says of every file is taken.
 */
char *disk_source_key(const struct disk_source *source, bool changes, const char *form,
                      uint64_t bytes, struct error *error);
