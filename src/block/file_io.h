// SPDX-License-Identifier: Apache-2.0
/* Scattered reads and writes of whole extents: nothing here is short. */
#pragma once

#include "core/platform.h"

/* A place in a request's slices. */
struct slice_cursor {
    const struct slice *slices;
    unsigned count;
    size_t offset; /* into slices[0] */
};

static inline struct slice_cursor request_cursor(const struct block_request *request)
{
    return (struct slice_cursor){ request->slices, request->slice_count, 0 };
}

void slice_cursor_advance(struct slice_cursor *cursor, uint64_t bytes);

/*
 * 0 or a negative errno; the cursor advances. What lies beyond the end of the file reads as zeroes.
 * With RWF_NOWAIT -EAGAIN means that not all was in the page cache.
 */
int file_read(int fd, struct slice_cursor *cursor, uint64_t offset, uint64_t length, int flags);
int file_write(int fd, struct slice_cursor *cursor, uint64_t offset, uint64_t length);
int file_write_zeroes(int fd, uint64_t offset, uint64_t length);
/* Give the storage back; where the file system cannot, nothing happens. */
int file_discard(int fd, uint64_t offset, uint64_t length);
