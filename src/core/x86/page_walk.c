// SPDX-License-Identifier: Apache-2.0
/*
 * One walk for all formats (SDM volume 3, 4.3 to 4.5): they differ in the size of an entry, in how
 * many bits of the linear address a level takes, and in where a large page keeps its address.
 *
 * A locked compare-and-exchange sets accessed and dirty flags. When the entry is no longer what was
 * read, the walk begins again: nothing of the old one may be used (4.8).
 */
#include "core/x86/page_walk.h"

#define PSE36_RESERVED (UINT64_C(1) << 21) /* of a 4 MiB page, table 4-4 */

static uint64_t bits(unsigned first, unsigned end)
{
    return (UINT64_C(1) << end) - (UINT64_C(1) << first);
}

void paging_from_state(struct paging *paging, const struct cpu_state *state,
                       unsigned physical_address_bits)
{
    bool pae = state->cr4 & CR4_PAE;
    *paging = (struct paging){
        .physical_mask = state->a20_masked ? ~(UINT64_C(1) << 20) : ~UINT64_C(0),
        .page_size_extension = state->cr4 & CR4_PSE,
        .write_protect = state->cr0 & CR0_WP,
        .no_execute = pae && state->efer & EFER_NXE,
        .smep = state->cr4 & CR4_SMEP,
        .smap = state->cr4 & CR4_SMAP,
        .global = state->cr4 & CR4_PGE,
        .address = bits(12, physical_address_bits),
    };
    if (!(state->cr0 & CR0_PG)) {
        paging->mode = PAGING_NONE;
    } else if (!pae) {
        paging->mode = PAGING_32_BIT;
        paging->root = state->cr3 & bits(12, 32);
    } else {
        bool long_mode = state->efer & EFER_LMA;
        paging->mode = long_mode ? PAGING_4_LEVEL : PAGING_PAE;
        paging->root = state->cr3 & paging->address;
        /* Table 4-11 and 4-20: bits 62:52 are ignored by 4-level paging only. */
        paging->reserved = bits(physical_address_bits, long_mode ? 52 : 63) |
                           (paging->no_execute ? 0 : PAGE_ENTRY_XD);
    }
    for (unsigned i = 0; i < 4; i++)
        paging->pdpte[i] = state->pdpte[i];
}

bool page_permits(const struct paging *paging, const struct page_translation *translation,
                  unsigned access)
{
    if (access & PAGE_ACCESS_FETCH && translation->execute_disable)
        return false;
    if (access & PAGE_ACCESS_USER)
        return translation->user && (translation->writable || !(access & PAGE_ACCESS_WRITE));
    if (translation->user) {
        if (access & PAGE_ACCESS_FETCH)
            return !paging->smep;
        if (paging->smap && !(access & PAGE_ACCESS_AC))
            return false;
    }
    return translation->writable || !paging->write_protect || !(access & PAGE_ACCESS_WRITE);
}

struct entry {
    uint64_t value;
    uint8_t *host; /* NULL: not in memory, so it cannot be written */
    struct frame *frame;
    gpa_t address;
};

struct walk {
    const struct paging *paging;
    const struct guest_memory *memory;
    gva_t linear;
    unsigned level, index_bits, entry_size;
    gpa_t table;
};

/* False: the PDPTE register is not present. */
static bool walk_begin(struct walk *walk, const struct paging *paging,
                       const struct guest_memory *memory, gva_t linear)
{
    *walk = (struct walk){ .paging = paging,
                           .memory = memory,
                           .linear = linear,
                           .level = paging->mode == PAGING_4_LEVEL ? 4 : 2,
                           .index_bits = paging->mode == PAGING_32_BIT ? 10 : 9,
                           .entry_size = paging->mode == PAGING_32_BIT ? 4 : 8,
                           .table = paging->root };
    if (paging->mode != PAGING_PAE)
        return true;
    uint64_t pdpte = paging->pdpte[linear >> 30 & 3];
    walk->table = pdpte & paging->address;
    return pdpte & PAGE_ENTRY_PRESENT;
}

static unsigned walk_shift(const struct walk *walk)
{
    return FRAME_SHIFT + walk->index_bits * (walk->level - 1);
}

/* What is not memory reads as all ones, as on a bus where nobody answers. */
static void walk_load(const struct walk *walk, struct entry *entry)
{
    uint64_t index = walk->linear >> walk_shift(walk) & ((1u << walk->index_bits) - 1);
    entry->address = (walk->table + index * walk->entry_size) & walk->paging->physical_mask;
    const struct memory_slot *slot = guest_memory_slot(walk->memory, entry->address);
    if (!slot) {
        entry->host = NULL;
        entry->value = walk->entry_size == 8 ? ~UINT64_C(0) : UINT32_MAX;
        return;
    }
    uint8_t *host = slot->host + (entry->address - slot->base);
    entry->value = walk->entry_size == 8 ? __atomic_load_n((uint64_t *)host, __ATOMIC_RELAXED)
                                         : __atomic_load_n((uint32_t *)host, __ATOMIC_RELAXED);
    entry->host = slot->read_only ? NULL : host;
    entry->frame = slot_frame(slot, entry->address);
}

