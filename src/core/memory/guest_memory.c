// SPDX-License-Identifier: Apache-2.0
#include "core/memory/guest_memory.h"

#include "core/memory/copy.h"

int guest_memory_add(struct guest_memory *memory, gpa_t base, uint64_t size, uint8_t *host,
                     struct frame *frames, bool read_only)
{
    if (memory->slot_count == GUEST_MEMORY_SLOTS || size == 0 || base + size < base ||
        (base | size) & FRAME_MASK)
        return -1;
    for (unsigned i = 0; i < memory->slot_count; i++) {
        const struct memory_slot *other = &memory->slots[i];
        if (base < other->base + other->size && other->base < base + size)
            return -1;
    }
    memory->slots[memory->slot_count++] = (struct memory_slot){
        .base = base, .size = size, .host = host, .read_only = read_only, .frames = frames
    };
    return 0;
}

const struct memory_slot *guest_memory_slot(const struct guest_memory *memory, gpa_t gpa)
{
    for (unsigned i = 0; i < memory->slot_count; i++)
        if (gpa - memory->slots[i].base < memory->slots[i].size)
            return &memory->slots[i];
    return NULL;
}

static const struct memory_slot *slot_of(const struct guest_memory *memory, gpa_t gpa,
                                         uint64_t length)
{
    const struct memory_slot *slot = guest_memory_slot(memory, gpa);
    if (!slot || length == 0 || length > slot->size - (gpa - slot->base))
        return NULL;
    return slot;
}

uint8_t *guest_slice(const struct guest_memory *memory, gpa_t gpa, uint64_t length)
{
    const struct memory_slot *slot = slot_of(memory, gpa, length);
    return slot ? slot->host + (gpa - slot->base) : NULL;
}

uint8_t *guest_slice_writable(const struct guest_memory *memory, gpa_t gpa, uint64_t length)
{
    const struct memory_slot *slot = slot_of(memory, gpa, length);
    return slot && !slot->read_only ? slot->host + (gpa - slot->base) : NULL;
}

bool guest_read(const struct guest_memory *memory, gpa_t gpa, void *bytes, uint64_t length)
{
    const uint8_t *slice = guest_slice(memory, gpa, length);
    if (slice)
        copy_bytes(bytes, slice, length);
    return slice != NULL;
}

bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *bytes, uint64_t length)
{
    uint8_t *slice = guest_slice_writable(memory, gpa, length);
    if (!slice)
        return false;
    copy_bytes(slice, bytes, length);
    guest_written(memory, gpa, length);
    return true;
}

void guest_written(const struct guest_memory *memory, gpa_t gpa, uint64_t length)
{
    const struct memory_slot *slot = slot_of(memory, gpa, length);
    while (slot && length > 0) {
        unsigned offset = gpa & FRAME_MASK;
        unsigned part = FRAME_SIZE - offset;
        if (part > length)
            part = (unsigned)length;
        frame_written(slot_frame(slot, gpa), code_lines(offset, part));
        gpa += part;
        length -= part;
    }
}
