// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_net.h"

#include "core/device/internet_checksum.h"
#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"

#define QUEUE_SIZE 256
#define FRAME_LIMIT                                                                                \
    65550u /* the longest frame that a guest may send: 64 KiB of IP and Ethernet                   \
            */

enum { RECEIVE_QUEUE, TRANSMIT_QUEUE };
enum feature { CSUM = 0, GUEST_CSUM = 1, MAC = 5, STATUS = 16 };
enum header_flags { NEEDS_CSUM = 1, DATA_VALID = 2 }; /* 5.1.6 */

#define STATUS_LINK_UP 1

struct header { /* 5.1.6; always whole with VERSION_1 */
    uint8_t flags, segmentation;
    uint16_t header_length, segment_size, checksum_start, checksum_offset, buffer_count;
};

struct config {
    uint8_t address[6];
    uint16_t status;
};

struct virtio_net {
    struct virtio_device device; /* first */
    struct platform_net *net;
    /* A network may answer a frame within platform_net_send, so both are under way at once. */
    struct virtqueue_chain sent, received;
    uint8_t frame[FRAME_LIMIT];
};

/* -- From the guest -- */

/* The pseudo header's sum is in the checksum field already (5.1.6.2). */
static bool complete_checksum(uint8_t *frame, size_t length, const struct header *header)
{
    size_t at = (size_t)header->checksum_start + header->checksum_offset;
    if (header->checksum_start >= length || at + 2 > length)
        return false;
    uint16_t sum =
        (uint16_t)~internet_sum(frame + header->checksum_start, length - header->checksum_start, 0);
    if (sum == 0) /* UDP has no other way to say that there is a checksum; for TCP it is the same */
        sum = 0xffff;
    put_be16(frame + at, sum);
    return true;
}

/* The frame is copied: a checksum may have to go in, and the guest may still change its buffers. */
static void send(struct virtio_net *net)
{
    struct header header;
    const struct virtqueue_chain *chain = &net->sent;
    if (chain->readable_length <= sizeof(header) ||
        chain->readable_length - sizeof(header) > FRAME_LIMIT)
        return;
    chain_read(chain, 0, &header, sizeof(header));
    size_t length = chain_read(chain, sizeof(header), net->frame, FRAME_LIMIT);
    if (header.flags & NEEDS_CSUM && !complete_checksum(net->frame, length, &header))
        return;
    const struct slice slice = { net->frame, length };
    platform_net_send(net->net, &slice, 1);
}

static void notified(struct virtio_device *device, unsigned queue)
{
    struct virtio_net *net = (struct virtio_net *)device;
    if (queue == RECEIVE_QUEUE) {
        platform_net_ready(net->net);
        return;
    }
    while (virtio_take(device, TRANSMIT_QUEUE, &net->sent)) {
        send(net);
        virtio_give(device, TRANSMIT_QUEUE, &net->sent, 0);
    }
}

/* -- To the guest -- */

static bool ready(void *context)
{
    struct virtio_net *net = context;
    struct virtio_device *device = &net->device;
    if (!virtio_running(device))
        return false;
    if (!virtio_take(device, RECEIVE_QUEUE, &net->received))
        return false;
    virtqueue_untake(&device->queues[RECEIVE_QUEUE]);
    return true;
}

/* We add up faster than the guest does: what is right it need not look at (5.1.6.4). */
static uint8_t receive_flags(const struct virtio_net *net, const uint8_t *frame, size_t length)
{
    if (!virtio_has(&net->device, GUEST_CSUM))
        return 0;
    unsigned check = internet_check_frame(frame, length);
    return check == (INTERNET_IP | INTERNET_PAYLOAD) ? DATA_VALID : 0;
}

/* One chain a frame: without MRG_RXBUF a driver's chains hold a whole one (5.1.6.3.1). A frame that
 * is too long for its chain is dropped. */
static void receive(void *context, const uint8_t *frame, size_t length)
{
    struct virtio_net *net = context;
    struct virtio_device *device = &net->device;
    struct header header = { .buffer_count = 1 };
    if (!virtio_running(device) || !virtio_take(device, RECEIVE_QUEUE, &net->received))
        return;
    if (net->received.writable_length < sizeof(header) + length) {
        virtqueue_untake(&device->queues[RECEIVE_QUEUE]);
        return;
    }
    header.flags = receive_flags(net, frame, length);
    chain_write(&net->received, 0, &header, sizeof(header));
    chain_write(&net->received, sizeof(header), frame, length);
    virtio_give(device, RECEIVE_QUEUE, &net->received, (uint32_t)(sizeof(header) + length));
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const struct virtio_net *net = (struct virtio_net *)device;
    struct config config = { .status = STATUS_LINK_UP };
    copy_bytes(config.address, platform_net_address(net->net), sizeof(config.address));
    copy_bytes(bytes, (const uint8_t *)&config + offset, size);
}

static void started(struct virtio_device *device)
{
    platform_net_ready(((struct virtio_net *)device)->net);
}

static const struct virtio_type type = {
    .name = "virtio-net",
    .identifier = 1,
    .class_code = 0x020000,
    .features = VIRTIO_FEATURE(CSUM) | VIRTIO_FEATURE(GUEST_CSUM) | VIRTIO_FEATURE(MAC) |
                VIRTIO_FEATURE(STATUS),
    .queue_count = 2,
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .started = started,
    .config_size = sizeof(struct config),
    .config_read = config_read,
};

struct virtio_device *virtio_net_create(const struct virtio_wiring *wiring,
                                        struct platform_net *net)
{
    struct virtio_net *card = platform_allocate(wiring->platform, sizeof(*card));
    if (!card)
        return NULL;
    card->net = net;
    virtio_pci_initialize(&card->device, &type, wiring);
    platform_net_set_receiver(
        net, (struct platform_net_receiver){ .ready = ready, .receive = receive, .context = card });
    return &card->device;
}
