// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_entropy.h"

#include "core/virtio/virtio_pci.h"

/* A guest gets at most this much for one request: asking again is free, holding the lock is not. */
#define REQUEST_LIMIT 4096u

struct virtio_entropy {
    struct virtio_device device; /* first */
    struct virtqueue_chain chain;
};

static uint32_t fill(struct virtio_entropy *entropy)
{
    const struct virtqueue_chain *chain = &entropy->chain;
    uint32_t filled = 0;
    for (unsigned i = 0; i < chain->writable_count && filled < REQUEST_LIMIT; i++) {
        size_t part = chain->writable[i].length;
        if (part > REQUEST_LIMIT - filled)
            part = REQUEST_LIMIT - filled;
        platform_random(entropy->device.platform, chain->writable[i].address, part);
        filled += (uint32_t)part;
        if (part < chain->writable[i].length)
            break;
    }
    return filled;
}

static void notified(struct virtio_device *device, unsigned queue)
{
    struct virtio_entropy *entropy = (struct virtio_entropy *)device;
    while (virtio_take(device, queue, &entropy->chain))
        virtio_give(device, queue, &entropy->chain, fill(entropy));
}

static const struct virtio_type type = {
    .name = "virtio-rng",
    .identifier = 4,
    .class_code = 0xff0000,
    .queue_count = 1,
    .queue_size = 64,
    .notified = notified,
};

struct virtio_device *virtio_entropy_create(const struct virtio_wiring *wiring)
{
    struct virtio_entropy *entropy = platform_allocate(wiring->platform, sizeof(*entropy));
    if (!entropy)
        return NULL;
    virtio_pci_initialize(&entropy->device, &type, wiring);
    return &entropy->device;
}
