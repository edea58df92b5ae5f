// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio devices under drivers that do anything. The first bytes of the input start the device as a
 * driver would, so that rings are reached; the rest is a list of register writes, memory writes,
 * notifications and events of the host.
 */
#include <stdlib.h>
#include <string.h>

#include "core/virtio/virtio_9p.h"
#include "core/virtio/virtio_balloon.h"
#include "core/virtio/virtio_block.h"
#include "core/virtio/virtio_console.h"
#include "core/virtio/virtio_entropy.h"
#include "core/virtio/virtio_net.h"
#include "core/virtio/virtio_vsock.h"
#include "fuzz_platform.h"

#define RING(n)    (0x1000u + 0x800u * (n)) /* descriptors, + 0x400 available, + 0x600 used */
#define QUEUE_SIZE 16u
#define CID        3u

/* -- What the devices ask of a host -- */

struct platform_share {
    struct share_request *held;
};

struct platform_stream {
    struct platform_stream_receiver receiver;
    bool open;
    size_t accepts;
};

struct platform_vsock {
    struct platform_vsock_listener listener;
    struct platform_stream streams[4];
};

struct virtio_machine {
    struct fuzz_machine machine; /* first: its platform is the first of it */
    struct virtio_device *device;
    struct platform_block block;
    struct platform_net net;
    struct platform_console consoles[2];
    struct platform_share share;
    struct platform_vsock vsock;
    uint16_t next[VIRTIO_MAX_QUEUES];
};

void platform_share_submit(struct platform_share *share, struct share_request *request)
{
    request->next = share->held;
    share->held = request;
}

void platform_share_reset(struct platform_share *share)
{
    (void)share;
}

const char *platform_share_tag(const struct platform_share *share)
{
    (void)share;
    return "tag";
}

static struct platform_stream *free_stream(struct platform_vsock *vsock)
{
    for (unsigned i = 0; i < 4; i++)
        if (!vsock->streams[i].open)
            return &vsock->streams[i];
    return NULL;
}

struct platform_stream *platform_vsock_connect(struct platform_vsock *vsock, uint32_t port,
                                               struct platform_stream_receiver receiver)
{
    struct platform_stream *stream = port & 1 ? free_stream(vsock) : NULL;
    if (stream)
        *stream = (struct platform_stream){ .receiver = receiver, .open = true, .accepts = 100 };
    return stream;
}

void platform_vsock_set_listener(struct platform_vsock *vsock,
                                 struct platform_vsock_listener listener)
{
    vsock->listener = listener;
}

void platform_stream_accept(struct platform_stream *stream,
                            struct platform_stream_receiver receiver)
{
    PROMISE(stream->open);
    stream->receiver = receiver;
}

size_t platform_stream_write(struct platform_stream *stream, const uint8_t *bytes, size_t length)
{
    (void)bytes;
    PROMISE(stream->open);
    if (length > stream->accepts)
        length = stream->accepts;
    stream->accepts -= length;
    return length;
}

void platform_stream_ready(struct platform_stream *stream)
{
    PROMISE(stream->open);
}

void platform_stream_finish(struct platform_stream *stream)
{
    PROMISE(stream->open);
}

void platform_stream_close(struct platform_stream *stream)
{
    PROMISE(stream->open);
    stream->open = false;
}

/* -- Events of the host -- */

static void type_bytes(const struct platform_console_receiver *receiver, struct fuzz_input *input)
{
    uint8_t bytes[256] = { 0 };
    size_t length = receiver->room ? receiver->room(receiver->context) : 0;
    if (length > 0)
        receiver->receive(receiver->context, bytes, length < 256 ? length : 256);
    if (receiver->resized)
        receiver->resized(receiver->context, (unsigned)fuzz_take(input, 1), 25);
}

static void console_event(struct virtio_machine *m, struct fuzz_input *input)
{
    struct platform_console *console = &m->consoles[fuzz_take(input, 1) & 1];
    if (!console->receiver.room)
        return;
    console->accepts = fuzz_take(input, 1);
    console->receiver.writable(console->receiver.context);
    type_bytes(&console->receiver, input);
}

