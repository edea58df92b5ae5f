// SPDX-License-Identifier: Apache-2.0
/*
 * Reports of the guest. A frame is put together in a buffer of ours, its parts are copied out, all
 * of it is checked, and then the event is called.
 */
#include <errno.h>
#include <string.h>

#include "base/string.h"
#include "vm/guest_channel_state.h"

/* A whole frame from the guest, with its bytes. */
struct report {
    uint32_t type, process;
    const uint8_t *data;
    size_t length;
};

/* Longer than any text of ours that comes along: what is more is cut off. */
enum { TEXT_SIZE = 256 };

static int nonsense(const char *what, const struct report *report, struct error *error)
{
    return error_set(error, EBADMSG,
                     "the machine's first process breaks the protocol of the control channel: %s "
                     "(type %u, process %u, %zu bytes)",
                     what, report->type, report->process, report->length);
}

/* Printable ASCII for people: no terminal does anything because of it. */
static void copy_text(char *text, const uint8_t *bytes, size_t length)
{
    size_t count = length < TEXT_SIZE - 1 ? length : TEXT_SIZE - 1;
    for (size_t i = 0; i < count; i++)
        text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    text[count] = '\0';
}

/* A struct and a string that are all there is. */
static int take_struct_and_text(const struct report *report, void *fixed, size_t size,
                                char text[TEXT_SIZE], struct error *error)
{
    struct guest_string counted;
    if (report->length < size + sizeof(counted))
        return nonsense("it is too short", report, error);
    memcpy(fixed, report->data, size);
    memcpy(&counted, report->data + size, sizeof(counted));
    if (counted.length != report->length - size - sizeof(counted))
        return nonsense("a string does not fit", report, error);
    copy_text(text, report->data + size + sizeof(counted), counted.length);
    return 0;
}

static int take_struct(const struct report *report, void *fixed, size_t size, struct error *error)
{
    if (report->length != size)
        return nonsense("it has the wrong size", report, error);
    memcpy(fixed, report->data, size);
    return 0;
}

static struct guest_process *running(const struct guest_channel *channel,
                                     const struct report *report, struct error *error)
{
    struct guest_process *process =
        report->process ? guest_process_find(channel, report->process) : NULL;
    if (process && process->started)
        return process;
    nonsense("no such process runs", report, error);
    return NULL;
}

static int take_hello(struct guest_channel *channel, const struct report *report,
                      struct error *error)
{
    char release[TEXT_SIZE];
    struct guest_hello hello = { 0 };
    if (take_struct_and_text(report, &hello, sizeof(hello), release, error) < 0)
        return -1;
    if (channel->greeted || hello.magic != GUEST_PROTOCOL_MAGIC)
        return nonsense("it is no greeting", report, error);
    if (hello.version != GUEST_PROTOCOL_VERSION)
        return error_set(error, EPROTO,
                         "the machine's first process speaks version %u of the control protocol, "
                         "this openvirt %d: the initramfs was made by another version",
                         hello.version, GUEST_PROTOCOL_VERSION);
    if (hello.word_bits != 32 && hello.word_bits != 64)
        return nonsense("it is no greeting", report, error);
    channel->greeted = true;
    channel->events->hello(channel->context, release, hello.word_bits);
    return 0;
}

static int take_started(struct guest_channel *channel, const struct report *report,
                        struct error *error)
{
    struct guest_started started = { 0 };
    struct guest_process *process =
        report->process ? guest_process_find(channel, report->process) : NULL;
    if (take_struct(report, &started, sizeof(started), error) < 0)
        return -1;
    if (!process || process->started)
        return nonsense("nobody started it", report, error);
    process->started = true;
    channel->events->started(channel->context, report->process, started.pid);
    return 0;
}

