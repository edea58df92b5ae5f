// SPDX-License-Identifier: Apache-2.0
/* Paging as SDM volume 3, chapter 4 has it. The tables lie at fixed places in 1 MiB of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/x86/page_walk.h"

#define MEMORY_SIZE (UINT64_C(1) << 20)
#define TABLE(n)    (UINT64_C(0x1000) * (n)) /* 1 to 4: the table of that level */
#define PAGE        UINT64_C(0x10000)
#define LINEAR      UINT64_C(0x123456789abc)

#define P    UINT64_C(1)
#define RW   UINT64_C(2)
#define US   UINT64_C(4)
#define A    UINT64_C(0x20)
#define D    UINT64_C(0x40)
#define PS   UINT64_C(0x80)
#define G    UINT64_C(0x100)
#define XD   (UINT64_C(1) << 63)
#define FULL (P | RW | US)

struct fixture {
    struct guest_memory memory;
    uint8_t *host;
    struct frame *frames;
    struct cpu_state state;
    struct paging paging;
    struct page_translation found;
    uint32_t error_code;
};

static uint64_t *entry64(struct fixture *f, gpa_t table, unsigned index)
{
    return (uint64_t *)(f->host + table) + index;
}

static uint32_t *entry32(struct fixture *f, gpa_t table, unsigned index)
{
    return (uint32_t *)(f->host + table) + index;
}

static unsigned index_at(unsigned level)
{
    return LINEAR >> (12 + 9 * (level - 1)) & 511;
}

static uint64_t *level_entry(struct fixture *f, unsigned level)
{
    return entry64(f, TABLE(level), index_at(level));
}

static void refresh(struct fixture *f)
{
    paging_from_state(&f->paging, &f->state, 40);
}

static bool walk(struct fixture *f, gva_t linear, unsigned access)
{
    return page_walk(&f->paging, &f->memory, linear, access, &f->found, &f->error_code);
}

static void refused(struct fixture *f, gva_t linear, unsigned access, uint32_t error_code)
{
    assert_false(walk(f, linear, access));
    assert_int_equal(f->error_code, error_code);
}

/* 4-level paging that maps LINEAR to PAGE with all rights. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->host = aligned_alloc(4096, MEMORY_SIZE);
    memset(f->host, 0, MEMORY_SIZE);
    f->frames = calloc(MEMORY_SIZE / FRAME_SIZE, sizeof(*f->frames));
    guest_memory_add(&f->memory, 0, MEMORY_SIZE, f->host, f->frames, false);
    f->state.cr0 = CR0_PE | CR0_PG | CR0_WP;
    f->state.cr4 = CR4_PAE | CR4_PGE;
    f->state.efer = EFER_LME | EFER_LMA | EFER_NXE;
    f->state.cr3 = TABLE(4);
    for (unsigned level = 4; level > 1; level--)
        *level_entry(f, level) = TABLE(level - 1) | FULL;
    *level_entry(f, 1) = PAGE | FULL;
    refresh(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->host);
    free(f->frames);
    free(f);
    return 0;
}

static void without_paging_an_address_is_its_own_translation(void **state)
{
    struct fixture *f = *state;
    f->state.cr0 = CR0_PE;
    refresh(f);
    assert_true(walk(f, 0x12345, PAGE_ACCESS_WRITE | PAGE_ACCESS_USER));
    assert_int_equal(f->found.physical, 0x12345);
}

static void a20_masks_the_address_and_the_tables(void **state)
{
    struct fixture *f = *state;
    f->state.cr0 = CR0_PE;
    f->state.a20_masked = true;
    refresh(f);
    assert_true(walk(f, 0x100123, 0));
    assert_int_equal(f->found.physical, 0x123);
    f->state.cr0 |= CR0_PG;
    *level_entry(f, 4) = (TABLE(3) + 0x100000) | FULL;
    refresh(f);
    assert_true(walk(f, LINEAR, 0));
}

static void four_levels_lead_to_a_page(void **state)
{
    struct fixture *f = *state;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_USER));
    assert_int_equal(f->found.physical, PAGE | 0xabc);
    assert_int_equal(f->found.page_shift, 12);
    assert_false(f->found.dirty);
}

static void a_read_sets_accessed_in_every_level_and_no_dirty(void **state)
{
    struct fixture *f = *state;
    assert_true(walk(f, LINEAR, 0));
    for (unsigned level = 1; level <= 4; level++)
        assert_int_equal(*level_entry(f, level) & (A | D), A);
}

static void a_write_sets_dirty_in_the_last_level_alone(void **state)
{
    struct fixture *f = *state;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_WRITE));
    assert_true(f->found.dirty);
    assert_int_equal(*level_entry(f, 1) & (A | D), A | D);
    assert_int_equal(*level_entry(f, 2) & (A | D), A);
}

static void a_debugger_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_PROBE | PAGE_ACCESS_WRITE));
    for (unsigned level = 1; level <= 4; level++)
        assert_int_equal(*level_entry(f, level) & (A | D), 0);
}

static void a_refused_write_sets_no_flags_in_the_last_level(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 1) &= ~RW;
    refused(f, LINEAR, PAGE_ACCESS_WRITE, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
    assert_int_equal(*level_entry(f, 1) & (A | D), 0);
}

static void setting_a_flag_makes_code_in_the_table_stale(void **state)
{
    struct fixture *f = *state;
    struct frame *frame = &f->frames[TABLE(1) >> FRAME_SHIFT];
    atomic_store(&frame->code_lines, ~UINT32_C(0));
    uint32_t version = frame->version;
    assert_true(walk(f, LINEAR, 0));
    assert_int_not_equal(frame->version, version);
}

/* Each level can say no: present, user, writable, execute-disable. */

