// SPDX-License-Identifier: Apache-2.0
/*
 * Descriptors that others have, too, are not made non-blocking. A pipe or terminal is opened a
 * second time for that, a socket is written with MSG_DONTWAIT, and what cannot be opened again is
 * written little by little after poll(2) has said that there is room.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/string.h"
#include "vm/console.h"

enum { INPUT_AT_ONCE = 4096, CAREFUL_WRITE = 64 };

static ssize_t write_some(struct fd_console *console, const uint8_t *bytes, size_t length)
{
    if (console->output_is_socket)
        return send(console->output.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (console->output_waits && length > CAREFUL_WRITE)
        length = CAREFUL_WRITE;
    return write(console->output.fd, bytes, length);
}

/* Who reads it has gone: the guest writes into nothing from now on. */
static void end_output(struct fd_console *console)
{
    console->output_ended = true;
    console->length = 0;
    event_loop_remove(&console->platform->loop, &console->output);
}

static void take_out(struct fd_console *console, size_t count)
{
    console->start = (console->start + count) % sizeof(console->buffer);
    console->length -= count;
}

/* What lies in the buffer in one piece. */
static size_t contiguous(const struct fd_console *console)
{
    size_t to_end = sizeof(console->buffer) - console->start;
    return console->length < to_end ? console->length : to_end;
}

static void output_ready(void *context, uint32_t events)
{
    struct fd_console *console = context;
    if (console->length == 0 && events & (EPOLLERR | EPOLLHUP)) {
        end_output(console);
        return;
    }
    while (console->length) {
        ssize_t count = write_some(console, console->buffer + console->start, contiguous(console));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN) {
            end_output(console);
            return;
        }
        if (count <= 0)
            return;
        take_out(console, (size_t)count);
        if (console->output_waits)
            break;
    }
    if (console->length == 0)
        event_loop_change(&console->platform->loop, &console->output, 0);
    if (console->console.receiver.writable)
        console->console.receiver.writable(console->console.receiver.context);
}

static size_t buffer_output(struct fd_console *console, const uint8_t *bytes, size_t length)
{
    size_t taken = 0;
    while (taken < length && console->length < sizeof(console->buffer)) {
        console->buffer[(console->start + console->length) % sizeof(console->buffer)] =
            bytes[taken++];
        console->length++;
    }
    if (console->length)
        event_loop_change(&console->platform->loop, &console->output, EPOLLOUT);
    return taken;
}

static size_t fd_write(struct platform_console *base, const uint8_t *bytes, size_t length)
{
    struct fd_console *console = (struct fd_console *)base;
    size_t written = 0;
    if (console->output.fd < 0 || console->output_ended)
        return length;
    if (console->length == 0 && !console->output_waits) {
        ssize_t count = write_some(console, bytes, length);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            end_output(console);
            return length;
        }
        written = count > 0 ? (size_t)count : 0;
    }
    return written + buffer_output(console, bytes + written, length - written);
}

static void input_ready(void *context, uint32_t events)
{
    struct fd_console *console = context;
    const struct platform_console_receiver *receiver = &console->console.receiver;
    uint8_t bytes[INPUT_AT_ONCE];
    size_t room = receiver->room ? receiver->room(receiver->context) : 0;
    (void)events;
    if (room == 0) {
        /* Out of the loop and not just without events: EPOLLHUP comes unasked, again and again. */
        event_loop_remove(&console->platform->loop, &console->input);
        return;
    }
    ssize_t count = read(console->input.fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
    if (count > 0)
        receiver->receive(receiver->context, bytes, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        event_loop_remove(&console->platform->loop, &console->input);
        console->input_ended = true;
    }
}

static void fd_ready(struct platform_console *base)
{
    struct fd_console *console = (struct fd_console *)base;
    AUTO_ERROR struct error ignored = { 0 }; /* it was in the loop before */
    if (console->input.fd >= 0 && !console->input_ended && console->input.slot == 0)
        event_loop_add(&console->platform->loop, &console->input, &ignored);
}

/* Our own open file description of the same pipe or terminal, where that can be had. */
static int open_again(struct fd_console *console, int fd)
{
    char path[40];
    struct stat status;
    console->output_is_socket = fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
    if (console->output_is_socket || S_ISREG(status.st_mode))
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again >= 0)
        return again;
    console->output_waits = true;
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int fd_console_open(struct fd_console *console, struct platform *platform, int input_fd,
                    int output_fd, struct error *error)
{
    *console = (struct fd_console){
        .console = { .write = fd_write, .ready = fd_ready },
        .platform = platform,
        .input = { .fd = -1, .events = EPOLLIN, .ready = input_ready, .context = console },
        .output = { .fd = -1, .ready = output_ready, .context = console },
    };
    if (output_fd >= 0) {
        console->output.fd = open_again(console, output_fd);
        if (console->output.fd < 0)
            return error_set(error, errno, "open the console's output");
        if (event_loop_add(&platform->loop, &console->output, error) < 0)
            return -1;
    }
    if (input_fd < 0)
        return 0;
    console->input.fd = fcntl(input_fd, F_DUPFD_CLOEXEC, 3);
    if (console->input.fd < 0)
        return error_set(error, errno, "open the console's input");
    return event_loop_add(&platform->loop, &console->input, error);
}

void fd_console_flush(struct fd_console *console)
{
    while (console->length && !console->output_waits) {
        size_t before = console->length;
        output_ready(console, 0);
        if (console->length >= before)
            return;
    }
}

void fd_console_close(struct fd_console *console)
{
    if (!console->platform)
        return;
    event_loop_remove(&console->platform->loop, &console->input);
    event_loop_remove(&console->platform->loop, &console->output);
    cleanup_close(&console->input.fd);
    cleanup_close(&console->output.fd);
    console->input.fd = console->output.fd = -1;
}
