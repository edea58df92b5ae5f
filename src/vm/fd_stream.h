// SPDX-License-Identifier: Apache-2.0
/*
 * Descriptors of other people as ends of the guest's streams: terminals, pipes, files, sockets.
 *
 * They are not made non-blocking, since others have them, too. For writing, a pipe or terminal is
 * opened a second time for that, a socket is written with MSG_DONTWAIT, and what cannot be opened
 * again is written little by little after epoll(7) has said that there is room.
 *
 * With the machine's lock held.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/event_loop.h"

struct fd_output {
    struct event_loop *loop;
    struct event_source source; /* fd -1: all that is written is lost */
    bool is_socket, careful;    /* with MSG_DONTWAIT; only after EPOLLOUT */
    bool ended;                 /* who reads it has gone: what is written is lost */
    uint8_t *buffer;            /* a ring */
    size_t size, start, length;
    /* So many bytes have left, for good or lost; may be NULL. */
    void (*progress)(void *context, size_t count);
    void *context;
};

/* `fd` stays the caller's; -1: nowhere. progress and context are set by the caller afterwards. */
int fd_output_open(struct fd_output *output, struct event_loop *loop, int fd, size_t size,
                   struct error *error);
/* How many bytes were taken: written, or kept as far as there is room. */
size_t fd_output_write(struct fd_output *output, const uint8_t *bytes, size_t length);
/* Write what is kept, waiting for the reader; the loop does not run meanwhile. */
void fd_output_drain(struct fd_output *output);
void fd_output_close(struct fd_output *output);

struct fd_input {
    struct event_loop *loop;
    struct event_source source;
    bool ended;
    size_t (*room)(void *context); /* how many bytes receive() takes now */
    void (*receive)(void *context, const uint8_t *bytes, size_t length);
    void (*end)(void *context); /* end of file; may be NULL */
    void *context;
};

/* `fd` stays the caller's; -1: it never says anything, and does not end. The functions are set by
 * the caller, who then calls fd_input_ready. */
int fd_input_open(struct fd_input *input, struct event_loop *loop, int fd, struct error *error);
/* room() may have grown. */
void fd_input_ready(struct fd_input *input);
void fd_input_close(struct fd_input *input);