static void not_present_at_any_level_is_a_fault_without_p(void **state)
{
    struct fixture *f = *state;
    for (unsigned level = 1; level <= 4; level++) {
        *level_entry(f, level) &= ~P;
        refused(f, LINEAR, PAGE_ACCESS_USER | PAGE_ACCESS_WRITE,
                PAGE_FAULT_USER | PAGE_FAULT_WRITE);
        *level_entry(f, level) |= P;
    }
}

static void a_supervisor_level_forbids_users(void **state)
{
    struct fixture *f = *state;
    for (unsigned level = 1; level <= 4; level++) {
        *level_entry(f, level) &= ~US;
        refused(f, LINEAR, PAGE_ACCESS_USER, PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
        assert_true(walk(f, LINEAR, 0));
        *level_entry(f, level) |= US;
    }
}

static void a_read_only_level_forbids_writes(void **state)
{
    struct fixture *f = *state;
    for (unsigned level = 1; level <= 4; level++) {
        *level_entry(f, level) &= ~RW;
        refused(f, LINEAR, PAGE_ACCESS_USER | PAGE_ACCESS_WRITE,
                PAGE_FAULT_PRESENT | PAGE_FAULT_USER | PAGE_FAULT_WRITE);
        refused(f, LINEAR, PAGE_ACCESS_WRITE, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
        *level_entry(f, level) |= RW;
    }
}

static void an_execute_disabled_level_forbids_fetches(void **state)
{
    struct fixture *f = *state;
    for (unsigned level = 1; level <= 4; level++) {
        *level_entry(f, level) |= XD;
        refused(f, LINEAR, PAGE_ACCESS_FETCH, PAGE_FAULT_PRESENT | PAGE_FAULT_FETCH);
        assert_true(walk(f, LINEAR, PAGE_ACCESS_WRITE));
        *level_entry(f, level) &= ~XD;
    }
}

static void without_nxe_bit_63_is_reserved(void **state)
{
    struct fixture *f = *state;
    f->state.efer &= ~EFER_NXE;
    *level_entry(f, 2) |= XD;
    refresh(f);
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void without_nxe_and_smep_a_fetch_is_not_told_from_a_read(void **state)
{
    struct fixture *f = *state;
    f->state.efer &= ~EFER_NXE;
    *level_entry(f, 1) = 0;
    refresh(f);
    refused(f, LINEAR, PAGE_ACCESS_FETCH, 0);
    f->state.cr4 |= CR4_SMEP;
    refresh(f);
    refused(f, LINEAR, PAGE_ACCESS_FETCH, PAGE_FAULT_FETCH);
}

static void without_wp_the_supervisor_writes_everywhere(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 1) &= ~RW;
    f->state.cr0 &= ~CR0_WP;
    refresh(f);
    assert_true(walk(f, LINEAR, PAGE_ACCESS_WRITE));
    refused(f, LINEAR, PAGE_ACCESS_WRITE | PAGE_ACCESS_USER,
            PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
}

static void smep_forbids_fetching_from_user_pages(void **state)
{
    struct fixture *f = *state;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_FETCH));
    f->state.cr4 |= CR4_SMEP;
    refresh(f);
    refused(f, LINEAR, PAGE_ACCESS_FETCH, PAGE_FAULT_PRESENT | PAGE_FAULT_FETCH);
    assert_true(walk(f, LINEAR, PAGE_ACCESS_FETCH | PAGE_ACCESS_USER));
    *level_entry(f, 3) &= ~US;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_FETCH));
}

