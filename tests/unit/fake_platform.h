// SPDX-License-Identifier: Apache-2.0
/*
 * The platform of core/ for tests: a clock that stands until it is moved, timers that expire when
 * it is, disks in memory, and a record of everything that core/ asks for. Include it in one file of
 * the test; it replaces the platform of src/vm at link time.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/device/device.h"
#include "core/platform.h"

#define FAKE_RECORDS     256
#define FAKE_ALLOCATIONS 64
#define NS_PER_SECOND    UINT64_C(1000000000)

struct fake_signal {
    unsigned vcpu;
    enum vcpu_signal signal;
    unsigned vector;
};

struct platform {
    uint64_t clock, wall_clock; /* the wall clock goes with the clock */
    uint64_t tsc_frequency, stolen;
    struct platform_timer *timers;
    struct fake_signal signals[FAKE_RECORDS];
    unsigned signal_count;
    enum machine_event events[FAKE_RECORDS];
    unsigned event_count;
    unsigned log_count;
    void *allocations[FAKE_ALLOCATIONS];
    unsigned allocation_count;
    bool out_of_memory;
};

struct platform_console {
    uint8_t output[65536];
    size_t output_length;
    size_t accepts; /* how many bytes more it takes */
    unsigned ready_count;
    struct platform_console_receiver receiver;
};

struct platform_block {
    uint8_t *bytes;
    uint64_t size;
    bool read_only;
    bool hold; /* keep requests until fake_block_complete */
    int status;
    const char *serial;
    struct block_request *held;
    unsigned request_count, flush_count, discard_count;
};

struct platform_net {
    uint8_t address[6];
    uint8_t frames[32][2048];
    size_t lengths[32];
    unsigned frame_count, ready_count;
    bool echo; /* every frame comes back, within platform_net_send */
    struct platform_net_receiver receiver;
};

/* -- For the tests -- */

static inline void fake_platform_free(struct platform *platform)
{
    for (unsigned i = 0; i < platform->allocation_count; i++)
        free(platform->allocations[i]);
    platform->allocation_count = 0;
}

static inline struct platform_timer *fake_next_timer(struct platform *platform)
{
    struct platform_timer *next = NULL;
    for (struct platform_timer *timer = platform->timers; timer; timer = timer->next)
        if (!next || timer->deadline < next->deadline)
            next = timer;
    return next;
}

/* Let `nanoseconds` pass: timers expire in their order, each at its own time. */
static inline void fake_advance(struct platform *platform, uint64_t nanoseconds)
{
    uint64_t end = platform->clock + nanoseconds;
    struct platform_timer *timer;
    while ((timer = fake_next_timer(platform)) && timer->deadline <= end) {
        if (timer->deadline > platform->clock) {
            platform->wall_clock += timer->deadline - platform->clock;
            platform->clock = timer->deadline;
        }
        platform_timer_cancel(platform, timer);
        timer->expired(timer->context);
    }
    platform->wall_clock += end - platform->clock;
    platform->clock = end;
}

static inline unsigned fake_signals(const struct platform *platform, unsigned vcpu,
                                    enum vcpu_signal signal)
{
    unsigned count = 0;
    for (unsigned i = 0; i < platform->signal_count; i++)
        count += platform->signals[i].vcpu == vcpu && platform->signals[i].signal == signal;
    return count;
}

/* A wire that remembers. */
struct fake_line {
    bool level;
    unsigned rises, falls;
};

static inline void fake_line_set(void *context, unsigned number, bool level)
{
    struct fake_line *line = (struct fake_line *)context + number;
    line->rises += level && !line->level;
    line->falls += !level && line->level;
    line->level = level;
}

static inline struct interrupt_line fake_line(struct fake_line *line)
{
    return (struct interrupt_line){ fake_line_set, line, 0 };
}

static inline void fake_console_type(struct platform_console *console, const char *text)
{
    console->receiver.receive(console->receiver.context, (const uint8_t *)text, strlen(text));
}

static inline void fake_block_complete(struct platform_block *block)
{
    while (block->held) {
        struct block_request *request = block->held;
        block->held = request->next;
        request->done(request, block->status);
    }
}

/* -- platform.h -- */

void *platform_allocate(struct platform *platform, size_t size)
{
    if (platform->out_of_memory)
        return NULL;
    size = (size + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, size);
    assert_non_null(memory);
    assert_true(platform->allocation_count < FAKE_ALLOCATIONS);
    platform->allocations[platform->allocation_count++] = memory;
    return memset(memory, 0, size);
}

int platform_allocate_code(struct platform *platform, size_t size, struct code_memory *memory)
{
    (void)platform;
    int file = memfd_create("code", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)size) < 0)
        return -errno;
    memory->size = size;
    memory->writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    memory->executable = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    close(file);
    return memory->writable == MAP_FAILED || memory->executable == MAP_FAILED ? -ENOMEM : 0;
}

void platform_memory_discard(struct platform *platform, uint8_t *address, size_t length)
{
    (void)platform;
    memset(address, 0, length);
}

uint64_t platform_wall_clock(struct platform *platform)
{
    return platform->wall_clock;
}

uint64_t platform_tsc_frequency(struct platform *platform)
{
    return platform->tsc_frequency ? platform->tsc_frequency : NS_PER_SECOND;
}

#include "../fake_timers.h"

void platform_vcpu_signal(struct platform *platform, unsigned vcpu, enum vcpu_signal signal,
                          unsigned vector)
{
    if (platform->signal_count < FAKE_RECORDS)
        platform->signals[platform->signal_count++] = (struct fake_signal){ vcpu, signal, vector };
}

