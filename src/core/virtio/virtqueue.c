// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtqueue.h"

#include <stdatomic.h>

#include "core/memory/copy.h"

/* virtio 1.2, 2.7.5 */
struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

#define DESCRIPTOR_NEXT     1
#define DESCRIPTOR_WRITE    2
#define DESCRIPTOR_INDIRECT 4

#define AVAILABLE_NO_INTERRUPT 1 /* 2.7.6 */

#define DESCRIPTOR_SIZE   16
#define AREA_HEADER       4 /* flags and index, of both rings */
#define USED_ELEMENT_SIZE 8
#define AVAILABLE_SIZE(n) (AREA_HEADER + 2u * (n) + 2)
#define USED_SIZE(n)      (AREA_HEADER + USED_ELEMENT_SIZE * (n) + 2)

static uint16_t load_u16(const uint8_t *address)
{
    return __atomic_load_n((const uint16_t *)(const void *)address, __ATOMIC_ACQUIRE);
}

static void store_u16(uint8_t *address, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)address, value, __ATOMIC_RELEASE);
}

static uint16_t available_index(const struct virtqueue *queue)
{
    return load_u16(queue->available + 2);
}

/* After the ring (2.7.10): from which index on the driver wants to be signalled. */
static uint16_t used_event(const struct virtqueue *queue)
{
    return load_u16(queue->available + AREA_HEADER + 2 * queue->size);
}

static void set_available_event(struct virtqueue *queue, uint16_t index)
{
    store_u16(queue->used + AREA_HEADER + USED_ELEMENT_SIZE * queue->size, index);
    guest_written(queue->memory, queue->device_area, USED_SIZE(queue->size));
}

int virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory)
{
    unsigned size = queue->size;
    if (size == 0 || size > VIRTQUEUE_MAX_SIZE || size & (size - 1))
        return -1;
    if (queue->descriptor_area & 15 || queue->driver_area & 1 || queue->device_area & 3)
        return -1;
    queue->memory = memory;
    queue->descriptors = guest_slice(memory, queue->descriptor_area, DESCRIPTOR_SIZE * size);
    queue->available = guest_slice(memory, queue->driver_area, AVAILABLE_SIZE(size));
    queue->used = guest_slice_writable(memory, queue->device_area, USED_SIZE(size));
    queue->enabled = queue->descriptors && queue->available && queue->used;
    return queue->enabled ? 0 : -1;
}

void virtqueue_reset(struct virtqueue *queue)
{
    *queue = (struct virtqueue){ .message_vector = 0xffff };
}

/* The next chain's head, or empty. The second look closes the race with a driver that added one
 * while the notification was still off (2.7.10.1). */
static bool next_head(struct virtqueue *queue, uint16_t *head)
{
    if (available_index(queue) == queue->next_available) {
        if (queue->event_index) {
            set_available_event(queue, queue->next_available);
            atomic_thread_fence(memory_order_seq_cst);
        }
        if (available_index(queue) == queue->next_available)
            return false;
    }
    unsigned slot = queue->next_available & (queue->size - 1);
    *head = load_u16(queue->available + AREA_HEADER + 2 * slot);
    return true;
}

/* Bind one buffer. Readable ones come first (2.7.4.2); empty ones carry nothing. */
static bool add_segment(const struct virtqueue *queue, struct virtqueue_chain *chain,
                        const struct descriptor *descriptor)
{
    bool write = descriptor->flags & DESCRIPTOR_WRITE;
    unsigned count = chain->readable_count + chain->writable_count;
    if (!write && chain->writable_count > 0)
        return false;
    if (descriptor->length == 0)
        return true;
    uint8_t *address =
        write ? guest_slice_writable(queue->memory, descriptor->address, descriptor->length)
              : guest_slice(queue->memory, descriptor->address, descriptor->length);
    if (!address || count == VIRTQUEUE_MAX_SEGMENTS)
        return false;
    chain->segments[count] = (struct slice){ address, descriptor->length };
    chain->addresses[count] = descriptor->address;
    *(write ? &chain->writable_count : &chain->readable_count) += 1;
    *(write ? &chain->writable_length : &chain->readable_length) += descriptor->length;
    return true;
}

/* Walk a table of `count` descriptors from `index`. `indirect` tables do not nest (2.7.5.3.1). */
static bool walk(const struct virtqueue *queue, struct virtqueue_chain *chain, const uint8_t *table,
                 unsigned count, unsigned index, bool indirect)
{
    for (unsigned steps = 0; steps < count; steps++) {
        struct descriptor descriptor;
        if (index >= count)
            return false;
        copy_bytes(&descriptor, table + (size_t)index * DESCRIPTOR_SIZE, sizeof(descriptor));
        if (descriptor.flags & DESCRIPTOR_INDIRECT) {
            unsigned entries = descriptor.length / DESCRIPTOR_SIZE;
            const uint8_t *inner =
                guest_slice(queue->memory, descriptor.address, descriptor.length);
            if (indirect || !inner || descriptor.flags & DESCRIPTOR_NEXT ||
                descriptor.length % DESCRIPTOR_SIZE || entries > VIRTQUEUE_MAX_SEGMENTS)
                return false;
            return walk(queue, chain, inner, entries, 0, true);
        }
        if (!add_segment(queue, chain, &descriptor))
            return false;
        if (!(descriptor.flags & DESCRIPTOR_NEXT))
            return true;
        index = descriptor.next;
    }
    return false;
}

