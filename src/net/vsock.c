// SPDX-License-Identifier: Apache-2.0
#include "net/vsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/number.h"
#include "base/string.h"

#define HANDSHAKE_LIMIT 32    /* "CONNECT 4294967295\n" and some */
#define READ_LIMIT      65536 /* of one turn: others wait for the loop, too */

enum stream_state {
    STREAM_HANDSHAKE, /* a host's program connected, its line is not complete */
    STREAM_ASKING,    /* the guest has not answered: not in the loop, which would tell of a hang-up
                         again and again */
    STREAM_OPEN,
};

struct platform_stream {
    struct platform_vsock *vsock;
    enum stream_state state;
    struct event_source source;
    struct platform_stream_receiver receiver;
    bool input_ended, finished;
    char line[HANDSHAKE_LIMIT];
    size_t line_length;
    struct platform_stream *next;
};

struct platform_vsock {
    struct event_loop *loop;
    char *path;
    struct event_source source; /* the listening socket */
    struct platform_vsock_listener listener;
    struct platform_stream *streams;
    unsigned stream_count;
};

static void stream_free(struct platform_stream *stream)
{
    struct platform_vsock *vsock = stream->vsock;
    for (struct platform_stream **at = &vsock->streams; *at; at = &(*at)->next)
        if (*at == stream) {
            *at = stream->next;
            vsock->stream_count--;
            break;
        }
    event_loop_remove(vsock->loop, &stream->source);
    close(stream->source.fd);
    free(stream);
}

void platform_stream_close(struct platform_stream *stream)
{
    stream_free(stream);
}

static void want(struct platform_stream *stream, uint32_t events)
{
    if (stream->source.events != events)
        event_loop_change(stream->vsock->loop, &stream->source, events);
}

/* -- The handshake of a host's program -- */

/* 1: a whole line with a port; 0: not yet; -1: it is none. */
static int parse_line(struct platform_stream *stream, uint32_t *port)
{
    char *end = memchr(stream->line, '\n', stream->line_length);
    if (!end)
        return stream->line_length < HANDSHAKE_LIMIT ? 0 : -1;
    *end = 0;
    if (strncmp(stream->line, "CONNECT ", 8) != 0 || parse_uint32(stream->line + 8, port) < 0)
        return -1;
    return 1;
}

/* A byte at a time: what follows the line belongs to the guest. */
static ssize_t read_line_byte(struct platform_stream *stream)
{
    ssize_t length = read(stream->source.fd, stream->line + stream->line_length, 1);
    if (length > 0)
        stream->line_length++;
    return length;
}

static void shake_hands(struct platform_stream *stream)
{
    struct platform_vsock *vsock = stream->vsock;
    uint32_t port = 0;
    int parsed;
    do {
        ssize_t length = read_line_byte(stream);
        if (length < 0 && errno == EAGAIN)
            return;
        parsed = length <= 0 ? -1 : parse_line(stream, &port);
    } while (parsed == 0);
    if (parsed > 0) {
        stream->state = STREAM_ASKING;
        event_loop_remove(vsock->loop, &stream->source);
        if (vsock->listener.accept && vsock->listener.accept(vsock->listener.context, stream, port))
            return;
    }
    stream_free(stream);
}

void platform_stream_accept(struct platform_stream *stream,
                            struct platform_stream_receiver receiver)
{
    static const char answer[] = "OK 1073741824\n"; /* a port number; callers do not look at it */
    struct error error = { 0 };
    stream->receiver = receiver;
    stream->state = STREAM_OPEN;
    /* It is the first that is written: the socket's buffer has room. */
    if (send(stream->source.fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
        event_loop_add(stream->vsock->loop, &stream->source, &error) < 0)
        receiver.ended(receiver.context, true);
}

/* -- Streams -- */

static void pass_on(struct platform_stream *stream)
{
    uint8_t bytes[READ_LIMIT];
    size_t room = stream->receiver.room(stream->receiver.context);
    if (room == 0) {
        want(stream, stream->source.events & ~(uint32_t)EPOLLIN);
        return;
    }
    ssize_t length =
        recv(stream->source.fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes), MSG_DONTWAIT);
    if (length > 0) {
        stream->receiver.receive(stream->receiver.context, bytes, (size_t)length);
    } else if (length == 0) {
        stream->input_ended = true;
        want(stream, stream->source.events & ~(uint32_t)EPOLLIN);
        stream->receiver.ended(stream->receiver.context, false);
    } else if (errno != EAGAIN && errno != EINTR) {
        stream->receiver.ended(stream->receiver.context, true);
    }
}

