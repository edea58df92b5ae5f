// SPDX-License-Identifier: Apache-2.0
/*
 * How fast a disk of a machine is read in sequence, next to pread(2) of the same file:
 *
 *      block_read FILE
 *
 * MB/s by request size; cached: the page cache holds the file; cold: it was told to forget it
 * before each turn (not the host's disk under it, if that is a machine itself).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "block/block.h"

#define TURNS 3

static const size_t sizes[] = { 4096, 65536, 262144, 1048576 };
static const struct log to_stderr = LOG_TO_STDERR;

struct subject {
    const char *name;
    enum block_engine engine;
    bool overlay, plain;
};

static const struct subject subjects[] = {
    { "pread", .plain = true },
    { "io_uring", BLOCK_ENGINE_IO_URING },
    { "thread", BLOCK_ENGINE_THREAD },
    { "overlay, io_uring", BLOCK_ENGINE_IO_URING, .overlay = true },
    { "overlay, thread", BLOCK_ENGINE_THREAD, .overlay = true },
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note_done(struct block_request *request, int status)
{
    *(int *)request->context = status < 0 ? status : 1;
}

static int read_request(struct platform_block *block, uint64_t offset, uint8_t *bytes, size_t size)
{
    int outcome = 0;
    const struct slice slice = { bytes, size };
    struct block_request request = { .operation = BLOCK_READ,
                                     .offset = offset,
                                     .length = size,
                                     .slices = &slice,
                                     .slice_count = 1,
                                     .done = note_done,
                                     .context = &outcome };
    platform_block_submit(block, &request);
    struct pollfd event = { .fd = block_event_fd(block), .events = POLLIN };
    while (outcome == 0) {
        poll(&event, 1, -1);
        block_complete(block);
    }
    return outcome;
}

/* MB/s of one reading of the whole file. */
static double read_all_of(int fd, struct platform_block *block, uint64_t total, uint8_t *bytes,
                          size_t size)
{
    double start = seconds();
    for (uint64_t offset = 0; offset + size <= total; offset += size)
        if (block ? read_request(block, offset, bytes, size) < 0
                  : pread(fd, bytes, size, (off_t)offset) < 0)
            return 0;
    return (double)total / 1e6 / (seconds() - start);
}

static double best_of(int fd, struct platform_block *block, uint64_t total, uint8_t *bytes,
                      size_t size, bool cold)
{
    double best = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        if (cold)
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        double rate = read_all_of(fd, block, total, bytes, size);
        best = rate > best ? rate : best;
    }
    return best;
}

static int measure(const char *path, const struct subject *subject, uint8_t *bytes,
                   struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t total = lseek(fd, 0, SEEK_END);
    if (fd < 0 || total < 0)
        return error_set(error, errno, "open %s", path);
    const struct block_options options = { .path = path,
                                           .read_only = !subject->overlay,
                                           .overlay_directory = subject->overlay ? "/tmp" : NULL,
                                           .engine = subject->engine,
                                           .log = &to_stderr };
    struct platform_block *block = subject->plain ? NULL : block_open(&options, error);
    if (!block && !subject->plain)
        return -1;
    for (unsigned cold = 0; cold < 2; cold++) {
        printf("%-18s %-7s", subject->name, cold ? "cold" : "cached");
        for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++)
            printf(" %8.0f", best_of(fd, block, (uint64_t)total, bytes, sizes[i], cold));
        putchar('\n');
    }
    block_close(block);
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[1048576];
    if (argc != 2) {
        fprintf(stderr, "usage: block_read FILE\n");
        return 2;
    }
    printf("%-26s %8s %8s %8s %8s  MB/s\n", "request size", "4k", "64k", "256k", "1M");
    for (unsigned i = 0; i < ARRAY_LENGTH(subjects); i++) {
        AUTO_ERROR struct error error = { 0 };
        if (measure(argv[1], &subjects[i], bytes, &error) == 0)
            continue;
        fprintf(stderr, "block_read: %s\n", error.message);
        return 1;
    }
    return 0;
}
