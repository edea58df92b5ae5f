// SPDX-License-Identifier: Apache-2.0
#include "block/worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

static int execute(struct image *image, const struct block_request *request)
{
    const struct image_operations *operations = image->operations;
    struct slice_cursor cursor = request_cursor(request);
    switch (request->operation) {
    case BLOCK_READ:
        return operations->read(image, &cursor, request->offset, request->length, 0);
    case BLOCK_WRITE:
        return operations->write(image, &cursor, request->offset, request->length);
    case BLOCK_FLUSH:
        return operations->flush(image);
    case BLOCK_DISCARD:
        return operations->discard(image, request->offset, request->length);
    case BLOCK_WRITE_ZEROES:
        return operations->write_zeroes(image, request->offset, request->length);
    }
    return -EINVAL;
}

static void append(struct block_request ***end, struct block_request *request)
{
    request->next = NULL;
    **end = request;
    *end = &request->next;
}

static struct block_request *next_request(struct block_worker *worker)
{
    while (!worker->waiting && !worker->stopping)
        pthread_cond_wait(&worker->wake, &worker->lock);
    if (worker->stopping)
        return NULL;
    struct block_request *request = worker->waiting;
    worker->waiting = request->next;
    if (!worker->waiting)
        worker->waiting_end = &worker->waiting;
    return request;
}

static void *run(void *context)
{
    struct block_worker *worker = context;
    struct block_request *request;
    pthread_mutex_lock(&worker->lock);
    while ((request = next_request(worker))) {
        pthread_mutex_unlock(&worker->lock);
        request->status = execute(worker->image, request);
        pthread_mutex_lock(&worker->lock);
        append(&worker->done_end, request);
        eventfd_write(worker->event_fd, 1);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

int block_worker_start(struct block_worker *worker, struct image *image, int event_fd,
                       struct error *error)
{
    *worker = (struct block_worker){ .image = image, .event_fd = event_fd };
    worker->waiting_end = &worker->waiting;
    worker->done_end = &worker->done;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    sigset_t all, before; /* signals are for the other threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == 0) {
        pthread_setname_np(worker->thread, "block");
        return 0;
    }
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    return error_set(error, status, "start the thread of a disk");
}

void block_worker_stop(struct block_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
}

void block_worker_submit(struct block_worker *worker, struct block_request *request)
{
    pthread_mutex_lock(&worker->lock);
    append(&worker->waiting_end, request);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

struct block_request *block_worker_take_done(struct block_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct block_request *first = worker->done;
    worker->done = NULL;
    worker->done_end = &worker->done;
    pthread_mutex_unlock(&worker->lock);
    return first;
}
