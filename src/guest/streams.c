// SPDX-License-Identifier: Apache-2.0
/* What goes in and out of the processes. */
#include <asm/ioctls.h>
#include <asm/termios.h>

#include "guest/process.h"
#include "guest/system_call.h"

/* What a terminal takes for the end of input: the VEOF of a new one, ^D. */
enum { END_OF_TRANSMISSION = 4 };

static const uint32_t reports[STREAM_COUNT] = { GUEST_STDOUT, GUEST_STDERR };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        sys_close(*fd);
    *fd = -1;
}

static void give_credit(const struct process *process, struct channel *channel, size_t bytes)
{
    const struct guest_input_taken taken = { .bytes = (uint32_t)bytes };
    if (bytes)
        channel_send(channel, GUEST_INPUT_TAKEN, process->number, &taken, sizeof(taken), NULL);
}

int process_input(struct process *process, struct channel *channel, const uint8_t *data,
                  size_t length)
{
    if (length == 0) {
        process->input_ends = true;
        return 0;
    }
    if (process->input_fd < 0) {
        give_credit(process, channel, length); /* nobody reads it: let the host get rid of it */
        return 0;
    }
    if (!process->input)
        process->input = map_memory(GUEST_INPUT_CREDIT);
    if (!process->input || length > GUEST_INPUT_CREDIT - process->input_length)
        return -ENOBUFS;
    memcpy(process->input + process->input_length, data, length);
    process->input_length += length;
    return 0;
}

static void drop_input(struct process *process, struct channel *channel)
{
    close_fd(&process->input_fd);
    give_credit(process, channel, process->input_length);
    process->input_length = 0;
}

static void end_input(struct process *process)
{
    const uint8_t end = END_OF_TRANSMISSION;
    if (process->terminal && sys_write(process->input_fd, &end, 1) == -EAGAIN)
        return;
    close_fd(&process->input_fd);
}

static void pump_input(struct process *process, struct channel *channel)
{
    if (process->input_fd < 0)
        return;
    if (process->input_length) {
        long count = sys_write(process->input_fd, process->input, process->input_length);
        if (count < 0 && count != -EAGAIN && count != -EINTR) {
            drop_input(process, channel);
            return;
        }
        if (count <= 0)
            return;
        process->input_length -= (size_t)count;
        memmove(process->input, process->input + count, process->input_length);
        give_credit(process, channel, (size_t)count);
    }
    if (process->input_ends && !process->input_length)
        end_input(process);
}

bool process_has_input(const struct process *process)
{
    return process->input_fd >= 0 && (process->input_length || process->input_ends);
}

bool process_wants_output(const struct process *process, int stream, const struct channel *channel)
{
    return process->output_fds[stream] >= 0 && process->credit[stream] && channel_room(channel);
}

static void pump_output(struct process *process, int stream, struct channel *channel)
{
    size_t size = channel_room(channel);
    if (!process_wants_output(process, stream, channel))
        return;
    if (size > process->credit[stream])
        size = process->credit[stream];
    long count = sys_read(process->output_fds[stream], channel_reserve(channel), size);
    process->drained[stream] = count == -EAGAIN;
    if (count > 0) {
        process->credit[stream] -= (uint32_t)count;
        channel_commit(channel, reports[stream], process->number, (size_t)count);
    } else if (count != -EAGAIN && count != -EINTR) {
        close_fd(&process->output_fds[stream]); /* EIO is how a terminal ends */
    }
}

/* The last output is on its way. Children of it may go on to write: nobody waits for them. */
static bool is_over(const struct process *process)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        if (process->output_fds[stream] >= 0 && !process->drained[stream])
            return false;
    return process->exited;
}

static void release(struct process *process)
{
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        close_fd(&process->output_fds[stream]);
    close_fd(&process->input_fd);
    if (process->input)
        unmap_memory(process->input, GUEST_INPUT_CREDIT);
    *process = (struct process){ 0 };
}

static void tell_the_end(struct process *process, struct channel *channel)
{
    uint32_t signal = (uint32_t)process->wait_status & 0x7f;
    const struct guest_exited exited = {
        .status = signal ? 0 : (uint32_t)process->wait_status >> 8 & 0xff,
        .signal = signal,
    };
    channel_send(channel, GUEST_EXITED, process->number, &exited, sizeof(exited), NULL);
    release(process);
}

void process_pump(struct process *process, struct channel *channel)
{
    pump_input(process, channel);
    for (int stream = 0; stream < STREAM_COUNT; stream++)
        pump_output(process, stream, channel);
    if (is_over(process))
        tell_the_end(process, channel);
}

void process_set_window_size(const struct process *process, const struct guest_window_size *size)
{
    const struct winsize window = { .ws_row = size->rows, .ws_col = size->columns };
    if (process->terminal && process->output_fds[STREAM_STDOUT] >= 0)
        sys_ioctl(process->output_fds[STREAM_STDOUT], TIOCSWINSZ, (unsigned long)&window);
}
