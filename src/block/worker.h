// SPDX-License-Identifier: Apache-2.0
/* A thread that does what must be waited for, in the order in which it is asked, and puts what is
 * done on a list. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "block/image.h"

struct block_worker {
    struct image *image;
    int event_fd; /* the owner's: written when something is done */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct block_request *waiting, **waiting_end;
    struct block_request *done, **done_end;
    bool stopping;
};

int block_worker_start(struct block_worker *worker, struct image *image, int event_fd,
                       struct error *error);
/* What is waiting is not begun any more. */
void block_worker_stop(struct block_worker *worker);
void block_worker_submit(struct block_worker *worker, struct block_request *request);
/* A list by `next`, with their `status`. */
struct block_request *block_worker_take_done(struct block_worker *worker);