uint64_t platform_vcpu_stolen(struct platform *platform, unsigned vcpu)
{
    (void)vcpu;
    return platform->stolen;
}

void platform_machine_event(struct platform *platform, enum machine_event event)
{
    if (platform->event_count < FAKE_RECORDS)
        platform->events[platform->event_count++] = event;
}

static inline int fake_block_execute(struct platform_block *block, struct block_request *request)
{
    if (request->operation == BLOCK_FLUSH)
        return 0;
    if (request->offset > block->size || request->length > block->size - request->offset)
        return -EIO;
    if (request->operation != BLOCK_READ && block->read_only)
        return -EROFS;
    uint8_t *bytes = block->bytes + request->offset;
    for (unsigned i = 0; i < request->slice_count; i++) {
        const struct slice *slice = &request->slices[i];
        if (request->operation == BLOCK_READ)
            memcpy(slice->address, bytes, slice->length);
        else
            memcpy(bytes, slice->address, slice->length);
        bytes += slice->length;
    }
    if (request->operation == BLOCK_WRITE_ZEROES || request->operation == BLOCK_DISCARD)
        memset(bytes, 0, request->length);
    return 0;
}

void platform_block_submit(struct platform_block *block, struct block_request *request)
{
    block->request_count++;
    block->flush_count += request->operation == BLOCK_FLUSH;
    block->discard_count += request->operation == BLOCK_DISCARD;
    int status = block->status ? block->status : fake_block_execute(block, request);
    if (!block->hold) {
        request->done(request, status);
        return;
    }
    request->next = block->held;
    block->held = request;
}

uint64_t platform_block_size(const struct platform_block *block)
{
    return block->size;
}

bool platform_block_read_only(const struct platform_block *block)
{
    return block->read_only;
}

const char *platform_block_serial(const struct platform_block *block)
{
    return block->serial ? block->serial : "";
}

void platform_net_send(struct platform_net *net, const struct slice *slices, unsigned slice_count)
{
    if (net->frame_count == 32)
        return;
    size_t length = 0;
    for (unsigned i = 0; i < slice_count; i++) {
        assert_true(length + slices[i].length <= sizeof(net->frames[0]));
        memcpy(net->frames[net->frame_count] + length, slices[i].address, slices[i].length);
        length += slices[i].length;
    }
    net->lengths[net->frame_count++] = length;
    if (net->echo && net->receiver.ready(net->receiver.context))
        net->receiver.receive(net->receiver.context, net->frames[net->frame_count - 1], length);
}

void platform_net_set_receiver(struct platform_net *net, struct platform_net_receiver receiver)
{
    net->receiver = receiver;
}

void platform_net_ready(struct platform_net *net)
{
    net->ready_count++;
}

const uint8_t *platform_net_address(const struct platform_net *net)
{
    return net->address;
}

size_t platform_console_write(struct platform_console *console, const uint8_t *bytes, size_t length)
{
    if (length > console->accepts)
        length = console->accepts;
    if (length > sizeof(console->output) - console->output_length)
        length = sizeof(console->output) - console->output_length;
    memcpy(console->output + console->output_length, bytes, length);
    console->output_length += length;
    console->accepts -= length;
    return length;
}

void platform_console_set_receiver(struct platform_console *console,
                                   struct platform_console_receiver receiver)
{
    console->receiver = receiver;
}

void platform_console_ready(struct platform_console *console)
{
    console->ready_count++;
}

struct platform_share {
    struct share_request *request;
    unsigned resets;
};

void platform_share_submit(struct platform_share *share, struct share_request *request)
{
    share->request = request;
}

void platform_share_reset(struct platform_share *share)
{
    share->resets++;
}

const char *platform_share_tag(const struct platform_share *share)
{
    (void)share;
    return "data";
}

struct platform_stream {
    struct platform_stream_receiver receiver;
    uint8_t bytes[65536];
    size_t length, accepts;
    bool finished, closed;
};

struct platform_vsock {
    struct platform_vsock_listener listener;
    struct platform_stream stream;
    uint32_t refused_port;
};

struct platform_stream *platform_vsock_connect(struct platform_vsock *vsock, uint32_t port,
                                               struct platform_stream_receiver receiver)
{
    if (port == vsock->refused_port)
        return NULL;
    vsock->stream.receiver = receiver;
    return &vsock->stream;
}

void platform_vsock_set_listener(struct platform_vsock *vsock,
                                 struct platform_vsock_listener listener)
{
    vsock->listener = listener;
}

void platform_stream_accept(struct platform_stream *stream,
                            struct platform_stream_receiver receiver)
{
    stream->receiver = receiver;
}

size_t platform_stream_write(struct platform_stream *stream, const uint8_t *bytes, size_t length)
{
    if (length > stream->accepts)
        length = stream->accepts;
    memcpy(stream->bytes + stream->length, bytes, length);
    stream->length += length;
    stream->accepts -= length;
    return length;
}

void platform_stream_ready(struct platform_stream *stream)
{
    (void)stream;
}

void platform_stream_finish(struct platform_stream *stream)
{
    stream->finished = true;
}

void platform_stream_close(struct platform_stream *stream)
{
    stream->closed = true;
}

void platform_random(struct platform *platform, uint8_t *bytes, size_t length)
{
    (void)platform;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
}

void platform_log(struct platform *platform, enum platform_log_level level, const char *format, ...)
{
    (void)level, (void)format;
    platform->log_count++;
}
