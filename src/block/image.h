// SPDX-License-Identifier: Apache-2.0
/* What a disk consists of: a file, or a file and what was written over it. */
#pragma once

#include "base/error.h"
#include "block/file_io.h"

#define BLOCK_SECTOR_SIZE 512u

struct image;

/*
 * Blocking, with extents that lie in the image; 0 or a negative errno. read() is called by any
 * thread at any time, the others by one thread at a time.
 */
struct image_operations {
    void (*close)(struct image *image);
    /* `flags` as preadv2 takes them. */
    int (*read)(struct image *image, struct slice_cursor *cursor, uint64_t offset, uint64_t length,
                int flags);
    int (*write)(struct image *image, struct slice_cursor *cursor, uint64_t offset,
                 uint64_t length);
    int (*discard)(struct image *image, uint64_t offset, uint64_t length);
    int (*write_zeroes)(struct image *image, uint64_t offset, uint64_t length);
    int (*flush)(struct image *image);
    /* The file that this read, write or flush is the same operation on, at the same offset; -1:
     * there is none, call the function above. Any thread. */
    int (*file)(const struct image *image, enum block_operation operation, uint64_t offset,
                uint64_t length);
};

struct image {
    const struct image_operations *operations;
    uint64_t size; /* bytes, whole sectors */
};

/* Checks what it is, locks it, and says how large it is, in whole sectors; the descriptor. */
int image_file_open(const char *path, bool writable, uint64_t *size, struct error *error);

struct image *raw_image_open(const char *path, bool read_only, struct error *error);
/* `directory` is where the file for what is written is made, without a name. */
struct image *overlay_image_open(const char *path, const char *directory, struct error *error);
