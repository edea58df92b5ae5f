// SPDX-License-Identifier: Apache-2.0
#include "vm/fd_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/string.h"

enum { INPUT_AT_ONCE = 16384, CAREFUL_WRITE = 64 };

static ssize_t write_some(struct fd_output *output, const uint8_t *bytes, size_t length)
{
    if (output->is_socket)
        return send(output->source.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (output->careful && length > CAREFUL_WRITE)
        length = CAREFUL_WRITE;
    return write(output->source.fd, bytes, length);
}

static void report_progress(struct fd_output *output, size_t count)
{
    if (count && output->progress)
        output->progress(output->context, count);
}

/* Nobody reads it any more; how much was lost. */
static size_t end_output(struct fd_output *output)
{
    size_t lost = output->length;
    output->ended = true;
    output->length = 0;
    event_loop_remove(output->loop, &output->source);
    return lost;
}

/* Of what is kept, as much as goes now; how much has left. */
static size_t write_kept(struct fd_output *output)
{
    size_t done = 0;
    while (output->length) {
        size_t to_end = output->size - output->start;
        ssize_t count = write_some(output, output->buffer + output->start,
                                   output->length < to_end ? output->length : to_end);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN)
            return done + end_output(output);
        if (count <= 0)
            break;
        output->start = (output->start + (size_t)count) % output->size;
        output->length -= (size_t)count;
        done += (size_t)count;
        if (output->careful)
            break;
    }
    return done;
}

/* The output may be closed by who hears of the progress: that comes last, here and below. */
static void output_ready(void *context, uint32_t events)
{
    struct fd_output *output = context;
    if (output->length == 0 && events & (EPOLLERR | EPOLLHUP))
        end_output(output);
    size_t done = write_kept(output);
    if (output->length == 0)
        event_loop_change(output->loop, &output->source, 0);
    report_progress(output, done);
}

static size_t keep(struct fd_output *output, const uint8_t *bytes, size_t length)
{
    size_t taken = 0;
    for (; taken < length && output->length < output->size; taken++)
        output->buffer[(output->start + output->length++) % output->size] = bytes[taken];
    if (output->length)
        event_loop_change(output->loop, &output->source, EPOLLOUT);
    return taken;
}

size_t fd_output_write(struct fd_output *output, const uint8_t *bytes, size_t length)
{
    size_t written = 0;
    if (output->source.fd >= 0 && !output->ended && output->length == 0 && !output->careful) {
        ssize_t count = write_some(output, bytes, length);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            end_output(output);
        written = count > 0 ? (size_t)count : 0;
    }
    if (output->source.fd < 0 || output->ended)
        written = length;
    size_t kept = keep(output, bytes + written, length - written);
    report_progress(output, written);
    return written + kept;
}

void fd_output_drain(struct fd_output *output)
{
    while (output->length && !output->ended) {
        struct pollfd room = { .fd = output->source.fd, .events = POLLOUT };
        if (poll(&room, 1, -1) < 0 && errno != EINTR)
            return;
        write_kept(output);
    }
}

/* Our own open file description of the same pipe or terminal, where that can be had. */
static int open_again(struct fd_output *output, int fd)
{
    char path[40];
    struct stat status = { 0 };
    output->is_socket = fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
    if (output->is_socket || S_ISREG(status.st_mode))
        return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again >= 0)
        return again;
    output->careful = true;
    return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int fd_output_open(struct fd_output *output, struct event_loop *loop, int fd, size_t size,
                   struct error *error)
{
    *output = (struct fd_output){
        .loop = loop,
        .source = { .fd = -1, .ready = output_ready, .context = output },
        .buffer = allocate(size, 1),
        .size = size,
    };
    if (fd < 0)
        return 0;
    output->source.fd = open_again(output, fd);
    if (output->source.fd < 0)
        return error_set(error, errno, "open descriptor %d for output", fd);
    return event_loop_add(loop, &output->source, error);
}

void fd_output_close(struct fd_output *output)
{
    if (!output->loop)
        return;
    event_loop_remove(output->loop, &output->source);
    cleanup_close(&output->source.fd);
    free(output->buffer);
    *output = (struct fd_output){ .source = { .fd = -1 } };
}

/* An end of input that nobody takes stays out of the loop, and not just without events: EPOLLHUP
 * comes unasked, again and again. */
static void input_ready(void *context, uint32_t events)
{
    uint8_t bytes[INPUT_AT_ONCE];
    struct fd_input *input = context;
    size_t room = input->room(input->context);
    (void)events;
    if (room == 0) {
        event_loop_remove(input->loop, &input->source);
        return;
    }
    ssize_t count = read(input->source.fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
    if (count > 0) {
        input->receive(input->context, bytes, (size_t)count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        event_loop_remove(input->loop, &input->source);
        input->ended = true;
        if (input->end)
            input->end(input->context);
    }
}

int fd_input_open(struct fd_input *input, struct event_loop *loop, int fd, struct error *error)
{
    *input = (struct fd_input){
        .loop = loop,
        .source = { .fd = -1, .events = EPOLLIN, .ready = input_ready, .context = input },
    };
    if (fd < 0)
        return 0;
    input->source.fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return input->source.fd < 0 ? error_set(error, errno, "open descriptor %d for input", fd) : 0;
}

void fd_input_ready(struct fd_input *input)
{
    AUTO_ERROR struct error none_left = { 0 };
    if (input->source.fd < 0 || input->ended || input->source.slot ||
        input->room(input->context) == 0)
        return;
    if (event_loop_add(input->loop, &input->source, &none_left) == 0)
        return;
    input->ended = true;
    if (input->end)
        input->end(input->context);
}

void fd_input_close(struct fd_input *input)
{
    if (!input->loop)
        return;
    event_loop_remove(input->loop, &input->source);
    cleanup_close(&input->source.fd);
    *input = (struct fd_input){ .source = { .fd = -1 } };
}
