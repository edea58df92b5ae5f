// SPDX-License-Identifier: Apache-2.0
/*
 * The software TLB: filled by walks, emptied as the guest says.
 *
 * A flush costs what is in use: each row keeps a bit for each entry that was filled since. Entries
 * are 4 KiB whatever the size of the page, so INVLPG in a large page drops all that came from large
 * pages nearby (SDM volume 3, 4.10.4.1 asks for all of that one page).
 *
 * A frame that holds code has no directly writable entry: `write_checked` instead of `write`. An
 * entry is filled in that way, becomes one when the frame first gets code (tlb_protect_frame), and
 * becomes writable again by a store that finds the code gone.
 */
#include "core/x86/interpreter/memory_page.h"

static unsigned tlb_index(gva_t linear)
{
    return linear >> FRAME_SHIFT & (TLB_ENTRIES - 1);
}

static void clear_entry(struct tlb_entry *entry, unsigned index)
{
    uint64_t none = TLB_NONE(index);
    *entry = (struct tlb_entry){ .read = none, .write = none, .write_checked = none };
}

/* Does a tag of the entry `index` stand for a page? */
static bool tag_valid(uint64_t tag, unsigned index)
{
    return tag != TLB_NONE(index);
}

static unsigned fetch_index(gva_t linear)
{
    return linear >> FRAME_SHIFT & (FETCH_TLB_ENTRIES - 1);
}

/* -- Flushing -- */

static void flush_entries(struct cpu *cpu, unsigned row, unsigned word, uint64_t entries)
{
    struct tlb_usage *usage = &cpu->tlb_usage[row];
    usage->used[word] &= ~entries;
    for (; entries; entries &= entries - 1) {
        unsigned index = word * 64 + (unsigned)__builtin_ctzll(entries);
        clear_entry(&cpu->tlbs[row][index], index);
    }
}

static void flush(struct cpu *cpu, bool global_too)
{
    for (unsigned row = 0; row < ACCESS_MODES; row++) {
        const struct tlb_usage *usage = &cpu->tlb_usage[row];
        for (unsigned word = 0; word < TLB_ENTRIES / 64; word++)
            flush_entries(cpu, row, word,
                          usage->used[word] & ~(global_too ? 0 : usage->global[word]));
    }
    for (unsigned user = 0; user < 2; user++)
        for (unsigned i = 0; i < FETCH_TLB_ENTRIES; i++)
            if (global_too || !cpu->fetch_tlb[user][i].global)
                cpu->fetch_tlb[user][i].page = FETCH_NONE;
    page_table_cache_empty(&cpu->page_tables);
    cpu->fetch_generation++;
}

void tlb_flush(struct cpu *cpu)
{
    flush(cpu, true);
}

void tlb_flush_not_global(struct cpu *cpu)
{
    flush(cpu, false);
}

/* Of large pages all entries in the same GiB, the largest page there is. */
static bool same_large_page(gva_t left, gva_t right)
{
    return (left ^ right) >> 30 == 0;
}

static gva_t entry_page(const struct tlb_entry *entry, unsigned index)
{
    if (tag_valid(entry->read, index))
        return entry->read;
    return tag_valid(entry->write, index) ? entry->write : entry->write_checked;
}

static void flush_row_page(struct cpu *cpu, unsigned row, gva_t linear)
{
    unsigned index = tlb_index(linear);
    struct tlb_usage *usage = &cpu->tlb_usage[row];
    flush_entries(cpu, row, index / 64, usage->used[index / 64] & UINT64_C(1) << index % 64);
    for (unsigned word = 0; word < TLB_ENTRIES / 64; word++) {
        uint64_t stale = 0;
        for (uint64_t left = usage->used[word] & usage->large[word]; left; left &= left - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(left), large = word * 64 + bit;
            if (same_large_page(entry_page(&cpu->tlbs[row][large], large), linear))
                stale |= UINT64_C(1) << bit;
        }
        flush_entries(cpu, row, word, stale);
    }
}

void tlb_flush_page(struct cpu *cpu, gva_t linear)
{
    for (unsigned row = 0; row < ACCESS_MODES; row++)
        flush_row_page(cpu, row, linear);
    for (unsigned user = 0; user < 2; user++) {
        struct fetch_entry *entries = cpu->fetch_tlb[user];
        entries[fetch_index(linear)].page = FETCH_NONE;
        for (unsigned i = 0; i < FETCH_TLB_ENTRIES; i++)
            if (entries[i].large && same_large_page(entries[i].page, linear))
                entries[i].page = FETCH_NONE;
    }
    page_table_cache_empty(&cpu->page_tables);
    cpu->fetch_generation++;
}

