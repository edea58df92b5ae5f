// SPDX-License-Identifier: Apache-2.0
#include "block/ring.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#define RING_ENTRIES  128
#define VECTORS_LIMIT 1024 /* UIO_MAXIOV */

/* A slice is what the kernel calls an iovec. */
_Static_assert(sizeof(struct slice) == sizeof(struct iovec), "slices are vectors");
_Static_assert(offsetof(struct slice, address) == offsetof(struct iovec, iov_base), "base");
_Static_assert(offsetof(struct slice, length) == offsetof(struct iovec, iov_len), "length");

int block_ring_open(struct block_ring *ring, int event_fd)
{
    int status = io_uring_queue_init(RING_ENTRIES, &ring->uring, 0);
    if (status < 0)
        return status;
    ring->event_fd = event_fd;
    ring->in_flight = 0;
    status = io_uring_register_eventfd(&ring->uring, event_fd);
    /* Without these, vectors must stay as they are, and completions can be lost (Linux 5.5). */
    unsigned needed = IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_NODROP;
    if (status == 0 && (ring->uring.features & needed) != needed)
        status = -EOPNOTSUPP;
    if (status < 0)
        io_uring_queue_exit(&ring->uring);
    return status;
}

void block_ring_close(struct block_ring *ring)
{
    struct io_uring_cqe *entry;
    int result;
    while (ring->in_flight > 0)
        if (!block_ring_take_done(ring, &result))
            io_uring_wait_cqe(&ring->uring, &entry);
    io_uring_queue_exit(&ring->uring);
}

bool block_ring_takes(const struct block_request *request)
{
    return request->slice_count <= VECTORS_LIMIT && request->length <= INT32_MAX;
}

static void prepare(struct io_uring_sqe *entry, int fd, struct block_request *request)
{
    const struct iovec *vectors = (const struct iovec *)(const void *)request->slices;
    if (request->operation == BLOCK_READ)
        io_uring_prep_readv(entry, fd, vectors, request->slice_count, request->offset);
    else if (request->operation == BLOCK_WRITE)
        io_uring_prep_writev(entry, fd, vectors, request->slice_count, request->offset);
    else
        io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data(entry, request);
}

/* What the kernel does not take now stays in the queue: the event makes the owner look again. */
static void hand_over(struct block_ring *ring)
{
    if (io_uring_sq_ready(&ring->uring) > 0 && io_uring_submit(&ring->uring) < 0)
        eventfd_write(ring->event_fd, 1);
}

void block_ring_submit(struct block_ring *ring, int fd, struct block_request *request)
{
    struct io_uring_sqe *entry;
    while (!(entry = io_uring_get_sqe(&ring->uring)))
        io_uring_submit_and_wait(&ring->uring, 1);
    prepare(entry, fd, request);
    ring->in_flight++;
    hand_over(ring);
}

struct block_request *block_ring_take_done(struct block_ring *ring, int *result)
{
    struct io_uring_cqe *entry;
    hand_over(ring);
    if (io_uring_peek_cqe(&ring->uring, &entry) < 0 || !entry)
        return NULL;
    struct block_request *request = io_uring_cqe_get_data(entry);
    *result = entry->res;
    io_uring_cqe_seen(&ring->uring, entry);
    ring->in_flight--;
    return request;
}