static void stream_event(struct virtio_machine *m, struct fuzz_input *input)
{
    uint8_t bytes[512] = { 0 }, what = (uint8_t)fuzz_take(input, 1);
    struct platform_stream *stream = &m->vsock.streams[what & 3];
    if (!stream->open && what & 0x80 && m->vsock.listener.accept) {
        *stream = (struct platform_stream){ .open = true };
        stream->open = m->vsock.listener.accept(m->vsock.listener.context, stream,
                                                (uint32_t)fuzz_take(input, 1));
    } else if (stream->open && stream->receiver.room) {
        stream->accepts = what;
        if (what & 4)
            stream->receiver.writable(stream->receiver.context);
        size_t room = stream->open ? stream->receiver.room(stream->receiver.context) : 0;
        if (room > 0)
            stream->receiver.receive(stream->receiver.context, bytes, room < 512 ? room : 512);
        if (stream->open && what & 8)
            stream->receiver.ended(stream->receiver.context, what & 16);
    }
}

static void share_event(struct virtio_machine *m, struct fuzz_input *input)
{
    struct share_request *request = m->share.held;
    if (!request)
        return;
    m->share.held = request->next;
    uint64_t length = fuzz_take(input, 2);
    request->done(request,
                  (uint32_t)(length < request->reply_length ? length : request->reply_length));
}

static void frame_event(struct virtio_machine *m, struct fuzz_input *input)
{
    uint8_t frame[1514] = { 0 };
    const struct platform_net_receiver *receiver = &m->net.receiver;
    if (receiver->ready && receiver->ready(receiver->context))
        receiver->receive(receiver->context, frame, fuzz_take(input, 2) % sizeof(frame));
}

static void host_event(struct virtio_machine *m, struct fuzz_input *input)
{
    uint8_t how = (uint8_t)fuzz_take(input, 1);
    m->block.hold = how & 1;
    m->block.fail = how & 2;
    if (m->block.bytes)
        fuzz_block_complete(&m->block);
    console_event(m, input);
    stream_event(m, input);
    share_event(m, input);
    frame_event(m, input);
}

/* -- The driver -- */

static void write_register(struct virtio_machine *m, uint64_t offset, unsigned size, uint64_t value)
{
    m->device->function.bars[0].registers->write(m->device, offset, size, value);
}

static void access_register(struct virtio_machine *m, struct fuzz_input *input)
{
    uint8_t how = (uint8_t)fuzz_take(input, 1);
    uint64_t offset = (fuzz_take(input, 1) & 0x3f) | (uint64_t)(how >> 2 & 3) << 12;
    unsigned size = 1u << (how & 3);
    if (how & 0x80)
        m->device->function.bars[0].registers->read(m->device, offset, size);
    else
        write_register(m, offset, size, fuzz_value(input, size));
}

static void start(struct virtio_machine *m, uint64_t features)
{
    write_register(m, 0x14, 1, 0);
    for (unsigned half = 0; half < 2; half++) {
        write_register(m, 0x08, 4, half);
        write_register(m, 0x0c, 4, (features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) >> 32 * half);
    }
    write_register(m, 0x14, 1, 11);
    for (unsigned queue = 0; queue < m->device->queue_count; queue++) {
        write_register(m, 0x16, 2, queue);
        write_register(m, 0x18, 2, QUEUE_SIZE);
        write_register(m, 0x20, 4, RING(queue));
        write_register(m, 0x28, 4, RING(queue) + 0x400);
        write_register(m, 0x30, 4, RING(queue) + 0x600);
        write_register(m, 0x1c, 2, 1);
        m->next[queue] = 0;
    }
    write_register(m, 0x14, 1, 15);
}

/* Descriptors that are mostly right: addresses in memory, flags and lengths from the input. */
static void offer(struct virtio_machine *m, struct fuzz_input *input)
{
    unsigned queue = (unsigned)fuzz_take(input, 1) % m->device->queue_count;
    unsigned head = (unsigned)fuzz_take(input, 1) % QUEUE_SIZE;
    unsigned count = (unsigned)fuzz_take(input, 1) % 4 + 1;
    uint8_t *ring = m->machine.ram + RING(queue);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (head + i) % QUEUE_SIZE;
        uint64_t address = fuzz_take(input, 2) << 2;
        uint32_t length = (uint32_t)fuzz_take(input, 2);
        uint16_t flags = (uint16_t)(fuzz_take(input, 1) & 6) | (i + 1 < count);
        uint16_t next = (uint16_t)((at + 1) % QUEUE_SIZE);
        memcpy(ring + 16 * at, &address, 8);
        memcpy(ring + 16 * at + 8, &length, 4);
        memcpy(ring + 16 * at + 12, &flags, 2);
        memcpy(ring + 16 * at + 14, &next, 2);
    }
    uint16_t first = (uint16_t)head, index = ++m->next[queue];
    memcpy(ring + 0x400 + 4 + 2 * ((uint16_t)(index - 1) % QUEUE_SIZE), &first, 2);
    memcpy(ring + 0x400 + 2, &index, 2);
    write_register(m, 0x3000 + 4 * queue, 2, queue);
}