void cpu_state_loaded(struct cpu *cpu)
{
    for (unsigned row = 0; row < ACCESS_ROWS; row++) {
        cpu->tlb_usage[row] = (struct tlb_usage){ 0 };
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            clear_entry(&cpu->tlbs[row][i], i);
    }
    flush(cpu, true);
    cpu_mode_changed(cpu);
}

/* -- Frames that hold code -- */

static void protect_entry(struct tlb_entry *entry, unsigned index)
{
    entry->write_checked = entry->write;
    entry->write = TLB_NONE(index);
}

/* Calls `visit` for each entry in use through which memory can be written directly. */
static void for_each_writable(struct cpu *cpu, const struct frame *frame,
                              void (*visit)(struct tlb_entry *, unsigned, const struct frame *))
{
    for (unsigned row = 0; row < ACCESS_MODES; row++)
        for (unsigned word = 0; word < TLB_ENTRIES / 64; word++)
            for (uint64_t left = cpu->tlb_usage[row].used[word]; left; left &= left - 1) {
                unsigned index = word * 64 + (unsigned)__builtin_ctzll(left);
                if (tag_valid(cpu->tlbs[row][index].write, index))
                    visit(&cpu->tlbs[row][index], index, frame);
            }
}

static void protect_if_of_frame(struct tlb_entry *entry, unsigned index, const struct frame *frame)
{
    if (entry->frame == frame)
        protect_entry(entry, index);
}

void tlb_protect_frame(struct cpu *cpu, const struct frame *frame)
{
    for_each_writable(cpu, frame, protect_if_of_frame);
}

static void protect_if_code(struct tlb_entry *entry, unsigned index, const struct frame *frame)
{
    (void)frame;
    if (!atomic_load(&entry->frame->code_lines))
        return;
    protect_entry(entry, index);
    frame_written(entry->frame, ~UINT32_C(0));
}

void tlb_protect_code(struct cpu *cpu)
{
    for_each_writable(cpu, NULL, protect_if_code);
    cpu_code_written(cpu);
}

/* -- Filling -- */

static unsigned walk_access(const struct cpu *cpu, enum access_mode mode)
{
    if (mode == ACCESS_MODE_USER)
        return PAGE_ACCESS_USER;
    return mode == ACCESS_MODE_SUPERVISOR && cpu->paging.smap ? PAGE_ACCESS_AC : 0;
}

