// SPDX-License-Identifier: Apache-2.0
/*
 * Guest physical memory: slots of host memory at guest physical addresses, fixed at set-up.
 *
 * Who changes memory other than through a vCPU (a device, a loader) says so, with guest_write or
 * guest_written: an engine may hold decoded or translated code of it. Each frame has a version and
 * a mask of its 128-byte lines that hold such code; a write to a marked line advances the version
 * and clears the mask, and code decoded under another version is stale.
 *
 * Order between a writer and a decoder of one line: the writer stores and then (full barrier) reads
 * the mask; the decoder sets the mask (locked) and then reads the bytes. One of them sees the
 * other.
 */
#pragma once

#include <stdatomic.h>

#include "core/types.h"

#define GUEST_MEMORY_SLOTS 8
#define CODE_LINE_SHIFT    7 /* 32 lines a frame */

struct frame {
    _Atomic uint32_t version;
    _Atomic uint32_t code_lines; /* bit n: line n holds code that an engine knows */
};

struct memory_slot {
    gpa_t base;
    uint64_t size; /* bytes, whole frames */
    uint8_t *host;
    bool read_only; /* a ROM: guest writes are lost */
    struct frame *frames;
};

struct guest_memory {
    struct memory_slot slots[GUEST_MEMORY_SLOTS];
    unsigned slot_count;
};

/* At set-up. `host` and `frames` (size / FRAME_SIZE of them, zeroed) stay the caller's. -1: bad or
 * overlapping, or no slot left. */
int guest_memory_add(struct guest_memory *memory, gpa_t base, uint64_t size, uint8_t *host,
                     struct frame *frames, bool read_only);

/* The slot that `gpa` lies in, NULL for none (MMIO or nothing). */
const struct memory_slot *guest_memory_slot(const struct guest_memory *memory, gpa_t gpa);

/* [gpa, gpa + length) as host memory, NULL unless all of it lies in one slot. Length 0 is NULL. */
uint8_t *guest_slice(const struct guest_memory *memory, gpa_t gpa, uint64_t length);
/* The same for writing: NULL for a ROM too. Afterwards guest_written. */
uint8_t *guest_slice_writable(const struct guest_memory *memory, gpa_t gpa, uint64_t length);

/* False: not all of it is memory, and nothing was copied. */
bool guest_read(const struct guest_memory *memory, gpa_t gpa, void *bytes, uint64_t length);
bool guest_write(const struct guest_memory *memory, gpa_t gpa, const void *bytes, uint64_t length);

/* [gpa, gpa + length) has been written by other means; any thread. */
void guest_written(const struct guest_memory *memory, gpa_t gpa, uint64_t length);

static inline struct frame *slot_frame(const struct memory_slot *slot, gpa_t gpa)
{
    return &slot->frames[(gpa - slot->base) >> FRAME_SHIFT];
}

/* Lines that [offset, offset + length) of one frame touches; length 1 to FRAME_SIZE. */
static inline uint32_t code_lines(unsigned offset, unsigned length)
{
    unsigned first = offset >> CODE_LINE_SHIFT;
    unsigned last = (offset + length - 1) >> CODE_LINE_SHIFT;
    return (~UINT32_C(0) >> (31 - last)) & (~UINT32_C(0) << first);
}

/* After a store to the lines `lines` of a frame: makes code decoded from them stale. The version
 * advances twice: before the mask is cleared for a second writer, who will not look at the version
 * once it is clear; and after it for a decoder whose mark the clearing took away. */
static inline void frame_written(struct frame *frame, uint32_t lines)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!(atomic_load_explicit(&frame->code_lines, memory_order_relaxed) & lines))
        return;
    atomic_fetch_add(&frame->version, 1);
    atomic_store(&frame->code_lines, 0);
    atomic_fetch_add(&frame->version, 1);
}