static bool walk_at_leaf(const struct walk *walk, uint64_t entry)
{
    if (walk->level == 1)
        return true;
    return entry & PAGE_ENTRY_LARGE &&
           (walk->paging->mode != PAGING_32_BIT || walk->paging->page_size_extension);
}

static bool walk_reserved(const struct walk *walk, uint64_t entry, bool leaf)
{
    const struct paging *paging = walk->paging;
    if (entry & paging->reserved)
        return true;
    if (!leaf || walk->level == 1)
        return false;
    if (paging->mode == PAGING_32_BIT)
        return entry & (PSE36_RESERVED | (~(paging->address >> 32) & 0xff) << 13);
    /* Bit 12 of a large page is PAT; a PML4 entry has no large page. */
    return walk->level == 4 || entry & paging->address & bits(13, walk_shift(walk));
}

static gpa_t leaf_base(const struct walk *walk, uint64_t entry)
{
    gpa_t base = entry & walk->paging->address & -(UINT64_C(1) << walk_shift(walk));
    if (walk->paging->mode == PAGING_32_BIT) {
        base &= UINT32_MAX;
        if (walk->level == 2)
            base |= (entry >> 13 & 0xff) << 32;
    }
    return base;
}

/* False: the entry has changed. */
static bool entry_set(const struct walk *walk, const struct entry *entry, uint64_t flags)
{
    if ((entry->value & flags) == flags || !entry->host)
        return true;
    uint64_t expected = entry->value;
    uint32_t expected_32 = (uint32_t)expected;
    bool done =
        walk->entry_size == 8
            ? __atomic_compare_exchange_n((uint64_t *)entry->host, &expected, expected | flags,
                                          false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
            : __atomic_compare_exchange_n((uint32_t *)entry->host, &expected_32,
                                          expected_32 | (uint32_t)flags, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED);
    if (done)
        frame_written(entry->frame, code_lines(entry->address & FRAME_MASK, walk->entry_size));
    return done;
}

enum walk_outcome { WALK_DONE, WALK_FAULT, WALK_AGAIN };

static enum walk_outcome walk_leaf(const struct walk *walk, const struct entry *entry,
                                   unsigned access, struct page_translation *translation,
                                   uint32_t *error_code)
{
    if (!page_permits(walk->paging, translation, access)) {
        *error_code = PAGE_FAULT_PRESENT;
        return WALK_FAULT;
    }
    uint64_t flags = PAGE_ENTRY_ACCESSED | (access & PAGE_ACCESS_WRITE ? PAGE_ENTRY_DIRTY : 0);
    if (!(access & PAGE_ACCESS_PROBE) && !entry_set(walk, entry, flags))
        return WALK_AGAIN;
    unsigned shift = walk_shift(walk);
    translation->page_shift = (uint8_t)shift;
    translation->dirty = (entry->value | flags) & PAGE_ENTRY_DIRTY;
    translation->global = walk->paging->global && entry->value & PAGE_ENTRY_GLOBAL;
    translation->physical = (leaf_base(walk, entry->value) | (walk->linear & bits(0, shift))) &
                            walk->paging->physical_mask;
    return WALK_DONE;
}

void page_table_cache_empty(struct page_table_cache *cache)
{
    for (unsigned i = 0; i < PAGE_TABLE_CACHE_ENTRIES; i++)
        cache->entries[i].region = PAGE_TABLE_CACHE_NONE;
}

#define REGION_SHIFT 21

static struct page_table_cache_entry *cache_entry(struct page_table_cache *cache, gva_t linear)
{
    return &cache->entries[linear >> REGION_SHIFT & (PAGE_TABLE_CACHE_ENTRIES - 1)];
}

static void cache_fill(const struct walk *walk, struct page_table_cache *cache,
                       const struct page_translation *translation)
{
    *cache_entry(cache, walk->linear) = (struct page_table_cache_entry){
        .region = walk->linear >> REGION_SHIFT,
        .table = walk->table,
        .writable = translation->writable,
        .user = translation->user,
        .execute_disable = translation->execute_disable,
    };
}

/* The last level alone, where the cache knows its table. WALK_FAULT: to be walked from the root. */
static enum walk_outcome walk_from_cache(const struct paging *paging,
                                         const struct guest_memory *memory,
                                         struct page_table_cache *cache, gva_t linear,
                                         unsigned access, struct page_translation *translation,
                                         uint32_t *error_code)
{
    const struct page_table_cache_entry *cached = cache_entry(cache, linear);
    if (cached->region != linear >> REGION_SHIFT)
        return WALK_FAULT;
    struct walk walk = { .paging = paging,
                         .memory = memory,
                         .linear = linear,
                         .level = 1,
                         .index_bits = 9,
                         .entry_size = 8,
                         .table = cached->table };
    struct entry entry;
    walk_load(&walk, &entry);
    if (!(entry.value & PAGE_ENTRY_PRESENT) || walk_reserved(&walk, entry.value, true))
        return WALK_FAULT;
    translation->writable = cached->writable && entry.value & PAGE_ENTRY_WRITABLE;
    translation->user = cached->user && entry.value & PAGE_ENTRY_USER;
    translation->execute_disable = cached->execute_disable || entry.value & PAGE_ENTRY_XD;
    return walk_leaf(&walk, &entry, access, translation, error_code);
}

static enum walk_outcome walk_once(const struct paging *paging, const struct guest_memory *memory,
                                   struct page_table_cache *cache, gva_t linear, unsigned access,
                                   struct page_translation *translation, uint32_t *error_code)
{
    struct walk walk;
    *error_code = 0;
    translation->writable = translation->user = true;
    translation->execute_disable = false;
    if (!walk_begin(&walk, paging, memory, linear))
        return WALK_FAULT;
    for (;; walk.level--) {
        struct entry entry;
        walk_load(&walk, &entry);
        if (!(entry.value & PAGE_ENTRY_PRESENT))
            return WALK_FAULT;
        bool leaf = walk_at_leaf(&walk, entry.value);
        if (walk_reserved(&walk, entry.value, leaf)) {
            *error_code = PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED;
            return WALK_FAULT;
        }
        translation->writable &= (entry.value & PAGE_ENTRY_WRITABLE) != 0;
        translation->user &= (entry.value & PAGE_ENTRY_USER) != 0;
        translation->execute_disable |= (entry.value & PAGE_ENTRY_XD) != 0;
        if (leaf)
            return walk_leaf(&walk, &entry, access, translation, error_code);
        if (!(access & PAGE_ACCESS_PROBE) && !entry_set(&walk, &entry, PAGE_ENTRY_ACCESSED))
            return WALK_AGAIN;
        walk.table = entry.value & paging->address;
        if (cache && walk.level == 2)
            cache_fill(&walk, cache, translation);
    }
}

bool page_walk(const struct paging *paging, const struct guest_memory *memory, gva_t linear,
               unsigned access, struct page_translation *translation, uint32_t *error_code)
{
    return page_walk_cached(paging, memory, NULL, linear, access, translation, error_code);
}

bool page_walk_cached(const struct paging *paging, const struct guest_memory *memory,
                      struct page_table_cache *cache, gva_t linear, unsigned access,
                      struct page_translation *translation, uint32_t *error_code)
{
    if (paging->mode == PAGING_NONE) {
        *translation = (struct page_translation){ .physical = linear & paging->physical_mask,
                                                  .page_shift = FRAME_SHIFT,
                                                  .writable = true,
                                                  .user = true,
                                                  .dirty = true };
        return true;
    }
    enum walk_outcome outcome;
    if (paging->mode == PAGING_32_BIT)
        cache = NULL; /* its tables are of 4 MiB */
    if (cache && walk_from_cache(paging, memory, cache, linear, access, translation, error_code) ==
                     WALK_DONE)
        return true;
    do
        outcome = walk_once(paging, memory, cache, linear, access, translation, error_code);
    while (outcome == WALK_AGAIN);
    if (outcome == WALK_DONE)
        return true;
    *error_code |= access & (PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    /* I/D is told only where a fetch can be refused (4.7). */
    if (access & PAGE_ACCESS_FETCH && (paging->no_execute || paging->smep))
        *error_code |= PAGE_FAULT_FETCH;
    return false;
}

unsigned page_walk_trace(const struct paging *paging, const struct guest_memory *memory,
                         gva_t linear, struct page_walk_step steps[4])
{
    struct walk walk;
    if (paging->mode == PAGING_NONE || !walk_begin(&walk, paging, memory, linear))
        return 0;
    for (unsigned count = 0;; walk.level--) {
        struct entry entry;
        walk_load(&walk, &entry);
        steps[count++] = (struct page_walk_step){ .level = walk.level,
                                                  .address = entry.address,
                                                  .entry = entry.value };
        if (!(entry.value & PAGE_ENTRY_PRESENT) || walk_at_leaf(&walk, entry.value))
            return count;
        walk.table = entry.value & paging->address;
    }
}