bool linear_is_canonical(const struct cpu *cpu, gva_t linear)
{
    return !cpu->long_mode || (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

bool raise_non_canonical(struct cpu *cpu, gva_t linear)
{
    cpu_raise_error(cpu, EXCEPTION_GP, 0);
    cpu->exception.non_canonical = true;
    cpu->exception.address = linear;
    return false;
}

static void tlb_note(struct tlb_usage *usage, unsigned index,
                     const struct page_translation *translation)
{
    uint64_t bit = UINT64_C(1) << index % 64;
    unsigned word = index / 64;
    usage->used[word] |= bit;
    usage->global[word] =
        translation->global ? usage->global[word] | bit : usage->global[word] & ~bit;
    usage->large[word] = translation->page_shift > FRAME_SHIFT ? usage->large[word] | bit
                                                               : usage->large[word] & ~bit;
}

static struct tlb_entry *tlb_fill(struct cpu *cpu, enum access_mode mode, gva_t linear,
                                  const struct page_translation *translation,
                                  const struct memory_slot *slot)
{
    unsigned index = tlb_index(linear);
    unsigned access = walk_access(cpu, mode);
    struct tlb_entry *entry = &cpu->tlbs[mode][index];
    gva_t page = linear & ~(gva_t)FRAME_MASK;
    clear_entry(entry, index);
    entry->addend =
        (uintptr_t)slot->host + (uintptr_t)(translation->physical - slot->base) - (uintptr_t)linear;
    entry->frame = slot_frame(slot, translation->physical);
    if (page_permits(&cpu->paging, translation, access))
        entry->read = page;
    if (translation->dirty && !slot->read_only &&
        page_permits(&cpu->paging, translation, access | PAGE_ACCESS_WRITE)) {
        bool code = atomic_load(&entry->frame->code_lines) != 0;
        *(code ? &entry->write_checked : &entry->write) = page;
    }
    tlb_note(&cpu->tlb_usage[mode], index, translation);
    return entry;
}

static bool page_walk_for(struct cpu *cpu, enum access_mode mode, gva_t linear, bool write,
                          struct page *page)
{
    struct page_translation translation;
    uint32_t error_code;
    if (!linear_is_canonical(cpu, linear))
        return raise_non_canonical(cpu, linear);
    unsigned access = walk_access(cpu, mode) | (write ? PAGE_ACCESS_WRITE : 0);
    if (!page_walk_cached(&cpu->paging, cpu->memory, &cpu->page_tables, linear, access,
                          &translation, &error_code))
        return cpu_raise_page_fault(cpu, linear, error_code);
    const struct memory_slot *slot = guest_memory_slot(cpu->memory, translation.physical);
    *page = (struct page){ .physical = translation.physical };
    if (!slot)
        return true;
    const struct tlb_entry *entry = tlb_fill(cpu, mode, linear, &translation, slot);
    page->lost = write && slot->read_only;
    if (!page->lost)
        page->host = (uint8_t *)(linear + entry->addend); // NOLINT: addresses are numbers here
    if (write && tag_valid(entry->write_checked, tlb_index(linear)))
        page->frame = entry->frame;
    return true;
}

/* A store to a frame whose code went away: direct from now on. */
static void tlb_unprotect(struct tlb_entry *entry, unsigned index)
{
    if (atomic_load(&entry->frame->code_lines))
        return;
    entry->write = entry->write_checked;
    entry->write_checked = TLB_NONE(index);
}

bool page_find(struct cpu *cpu, enum access_mode mode, gva_t linear, bool write, struct page *page)
{
    struct tlb_entry *entry = &cpu->tlbs[mode][tlb_index(linear)];
    gva_t tag = linear & ~(gva_t)FRAME_MASK;
    if (write && entry->write_checked == tag)
        tlb_unprotect(entry, tlb_index(linear));
    if ((write ? entry->write : entry->read) == tag) {
        *page = (struct page){ .host = (uint8_t *)(linear + entry->addend) };
        return true;
    }
    if (write && entry->write_checked == tag) {
        *page = (struct page){ .host = (uint8_t *)(linear + entry->addend), .frame = entry->frame };
        return true;
    }
    return page_walk_for(cpu, mode, linear, write, page);
}

/* -- Fetching -- */

static const uint8_t *fetch_failed(struct cpu *cpu, gpa_t physical)
{
    *cpu->exit = (struct vm_exit){ .reason = VM_EXIT_FAIL,
                                   .fail = { .reason = "the guest executes where no memory is",
                                             .detail = physical } };
    cpu->exit_pending = true;
    return NULL;
}

static const uint8_t *fetch_walk(struct cpu *cpu, gva_t linear, struct fetch_entry *entry)
{
    struct page_translation translation;
    uint32_t error_code;
    if (!linear_is_canonical(cpu, linear)) {
        cpu_raise_error(cpu, EXCEPTION_GP, 0);
        return NULL;
    }
    unsigned access = PAGE_ACCESS_FETCH | (cpu->privilege_level == 3 ? PAGE_ACCESS_USER : 0);
    if (!page_walk_cached(&cpu->paging, cpu->memory, &cpu->page_tables, linear, access,
                          &translation, &error_code)) {
        cpu_raise_page_fault(cpu, linear, error_code);
        return NULL;
    }
    const struct memory_slot *slot = guest_memory_slot(cpu->memory, translation.physical);
    if (!slot)
        return fetch_failed(cpu, translation.physical);
    gpa_t frame = translation.physical & ~(gpa_t)FRAME_MASK;
    *entry = (struct fetch_entry){ .page = linear & ~(gva_t)FRAME_MASK,
                                   .physical = frame,
                                   .host = slot->host + (frame - slot->base),
                                   .frame = slot_frame(slot, frame),
                                   .global = translation.global,
                                   .large = translation.page_shift > FRAME_SHIFT };
    return entry->host;
}

const uint8_t *cpu_fetch(struct cpu *cpu, gva_t linear, gpa_t *physical, struct frame **frame)
{
    struct fetch_entry *entry = &cpu->fetch_tlb[cpu->privilege_level == 3][fetch_index(linear)];
    if (entry->page != (linear & ~(gva_t)FRAME_MASK) && !fetch_walk(cpu, linear, entry))
        return NULL;
    *physical = entry->physical + (linear & FRAME_MASK);
    *frame = entry->frame;
    return entry->host + (linear & FRAME_MASK);
}
