// SPDX-License-Identifier: Apache-2.0
#include "container/sync.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/socket.h"

enum { MOST_TEXT = 2048 };

struct message {
    uint32_t type;
    int32_t value;
    char text[MOST_TEXT]; /* only SYNC_FAILED sends it */
};

int sync_pair(int fds[2], struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_set(error, errno, "create a socket pair");
    return 0;
}

/*
 * A side that ends with messages of ours unread resets the connection, and that is told once before
 * what it has sent (net/unix/af_unix.c, unix_release_sock).
 */
static ssize_t receive_message(int fd, struct message *message, int *fds, size_t *count,
                               struct error *error)
{
    size_t room = *count;
    ssize_t length = socket_receive_fds(fd, message, sizeof(*message) - 1, fds, count, error);
    if (length >= 0 || error->code != ECONNRESET)
        return length;
    error_clear(error);
    *count = room;
    return socket_receive_fds(fd, message, sizeof(*message) - 1, fds, count, error);
}

/* One message; its type, 0 at the end of file, or -1. A failure is an error of this side. */
static int receive(int fd, int32_t *value, int *fds, size_t *count, struct error *error)
{
    struct message message = { 0 };
    ssize_t length = receive_message(fd, &message, fds, count, error);
    if (length <= 0)
        return (int)length;
    if (length < (ssize_t)offsetof(struct message, text))
        return error_set_code(error, EPROTO, "malformed message of %zd bytes", length);
    if (message.type == SYNC_FAILED)
        return error_set_code(error, message.value, "%s", message.text);
    if (value)
        *value = message.value;
    return (int)message.type;
}

/* The other side is gone; if it has said why, that is the error. */
static int hear_last_word(int fd, struct error *error)
{
    AUTO_ERROR struct error last_word = { 0 };
    int type = 1;
    while (type > 0) {
        size_t no_fds = 0;
        type = receive(fd, NULL, NULL, &no_fds, &last_word);
    }
    return type < 0 ? error_move(error, &last_word) : -1;
}

int sync_send_fds(int fd, enum sync_type type, int32_t value, const int *fds, size_t count,
                  struct error *error)
{
    struct message message = { .type = type, .value = value };
    if (socket_send_fds(fd, &message, offsetof(struct message, text), fds, count, error) == 0)
        return 0;
    return error->code == EPIPE || error->code == ECONNRESET ? hear_last_word(fd, error) : -1;
}

int sync_send(int fd, enum sync_type type, int32_t value, struct error *error)
{
    return sync_send_fds(fd, type, value, NULL, 0, error);
}

void sync_send_failure(int fd, const struct error *why)
{
    struct message message = { .type = SYNC_FAILED, .value = why->code };
    AUTO_ERROR struct error ignored = { 0 };
    snprintf(message.text, sizeof(message.text), "%s",
             why->message ? why->message : "unknown error");
    size_t length = offsetof(struct message, text) + strlen(message.text) + 1;
    socket_send_fds(fd, &message, length, NULL, 0, &ignored);
}

static int expect(int fd, enum sync_type wanted, int32_t *value, int *fds, size_t *count,
                  struct error *error)
{
    int type = receive(fd, value, fds, count, error);
    if (type < 0 || type == (int)wanted)
        return type < 0 ? -1 : 0;
    if (type > 0)
        return error_set_code(error, EPROTO, "message %d instead of %d", type, wanted);
    return error_set_code(error, EPIPE, "the other side ended without a word");
}

int sync_expect_fds(int fd, enum sync_type wanted, int32_t *value, int *fds, size_t *count,
                    struct error *error)
{
    return expect(fd, wanted, value, fds, count, error);
}

int sync_expect(int fd, enum sync_type wanted, int32_t *value, struct error *error)
{
    size_t no_fds = 0;
    return expect(fd, wanted, value, NULL, &no_fds, error);
}

int sync_expect_end(int fd, struct error *error)
{
    size_t no_fds = 0;
    int type = receive(fd, NULL, NULL, &no_fds, error);
    if (type > 0)
        return error_set_code(error, EPROTO, "message %d after the last one", type);
    return type;
}
