// SPDX-License-Identifier: Apache-2.0
/* Requests to the guest: they become bytes behind those that wait. */
#include "vm/guest_channel.h"

#include <string.h>

#include "base/string.h"
#include "vm/guest_channel_state.h"

/* A frame that is being written: its header is filled in when its length is known. */
struct draft {
    struct guest_channel *channel;
    size_t frame_at; /* behind output_begin */
};

struct guest_channel *guest_channel_new(const struct guest_channel_events *events, void *context)
{
    struct guest_channel *channel = allocate(1, sizeof(*channel));
    channel->events = events;
    channel->context = context;
    channel->log_lines = GUEST_LOG_LINES;
    return channel;
}

void guest_channel_free(struct guest_channel *channel)
{
    if (channel)
        free(channel->output);
    free(channel);
}

struct guest_process *guest_process_find(const struct guest_channel *channel, uint32_t number)
{
    const struct guest_process *process = channel->processes;
    for (; process < channel->processes + GUEST_PROCESS_LIMIT; process++)
        if (process->number == number)
            return (struct guest_process *)process;
    return NULL;
}

size_t guest_channel_pending(const struct guest_channel *channel, const uint8_t **bytes)
{
    *bytes = channel->output + channel->output_begin;
    return channel->output_end - channel->output_begin;
}

void guest_channel_sent(struct guest_channel *channel, size_t length)
{
    size_t pending = channel->output_end - channel->output_begin;
    channel->output_begin += length < pending ? length : pending;
    if (channel->output_begin == channel->output_end)
        channel->output_begin = channel->output_end = 0;
}

static void make_room(struct guest_channel *channel, size_t length)
{
    size_t pending = channel->output_end - channel->output_begin;
    if (channel->output_size - channel->output_end >= length)
        return;
    if (channel->output_begin)
        memmove(channel->output, channel->output + channel->output_begin, pending);
    channel->output_begin = 0;
    channel->output_end = pending;
    if (channel->output_size - pending >= length)
        return;
    channel->output_size = 2 * (pending + length);
    channel->output = reallocate(channel->output, channel->output_size, 1);
}

static void add(struct draft *draft, const void *data, size_t length)
{
    struct guest_channel *channel = draft->channel;
    make_room(channel, length);
    if (length)
        memcpy(channel->output + channel->output_end, data, length);
    channel->output_end += length;
}

static void add_string(struct draft *draft, const char *string)
{
    const char *text = string ? string : "";
    const struct guest_string counted = { .length = (uint32_t)strlen(text) };
    add(draft, &counted, sizeof(counted));
    add(draft, text, counted.length);
}

static struct draft begin(struct guest_channel *channel, enum guest_request type, uint32_t process)
{
    const struct guest_frame frame = { .type = type, .process = process };
    struct draft draft = { .channel = channel,
                           .frame_at = channel->output_end - channel->output_begin };
    add(&draft, &frame, sizeof(frame));
    return draft;
}

static void end(struct draft *draft)
{
    struct guest_channel *channel = draft->channel;
    uint8_t *start = channel->output + channel->output_begin + draft->frame_at;
    struct guest_frame frame;
    memcpy(&frame, start, sizeof(frame));
    frame.length = (uint32_t)(channel->output + channel->output_end - start - sizeof(frame));
    memcpy(start, &frame, sizeof(frame));
}

static void request(struct guest_channel *channel, enum guest_request type, uint32_t process,
                    const void *data, size_t length)
{
    struct draft draft = begin(channel, type, process);
    add(&draft, data, length);
    end(&draft);
}

void guest_channel_root(struct guest_channel *channel, const char *disk, const char *type,
                        const char *options, bool read_only, uint32_t wait_ms)
{
    const struct guest_root root = { .flags = read_only ? GUEST_ROOT_READ_ONLY : 0,
                                     .wait_ms = wait_ms };
    struct draft draft = begin(channel, GUEST_ROOT, 0);
    add(&draft, &root, sizeof(root));
    add_string(&draft, disk);
    add_string(&draft, type);
    add_string(&draft, options);
    end(&draft);
}

