// SPDX-License-Identifier: Apache-2.0
/* Files of a layer, made one by one below directory descriptors. */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "image/archive.h"
#include "image/layer.h"
#include "image/layer_view.h"

/* A directory whose times are set when nothing is made in it any more. */
struct layer_directory_time {
    char *path;
    struct timespec mtime;
};

/* What unpacking one layer carries along. */
struct layer_work {
    const struct layer_target *target;
    const struct archive_functions *archive;
    struct layer_view view;
    /* The last directory that an entry was made in, as the archive names it. */
    char *cached_name, *cached_path;
    int cached_fd; /* -1: none */
    struct layer_directory_time *times;
    size_t time_count, time_room;
    uint64_t entries, bytes;
    bool data_complete; /* of the entry at hand: what follows in the archive is padding */
};

void layer_work_clear(struct layer_work *work);
#define AUTO_LAYER_WORK __attribute__((cleanup(layer_work_clear)))

/* Make what one header and its data describe. */
int layer_entry_make(struct layer_work *work, struct archive *reader, struct archive_entry *entry,
                     struct error *error);

/* Set the times of the directories, deepest entries last in, first out. */
int layer_entry_finish(struct layer_work *work, struct error *error);