static int take_failed(struct guest_channel *channel, const struct report *report,
                       struct error *error)
{
    char on[TEXT_SIZE];
    struct guest_failed failed = { 0 };
    struct guest_process *process =
        report->process ? guest_process_find(channel, report->process) : NULL;
    if (take_struct_and_text(report, &failed, sizeof(failed), on, error) < 0)
        return -1;
    if (failed.step >= GUEST_STEP_COUNT || failed.error >= 4096) /* MAX_ERRNO of the kernel */
        return nonsense("it names no failure", report, error);
    if (report->process && (!process || process->started))
        return nonsense("nobody started it", report, error);
    if (process)
        *process = (struct guest_process){ 0 };
    channel->events->failed(channel->context, report->process, failed.step, (int)failed.error, on);
    return 0;
}

static int take_output(struct guest_channel *channel, const struct report *report,
                       struct error *error)
{
    struct guest_process *process = running(channel, report, error);
    if (!process)
        return -1;
    uint32_t *credit = &process->output_credit[report->type - GUEST_STDOUT];
    if (!report->length || report->length > *credit)
        return nonsense("it sends more output than it was given credit for", report, error);
    *credit -= (uint32_t)report->length;
    channel->events->output(channel->context, report->process, report->type, report->data,
                            report->length);
    return 0;
}

static int take_input_taken(struct guest_channel *channel, const struct report *report,
                            struct error *error)
{
    struct guest_input_taken taken = { 0 };
    struct guest_process *process = running(channel, report, error);
    if (!process || take_struct(report, &taken, sizeof(taken), error) < 0)
        return -1;
    if (taken.bytes > GUEST_INPUT_CREDIT - process->input_credit)
        return nonsense("it took more input than it was sent", report, error);
    process->input_credit += taken.bytes;
    channel->events->input_room(channel->context, report->process);
    return 0;
}

static int take_exited(struct guest_channel *channel, const struct report *report,
                       struct error *error)
{
    struct guest_exited exited = { 0 };
    struct guest_process *process = running(channel, report, error);
    if (!process || take_struct(report, &exited, sizeof(exited), error) < 0)
        return -1;
    if (exited.status > 255 || exited.signal > 64 || (exited.status && exited.signal))
        return nonsense("no process ends like that", report, error);
    *process = (struct guest_process){ 0 };
    channel->events->exited(channel->context, report->process, exited.status, exited.signal);
    return 0;
}

/* A guest that talks without end is not listened to. */
static int take_log(struct guest_channel *channel, const struct report *report, struct error *error)
{
    (void)error;
    char text[TEXT_SIZE];
    if (!channel->log_lines)
        return 0;
    channel->log_lines--;
    copy_text(text, report->data, report->length);
    channel->events->log(channel->context, text);
    return 0;
}

static int take_down(struct guest_channel *channel, const struct report *report,
                     struct error *error)
{
    if (report->length || report->process)
        return nonsense("it has the wrong size", report, error);
    channel->events->down(channel->context);
    return 0;
}

static int (*const takers[])(struct guest_channel *channel, const struct report *report,
                             struct error *error) = {
    [GUEST_HELLO - GUEST_HELLO] = take_hello,
    [GUEST_STARTED - GUEST_HELLO] = take_started,
    [GUEST_FAILED - GUEST_HELLO] = take_failed,
    [GUEST_STDOUT - GUEST_HELLO] = take_output,
    [GUEST_STDERR - GUEST_HELLO] = take_output,
    [GUEST_INPUT_TAKEN - GUEST_HELLO] = take_input_taken,
    [GUEST_EXITED - GUEST_HELLO] = take_exited,
    [GUEST_LOG - GUEST_HELLO] = take_log,
    [GUEST_DOWN - GUEST_HELLO] = take_down,
};

_Static_assert(ARRAY_LENGTH(takers) == GUEST_REPORT_END - GUEST_HELLO, "a row for each report");

