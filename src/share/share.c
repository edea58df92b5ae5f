// SPDX-License-Identifier: Apache-2.0
#include "share/share.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/string.h"
#include "share/session.h"

struct queue {
    struct share_request *first, **last;
};

struct platform_share {
    char *tag;
    int event_fd;
    pthread_t thread;
    /* Protected by `lock`, which is taken after the machine's. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct queue waiting, done;
    bool closing, reset_wanted, serving;
    /* The thread's own. */
    struct share_session session;
    uint8_t request[SHARE_MESSAGE_LIMIT], reply[SHARE_MESSAGE_LIMIT];
};

static void queue_initialize(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_add(struct queue *queue, struct share_request *request)
{
    request->next = NULL;
    *queue->last = request;
    queue->last = &request->next;
}

static struct share_request *queue_take(struct queue *queue)
{
    struct share_request *request = queue->first;
    if (request) {
        queue->first = request->next;
        if (!queue->first)
            queue->last = &queue->first;
    }
    return request;
}

/* -- The thread -- */

static size_t gather(const struct share_request *request, uint8_t *bytes)
{
    size_t length = 0;
    for (unsigned i = 0; i < request->request_count; i++) {
        const struct slice *slice = &request->request[i];
        if (slice->length > SHARE_MESSAGE_LIMIT - length)
            return 0;
        memcpy(bytes + length, slice->address, slice->length);
        length += slice->length;
    }
    return length;
}

static void scatter(const struct share_request *request, const uint8_t *bytes, size_t length)
{
    for (unsigned i = 0; i < request->reply_count && length > 0; i++) {
        size_t part = request->reply[i].length < length ? request->reply[i].length : length;
        memcpy(request->reply[i].address, bytes, part);
        bytes += part;
        length -= part;
    }
}

static uint32_t serve(struct platform_share *share, const struct share_request *request)
{
    size_t room = request->reply_length < SHARE_MESSAGE_LIMIT ? (size_t)request->reply_length
                                                              : SHARE_MESSAGE_LIMIT;
    size_t length = gather(request, share->request);
    length = share_session_serve(&share->session, share->request, length, share->reply, room);
    scatter(request, share->reply, length);
    return (uint32_t)length;
}

/* Wait for a request, or for a reset that comes before the next one. */
static struct share_request *wait_for_request(struct platform_share *share)
{
    struct share_request *request = NULL;
    pthread_mutex_lock(&share->lock);
    while (!share->closing && !share->reset_wanted && !share->waiting.first)
        pthread_cond_wait(&share->changed, &share->lock);
    if (!share->closing && share->reset_wanted)
        share_session_reset(&share->session);
    share->reset_wanted = false;
    if (!share->closing)
        request = queue_take(&share->waiting);
    share->serving = request;
    pthread_mutex_unlock(&share->lock);
    return request;
}

static bool is_closing(struct platform_share *share)
{
    pthread_mutex_lock(&share->lock);
    bool closing = share->closing;
    pthread_mutex_unlock(&share->lock);
    return closing;
}

static void hand_back(struct platform_share *share, struct share_request *request, uint32_t length)
{
    request->reply_length = length; /* its room is of no more use: it carries the answer's length */
    pthread_mutex_lock(&share->lock);
    queue_add(&share->done, request);
    share->serving = false;
    pthread_cond_broadcast(&share->changed);
    pthread_mutex_unlock(&share->lock);
    eventfd_write(share->event_fd, 1);
}

static void *work(void *context)
{
    struct platform_share *share = context;
    /* The mode that a guest's process asks for has its own umask in it already. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (unshare(CLONE_FS) == 0)
        umask(0);
    while (!is_closing(share)) {
        struct share_request *request = wait_for_request(share);
        if (request)
            hand_back(share, request, serve(share, request));
    }
    return NULL;
}

/* -- The machine's side -- */

void platform_share_submit(struct platform_share *share, struct share_request *request)
{
    pthread_mutex_lock(&share->lock);
    queue_add(&share->waiting, request);
    pthread_cond_signal(&share->changed);
    pthread_mutex_unlock(&share->lock);
}

void platform_share_reset(struct platform_share *share)
{
    pthread_mutex_lock(&share->lock);
    share->reset_wanted = true;
    pthread_cond_signal(&share->changed);
    pthread_mutex_unlock(&share->lock);
}

const char *platform_share_tag(const struct platform_share *share)
{
    return share->tag;
}

int share_event_fd(const struct platform_share *share)
{
    return share->event_fd;
}

void share_complete(struct platform_share *share)
{
    struct share_request *request;
    eventfd_t ignored;
    eventfd_read(share->event_fd, &ignored);
    do {
        pthread_mutex_lock(&share->lock);
        request = queue_take(&share->done);
        pthread_mutex_unlock(&share->lock);
        if (request)
            request->done(request, (uint32_t)request->reply_length);
    } while (request);
}

void share_forget(struct platform_share *share)
{
    pthread_mutex_lock(&share->lock);
    queue_initialize(&share->waiting);
    while (share->serving)
        pthread_cond_wait(&share->changed, &share->lock);
    queue_initialize(&share->done);
    share->reset_wanted = true;
    pthread_cond_broadcast(&share->changed);
    pthread_mutex_unlock(&share->lock);
}

static void share_free(struct platform_share *share)
{
    if (!share)
        return;
    if (share->event_fd >= 0)
        close(share->event_fd);
    free(share->tag);
    free(share);
}

static void free_cleanup(struct platform_share **share)
{
    share_free(*share);
}

struct platform_share *share_open(const struct share_request_details *request, struct error *error)
{
    __attribute__((cleanup(free_cleanup))) struct platform_share *share =
        allocate(1, sizeof(*share));
    share->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    share->tag = string_copy(request->tag);
    queue_initialize(&share->waiting);
    queue_initialize(&share->done);
    AUTO_CLOSE int root = open(request->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (share->event_fd < 0 || root < 0) {
        error_set(error, errno, "share %s with the guest", request->directory);
        return NULL;
    }
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->changed, NULL);
    share_session_open(&share->session, take_fd(&root), request->read_only);
    errno = pthread_create(&share->thread, NULL, work, share);
    if (errno != 0) {
        share_session_close(&share->session);
        error_set(error, errno, "start a thread to share %s", request->directory);
        return NULL;
    }
    return take_pointer(share);
}

void share_close(struct platform_share *share)
{
    if (!share)
        return;
    pthread_mutex_lock(&share->lock);
    share->closing = true;
    pthread_cond_signal(&share->changed);
    pthread_mutex_unlock(&share->lock);
    pthread_join(share->thread, NULL);
    share_session_close(&share->session);
    pthread_mutex_destroy(&share->lock);
    pthread_cond_destroy(&share->changed);
    share_free(share);
}
