// SPDX-License-Identifier: Apache-2.0
/*
 * What goes to the guest waits in the channel; flush() moves it into the console as far as that
 * takes it. Everything that may have made a request ends with flush(), from the outside only: an
 * event of the channel comes while the console delivers, and is followed by one.
 */
#include "vm/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/string.h"

enum { STREAM_BUFFER = 65536, INPUT_AT_ONCE = 65536 };

struct session_process {
    struct session *session;
    struct session_process *next;
    uint32_t number;
    bool started, ended, abandoned;
    unsigned status, signal;
    struct fd_input input;
    struct fd_output outputs[2]; /* standard output, standard error */
    struct session_events events;
};

struct session {
    struct platform_console console;
    struct guest_channel *channel;
    struct session_owner owner;
    struct event_loop *loop;
    struct session_process *processes;
    uint32_t last_number;
    bool receiving, broken;
};

void session_flush(struct session *session)
{
    const struct platform_console_receiver *guest = &session->console.receiver;
    const uint8_t *bytes;
    size_t pending, room;
    if (session->receiving || !guest->room)
        return;
    while ((pending = guest_channel_pending(session->channel, &bytes)) > 0 &&
           (room = guest->room(guest->context)) > 0) {
        size_t part = pending < room ? pending : room;
        guest->receive(guest->context, bytes, part);
        guest_channel_sent(session->channel, part);
    }
}

static void guest_ready(struct platform_console *console)
{
    session_flush((struct session *)console);
}

static size_t guest_writes(struct platform_console *console, const uint8_t *bytes, size_t length)
{
    struct session *session = (struct session *)console;
    AUTO_ERROR struct error error = { 0 };
    if (session->broken)
        return length;
    session->receiving = true;
    int result = guest_channel_receive(session->channel, bytes, length, &error);
    session->receiving = false;
    if (result < 0) {
        session->broken = true;
        session->owner.failed(session->owner.context, &error);
    }
    session_flush(session);
    return length;
}

static struct session_process *find(struct session *session, uint32_t number)
{
    struct session_process *process = session->processes;
    while (process && process->number != number)
        process = process->next;
    return process;
}

static void release(struct session_process *process)
{
    struct session *session = process->session;
    for (struct session_process **link = &session->processes; *link; link = &(*link)->next)
        if (*link == process) {
            *link = process->next;
            break;
        }
    fd_input_close(&process->input);
    fd_output_close(&process->outputs[0]);
    fd_output_close(&process->outputs[1]);
    free(process);
}

/* It has ended in the guest, and what it wrote has left us. */
static void finish_if_done(struct session_process *process)
{
    if (!process->ended || process->outputs[0].length || process->outputs[1].length)
        return;
    struct session_events events = process->events;
    unsigned status = process->status, signal_number = process->signal;
    bool abandoned = process->abandoned;
    release(process);
    if (!abandoned)
        events.exited(events.context, status, signal_number);
}

/* -- Events of the channel -- */

static void on_hello(void *context, const char *kernel_release, unsigned word_bits)
{
    struct session *session = context;
    (void)word_bits;
    session->owner.hello(session->owner.context, kernel_release);
}

static void on_started(void *context, uint32_t number, uint32_t guest_pid)
{
    struct session_process *process = find(context, number);
    if (!process)
        return;
    process->started = true;
    fd_input_ready(&process->input);
    if (!process->abandoned)
        process->events.started(process->events.context, guest_pid);
}

static void on_failed(void *context, uint32_t number, enum guest_step step, int failure,
                      const char *on)
{
    struct session *session = context;
    AUTO_ERROR struct error error = { 0 };
    guest_failure_error(step, failure, on, &error);
    struct session_process *process = number ? find(session, number) : NULL;
    if (!process) {
        if (number == 0)
            session->owner.failed(session->owner.context, &error);
        return;
    }
    struct session_events events = process->events;
    bool abandoned = process->abandoned;
    release(process);
    if (!abandoned)
        events.failed(events.context, &error);
}

static void on_output(void *context, uint32_t number, enum guest_report stream, const void *data,
                      size_t length)
{
    struct session *session = context;
    struct session_process *process = find(session, number);
    if (process) /* the credit that it had is the room that we have */
        fd_output_write(&process->outputs[stream - GUEST_STDOUT], data, length);
    else
        guest_channel_passed_on(session->channel, number, stream, length);
}

static void on_input_room(void *context, uint32_t number)
{
    struct session_process *process = find(context, number);
    if (process)
        fd_input_ready(&process->input);
}

static void on_exited(void *context, uint32_t number, unsigned status, unsigned signal_number)
{
    struct session_process *process = find(context, number);
    if (!process)
        return;
    process->ended = true;
    process->status = status;
    process->signal = signal_number;
    finish_if_done(process);
}

static void on_log(void *context, const char *text)
{
    struct session *session = context;
    session->owner.log(session->owner.context, text);
}