void guest_channel_mount(struct guest_channel *channel, const struct guest_channel_mount *mount)
{
    const struct guest_mount fixed = { .flags = mount->on_file ? GUEST_MOUNT_ON_FILE : 0,
                                       .mount_flags = mount->mount_flags };
    struct draft draft = begin(channel, GUEST_MOUNT, 0);
    add(&draft, &fixed, sizeof(fixed));
    add_string(&draft, mount->source);
    add_string(&draft, mount->target);
    add_string(&draft, mount->type);
    add_string(&draft, mount->options);
    end(&draft);
}

void guest_channel_host_name(struct guest_channel *channel, const char *host, const char *domain)
{
    struct draft draft = begin(channel, GUEST_HOST, 0);
    add_string(&draft, host);
    add_string(&draft, domain);
    end(&draft);
}

void guest_channel_network(struct guest_channel *channel, const struct guest_network *network,
                           const char *domains)
{
    struct draft draft = begin(channel, GUEST_NETWORK, 0);
    add(&draft, network, sizeof(*network));
    add_string(&draft, domains);
    end(&draft);
}

static uint32_t count_strings(const char *const *strings, size_t *bytes)
{
    uint32_t count = 0;
    for (; strings[count]; count++)
        *bytes += sizeof(struct guest_string) + strlen(strings[count]);
    return count;
}

static uint32_t start_flags(const struct spec_process *spec)
{
    return (spec->terminal ? GUEST_START_TERMINAL : 0U) |
           (spec->no_new_privileges ? GUEST_START_NO_NEW_PRIVILEGES : 0U) |
           (spec->capabilities.set ? GUEST_START_CAPABILITIES : 0U) |
           (spec->user.umask.set ? GUEST_START_UMASK : 0U) |
           (spec->oom_score_adj.set ? GUEST_START_OOM_SCORE : 0U);
}

/* The fixed part, and how long all of it becomes. */
static struct guest_start describe(const struct spec_process *spec, size_t *length)
{
    const struct spec_capabilities *capabilities = &spec->capabilities;
    *length = sizeof(struct guest_start) + spec->user.additional_gid_count * sizeof(uint32_t) +
              spec->rlimit_count * sizeof(struct guest_rlimit) + sizeof(struct guest_string) +
              strlen(spec->cwd);
    return (struct guest_start){
        .capabilities = { [GUEST_BOUNDING] = capabilities->bounding,
                          [GUEST_EFFECTIVE] = capabilities->effective,
                          [GUEST_INHERITABLE] = capabilities->inheritable,
                          [GUEST_PERMITTED] = capabilities->permitted,
                          [GUEST_AMBIENT] = capabilities->ambient },
        .flags = start_flags(spec),
        .uid = spec->user.uid,
        .gid = spec->user.gid,
        .umask = spec->user.umask.value,
        .oom_score_adj = (int32_t)spec->oom_score_adj.value,
        .rows = spec->console_height,
        .columns = spec->console_width,
        .stdout_credit = GUEST_OUTPUT_CREDIT,
        .stderr_credit = GUEST_OUTPUT_CREDIT,
        .group_count = (uint32_t)spec->user.additional_gid_count,
        .rlimit_count = (uint32_t)spec->rlimit_count,
        .argument_count = count_strings(spec->args, length),
        .environment_count = count_strings(spec->env, length),
    };
}

static void add_start(struct draft *draft, const struct guest_start *start,
                      const struct spec_process *spec)
{
    add(draft, start, sizeof(*start));
    add(draft, spec->user.additional_gids, start->group_count * sizeof(uint32_t));
    for (size_t i = 0; i < spec->rlimit_count; i++) {
        const struct guest_rlimit limit = { .soft = spec->rlimits[i].soft,
                                            .hard = spec->rlimits[i].hard,
                                            .resource = (uint32_t)spec->rlimits[i].resource };
        add(draft, &limit, sizeof(limit));
    }
    add_string(draft, spec->cwd);
    for (uint32_t i = 0; i < start->argument_count; i++)
        add_string(draft, spec->args[i]);
    for (uint32_t i = 0; i < start->environment_count; i++)
        add_string(draft, spec->env[i]);
}

