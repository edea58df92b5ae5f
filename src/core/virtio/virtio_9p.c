// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_9p.h"

#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"

#define QUEUE_SIZE 128
#define REQUESTS   16 /* under way at once; the rest wait in the queue */
#define TAG_LENGTH 31
#define MOUNT_TAG  0 /* feature */

struct config {
    uint16_t tag_length;
    uint8_t tag[TAG_LENGTH];
} __attribute__((packed));

struct virtio_9p;

struct request {
    struct virtio_9p *owner;
    struct share_request share;
    struct virtqueue_chain chain;
    struct request *next_free;
};

struct virtio_9p {
    struct virtio_device device; /* first */
    struct platform_share *share;
    struct request *free;
    struct request requests[REQUESTS];
};

static void take_more(struct virtio_9p *transport);

static void completed(struct share_request *share, uint32_t length)
{
    struct request *request = share->context;
    struct virtio_9p *transport = request->owner;
    virtio_give(&transport->device, 0, &request->chain, length);
    request->next_free = transport->free;
    transport->free = request;
    virtio_release(&transport->device);
    take_more(transport);
}

static void submit(struct request *request)
{
    const struct virtqueue_chain *chain = &request->chain;
    request->share = (struct share_request){
        .request = chain->readable,
        .reply = chain->writable,
        .request_count = chain->readable_count,
        .reply_count = chain->writable_count,
        .request_length = chain->readable_length,
        .reply_length = chain->writable_length,
        .done = completed,
        .context = request,
    };
    virtio_hold(&request->owner->device);
    platform_share_submit(request->owner->share, &request->share);
}

static void take_more(struct virtio_9p *transport)
{
    while (transport->free && virtio_take(&transport->device, 0, &transport->free->chain)) {
        struct request *request = transport->free;
        transport->free = request->next_free;
        submit(request);
    }
}

static void notified(struct virtio_device *device, unsigned queue)
{
    (void)queue;
    take_more((struct virtio_9p *)device);
}

static void reset(struct virtio_device *device)
{
    platform_share_reset(((struct virtio_9p *)device)->share);
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const char *tag = platform_share_tag(((struct virtio_9p *)device)->share);
    struct config config = { 0 };
    while (config.tag_length < TAG_LENGTH && tag[config.tag_length]) {
        config.tag[config.tag_length] = (uint8_t)tag[config.tag_length];
        config.tag_length++;
    }
    copy_bytes(bytes, (const uint8_t *)&config + offset, size);
}

static const struct virtio_type type = {
    .name = "virtio-9p",
    .identifier = 9,
    .class_code = 0x000200, /* other, as drivers match by identifier */
    .features = VIRTIO_FEATURE(MOUNT_TAG),
    .queue_count = 1,
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .reset = reset,
    .config_size = sizeof(struct config),
    .config_read = config_read,
};

struct virtio_device *virtio_9p_create(const struct virtio_wiring *wiring,
                                       struct platform_share *share)
{
    struct virtio_9p *transport = platform_allocate(wiring->platform, sizeof(*transport));
    if (!transport)
        return NULL;
    transport->share = share;
    for (unsigned i = 0; i < REQUESTS; i++) {
        transport->requests[i].owner = transport;
        transport->requests[i].next_free = transport->free;
        transport->free = &transport->requests[i];
    }
    virtio_pci_initialize(&transport->device, &type, wiring);
    return &transport->device;
}