static void step(struct virtio_machine *m, struct fuzz_input *input)
{
    switch (fuzz_take(input, 1) & 7) {
    case 0:
    case 1:
    case 2:
        offer(m, input);
        break;
    case 3:
        access_register(m, input);
        break;
    case 4:
        fuzz_fill_memory(&m->machine, input);
        break;
    case 5:
        fuzz_config_write(&m->device->function, input);
        break;
    case 6:
        start(m, fuzz_take(input, 4) | fuzz_take(input, 1) << 32);
        break;
    default:
        host_event(m, input);
    }
}

typedef struct virtio_device *make_device(struct virtio_machine *m,
                                          const struct virtio_wiring *wiring);

/* Whatever has happened: when the host has finished its work, a reset brings the device back. */
static void finish(struct virtio_machine *m)
{
    m->block.hold = false;
    if (m->block.bytes)
        fuzz_block_complete(&m->block);
    while (m->share.held) {
        struct share_request *request = m->share.held;
        m->share.held = request->next;
        request->done(request, 0);
    }
    write_register(m, 0x14, 1, 0);
    PROMISE(m->device->function.bars[0].registers->read(m->device, 0x14, 1) == 0);
    for (unsigned i = 0; i < 4; i++)
        PROMISE(!m->vsock.streams[i].open);
}

static void ignore_message(void *context, uint64_t address, uint32_t data)
{
    (void)context, (void)address, (void)data;
}

static void ignore_map(void *context, struct pci_function *function, unsigned bar, uint64_t address)
{
    (void)context, (void)function, (void)bar, (void)address;
}

static void ignore_interrupt(void *context, struct pci_function *function, bool level)
{
    (void)context, (void)function, (void)level;
}

static const struct pci_bus_operations bus = { ignore_map, ignore_message, ignore_interrupt };

static void fuzz_virtio(const uint8_t *data, size_t size, make_device *make)
{
    struct fuzz_input input = { data, size };
    struct virtio_machine *m = calloc(1, sizeof(*m));
    PROMISE(m);
    fuzz_machine_open(&m->machine);
    const struct virtio_wiring wiring = { &m->machine.platform, &m->machine.memory };
    m->device = make(m, &wiring);
    m->device->function.bus = &bus;
    pci_config_write(&m->device->function, 4, 2, 6);
    start(m, fuzz_take(&input, 4));
    while (input.left > 0)
        step(m, &input);
    finish(m);
    if (m->block.bytes)
        fuzz_block_close(&m->block);
    fuzz_platform_free(&m->machine.platform);
    fuzz_machine_close(&m->machine);
    free(m);
}

static struct virtio_device *make_block(struct virtio_machine *m,
                                        const struct virtio_wiring *wiring)
{
    fuzz_block_open(&m->block, 64 << 10);
    return virtio_block_create(wiring, &m->block);
}

static struct virtio_device *make_net(struct virtio_machine *m, const struct virtio_wiring *wiring)
{
    return virtio_net_create(wiring, &m->net);
}

static struct virtio_device *make_console(struct virtio_machine *m,
                                          const struct virtio_wiring *wiring)
{
    const struct virtio_console_port_request ports[] = { { "", &m->consoles[0] },
                                                         { "control", &m->consoles[1] } };
    return virtio_console_create(wiring, ports, 2);
}

static struct virtio_device *make_entropy(struct virtio_machine *m,
                                          const struct virtio_wiring *wiring)
{
    (void)m;
    return virtio_entropy_create(wiring);
}

static struct virtio_device *make_balloon(struct virtio_machine *m,
                                          const struct virtio_wiring *wiring)
{
    (void)m;
    return virtio_balloon_create(wiring);
}

static struct virtio_device *make_vsock(struct virtio_machine *m,
                                        const struct virtio_wiring *wiring)
{
    return virtio_vsock_create(wiring, &m->vsock, CID);
}

static struct virtio_device *make_9p(struct virtio_machine *m, const struct virtio_wiring *wiring)
{
    return virtio_9p_create(wiring, &m->share);
}

void fuzz_virtio_block(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_block);
}

void fuzz_virtio_net(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_net);
}

void fuzz_virtio_console(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_console);
}

void fuzz_virtio_entropy(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_entropy);
}

void fuzz_virtio_balloon(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_balloon);
}

void fuzz_virtio_vsock(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_vsock);
}

void fuzz_virtio_9p(const uint8_t *data, size_t size)
{
    fuzz_virtio(data, size, make_9p);
}