int guest_channel_start(struct guest_channel *channel, uint32_t process,
                        const struct spec_process *spec, struct error *error)
{
    size_t length;
    const struct guest_start start = describe(spec, &length);
    struct guest_process *slot = guest_process_find(channel, 0);
    if (!process || guest_process_find(channel, process))
        return error_set(error, 0, "process number %u is taken", process);
    if (!slot)
        return error_set(error, 0, "%d processes run in the machine at openvirt's request already",
                         GUEST_PROCESS_LIMIT);
    if (length > GUEST_FROM_HOST_LIMIT || start.group_count > GUEST_GROUP_LIMIT ||
        start.rlimit_count > GUEST_RLIMIT_LIMIT)
        return error_set(error, 0,
                         "arguments, environment and limits of the process take %zu bytes; a "
                         "machine can be given %d",
                         length, GUEST_FROM_HOST_LIMIT);
    *slot = (struct guest_process){ .number = process,
                                    .input_credit = GUEST_INPUT_CREDIT,
                                    .output_credit = { start.stdout_credit, start.stderr_credit } };
    struct draft draft = begin(channel, GUEST_START, process);
    add_start(&draft, &start, spec);
    end(&draft);
    return 0;
}

size_t guest_channel_input_room(const struct guest_channel *channel, uint32_t process)
{
    const struct guest_process *to = process ? guest_process_find(channel, process) : NULL;
    return to && !to->input_ended ? to->input_credit : 0;
}

size_t guest_channel_input(struct guest_channel *channel, uint32_t process, const void *data,
                           size_t length)
{
    size_t room = guest_channel_input_room(channel, process);
    size_t count = length < room ? length : room;
    if (!count)
        return 0; /* a frame without data would be the end */
    guest_process_find(channel, process)->input_credit -= (uint32_t)count;
    request(channel, GUEST_STDIN, process, data, count);
    return count;
}

void guest_channel_input_end(struct guest_channel *channel, uint32_t process)
{
    struct guest_process *to = process ? guest_process_find(channel, process) : NULL;
    if (!to || to->input_ended)
        return;
    to->input_ended = true;
    request(channel, GUEST_STDIN, process, NULL, 0);
}

void guest_channel_passed_on(struct guest_channel *channel, uint32_t process,
                             enum guest_report stream, size_t length)
{
    struct guest_process *from = process ? guest_process_find(channel, process) : NULL;
    if (!from || !length || (stream != GUEST_STDOUT && stream != GUEST_STDERR))
        return;
    uint32_t *credit = &from->output_credit[stream - GUEST_STDOUT];
    size_t most = GUEST_OUTPUT_CREDIT - *credit;
    const struct guest_credit more = { .report = stream,
                                       .bytes = (uint32_t)(length < most ? length : most) };
    *credit += more.bytes;
    request(channel, GUEST_CREDIT, process, &more, sizeof(more));
}

void guest_channel_window_size(struct guest_channel *channel, uint32_t process, uint16_t rows,
                               uint16_t columns)
{
    const struct guest_window_size size = { .rows = rows, .columns = columns };
    if (process && guest_process_find(channel, process))
        request(channel, GUEST_WINDOW_SIZE, process, &size, sizeof(size));
}

void guest_channel_signal(struct guest_channel *channel, uint32_t process, int number)
{
    const struct guest_signal signal = { .number = (uint32_t)number,
                                         .scope = GUEST_SIGNAL_PROCESS };
    if (process && guest_process_find(channel, process))
        request(channel, GUEST_SIGNAL, process, &signal, sizeof(signal));
}

void guest_channel_signal_all(struct guest_channel *channel, int number)
{
    const struct guest_signal signal = { .number = (uint32_t)number, .scope = GUEST_SIGNAL_ALL };
    request(channel, GUEST_SIGNAL, 0, &signal, sizeof(signal));
}

void guest_channel_power_off(struct guest_channel *channel, enum guest_power how)
{
    const struct guest_power_off power = { .how = how };
    request(channel, GUEST_POWER_OFF, 0, &power, sizeof(power));
}

void guest_channel_hand_over(struct guest_channel *channel, const char *path, const char *console)
{
    struct draft draft = begin(channel, GUEST_HAND_OVER, 0);
    add_string(&draft, path);
    add_string(&draft, console);
    end(&draft);
}
