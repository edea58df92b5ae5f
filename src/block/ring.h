// SPDX-License-Identifier: Apache-2.0
/* Reads, writes and flushes of one file by io_uring(7). */
#pragma once

#include <liburing.h>

#include "core/platform.h"

struct block_ring {
    struct io_uring uring;
    int event_fd;
    unsigned in_flight;
};

/* 0 or a negative errno: an old kernel, or one that forbids it. */
int block_ring_open(struct block_ring *ring, int event_fd);
/* Waits for what is under way: the kernel may be writing into the requests' memory. */
void block_ring_close(struct block_ring *ring);
/* Can it carry this request as a whole? */
bool block_ring_takes(const struct block_request *request);
void block_ring_submit(struct block_ring *ring, int fd, struct block_request *request);
/* The next request that has ended, NULL for none; its result as read(2) and the like give it. */
struct block_request *block_ring_take_done(struct block_ring *ring, int *result);