/* The receiver may close the stream in any of its functions: each is the last that is done. */
static void stream_ready(void *context, uint32_t events)
{
    struct platform_stream *stream = context;
    if (stream->state == STREAM_HANDSHAKE) {
        shake_hands(stream);
    } else if (events & EPOLLOUT) {
        want(stream, stream->source.events & ~(uint32_t)EPOLLOUT);
        stream->receiver.writable(stream->receiver.context);
    } else if (events & EPOLLIN) {
        pass_on(stream);
    } else {
        stream->receiver.ended(stream->receiver.context, true);
    }
}

size_t platform_stream_write(struct platform_stream *stream, const uint8_t *bytes, size_t length)
{
    ssize_t sent = send(stream->source.fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        return length; /* nobody reads any more: the loop tells of it */
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    if (taken < length)
        want(stream, stream->source.events | EPOLLOUT);
    return taken;
}

void platform_stream_ready(struct platform_stream *stream)
{
    if (stream->state == STREAM_OPEN && !stream->input_ended)
        want(stream, stream->source.events | EPOLLIN);
}

void platform_stream_finish(struct platform_stream *stream)
{
    if (!stream->finished)
        shutdown(stream->source.fd, SHUT_WR);
    stream->finished = true;
}

/* Takes `fd` in any case. */
static struct platform_stream *stream_add(struct platform_vsock *vsock, int fd,
                                          enum stream_state state)
{
    struct error error = { 0 };
    if (vsock->stream_count == VSOCK_STREAMS) {
        close(fd);
        return NULL;
    }
    struct platform_stream *stream = allocate(1, sizeof(*stream));
    stream->vsock = vsock;
    stream->state = state;
    stream->source = (struct event_source){
        .fd = fd, .events = EPOLLIN, .ready = stream_ready, .context = stream
    };
    if (event_loop_add(vsock->loop, &stream->source, &error) < 0) {
        close(fd);
        free(stream);
        return NULL;
    }
    stream->next = vsock->streams;
    vsock->streams = stream;
    vsock->stream_count++;
    return stream;
}

/* -- The guest connects -- */

static int unix_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address->sun_path))
        return -1;
    strcpy(address->sun_path, path);
    return 0;
}

struct platform_stream *platform_vsock_connect(struct platform_vsock *vsock, uint32_t port,
                                               struct platform_stream_receiver receiver)
{
    struct sockaddr_un address;
    AUTO_FREE char *path = string_format("%s_%u", vsock->path, port);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || unix_address(&address, path) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return NULL;
    struct platform_stream *stream = stream_add(vsock, take_fd(&fd), STREAM_OPEN);
    if (stream)
        stream->receiver = receiver;
    return stream;
}

/* -- The host connects -- */

static void connection_waits(void *context, uint32_t events)
{
    struct platform_vsock *vsock = context;
    (void)events;
    int fd = accept4(vsock->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        stream_add(vsock, fd, STREAM_HANDSHAKE);
}

void platform_vsock_set_listener(struct platform_vsock *vsock,
                                 struct platform_vsock_listener listener)
{
    vsock->listener = listener;
}

/* The socket is its owner's alone: a guest's ports are not everybody's. */
static int listen_at(const char *path, struct error *error)
{
    struct sockaddr_un address;
    if (unix_address(&address, path) < 0)
        return error_set(error, ENAMETOOLONG, "socket %s", path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, 0600) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
        return error_set(error, errno, "listen at %s", path);
    return take_fd(&fd);
}

struct platform_vsock *vsock_open(struct event_loop *loop, const char *path, struct error *error)
{
    int fd = listen_at(path, error);
    if (fd < 0)
        return NULL;
    struct platform_vsock *vsock = allocate(1, sizeof(*vsock));
    vsock->loop = loop;
    vsock->path = string_copy(path);
    vsock->source = (struct event_source){
        .fd = fd, .events = EPOLLIN, .ready = connection_waits, .context = vsock
    };
    if (event_loop_add(loop, &vsock->source, error) == 0)
        return vsock;
    vsock_close(vsock);
    return NULL;
}

void vsock_close(struct platform_vsock *vsock)
{
    if (!vsock)
        return;
    while (vsock->streams)
        stream_free(vsock->streams);
    event_loop_remove(vsock->loop, &vsock->source);
    close(vsock->source.fd);
    unlink(vsock->path);
    free(vsock->path);
    free(vsock);
}