static void smap_forbids_user_data_but_with_ac(void **state)
{
    struct fixture *f = *state;
    f->state.cr4 |= CR4_SMAP;
    refresh(f);
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT);
    refused(f, LINEAR, PAGE_ACCESS_WRITE, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
    assert_true(walk(f, LINEAR, PAGE_ACCESS_AC | PAGE_ACCESS_WRITE));
    assert_true(walk(f, LINEAR, PAGE_ACCESS_USER));
    assert_true(walk(f, LINEAR, PAGE_ACCESS_FETCH));
}

static void address_bits_that_are_not_there_are_reserved(void **state)
{
    struct fixture *f = *state;
    for (unsigned level = 1; level <= 4; level++) {
        *level_entry(f, level) |= UINT64_C(1) << 40;
        refused(f, LINEAR, PAGE_ACCESS_USER,
                PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED | PAGE_FAULT_USER);
        *level_entry(f, level) &= ~(UINT64_C(1) << 40);
        *level_entry(f, level) |= UINT64_C(0x7ff) << 52; /* ignored */
        assert_true(walk(f, LINEAR, 0));
    }
}

static void a_pml4_entry_has_no_large_page(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 4) |= PS;
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void a_directory_entry_maps_2_mib(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 2) = 0x8000600000 | FULL | PS;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_WRITE));
    assert_int_equal(f->found.physical, 0x8000600000 | (LINEAR & 0x1fffff));
    assert_int_equal(f->found.page_shift, 21);
    assert_int_equal(*level_entry(f, 2) & (A | D), A | D);
    *level_entry(f, 2) |= 1 << 12; /* PAT */
    assert_true(walk(f, LINEAR, 0));
    *level_entry(f, 2) |= 1 << 13;
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void a_pointer_entry_maps_1_gib(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 3) = 0x40000000 | FULL | PS;
    assert_true(walk(f, LINEAR, 0));
    assert_int_equal(f->found.physical, 0x40000000 | (LINEAR & 0x3fffffff));
    assert_int_equal(f->found.page_shift, 30);
    *level_entry(f, 3) |= 1 << 21;
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void a_global_page_is_global_under_pge_alone(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 1) |= G;
    assert_true(walk(f, LINEAR, 0));
    assert_true(f->found.global);
    f->state.cr4 &= ~CR4_PGE;
    refresh(f);
    assert_true(walk(f, LINEAR, 0));
    assert_false(f->found.global);
}