static void on_down(void *context)
{
    struct session *session = context;
    session->owner.down(session->owner.context);
}

static const struct guest_channel_events channel_events = {
    .hello = on_hello,
    .started = on_started,
    .failed = on_failed,
    .output = on_output,
    .input_room = on_input_room,
    .exited = on_exited,
    .log = on_log,
    .down = on_down,
};

/* -- Streams of a process -- */

static size_t input_room(void *context)
{
    const struct session_process *process = context;
    return process->started ? guest_channel_input_room(process->session->channel, process->number)
                            : 0;
}

static void take_input(void *context, const uint8_t *bytes, size_t length)
{
    const struct session_process *process = context;
    guest_channel_input(process->session->channel, process->number, bytes, length);
    session_flush(process->session);
}

static void end_input(void *context)
{
    const struct session_process *process = context;
    guest_channel_input_end(process->session->channel, process->number);
    session_flush(process->session);
}

/* Who writes to nobody gets what a pipe would give it. */
static void output_progress(struct session_process *process, unsigned index, size_t count)
{
    struct session *session = process->session;
    const struct fd_output *output = &process->outputs[index];
    guest_channel_passed_on(session->channel, process->number, GUEST_STDOUT + index, count);
    if (output->ended)
        guest_channel_signal(session->channel, process->number, SIGPIPE);
    session_flush(session);
    finish_if_done(process);
}

static void stdout_progress(void *context, size_t count)
{
    output_progress(context, 0, count);
}

static void stderr_progress(void *context, size_t count)
{
    output_progress(context, 1, count);
}

static int open_streams(struct session_process *process, const int streams[3], struct error *error)
{
    struct event_loop *loop = process->session->loop;
    if (fd_input_open(&process->input, loop, streams[0], error) < 0 ||
        fd_output_open(&process->outputs[0], loop, streams[1], STREAM_BUFFER, error) < 0 ||
        fd_output_open(&process->outputs[1], loop, streams[2], STREAM_BUFFER, error) < 0)
        return -1;
    process->input.room = input_room;
    process->input.receive = take_input;
    process->input.end = end_input;
    process->input.context = process;
    process->outputs[0].progress = stdout_progress;
    process->outputs[1].progress = stderr_progress;
    process->outputs[0].context = process->outputs[1].context = process;
    return 0;
}

/* Numbers come round after 2^32 processes; one that still lives then is refused by the channel. */
static uint32_t next_number(struct session *session)
{
    if (++session->last_number == 0)
        session->last_number = 1;
    return session->last_number;
}

struct session_process *session_start(struct session *session, const struct spec_process *spec,
                                      const int streams[3], const struct session_events *events,
                                      struct error *error)
{
    struct session_process *process = allocate(1, sizeof(*process));
    *process = (struct session_process){ .session = session,
                                         .next = session->processes,
                                         .number = next_number(session),
                                         .events = *events };
    session->processes = process;
    if (open_streams(process, streams, error) < 0 ||
        guest_channel_start(session->channel, process->number, spec, error) < 0) {
        release(process);
        return NULL;
    }
    session_flush(session);
    return process;
}

void session_signal(struct session_process *process, int number)
{
    guest_channel_signal(process->session->channel, process->number, number);
    session_flush(process->session);
}

void session_window_size(struct session_process *process, uint16_t rows, uint16_t columns)
{
    guest_channel_window_size(process->session->channel, process->number, rows, columns);
    session_flush(process->session);
}

void session_abandon(struct session_process *process)
{
    struct session *session = process->session;
    process->abandoned = true;
    fd_input_close(&process->input);
    guest_channel_input_end(session->channel, process->number);
    guest_channel_signal(session->channel, process->number, SIGHUP);
    for (unsigned i = 0; i < 2; i++)
        event_loop_remove(session->loop, &process->outputs[i].source);
    for (unsigned i = 0; i < 2; i++) {
        process->outputs[i].ended = true;
        process->outputs[i].length = 0;
    }
    session_flush(session);
    finish_if_done(process);
}

/* -- The whole -- */

struct session *session_new(struct platform *platform, const struct session_owner *owner)
{
    struct session *session = allocate(1, sizeof(*session));
    *session = (struct session){
        .console = { .write = guest_writes, .ready = guest_ready },
        .owner = *owner,
        .loop = &platform->loop,
    };
    session->channel = guest_channel_new(&channel_events, session);
    return session;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    while (session->processes)
        release(session->processes);
    guest_channel_free(session->channel);
    free(session);
}

void session_restart(struct session *session)
{
    while (session->processes)
        release(session->processes);
    guest_channel_free(session->channel);
    session->channel = guest_channel_new(&channel_events, session);
    session->broken = false;
}

struct platform_console *session_console(struct session *session)
{
    return &session->console;
}

struct guest_channel *session_channel(struct session *session)
{
    return session->channel;
}
