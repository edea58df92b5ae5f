// SPDX-License-Identifier: Apache-2.0
#include "guest/channel.h"

#include <linux/poll.h>

#include "guest/system_call.h"

/* Most requests are smaller; what is larger gets memory of its own while it is received. */
#define PAYLOAD_SIZE 16384

static void make_room(struct channel *channel)
{
    size_t length = channel->output_end - channel->output_begin;
    memmove(channel->output, channel->output + channel->output_begin, length);
    channel->output_begin = 0;
    channel->output_end = length;
}

size_t channel_room(const struct channel *channel)
{
    size_t room = CHANNEL_OUTPUT_SIZE - (channel->output_end - channel->output_begin);
    if (room <= sizeof(struct guest_frame))
        return 0;
    room -= sizeof(struct guest_frame);
    return room < GUEST_TO_HOST_LIMIT ? room : GUEST_TO_HOST_LIMIT;
}

uint8_t *channel_reserve(struct channel *channel)
{
    make_room(channel);
    return channel->output + channel->output_end + sizeof(struct guest_frame);
}

void channel_commit(struct channel *channel, uint32_t type, uint32_t process, size_t length)
{
    const struct guest_frame frame = { .type = type,
                                       .process = process,
                                       .length = (uint32_t)length };
    if (!length)
        return;
    memcpy(channel->output + channel->output_end, &frame, sizeof(frame));
    channel->output_end += sizeof(frame) + length;
}

bool channel_has_output(const struct channel *channel)
{
    return channel->output_begin != channel->output_end;
}

void channel_write(struct channel *channel)
{
    while (channel_has_output(channel)) {
        long count = sys_write(channel->fd, channel->output + channel->output_begin,
                               channel->output_end - channel->output_begin);
        if (count <= 0)
            return;
        channel->output_begin += (size_t)count;
    }
}

static void wait_until_writable(const struct channel *channel)
{
    struct pollfd poll = { .fd = channel->fd, .events = POLLOUT };
    CALL3(__NR_poll, &poll, 1, 1000);
}

static void append(struct channel *channel, const void *data, size_t length)
{
    if (CHANNEL_OUTPUT_SIZE - channel->output_end < length)
        make_room(channel);
    while (CHANNEL_OUTPUT_SIZE - channel->output_end < length) {
        wait_until_writable(channel);
        channel_write(channel);
        make_room(channel);
    }
    memcpy(channel->output + channel->output_end, data, length);
    channel->output_end += length;
}

void channel_send(struct channel *channel, uint32_t type, uint32_t process, const void *data,
                  size_t length, const char *string)
{
    struct guest_frame frame = { .type = type, .process = process, .length = (uint32_t)length };
    const struct guest_string counted = { .length = string ? (uint32_t)text_length(string) : 0 };
    if (string)
        frame.length += (uint32_t)sizeof(counted) + counted.length;
    append(channel, &frame, sizeof(frame));
    append(channel, data, length);
    if (string) {
        append(channel, &counted, sizeof(counted));
        append(channel, string, counted.length);
    }
    channel_write(channel);
}

void channel_drain(struct channel *channel)
{
    while (channel_has_output(channel)) {
        wait_until_writable(channel);
        channel_write(channel);
    }
    /* tcdrain(3), for a serial port; a virtio port knows no such thing and has sent it all. */
    sys_ioctl(channel->fd, 0x5409 /* TCSBRK */, 1);
}

void channel_log(struct channel *channel, const char *what, const char *on, int error)
{
    char buffer[512];
    struct text line = TEXT(buffer);
    text_add(&line, what);
    if (on) {
        text_add(&line, " ");
        text_add(&line, on);
    }
    if (error) {
        text_add(&line, ": error ");
        text_add_number(&line, (uint32_t)-error);
    }
    channel_send(channel, GUEST_LOG, 0, buffer, line.length, NULL);
}

static int provide_payload(struct channel *channel, size_t length)
{
    channel->payload_length = 0;
    if (channel->payload && channel->payload_size >= length)
        return 0;
    if (channel->payload)
        unmap_memory(channel->payload, channel->payload_size);
    channel->payload_size = length > PAYLOAD_SIZE ? length : PAYLOAD_SIZE;
    channel->payload = map_memory(channel->payload_size);
    return channel->payload ? 0 : -ENOMEM;
}

/* Bytes of the header first; then memory for what it announces. */
static int take_header(struct channel *channel, const uint8_t **data, size_t *length)
{
    size_t missing = sizeof(channel->frame) - channel->header_length;
    size_t count = *length < missing ? *length : missing;
    memcpy((uint8_t *)&channel->frame + channel->header_length, *data, count);
    channel->header_length += count;
    *data += count;
    *length -= count;
    if (channel->header_length < sizeof(channel->frame))
        return 0;
    if (channel->frame.length > GUEST_FROM_HOST_LIMIT)
        return -EBADMSG;
    return provide_payload(channel, channel->frame.length);
}

static void take_payload(struct channel *channel, const uint8_t **data, size_t *length)
{
    size_t missing = channel->frame.length - channel->payload_length;
    size_t count = *length < missing ? *length : missing;
    memcpy(channel->payload + channel->payload_length, *data, count);
    channel->payload_length += count;
    *data += count;
    *length -= count;
}

static void deliver(struct channel *channel, channel_handler *handler, void *context)
{
    const struct guest_frame frame = channel->frame;
    channel->header_length = 0;
    handler(context, &frame, channel->payload);
    if (channel->payload_size > PAYLOAD_SIZE) {
        unmap_memory(channel->payload, channel->payload_size);
        channel->payload = NULL;
    }
}

static int take(struct channel *channel, const uint8_t *data, size_t length,
                channel_handler *handler, void *context)
{
    while (length) {
        if (channel->header_length < sizeof(channel->frame)) {
            int result = take_header(channel, &data, &length);
            if (result < 0)
                return result;
        }
        if (channel->header_length < sizeof(channel->frame))
            return 0;
        take_payload(channel, &data, &length);
        if (channel->payload_length == channel->frame.length)
            deliver(channel, handler, context);
    }
    return 0;
}

int channel_receive(struct channel *channel, channel_handler *handler, void *context)
{
    uint8_t data[4096];
    long count = sys_read(channel->fd, data, sizeof(data));
    if (count == -EAGAIN || count == -EINTR)
        return 0;
    if (count <= 0)
        return count < 0 ? (int)count : -EPIPE;
    return take(channel, data, (size_t)count, handler, context);
}
