// SPDX-License-Identifier: Apache-2.0
#include "block/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

#define VECTORS    64
#define ZERO_BLOCK (64u << 10)

void slice_cursor_advance(struct slice_cursor *cursor, uint64_t bytes)
{
    while (bytes > 0) {
        size_t left = cursor->slices[0].length - cursor->offset;
        if (bytes < left) {
            cursor->offset += bytes;
            return;
        }
        bytes -= left;
        cursor->slices++;
        cursor->count--;
        cursor->offset = 0;
    }
}

/* As many of the next `length` bytes as there are vectors for. */
static int fill_vectors(const struct slice_cursor *cursor, uint64_t length, struct iovec *vectors)
{
    struct slice_cursor at = *cursor;
    int count = 0;
    while (length > 0 && at.count > 0 && count < VECTORS) {
        size_t left = at.slices[0].length - at.offset;
        size_t part = left < length ? left : (size_t)length;
        if (part > 0)
            vectors[count++] = (struct iovec){ at.slices[0].address + at.offset, part };
        length -= part;
        at.slices++;
        at.count--;
        at.offset = 0;
    }
    return count;
}

static void zero_slices(struct slice_cursor *cursor, uint64_t length)
{
    struct iovec vectors[VECTORS];
    while (length > 0) {
        int count = fill_vectors(cursor, length, vectors);
        uint64_t done = 0;
        for (int i = 0; i < count; i++) {
            memset(vectors[i].iov_base, 0, vectors[i].iov_len);
            done += vectors[i].iov_len;
        }
        if (done == 0)
            return;
        slice_cursor_advance(cursor, done);
        length -= done;
    }
}

int file_read(int fd, struct slice_cursor *cursor, uint64_t offset, uint64_t length, int flags)
{
    struct iovec vectors[VECTORS];
    while (length > 0) {
        int count = fill_vectors(cursor, length, vectors);
        ssize_t got = preadv2(fd, vectors, count, (off_t)offset, flags);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0) {
            zero_slices(cursor, length);
            return 0;
        }
        slice_cursor_advance(cursor, (uint64_t)got);
        offset += (uint64_t)got;
        length -= (uint64_t)got;
    }
    return 0;
}

int file_write(int fd, struct slice_cursor *cursor, uint64_t offset, uint64_t length)
{
    struct iovec vectors[VECTORS];
    while (length > 0) {
        int count = fill_vectors(cursor, length, vectors);
        ssize_t put = pwritev(fd, vectors, count, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        slice_cursor_advance(cursor, (uint64_t)put);
        offset += (uint64_t)put;
        length -= (uint64_t)put;
    }
    return 0;
}

static int change_extent(int fd, int mode, uint64_t offset, uint64_t length)
{
    int result;
    do
        result = fallocate(fd, mode, (off_t)offset, (off_t)length);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static bool unsupported(int status)
{
    return status == -EOPNOTSUPP || status == -ENOSYS || status == -ENOTTY;
}

static int write_zero_blocks(int fd, uint64_t offset, uint64_t length)
{
    static const uint8_t zeroes[ZERO_BLOCK];
    while (length > 0) {
        size_t part = length < ZERO_BLOCK ? (size_t)length : ZERO_BLOCK;
        const struct slice slice = { (uint8_t *)(uintptr_t)zeroes, part };
        struct slice_cursor cursor = { &slice, 1, 0 };
        int status = file_write(fd, &cursor, offset, part);
        if (status < 0)
            return status;
        offset += part;
        length -= part;
    }
    return 0;
}

int file_write_zeroes(int fd, uint64_t offset, uint64_t length)
{
    int status = change_extent(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
    return unsupported(status) ? write_zero_blocks(fd, offset, length) : status;
}

int file_discard(int fd, uint64_t offset, uint64_t length)
{
    int status = change_extent(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    return unsupported(status) ? 0 : status;
}
