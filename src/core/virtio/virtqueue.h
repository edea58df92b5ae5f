// SPDX-License-Identifier: Apache-2.0
/*
 * The device's half of a split virtqueue (virtio 1.2, 2.7), with indirect descriptors and event
 * indexes. The driver is hostile:
 *
 * - the three areas are bound to host memory once, when the queue is enabled;
 * - a descriptor is copied once and its copy is used; its buffer is bound once, with its length;
 * - a chain has at most as many descriptors as the queue, an indirect table at most
 *   VIRTQUEUE_MAX_SEGMENTS, and whatever breaks a rule makes the queue fail: nothing is given back,
 * and the device asks to be reset (2.1.2).
 */
#pragma once

#include "core/memory/guest_memory.h"
#include "core/platform.h"

#define VIRTQUEUE_MAX_SIZE     256
#define VIRTQUEUE_MAX_SEGMENTS 136 /* of one chain; what disks and 9p are told to keep to */

struct virtqueue {
    const struct guest_memory *memory;
    uint16_t size; /* a power of two; the driver may lower it from the maximum */
    bool enabled;
    bool event_index; /* VIRTIO_F_EVENT_IDX was negotiated */
    uint16_t message_vector;
    gpa_t descriptor_area, driver_area, device_area;
    uint8_t *descriptors, *available, *used; /* host memory of the areas while enabled */
    uint16_t next_available;                 /* index of the next chain to take */
    uint16_t next_used;
    uint16_t signalled_used; /* next_used when the driver was last signalled */
    bool signalled_valid;
};

/* One chain, taken from the queue: what the device may read, then what it may write. */
struct virtqueue_chain {
    uint16_t head;
    unsigned readable_count, writable_count;
    uint64_t readable_length, writable_length;
    struct slice *readable, *writable; /* into segments[] */
    struct slice segments[VIRTQUEUE_MAX_SEGMENTS];
    gpa_t addresses[VIRTQUEUE_MAX_SEGMENTS]; /* guest physical, of segments[] */
};

enum virtqueue_result { VIRTQUEUE_CHAIN, VIRTQUEUE_EMPTY, VIRTQUEUE_BROKEN };

/* -1: an area is not memory, is misaligned, or the size is no power of two up to the maximum. */
int virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory);
void virtqueue_reset(struct virtqueue *queue);

/* Take the next chain. When there is none, tells the driver that a notification is wanted. */
enum virtqueue_result virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain);

/* Put the last chain taken back as if it had not been: only before another is taken. */
void virtqueue_untake(struct virtqueue *queue);

/* Give a chain back: `written` bytes of its writable part were filled, in order. */
void virtqueue_give(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written);

/* Does the driver want an interrupt for what was given since the last one? Answers yes once. */
bool virtqueue_should_signal(struct virtqueue *queue);

/* -- Bytes of a chain, as if its segments were one -- */

/* How many were copied: less than `length` when the chain ends. */
size_t chain_read(const struct virtqueue_chain *chain, uint64_t offset, void *bytes, size_t length);
size_t chain_write(const struct virtqueue_chain *chain, uint64_t offset, const void *bytes,
                   size_t length);
/* The slices of [offset, offset + length) of the readable or writable part, cut to that range, into
 * `slices` (room for VIRTQUEUE_MAX_SEGMENTS); their count. */
unsigned chain_readable_range(const struct virtqueue_chain *chain, uint64_t offset, uint64_t length,
                              struct slice *slices);
unsigned chain_writable_range(const struct virtqueue_chain *chain, uint64_t offset, uint64_t length,
                              struct slice *slices);
