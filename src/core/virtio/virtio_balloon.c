// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_balloon.h"

#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"

#define QUEUE_SIZE 128

enum feature { STATS_VQ = 1, DEFLATE_ON_OOM = 2, PAGE_REPORTING = 5 };

/* With the statistics queue there and no hinting queue, reporting is the fourth (5.5.2). */
enum queue { INFLATE, DEFLATE, STATISTICS, REPORTING, QUEUES };

struct config {
    uint32_t target, actual, free_page_hint, poison;
};

struct statistic {
    uint16_t tag;
    uint64_t value;
} __attribute__((packed));

struct virtio_balloon {
    struct virtio_device device; /* first */
    struct config config;
    struct virtqueue_chain chain;
    struct virtqueue_chain statistics_chain; /* kept: giving it back asks for new figures */
    bool has_statistics_chain;
    struct virtio_balloon_statistics statistics;
};

static void discard_page(struct virtio_balloon *balloon, uint32_t page)
{
    const struct guest_memory *memory = balloon->device.memory;
    gpa_t gpa = (gpa_t)page << FRAME_SHIFT;
    uint8_t *address = guest_slice_writable(memory, gpa, FRAME_SIZE);
    if (!address) /* not memory: the guest gives away what it does not have */
        return;
    platform_memory_discard(balloon->device.platform, address, FRAME_SIZE);
    guest_written(memory, gpa, FRAME_SIZE);
}

static void inflate(struct virtio_balloon *balloon)
{
    uint32_t page;
    for (uint64_t at = 0; chain_read(&balloon->chain, at, &page, sizeof(page)) == sizeof(page);
         at += sizeof(page))
        discard_page(balloon, page);
}

/* Reported ranges come as writable buffers (5.5.6.7). Only whole frames are given up. */
static void report(struct virtio_balloon *balloon)
{
    const struct virtqueue_chain *chain = &balloon->chain;
    for (unsigned i = 0; i < chain->writable_count; i++) {
        gpa_t gpa = chain->addresses[chain->readable_count + i];
        if ((gpa | chain->writable[i].length) & FRAME_MASK)
            continue;
        platform_memory_discard(balloon->device.platform, chain->writable[i].address,
                                chain->writable[i].length);
        guest_written(balloon->device.memory, gpa, chain->writable[i].length);
    }
}

static void read_statistics(struct virtio_balloon *balloon)
{
    struct statistic statistic;
    for (uint64_t at = 0; chain_read(&balloon->statistics_chain, at, &statistic,
                                     sizeof(statistic)) == sizeof(statistic);
         at += sizeof(statistic))
        if (statistic.tag < 16)
            balloon->statistics.values[statistic.tag] = statistic.value;
}

static void take_statistics(struct virtio_balloon *balloon)
{
    if (balloon->has_statistics_chain ||
        !virtio_take(&balloon->device, STATISTICS, &balloon->statistics_chain))
        return;
    balloon->has_statistics_chain = true;
    read_statistics(balloon);
}

static void notified(struct virtio_device *device, unsigned queue)
{
    struct virtio_balloon *balloon = (struct virtio_balloon *)device;
    if (queue == STATISTICS) {
        take_statistics(balloon);
        return;
    }
    while (virtio_take(device, queue, &balloon->chain)) {
        if (queue == INFLATE)
            inflate(balloon);
        else if (queue == REPORTING)
            report(balloon);
        virtio_give(device, queue, &balloon->chain, 0);
    }
}

static void reset(struct virtio_device *device)
{
    struct virtio_balloon *balloon = (struct virtio_balloon *)device;
    balloon->has_statistics_chain = false;
    balloon->config.actual = 0;
    fill_bytes(&balloon->statistics, 0xff, sizeof(balloon->statistics));
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const struct virtio_balloon *balloon = (struct virtio_balloon *)device;
    copy_bytes(bytes, (const uint8_t *)&balloon->config + offset, size);
}

/* Of the configuration only `actual` is the driver's (5.5.4). */
static void config_write(struct virtio_device *device, unsigned offset, unsigned size,
                         const uint8_t *bytes)
{
    struct virtio_balloon *balloon = (struct virtio_balloon *)device;
    if (offset == offsetof(struct config, actual) && size == sizeof(balloon->config.actual))
        copy_bytes(&balloon->config.actual, bytes, size);
}

static const struct virtio_type type = {
    .name = "virtio-balloon",
    .identifier = 5,
    .class_code = 0x00ff00,
    .features =
        VIRTIO_FEATURE(STATS_VQ) | VIRTIO_FEATURE(DEFLATE_ON_OOM) | VIRTIO_FEATURE(PAGE_REPORTING),
    .queue_count = QUEUES,
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .reset = reset,
    .config_size = sizeof(struct config),
    .config_read = config_read,
    .config_write = config_write,
};

struct virtio_device *virtio_balloon_create(const struct virtio_wiring *wiring)
{
    struct virtio_balloon *balloon = platform_allocate(wiring->platform, sizeof(*balloon));
    if (!balloon)
        return NULL;
    virtio_pci_initialize(&balloon->device, &type, wiring);
    return &balloon->device;
}

void virtio_balloon_set_target(struct virtio_device *device, uint32_t pages)
{
    ((struct virtio_balloon *)device)->config.target = pages;
    virtio_config_changed(device);
}

uint32_t virtio_balloon_actual(const struct virtio_device *device)
{
    return ((const struct virtio_balloon *)device)->config.actual;
}

struct virtio_balloon_statistics virtio_balloon_statistics(struct virtio_device *device)
{
    struct virtio_balloon *balloon = (struct virtio_balloon *)device;
    if (balloon->has_statistics_chain && virtio_running(device)) {
        balloon->has_statistics_chain = false;
        virtio_give(device, STATISTICS, &balloon->statistics_chain, 0);
    }
    return balloon->statistics;
}
