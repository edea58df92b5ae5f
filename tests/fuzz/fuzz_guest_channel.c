// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/string.h"
#include "mode.h"
#include "vm/guest_channel.h"

enum { PROCESSES = 3 };

struct listener {
    struct guest_channel *channel;
    bool greeted;
    size_t owed; /* output that was taken beyond what was passed on */
};

static void hello(void *context, const char *kernel_release, unsigned int word_bits)
{
    struct listener *listener = context;
    PROMISE(!listener->greeted && (word_bits == 32 || word_bits == 64));
    PROMISE(strlen(kernel_release) < 4096);
    listener->greeted = true;
}

static void started(void *context, uint32_t process, uint32_t pid)
{
    (void)pid;
    struct listener *listener = context;
    PROMISE(process >= 1 && process <= PROCESSES);
    PROMISE(guest_channel_input(listener->channel, process, "input", 5) == 5);
}

static void failed(void *context, uint32_t process, enum guest_step step, int failure,
                   const char *on)
{
    (void)context;
    AUTO_ERROR struct error error = { 0 };
    PROMISE(process <= PROCESSES && step < GUEST_STEP_COUNT);
    PROMISE(guest_failure_error(step, failure, on, &error) == -1 && error.message);
}

/* Odd sizes are passed on, others never: a guest must not outrun its credit with either. */
static void output(void *context, uint32_t process, enum guest_report stream, const void *data,
                   size_t length)
{
    (void)data;
    struct listener *listener = context;
    PROMISE(process >= 1 && process <= PROCESSES);
    PROMISE(length > 0 && length <= GUEST_TO_HOST_LIMIT);
    if (length % 2)
        guest_channel_passed_on(listener->channel, process, stream, length);
    else
        listener->owed += length;
}

static void input_room(void *context, uint32_t process)
{
    struct listener *listener = context;
    PROMISE(guest_channel_input_room(listener->channel, process) <= GUEST_INPUT_CREDIT);
}

static void exited(void *context, uint32_t process, unsigned int status, unsigned int signal)
{
    struct listener *listener = context;
    PROMISE(status < 256 && signal <= 64);
    PROMISE(guest_channel_input(listener->channel, process, "x", 1) == 0);
}

static void take_log(void *context, const char *text)
{
    (void)context;
    for (; *text; text++)
        PROMISE(*text >= ' ' && *text < 0x7f);
}

static void down(void *context)
{
    (void)context;
}

static const struct guest_channel_events events = {
    .hello = hello,
    .started = started,
    .failed = failed,
    .output = output,
    .input_room = input_room,
    .exited = exited,
    .log = take_log,
    .down = down,
};

static const struct spec_process process_spec = {
    .cwd = "/",
    .env = (const char *const[]){ NULL },
    .args = (const char *const[]){ "true", NULL },
};

/* The first byte says in pieces of which size the rest comes. */
void fuzz_guest_channel(const uint8_t *data, size_t size)
{
    struct listener listener = { 0 };
    AUTO_ERROR struct error error = { 0 };
    AUTO_GUEST_CHANNEL struct guest_channel *channel = guest_channel_new(&events, &listener);
    if (!size)
        return;
    size_t piece = data[0] ? data[0] : size;
    listener.channel = channel;
    for (uint32_t number = 1; number <= PROCESSES; number++)
        PROMISE(guest_channel_start(channel, number, &process_spec, &error) == 0);
    for (size_t at = 1; at < size; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        if (guest_channel_receive(channel, data + at, length, &error) < 0) {
            PROMISE(error.message);
            break;
        }
    }
    PROMISE(listener.owed <= (size_t)PROCESSES * 2 * 65536);
}
