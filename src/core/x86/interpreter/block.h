// SPDX-License-Identifier: Apache-2.0
/*
 * The block cache of one vCPU: decoded code, found by where it lies in guest physical memory and by
 * the mode it was decoded for, and, in front of that, by RIP.
 *
 *   RIP -> jumps[] -> block      valid for one `context`: mode and state of the address translation
 *   (physical address, mode) -> buckets[] -> block       valid while the frame's version stands
 *
 * A block is straight code of one page: it goes on behind a conditional branch that is not taken
 * and ends where flow always leaves, where the mode may change, or where the page ends. An
 * instruction across two pages is a block of its own, which jumps[] never holds.
 *
 * All blocks lie in one arena; when it is full, all are dropped. That happens only between blocks.
 */
#pragma once

#include "core/x86/interpreter/op.h"

#define BLOCK_OPS          64 /* instructions a block; the op that leaves it comes on top */
#define BLOCK_CACHE_SIZE   (UINT64_C(16) << 20)
#define BLOCK_BUCKETS      16384
#define BLOCK_JUMPS        8192
#define BLOCK_MODE_BITS    12
#define BLOCK_MODE_STEP    (1u << 11)
#define BLOCK_JUMP_NOWHERE (UINT64_C(1) << 62) /* no RIP */

struct block {
    struct block *next; /* in its bucket */
    gpa_t physical;
    struct frame *frame, *second_frame; /* second: of an instruction across two pages, else NULL */
    gpa_t second_physical;              /* of the second page */
    uint32_t version, second_version;
    uint32_t mode;
    uint16_t length; /* bytes of code */
    uint16_t op_count;
    struct op ops[];
};

struct block_jump {
    uint64_t rip;
    uint32_t context, version;
    struct frame *frame;
    struct block *block;
};

struct block_cache {
    uint32_t context; /* mode and, above BLOCK_MODE_BITS, `epoch` */
    uint32_t epoch;
    uint64_t fetch_generation; /* what `epoch` stands for, with the base and limit of CS */
    uint64_t code_base;
    uint32_t code_limit;
    size_t used; /* of the arena */
    struct block_jump jumps[BLOCK_JUMPS];
    struct block *buckets[BLOCK_BUCKETS];
    /* The block being decoded. */
    struct op ops[BLOCK_OPS + 1];
    struct instruction instructions[BLOCK_OPS];
    alignas(64) uint8_t arena[BLOCK_CACHE_SIZE];
};

void block_cache_reset(struct block_cache *cache);

/* The block at state.rip, with one instruction if `step`; NULL: exception or exit filled in. */
struct block *block_find(struct cpu *cpu, bool step);

/* Decode the code at `bytes` (block_build.c). It lies in one page, up to the page's end; NULL: its
 * first instruction does not end there. */
struct block *block_build(struct cpu *cpu, const uint8_t *bytes, gpa_t physical,
                          struct frame *frame, uint32_t mode);
/* Decode one instruction that ends in the page after, whose first bytes are at `second`. */
struct block *block_build_across(struct cpu *cpu, const uint8_t *bytes, struct block *place,
                                 const uint8_t *second);

static inline bool block_valid(const struct block *block)
{
    return atomic_load_explicit(&block->frame->version, memory_order_acquire) == block->version &&
           (!block->second_frame ||
            atomic_load_explicit(&block->second_frame->version, memory_order_acquire) ==
                block->second_version);
}

static inline struct block_jump *block_jump_of(struct block_cache *cache, uint64_t rip)
{
    return &cache->jumps[(rip ^ rip >> 12) & (BLOCK_JUMPS - 1)];
}

static inline enum outcome block_enter(struct cpu *cpu, struct block *block, uint64_t rip)
{
    cpu->block_rip = rip;
    cpu->block = block;
    return block->ops[0].execute(cpu, block->ops);
}

/* Ops that call the next one instead of jumping there (op.h) let the stack grow: at some depth the
 * chain of blocks ends, and all of them return. */
#define BLOCK_CHAIN_STACK (64u << 10)

static inline bool block_stack_is_deep(const struct cpu *cpu)
{
    register uintptr_t stack_pointer __asm__("rsp");
    __asm__("" : "=r"(stack_pointer));
    return stack_pointer < cpu->stack_floor;
}

/* How a branch ends its block: goes on with the block at `rip` if that is known to be right and
 * nothing asks for attention, else lets the run loop look. */
static inline enum outcome block_jump(struct cpu *cpu, uint64_t rip)
{
    const struct block_jump *jump = block_jump_of(cpu->blocks, rip);
    if (__builtin_expect(jump->rip == rip && jump->context == cpu->blocks->context, 1) &&
        __builtin_expect(atomic_load_explicit(&jump->frame->version, memory_order_acquire) ==
                                 jump->version &&
                             atomic_load_explicit(&cpu->attention, memory_order_relaxed) == 0 &&
                             !block_stack_is_deep(cpu),
                         1))
        return block_enter(cpu, jump->block, rip);
    cpu->state.rip = rip;
    return OUTCOME_CONTINUE;
}