enum virtqueue_result virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    uint16_t head;
    if (!queue->enabled || !next_head(queue, &head))
        return VIRTQUEUE_EMPTY;
    if ((uint16_t)(available_index(queue) - queue->next_available) > queue->size)
        return VIRTQUEUE_BROKEN;
    chain->head = head;
    chain->readable_count = chain->writable_count = 0;
    chain->readable_length = chain->writable_length = 0;
    if (!walk(queue, chain, queue->descriptors, queue->size, head, false))
        return VIRTQUEUE_BROKEN;
    chain->readable = chain->segments;
    chain->writable = chain->segments + chain->readable_count;
    queue->next_available++;
    return VIRTQUEUE_CHAIN;
}

void virtqueue_untake(struct virtqueue *queue)
{
    queue->next_available--;
}

/* Tell the engine which memory the device has changed: it may have held code. */
static void report_written(const struct virtqueue *queue, const struct virtqueue_chain *chain,
                           uint64_t written)
{
    for (unsigned i = 0; i < chain->writable_count && written > 0; i++) {
        uint64_t part = chain->writable[i].length;
        if (part > written)
            part = written;
        guest_written(queue->memory, chain->addresses[chain->readable_count + i], part);
        written -= part;
    }
}

void virtqueue_give(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written)
{
    if (!queue->enabled)
        return;
    report_written(queue, chain, written);
    uint32_t element[2] = { chain->head, written };
    unsigned slot = queue->next_used & (queue->size - 1);
    copy_bytes(queue->used + AREA_HEADER + USED_ELEMENT_SIZE * slot, element, sizeof(element));
    store_u16(queue->used + 2, ++queue->next_used);
    guest_written(queue->memory, queue->device_area, USED_SIZE(queue->size));
}

bool virtqueue_should_signal(struct virtqueue *queue)
{
    uint16_t from = queue->signalled_used, to = queue->next_used;
    bool was_valid = queue->signalled_valid;
    if (!queue->enabled || (was_valid && from == to))
        return false;
    atomic_thread_fence(memory_order_seq_cst);
    queue->signalled_used = to;
    queue->signalled_valid = true;
    if (!queue->event_index)
        return !(load_u16(queue->available) & AVAILABLE_NO_INTERRUPT);
    /* 2.7.10.1: the index that the driver waits for is among those given since. */
    return !was_valid || (uint16_t)(to - used_event(queue) - 1) < (uint16_t)(to - from);
}

static unsigned range_of(const struct slice *from, unsigned count, uint64_t offset, uint64_t length,
                         struct slice *slices)
{
    unsigned made = 0;
    for (unsigned i = 0; i < count && length > 0; i++) {
        if (offset >= from[i].length) {
            offset -= from[i].length;
            continue;
        }
        uint64_t part = from[i].length - offset;
        if (part > length)
            part = length;
        slices[made++] = (struct slice){ from[i].address + offset, part };
        length -= part;
        offset = 0;
    }
    return made;
}

unsigned chain_readable_range(const struct virtqueue_chain *chain, uint64_t offset, uint64_t length,
                              struct slice *slices)
{
    return range_of(chain->readable, chain->readable_count, offset, length, slices);
}

unsigned chain_writable_range(const struct virtqueue_chain *chain, uint64_t offset, uint64_t length,
                              struct slice *slices)
{
    return range_of(chain->writable, chain->writable_count, offset, length, slices);
}

/* How many bytes of [offset, offset + length) the segment that begins at `start` holds, and where.
 */
static size_t overlap(const struct slice *segment, uint64_t start, uint64_t offset, size_t length,
                      uint8_t **address)
{
    if (offset < start || offset - start >= segment->length)
        return 0;
    uint64_t inside = offset - start;
    *address = segment->address + inside;
    return segment->length - inside < length ? segment->length - inside : length;
}

size_t chain_read(const struct virtqueue_chain *chain, uint64_t offset, void *bytes, size_t length)
{
    size_t done = 0;
    uint64_t start = 0;
    for (unsigned i = 0; i < chain->readable_count && done < length; i++) {
        uint8_t *address = NULL;
        size_t part = overlap(&chain->readable[i], start, offset + done, length - done, &address);
        copy_bytes((uint8_t *)bytes + done, address, part);
        done += part;
        start += chain->readable[i].length;
    }
    return done;
}

size_t chain_write(const struct virtqueue_chain *chain, uint64_t offset, const void *bytes,
                   size_t length)
{
    size_t done = 0;
    uint64_t start = 0;
    for (unsigned i = 0; i < chain->writable_count && done < length; i++) {
        uint8_t *address = NULL;
        size_t part = overlap(&chain->writable[i], start, offset + done, length - done, &address);
        copy_bytes(address, (const uint8_t *)bytes + done, part);
        done += part;
        start += chain->writable[i].length;
    }
    return done;
}