/* Before anything is kept of it. */
static int check_header(const struct guest_channel *channel, struct error *error)
{
    const struct report report = { .type = channel->frame.type,
                                   .process = channel->frame.process,
                                   .length = channel->frame.length };
    if (report.type < GUEST_HELLO || report.type >= GUEST_REPORT_END)
        return nonsense("there is no such report", &report, error);
    if (report.length > GUEST_TO_HOST_LIMIT)
        return nonsense("it is too long", &report, error);
    if (!channel->greeted && report.type != GUEST_HELLO)
        return nonsense("it did not greet", &report, error);
    return 0;
}

static int deliver(struct guest_channel *channel, struct error *error)
{
    const struct report report = { .type = channel->frame.type,
                                   .process = channel->frame.process,
                                   .data = channel->payload,
                                   .length = channel->frame.length };
    channel->header_length = channel->payload_length = 0;
    return takers[report.type - GUEST_HELLO](channel, &report, error);
}

/* Fill `size` bytes of which `*filled` are there, as far as the input goes. */
static bool fill(void *to, size_t size, size_t *filled, const uint8_t **bytes, size_t *length)
{
    size_t missing = size - *filled;
    size_t count = *length < missing ? *length : missing;
    memcpy((uint8_t *)to + *filled, *bytes, count);
    *filled += count;
    *bytes += count;
    *length -= count;
    return *filled == size;
}

static int take(struct guest_channel *channel, const uint8_t *bytes, size_t length,
                struct error *error)
{
    while (length) {
        bool had_header = channel->header_length == sizeof(channel->frame);
        if (!fill(&channel->frame, sizeof(channel->frame), &channel->header_length, &bytes,
                  &length))
            return 0;
        if (!had_header && check_header(channel, error) < 0)
            return -1;
        if (!fill(channel->payload, channel->frame.length, &channel->payload_length, &bytes,
                  &length))
            return 0;
        if (deliver(channel, error) < 0)
            return -1;
    }
    return 0;
}

int guest_channel_receive(struct guest_channel *channel, const void *bytes, size_t length,
                          struct error *error)
{
    if (channel->broken)
        return error_set(error, EPIPE, "the control channel of the machine is broken");
    if (take(channel, bytes, length, error) < 0)
        channel->broken = true;
    return channel->broken ? -1 : 0;
}

/* What each step was about, for the message in front of the subject. */
static const char *const step_words[GUEST_STEP_COUNT] = {
    [GUEST_STEP_PROTOCOL] = "the machine did not understand a request",
    [GUEST_STEP_ROOT_DISK] = "the machine could not mount its root disk",
    [GUEST_STEP_MOUNT] = "the machine could not mount",
    [GUEST_STEP_HOST] = "the machine could not set its host name",
    [GUEST_STEP_NETWORK] = "the machine could not set up its network",
    [GUEST_STEP_START] = "the machine could not start a process",
    [GUEST_STEP_TERMINAL] = "the machine could not make a terminal",
    [GUEST_STEP_LIMITS] = "the machine could not set the limits of the process",
    [GUEST_STEP_IDENTITY] = "the machine could not give the process its identity",
    [GUEST_STEP_WORKING_DIRECTORY] = "process.cwd: change to directory",
    [GUEST_STEP_EXECUTE] = "exec:",
    [GUEST_STEP_HAND_OVER] = "the machine could not start its init",
};

int guest_failure_error(enum guest_step step, int failure, const char *on, struct error *error)
{
    if (step == GUEST_STEP_EXECUTE && failure == ENOENT && !strchr(on, '/'))
        return error_set_code(error, ENOENT, "exec: \"%s\": executable file not found in $PATH",
                              on);
    if (step == GUEST_STEP_EXECUTE && failure == ENOEXEC)
        return error_set(error, failure,
                         "exec: \"%s\": neither a program for this kernel nor a "
                         "script with a #! line",
                         on);
    if (step == GUEST_STEP_EXECUTE)
        return error_set(error, failure, "exec: \"%s\"", on);
    return error_set(error, failure, "%s%s%s", step_words[step], *on ? " " : "", on);
}
