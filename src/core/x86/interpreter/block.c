// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/block.h"

#include "core/memory/copy.h"

static void forget_jumps(struct block_cache *cache)
{
    for (unsigned i = 0; i < BLOCK_JUMPS; i++)
        cache->jumps[i].rip = BLOCK_JUMP_NOWHERE;
}

void block_cache_reset(struct block_cache *cache)
{
    forget_jumps(cache);
    fill_bytes(cache->buckets, 0, sizeof(cache->buckets));
    cache->used = 0;
}

/* What else than RIP and bytes decides what a block does. In 64-bit mode segments are as good as
 * flat, but for FS and GS, whose bases are looked up when the block runs. */
static uint32_t mode_of(const struct cpu *cpu, bool step)
{
    uint32_t mode = cpu->code_size | (uint32_t)cpu->privilege_level << 9;
    if (cpu->code_size != CODE_64) {
        mode |= (uint32_t)cpu->flat_segments << 2 & 0xfc;
        if (cpu->state.segments[SEGMENT_SS].attributes & SEGMENT_BIG)
            mode |= 1u << 8;
    }
    return mode | (step ? BLOCK_MODE_STEP : 0);
}

static void advance_epoch(struct block_cache *cache)
{
    cache->epoch = (cache->epoch + 1) & ~0u >> BLOCK_MODE_BITS;
    if (cache->epoch == 0)
        forget_jumps(cache);
}

static void refresh_context(struct cpu *cpu, bool step)
{
    struct block_cache *cache = cpu->blocks;
    const struct segment *code = &cpu->state.segments[SEGMENT_CS];
    bool code64 = cpu->code_size == CODE_64;
    uint64_t base = code64 ? 0 : code->base;
    uint32_t limit = code64 ? ~0u : code->limit;
    if (cache->fetch_generation != cpu->fetch_generation || cache->code_base != base ||
        cache->code_limit != limit) {
        cache->fetch_generation = cpu->fetch_generation;
        cache->code_base = base;
        cache->code_limit = limit;
        advance_epoch(cache);
    }
    cache->context = mode_of(cpu, step) | cache->epoch << BLOCK_MODE_BITS;
}

static struct block **bucket_of(struct block_cache *cache, gpa_t physical, uint32_t mode)
{
    uint64_t hash = (physical ^ (uint64_t)mode << 20) * UINT64_C(0x9e3779b97f4a7c15);
    return &cache->buckets[hash >> 32 & (BLOCK_BUCKETS - 1)];
}

/* Takes stale ones out as it comes by. */
static struct block *find_physical(struct block_cache *cache, gpa_t physical, uint32_t mode)
{
    struct block **link = bucket_of(cache, physical, mode);
    while (*link) {
        struct block *block = *link;
        if (!block_valid(block)) {
            *link = block->next;
            continue;
        }
        if (block->physical == physical && block->mode == mode)
            return block;
        link = &block->next;
    }
    return NULL;
}

static void insert_block(struct block_cache *cache, struct block *block)
{
    struct block **bucket = bucket_of(cache, block->physical, block->mode);
    block->next = *bucket;
    *bucket = block;
}

/* The page after that of `linear`. */
static const uint8_t *fetch_next_page(struct cpu *cpu, gva_t linear, gpa_t *physical,
                                      struct frame **frame)
{
    gva_t next = (linear | FRAME_MASK) + 1;
    return cpu_fetch(cpu, cpu->code_size == CODE_64 ? next : (uint32_t)next, physical, frame);
}

static bool leads_to_same_second_page(struct cpu *cpu, const struct block *block, gva_t linear)
{
    gpa_t physical;
    struct frame *frame;
    return fetch_next_page(cpu, linear, &physical, &frame) && physical == block->second_physical;
}

static struct block *build_across(struct cpu *cpu, gva_t linear, const uint8_t *bytes,
                                  struct block *place)
{
    const uint8_t *second =
        fetch_next_page(cpu, linear, &place->second_physical, &place->second_frame);
    return second ? block_build_across(cpu, bytes, place, second) : NULL;
}

static struct block *decode(struct cpu *cpu, gva_t linear, const uint8_t *bytes, gpa_t physical,
                            struct frame *frame, uint32_t mode)
{
    struct block *block = block_build(cpu, bytes, physical, frame, mode);
    if (!block) {
        struct block place = { .physical = physical, .frame = frame, .mode = mode };
        block = build_across(cpu, linear, bytes, &place);
    }
    if (block)
        insert_block(cpu->blocks, block);
    return block;
}

static struct block *find_at(struct cpu *cpu, gva_t linear, uint32_t mode)
{
    gpa_t physical;
    struct frame *frame;
    const uint8_t *bytes = cpu_fetch(cpu, linear, &physical, &frame);
    if (!bytes)
        return NULL;
    struct block *block = find_physical(cpu->blocks, physical, mode);
    if (block && (!block->second_frame || leads_to_same_second_page(cpu, block, linear)))
        return block;
    return decode(cpu, linear, bytes, physical, frame, mode);
}

static bool within_limit(const struct block_cache *cache, uint64_t rip, unsigned length)
{
    return cache->code_limit == ~0u || rip + length - 1 <= cache->code_limit;
}

/* Code that reaches beyond the limit of CS runs an instruction at a time, up to the one that does.
 */
static struct block *find_slow(struct cpu *cpu, uint64_t rip)
{
    struct block_cache *cache = cpu->blocks;
    uint32_t mode = cache->context & ((1u << BLOCK_MODE_BITS) - 1);
    gva_t linear = cpu->code_size == CODE_64 ? rip : (uint32_t)(rip + cache->code_base);
    if (!within_limit(cache, rip, 1))
        goto beyond;
    struct block *block = find_at(cpu, linear, mode);
    if (!block || within_limit(cache, rip, block->length))
        return block;
    block = find_at(cpu, linear, mode | BLOCK_MODE_STEP);
    if (!block || within_limit(cache, rip, block->length))
        return block;
beyond:
    cpu_raise_error(cpu, EXCEPTION_GP, 0);
    return NULL;
}

struct block *block_find(struct cpu *cpu, bool step)
{
    struct block_cache *cache = cpu->blocks;
    if (cpu->code_size != CODE_64)
        cpu->state.rip = (uint32_t)cpu->state.rip;
    refresh_context(cpu, step);
    uint64_t rip = cpu->state.rip;
    struct block_jump *jump = block_jump_of(cache, rip);
    if (jump->rip == rip && jump->context == cache->context && block_valid(jump->block))
        return jump->block;
    struct block *block = find_slow(cpu, rip);
    if (block && !block->second_frame)
        *jump = (struct block_jump){ rip, cache->context, block->version, block->frame, block };
    return block;
}
