// SPDX-License-Identifier: Apache-2.0
#include "block/block.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "block/image.h"
#include "block/ring.h"
#include "block/worker.h"

struct platform_block {
    struct image *image;
    bool read_only;
    bool has_ring;
    bool cache_tried; /* the file system knows RWF_NOWAIT */
    bool full_logged;
    unsigned in_flight;
    int event_fd;
    struct block_worker worker;
    struct block_ring ring;
    const struct log *log;
    char *path;
    char serial[BLOCK_SERIAL_MAXIMUM + 1];
};

uint64_t platform_block_size(const struct platform_block *block)
{
    return block->image->size;
}

bool platform_block_read_only(const struct platform_block *block)
{
    return block->read_only;
}

const char *platform_block_serial(const struct platform_block *block)
{
    return block->serial;
}

int block_event_fd(const struct platform_block *block)
{
    return block->event_fd;
}

const char *block_engine_name(const struct platform_block *block)
{
    return block->has_ring ? "io_uring" : "thread";
}

/* Guests fill overlays and sparse images: that is told once, the rest are I/O errors to them. */
static void finish(struct platform_block *block, struct block_request *request, int status)
{
    if ((status == -ENOSPC || status == -EDQUOT) && !block->full_logged) {
        block->full_logged = true;
        log_error(block->log,
                  "disk %s: no space left for what the machine writes; it gets I/O errors",
                  block->path);
    }
    request->done(request, status);
}

/* -- Submission -- */

static int check(const struct platform_block *block, const struct block_request *request)
{
    uint64_t size = block->image->size;
    if (request->operation != BLOCK_FLUSH &&
        (request->offset > size || request->length > size - request->offset))
        return -EINVAL;
    return block->read_only && request->operation != BLOCK_READ && request->operation != BLOCK_FLUSH
               ? -EROFS
               : 0;
}

/* True: all of it was in the page cache and has been copied. */
static bool read_cached(struct platform_block *block, const struct block_request *request)
{
    if (request->operation != BLOCK_READ || !block->cache_tried)
        return false;
    struct slice_cursor cursor = request_cursor(request);
    int status = block->image->operations->read(block->image, &cursor, request->offset,
                                                request->length, RWF_NOWAIT);
    if (status == -EOPNOTSUPP)
        block->cache_tried = false;
    return status == 0;
}

static int ring_file(const struct platform_block *block, const struct block_request *request)
{
    if (!block->has_ring || !block_ring_takes(request))
        return -1;
    return block->image->operations->file(block->image, request->operation, request->offset,
                                          request->length);
}

void platform_block_submit(struct platform_block *block, struct block_request *request)
{
    int status = check(block, request);
    if (status < 0 || (request->length == 0 && request->operation != BLOCK_FLUSH) ||
        read_cached(block, request)) {
        finish(block, request, status);
        return;
    }
    block->in_flight++;
    int fd = ring_file(block, request);
    if (fd >= 0)
        block_ring_submit(&block->ring, fd, request);
    else
        block_worker_submit(&block->worker, request);
}

/* -- Completion -- */

/* A read or write that the kernel cut short (the end of a file that is no whole number of sectors,
 * a signal) is done again as a whole by the worker, who knows no short counts. */
static bool was_short(const struct block_request *request, int result)
{
    if (request->operation == BLOCK_FLUSH)
        return false;
    return result == -EAGAIN || result == -EINTR ||
           (result >= 0 && (uint64_t)result < request->length);
}

static void complete_ring(struct platform_block *block)
{
    struct block_request *request;
    int result;
    while ((request = block_ring_take_done(&block->ring, &result))) {
        if (was_short(request, result)) {
            block_worker_submit(&block->worker, request);
            continue;
        }
        block->in_flight--;
        finish(block, request, result < 0 ? result : 0);
    }
}

static void complete_worker(struct platform_block *block)
{
    struct block_request *request = block_worker_take_done(&block->worker);
    while (request) {
        struct block_request *next = request->next;
        block->in_flight--;
        finish(block, request, request->status);
        request = next;
    }
}

void block_complete(struct platform_block *block)
{
    eventfd_t count;
    eventfd_read(block->event_fd, &count);
    if (block->has_ring)
        complete_ring(block);
    complete_worker(block);
}

void block_drain(struct platform_block *block)
{
    while (block->in_flight > 0) {
        struct pollfd event = { .fd = block->event_fd, .events = POLLIN };
        poll(&event, 1, -1);
        block_complete(block);
    }
}

/* -- Opening and closing -- */

static struct image *open_image(const struct block_options *options, struct error *error)
{
    if (options->overlay_directory && !options->read_only)
        return overlay_image_open(options->path, options->overlay_directory, error);
    return raw_image_open(options->path, options->read_only, error);
}

static int open_ring(struct platform_block *block, enum block_engine engine, struct error *error)
{
    if (engine == BLOCK_ENGINE_THREAD)
        return 0;
    int status = block_ring_open(&block->ring, block->event_fd);
    block->has_ring = status == 0;
    if (status < 0 && engine == BLOCK_ENGINE_IO_URING)
        return error_set(error, -status, "open disk %s: io_uring", block->path);
    return 0;
}

/* Undo what block_open has done so far. */
static void release(struct platform_block *block)
{
    if (block->has_ring)
        block_ring_close(&block->ring);
    if (block->event_fd >= 0)
        close(block->event_fd);
    if (block->image)
        block->image->operations->close(block->image);
    free(block->path);
    free(block);
}

static int open_parts(struct platform_block *block, const struct block_options *options,
                      struct error *error)
{
    block->image = open_image(options, error);
    if (!block->image)
        return -1;
    block->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (block->event_fd < 0)
        return error_set(error, errno, "open disk %s: eventfd", options->path);
    if (open_ring(block, options->engine, error) < 0)
        return -1;
    return block_worker_start(&block->worker, block->image, block->event_fd, error);
}

struct platform_block *block_open(const struct block_options *options, struct error *error)
{
    struct platform_block *block = calloc(1, sizeof(*block));
    char *path = strdup(options->path);
    if (!block || !path) {
        free(block);
        free(path);
        error_set(error, ENOMEM, "open disk %s", options->path);
        return NULL;
    }
    block->path = path;
    block->event_fd = -1;
    block->cache_tried = true;
    block->read_only = options->read_only;
    block->log = options->log;
    if (options->serial)
        strncpy(block->serial, options->serial, BLOCK_SERIAL_MAXIMUM);
    if (open_parts(block, options, error) == 0)
        return block;
    release(block);
    return NULL;
}

void block_close(struct platform_block *block)
{
    if (!block)
        return;
    block_worker_stop(&block->worker);
    release(block);
}
