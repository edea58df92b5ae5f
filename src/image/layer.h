// SPDX-License-Identifier: Apache-2.0
/*
 * A layer: an archive of what changes over the layers below it (image-spec 1.1, layer.md), unpacked
 * into a directory as overlayfs wants it: a whiteout is a character device 0:0, an opaque directory
 * carries the attribute overlay.opaque, in the namespace "trusted" for the superuser's mounts and
 * in "user" for mounts in user namespaces (mount option userxattr).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

enum layer_compression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD };

/* Bounds on what a layer may become, against archives that are made to fill the disk. */
struct layer_limits {
    uint64_t entries; /* files, directories, links */
    uint64_t bytes;   /* of the uncompressed archive, and of all files as they are declared */
};

#define LAYER_LIMITS_DEFAULT ((struct layer_limits){ .entries = 4000000, .bytes = 256ULL << 30 })

struct layer_source {
    int fd; /* read to its end */
    const char *name;
    enum layer_compression compression;
    const char *digest;  /* of what is read; NULL: not known, not verified */
    const char *diff_id; /* of the archive when uncompressed; NULL: not verified */
    uint64_t size;       /* of what is read, with `digest` */
    /* Told how many bytes were read so far; NULL: nobody. */
    void (*progress)(void *context, uint64_t bytes);
    void *context;
};

struct layer_target {
    int fd;               /* an empty directory */
    const int *lower_fds; /* directories of the layers below, topmost first */
    size_t lower_count;
    bool squash; /* every owner becomes 0: only one id is mapped */
    struct layer_limits limits;
    const struct log *log;
};

/*
 * Unpack. The target counts only when this returned 0: then all that was read has the expected
 * size and digests. No name in the archive leads out of the target, whatever it holds.
 */
int layer_unpack(const struct layer_source *source, const struct layer_target *target,
                 struct error *error);