static void tables_where_no_memory_is_read_as_ones(void **state)
{
    struct fixture *f = *state;
    *level_entry(f, 2) = MEMORY_SIZE | FULL;
    refused(f, LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void flags_of_tables_in_rom_stay(void **state)
{
    struct fixture *f = *state;
    f->memory.slots[0].read_only = true;
    assert_true(walk(f, LINEAR, PAGE_ACCESS_WRITE));
    assert_int_equal(*level_entry(f, 1) & (A | D), 0);
}

/* PAE: the PDPTE registers, then two levels. */

static void use_pae(struct fixture *f)
{
    f->state.efer = EFER_NXE;
    f->state.pdpte[1] = TABLE(2) | P;
    *entry64(f, TABLE(2), 2) = TABLE(1) | FULL;
    *entry64(f, TABLE(1), 3) = PAGE | FULL;
    refresh(f);
}

#define PAE_LINEAR UINT64_C(0x40403abc)

static void pae_starts_from_its_registers(void **state)
{
    struct fixture *f = *state;
    use_pae(f);
    assert_true(walk(f, PAE_LINEAR, PAGE_ACCESS_USER | PAGE_ACCESS_WRITE));
    assert_int_equal(f->found.physical, PAGE | 0xabc);
    refused(f, 0x80403abc, 0, 0);
    f->state.pdpte[1] = 0; /* what memory says of it does not count */
    assert_true(walk(f, PAE_LINEAR, 0));
    refresh(f);
    refused(f, PAE_LINEAR, 0, 0);
}

static void pae_reserves_what_4_level_paging_ignores(void **state)
{
    struct fixture *f = *state;
    use_pae(f);
    *entry64(f, TABLE(1), 3) |= UINT64_C(1) << 52;
    refused(f, PAE_LINEAR, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static void pae_maps_2_mib(void **state)
{
    struct fixture *f = *state;
    use_pae(f);
    *entry64(f, TABLE(2), 2) = 0x800000 | FULL | PS;
    assert_true(walk(f, PAE_LINEAR, 0));
    assert_int_equal(f->found.physical, 0x803abc);
}

/* 32-bit paging: two levels of 4-byte entries. */

static void use_32_bit(struct fixture *f, uint64_t cr4)
{
    f->state.efer = 0;
    f->state.cr4 = cr4;
    f->state.cr3 = TABLE(2);
    *entry32(f, TABLE(2), 0x301) = (uint32_t)(TABLE(1) | FULL);
    *entry32(f, TABLE(1), 3) = (uint32_t)(PAGE | FULL);
    refresh(f);
}

#define LINEAR_32 UINT64_C(0xc0403abc)

static void two_levels_of_32_bit_entries(void **state)
{
    struct fixture *f = *state;
    use_32_bit(f, 0);
    assert_true(walk(f, LINEAR_32, PAGE_ACCESS_WRITE | PAGE_ACCESS_USER));
    assert_int_equal(f->found.physical, PAGE | 0xabc);
    assert_int_equal(*entry32(f, TABLE(1), 3), PAGE | FULL | A | D);
    assert_int_equal(*entry32(f, TABLE(1), 4), 0); /* the entry beside it is untouched */
    refused(f, LINEAR_32 + 0x1000, PAGE_ACCESS_FETCH, 0);
}

static void page_size_counts_under_pse_alone(void **state)
{
    struct fixture *f = *state;
    use_32_bit(f, 0);
    *entry32(f, TABLE(2), 0x301) |= PS;
    assert_true(walk(f, LINEAR_32, 0));
    assert_int_equal(f->found.page_shift, 12);
    use_32_bit(f, CR4_PSE);
    *entry32(f, TABLE(2), 0x301) = 0xc00000 | FULL | PS;
    assert_true(walk(f, LINEAR_32, 0));
    assert_int_equal(f->found.page_shift, 22);
    assert_int_equal(f->found.physical, 0xc03abc);
}

static void pse_36_reaches_beyond_4_gib(void **state)
{
    struct fixture *f = *state;
    use_32_bit(f, CR4_PSE);
    *entry32(f, TABLE(2), 0x301) = 0xc00000 | 0x5a << 13 | FULL | PS;
    assert_true(walk(f, LINEAR_32, 0));
    assert_int_equal(f->found.physical, 0x5a00c03abc);
    *entry32(f, TABLE(2), 0x301) |= 1 << 21;
    refused(f, LINEAR_32, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
    paging_from_state(&f->paging, &f->state, 36);
    *entry32(f, TABLE(2), 0x301) = 0xc00000 | 0x10 << 13 | FULL | PS;
    refused(f, LINEAR_32, 0, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
}

static bool walk_cached(struct fixture *f, struct page_table_cache *cache, unsigned access)
{
    return page_walk_cached(&f->paging, &f->memory, cache, LINEAR, access, &f->found,
                            &f->error_code);
}

static void a_cached_table_keeps_the_rights_of_the_levels_above(void **state)
{
    struct fixture *f = *state;
    struct page_table_cache cache;
    page_table_cache_empty(&cache);
    *level_entry(f, 3) = TABLE(2) | P | US; /* read-only */
    assert_true(walk_cached(f, &cache, PAGE_ACCESS_USER));
    *level_entry(f, 4) = 0; /* not looked at */
    assert_true(walk_cached(f, &cache, PAGE_ACCESS_USER));
    assert_int_equal(f->found.physical, PAGE | 0xabc);
    assert_false(f->found.writable);
    page_table_cache_empty(&cache);
    assert_false(walk_cached(f, &cache, PAGE_ACCESS_USER));
}

static void no_fault_comes_from_the_cache(void **state)
{
    struct fixture *f = *state;
    struct page_table_cache cache;
    page_table_cache_empty(&cache);
    *level_entry(f, 3) = TABLE(2) | P | US;
    assert_true(walk_cached(f, &cache, PAGE_ACCESS_USER));
    *level_entry(f, 3) |= RW;
    assert_true(walk_cached(f, &cache, PAGE_ACCESS_USER | PAGE_ACCESS_WRITE));
    *level_entry(f, 1) = 0;
    assert_false(walk_cached(f, &cache, 0));
    assert_int_equal(f->error_code, 0);
}

static void a_trace_names_each_entry(void **state)
{
    struct fixture *f = *state;
    struct page_walk_step steps[4];
    assert_int_equal(page_walk_trace(&f->paging, &f->memory, LINEAR, steps), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(steps[i].level, 4 - i);
        assert_int_equal(steps[i].address, TABLE(4 - i) + 8 * index_at(4 - i));
        assert_int_equal(steps[i].entry, *level_entry(f, 4 - i));
    }
    *level_entry(f, 3) = 0;
    assert_int_equal(page_walk_trace(&f->paging, &f->memory, LINEAR, steps), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_paging_an_address_is_its_own_translation),
        TEST(a20_masks_the_address_and_the_tables),
        TEST(four_levels_lead_to_a_page),
        TEST(a_read_sets_accessed_in_every_level_and_no_dirty),
        TEST(a_write_sets_dirty_in_the_last_level_alone),
        TEST(a_debugger_leaves_no_trace),
        TEST(a_refused_write_sets_no_flags_in_the_last_level),
        TEST(setting_a_flag_makes_code_in_the_table_stale),
        TEST(not_present_at_any_level_is_a_fault_without_p),
        TEST(a_supervisor_level_forbids_users),
        TEST(a_read_only_level_forbids_writes),
        TEST(an_execute_disabled_level_forbids_fetches),
        TEST(without_nxe_bit_63_is_reserved),
        TEST(without_nxe_and_smep_a_fetch_is_not_told_from_a_read),
        TEST(without_wp_the_supervisor_writes_everywhere),
        TEST(smep_forbids_fetching_from_user_pages),
        TEST(smap_forbids_user_data_but_with_ac),
        TEST(address_bits_that_are_not_there_are_reserved),
        TEST(a_pml4_entry_has_no_large_page),
        TEST(a_directory_entry_maps_2_mib),
        TEST(a_pointer_entry_maps_1_gib),
        TEST(a_global_page_is_global_under_pge_alone),
        TEST(tables_where_no_memory_is_read_as_ones),
        TEST(flags_of_tables_in_rom_stay),
        TEST(pae_starts_from_its_registers),
        TEST(pae_reserves_what_4_level_paging_ignores),
        TEST(pae_maps_2_mib),
        TEST(two_levels_of_32_bit_entries),
        TEST(page_size_counts_under_pse_alone),
        TEST(pse_36_reaches_beyond_4_gib),
        TEST(a_cached_table_keeps_the_rights_of_the_levels_above),
        TEST(no_fault_comes_from_the_cache),
        TEST(a_trace_names_each_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
