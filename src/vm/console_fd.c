// SPDX-License-Identifier: Apache-2.0
#include "vm/console.h"

enum { OUTPUT_SIZE = 16384 };

static size_t fd_write(struct platform_console *base, const uint8_t *bytes, size_t length)
{
    struct fd_console *console = (struct fd_console *)base;
    size_t taken = fd_output_write(&console->output, bytes, length);
    console->refused = taken < length;
    if (console->copy)
        platform_console_write(console->copy, bytes, taken);
    return taken;
}

static void fd_ready(struct platform_console *base)
{
    fd_input_ready(&((struct fd_console *)base)->input);
}

static void output_progress(void *context, size_t count)
{
    struct fd_console *console = context;
    const struct platform_console_receiver *receiver = &console->console.receiver;
    (void)count;
    if (!console->refused)
        return;
    console->refused = false;
    if (receiver->writable)
        receiver->writable(receiver->context);
}

static size_t input_room(void *context)
{
    const struct platform_console_receiver *receiver =
        &((struct fd_console *)context)->console.receiver;
    return receiver->room ? receiver->room(receiver->context) : 0;
}

static void take_input(void *context, const uint8_t *bytes, size_t length)
{
    const struct platform_console_receiver *receiver =
        &((struct fd_console *)context)->console.receiver;
    receiver->receive(receiver->context, bytes, length);
}

int fd_console_open(struct fd_console *console, struct platform *platform, int input_fd,
                    int output_fd, struct error *error)
{
    *console = (struct fd_console){ .console = { .write = fd_write, .ready = fd_ready } };
    if (fd_output_open(&console->output, &platform->loop, output_fd, OUTPUT_SIZE, error) < 0 ||
        fd_input_open(&console->input, &platform->loop, input_fd, error) < 0)
        return -1;
    console->output.progress = output_progress;
    console->output.context = console;
    console->input.room = input_room;
    console->input.receive = take_input;
    console->input.context = console;
    return 0;
}

void fd_console_close(struct fd_console *console)
{
    fd_output_drain(&console->output);
    fd_output_close(&console->output);
    fd_input_close(&console->input);
}
