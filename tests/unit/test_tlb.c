// SPDX-License-Identifier: Apache-2.0
/* The software TLB and the accesses that it does not serve (SDM volume 3, 4.10 for what must be
 * forgotten when; 8.1.1 and 11.6 for the rest). */
#include "tiny_guest.h"

#include "core/x86/interpreter/memory_access.h"

#define PAGE UINT64_C(0x31000)

static bool read_u32(struct tiny_guest *guest, gva_t linear, uint32_t *value)
{
    replay_begin(guest->cpu);
    return linear_read_32(guest->cpu, linear, value);
}

static uint32_t value_at(struct tiny_guest *guest, gva_t linear)
{
    uint32_t value = 0;
    assert_true(read_u32(guest, linear, &value));
    return value;
}

static void faults(struct tiny_guest *guest, bool done, gva_t linear, uint32_t error_code)
{
    assert_false(done);
    assert_false(guest->cpu->exit_pending);
    assert_int_equal(guest->cpu->exception.vector, EXCEPTION_PF);
    assert_int_equal(guest->cpu->exception.address, linear);
    assert_int_equal(guest->cpu->exception.error_code, error_code);
}

static void set_cr4(struct tiny_guest *guest, uint64_t bits)
{
    guest->cpu->state.cr4 |= bits;
    cpu_mode_changed(guest->cpu);
    tlb_flush(guest->cpu);
}

/* -- Translations are kept, and dropped when the guest says so -- */

static void a_translation_is_kept_until_it_is_flushed(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, PAGE, 1, 4);
    guest_put(guest, PAGE + FRAME_SIZE, 2, 4);
    assert_int_equal(value_at(guest, PAGE), 1);
    *guest_page_entry(guest, PAGE) = (PAGE + FRAME_SIZE) | 7;
    assert_int_equal(value_at(guest, PAGE), 1);
    tlb_flush_page(guest->cpu, PAGE + 0x123);
    assert_int_equal(value_at(guest, PAGE), 2);
}

static void a_flush_forgets_every_page(void **state)
{
    struct tiny_guest *guest = *state;
    for (gva_t page = 0; page < GUEST_MEMORY; page += FRAME_SIZE)
        value_at(guest, page);
    guest_put(guest, GUEST_PD, 0, 8);
    tlb_flush(guest->cpu);
    for (gva_t page = 0; page < GUEST_MEMORY; page += FRAME_SIZE) {
        uint32_t value;
        faults(guest, read_u32(guest, page, &value), page, 0);
    }
}

static void global_pages_survive_a_change_of_cr3(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, PAGE) |= 0x100;
    value_at(guest, PAGE);
    value_at(guest, GUEST_DATA);
    guest_put(guest, GUEST_PD, 0, 8);
    tlb_flush_not_global(guest->cpu);
    uint32_t value;
    assert_true(read_u32(guest, PAGE, &value));
    assert_false(read_u32(guest, GUEST_DATA, &value));
    tlb_flush(guest->cpu);
    assert_false(read_u32(guest, PAGE, &value));
}

static void invlpg_drops_all_of_a_large_page(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_PD, 0x87, 8);
    for (gva_t page = 0; page < GUEST_MEMORY; page += FRAME_SIZE)
        value_at(guest, page);
    guest_put(guest, GUEST_PD, 0, 8);
    tlb_flush_page(guest->cpu, PAGE);
    uint32_t value;
    assert_false(read_u32(guest, 0, &value));
    assert_false(read_u32(guest, GUEST_MEMORY - FRAME_SIZE, &value));
}

static void invlpg_drops_the_page_for_fetching(void **state)
{
    struct tiny_guest *guest = *state;
    gpa_t physical;
    struct frame *frame;
    uint64_t generation = guest->cpu->fetch_generation;
    assert_non_null(cpu_fetch(guest->cpu, PAGE, &physical, &frame));
    *guest_page_entry(guest, PAGE) = 0;
    assert_non_null(cpu_fetch(guest->cpu, PAGE, &physical, &frame));
    tlb_flush_page(guest->cpu, PAGE);
    assert_int_not_equal(guest->cpu->fetch_generation, generation);
    assert_null(cpu_fetch(guest->cpu, PAGE, &physical, &frame));
    assert_int_equal(guest->cpu->exception.error_code, PAGE_FAULT_FETCH);
}

/* -- What may be accessed depends on the mode -- */

static void a_supervisors_page_is_not_the_users(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t value;
    *guest_page_entry(guest, PAGE) &= ~UINT64_C(4);
    value_at(guest, PAGE);
    guest_user(guest);
    faults(guest, read_u32(guest, PAGE, &value), PAGE, PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
}

static void system_accesses_are_the_supervisors_at_any_level(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t value;
    *guest_page_entry(guest, PAGE) &= ~UINT64_C(4);
    guest_user(guest);
    assert_true(cpu_read_system(guest->cpu, PAGE, &value, 4));
    *guest_page_entry(guest, PAGE) = 0;
    tlb_flush(guest->cpu);
    faults(guest, cpu_read_system(guest->cpu, PAGE, &value, 4), PAGE, 0);
}

static void under_smap_ac_opens_user_pages(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t value;
    /* The tables that the processor itself reads must be the supervisor's then. */
    set_cr4(guest, CR4_SMAP);
    faults(guest, read_u32(guest, PAGE, &value), PAGE, PAGE_FAULT_PRESENT);
    guest->cpu->state.rflags |= RFLAGS_AC;
    cpu_level_changed(guest->cpu);
    assert_true(read_u32(guest, PAGE, &value));
    assert_false(cpu_read_system(guest->cpu, PAGE, &value, 4));
    guest->cpu->state.rflags &= ~RFLAGS_AC;
    cpu_level_changed(guest->cpu);
    assert_false(read_u32(guest, PAGE, &value));
}

static void the_first_write_sets_the_dirty_flag(void **state)
{
    struct tiny_guest *guest = *state;
    value_at(guest, PAGE);
    assert_int_equal(*guest_page_entry(guest, PAGE) & 0x60, 0x20);
    assert_true(linear_write_32(guest->cpu, PAGE, 1));
    assert_int_equal(*guest_page_entry(guest, PAGE) & 0x60, 0x60);
    assert_int_equal(guest_u32(guest, PAGE), 1);
}

static void a_read_only_page_keeps_what_it_holds(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, PAGE) &= ~UINT64_C(2);
    value_at(guest, PAGE);
    faults(guest, linear_write_32(guest->cpu, PAGE, 1), PAGE,
           PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
    assert_int_equal(guest_u32(guest, PAGE), 0);
}

/* -- Addresses that a 64-bit guest can make up -- */

static void no_non_canonical_address_is_a_hit(void **state)
{
    struct tiny_guest *guest = *state;
    for (gva_t page = 0; page < GUEST_MEMORY; page += FRAME_SIZE)
        value_at(guest, page);
    for (unsigned bit = 47; bit < 64; bit++) {
        for (unsigned page = 0; page < TLB_ENTRIES; page += 73) {
            uint32_t value;
            gva_t linear = UINT64_C(1) << bit | (gva_t)page << FRAME_SHIFT;
            assert_false(read_u32(guest, linear, &value));
            assert_int_equal(guest->cpu->exception.vector, EXCEPTION_GP);
            assert_int_equal(guest->cpu->exception.error_code, 0);
            assert_true(guest->cpu->exception.non_canonical);
            assert_false(linear_write_32(guest->cpu, linear, 0));
        }
    }
}

static void every_entry_of_an_empty_tlb_is_a_miss(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_PML4, 0, 8);
    tlb_flush(guest->cpu);
    for (gva_t page = 0; page < 2 * TLB_ENTRIES; page++) {
        uint32_t value;
        faults(guest, read_u32(guest, page << FRAME_SHIFT, &value), page << FRAME_SHIFT, 0);
    }
}

static void fetching_from_a_non_canonical_address_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    gpa_t physical;
    struct frame *frame;
    assert_null(cpu_fetch(guest->cpu, UINT64_C(1) << 62, &physical, &frame));
    assert_int_equal(guest->cpu->exception.vector, EXCEPTION_GP);
}

/* -- Accesses across two pages -- */

static void an_access_across_pages_takes_bytes_of_both(void **state)
{
    struct tiny_guest *guest = *state;
    gva_t linear = PAGE + FRAME_SIZE - 1;
    *guest_page_entry(guest, PAGE + FRAME_SIZE) = (PAGE + 2 * FRAME_SIZE) | 7;
    assert_true(linear_write_32(guest->cpu, linear, 0x44332211));
    assert_int_equal(*(uint8_t *)guest_at(guest, linear), 0x11);
    assert_int_equal(guest_u32(guest, PAGE + 2 * FRAME_SIZE), 0x443322);
    assert_int_equal(value_at(guest, linear), 0x44332211);
}

static void a_fault_in_the_second_page_leaves_the_first_as_it_was(void **state)
{
    struct tiny_guest *guest = *state;
    gva_t linear = PAGE + FRAME_SIZE - 2;
    *guest_page_entry(guest, PAGE + FRAME_SIZE) = 0;
    faults(guest, linear_write_32(guest->cpu, linear, ~0u), PAGE + FRAME_SIZE, PAGE_FAULT_WRITE);
    assert_int_equal(guest_u16(guest, linear), 0);
}

static void in_32_bit_modes_linear_addresses_wrap(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, 0, 0x88776655, 4);
    struct memory_slot *slot = &guest->memory.slots[0];
    slot->base = 0xfff00000; /* the last 2 MiB but one page ... */
    slot->size = 0x100000;
    uint8_t low[FRAME_SIZE] = { 0x55 };
    struct frame frame = { 0 };
    guest_memory_add(&guest->memory, 0, FRAME_SIZE, low, &frame, false);
    guest->host[0xfffff] = 0x44;
    uint16_t value;
    assert_true(linear_read_16(guest->cpu, 0xffffffff, &value));
    assert_int_equal(value, 0x5544);
    slot->base = 0;
    slot->size = GUEST_MEMORY;
}

/* -- Frames that hold code -- */

static void a_store_to_code_makes_it_stale(void **state)
{
    struct tiny_guest *guest = *state;
    struct frame *frame = &guest->frames[PAGE >> FRAME_SHIFT];
    atomic_store(&frame->code_lines, 1u << 2);
    uint32_t version = frame->version;
    assert_true(linear_write_32(guest->cpu, PAGE, 1)); /* another line */
    assert_int_equal(frame->version, version);
    assert_true(linear_write_32(guest->cpu, PAGE + 2 * 128 - 1, 1)); /* reaches into line 2 */
    assert_int_not_equal(frame->version, version);
    assert_int_equal(frame->code_lines, 0);
}

static void a_frame_that_becomes_code_is_watched_from_then_on(void **state)
{
    struct tiny_guest *guest = *state;
    struct frame *frame = &guest->frames[PAGE >> FRAME_SHIFT];
    assert_true(linear_write_32(guest->cpu, PAGE, 1));
    atomic_store(&frame->code_lines, 1);
    tlb_protect_frame(guest->cpu, frame);
    uint32_t version = frame->version;
    assert_true(linear_write_32(guest->cpu, PAGE, 2));
    assert_int_not_equal(frame->version, version);
    assert_int_equal(guest_u32(guest, PAGE), 2);
}

static void code_that_another_processor_found_is_watched_after_attention(void **state)
{
    struct tiny_guest *guest = *state;
    struct frame *frame = &guest->frames[PAGE >> FRAME_SHIFT];
    assert_true(linear_write_32(guest->cpu, PAGE, 1));
    atomic_store(&frame->code_lines, 1);
    uint32_t version = frame->version;
    tlb_protect_code(guest->cpu);
    assert_int_not_equal(frame->version, version);
    atomic_store(&frame->code_lines, 1);
    version = frame->version;
    assert_true(linear_write_32(guest->cpu, PAGE, 2));
    assert_int_not_equal(frame->version, version);
}

static void locked_accesses_get_a_pointer_to_one_page_of_memory(void **state)
{
    struct tiny_guest *guest = *state;
    struct frame *frame;
    assert_ptr_equal(cpu_pointer_for_update(guest->cpu, PAGE + 8, 8, &frame),
                     guest_at(guest, PAGE + 8));
    assert_null(frame);
    assert_null(cpu_pointer_for_update(guest->cpu, PAGE + FRAME_SIZE - 4, 8, &frame));
    assert_int_equal(guest->cpu->exception.vector, EXCEPTION_NONE);
    atomic_store(&guest->frames[PAGE >> FRAME_SHIFT].code_lines, 1);
    tlb_flush(guest->cpu);
    assert_non_null(cpu_pointer_for_update(guest->cpu, PAGE, 8, &frame));
    assert_ptr_equal(frame, &guest->frames[PAGE >> FRAME_SHIFT]);
    *guest_page_entry(guest, PAGE) = 0;
    tlb_flush(guest->cpu);
    assert_null(cpu_pointer_for_update(guest->cpu, PAGE, 8, &frame));
    assert_int_equal(guest->cpu->exception.error_code, PAGE_FAULT_WRITE);
}

/* -- ROM and MMIO -- */

static void writes_to_rom_are_lost(void **state)
{
    struct tiny_guest *guest = *state;
    struct frame *frame;
    guest->memory.slots[0].read_only = true;
    assert_true(linear_write_32(guest->cpu, PAGE, 1));
    assert_true(linear_write_32(guest->cpu, PAGE, 1));
    assert_int_equal(value_at(guest, PAGE), 0);
    assert_null(cpu_pointer_for_update(guest->cpu, PAGE, 8, &frame));
    assert_int_equal(guest->cpu->exception.vector, EXCEPTION_NONE);
    guest->memory.slots[0].read_only = false;
}

/* The exit that is pending, answered with `value`, as vcpu_run does it. */
static void answer(struct tiny_guest *guest, uint64_t value)
{
    assert_true(guest->cpu->exit_pending);
    guest->exit.value = value;
    cpu_exit_answered(guest->cpu);
    replay_begin(guest->cpu);
}

static void mmio_is_read_by_an_exit(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t value;
    *guest_page_entry(guest, PAGE) = NO_MEMORY_AT | 7;
    assert_false(read_u32(guest, PAGE + 0x20, &value));
    assert_int_equal(guest->exit.reason, VM_EXIT_MMIO);
    assert_int_equal(guest->exit.mmio.address, NO_MEMORY_AT + 0x20);
    assert_int_equal(guest->exit.size, 4);
    assert_false(guest->exit.write);
    answer(guest, 0x12345678);
    assert_true(linear_read_32(guest->cpu, PAGE + 0x20, &value));
    assert_int_equal(value, 0x12345678);
    replay_end(guest->cpu);
    assert_false(linear_read_32(guest->cpu, PAGE + 0x20, &value)); /* each time anew */
}

static void mmio_is_written_by_an_exit(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, PAGE) = NO_MEMORY_AT | 7;
    assert_false(linear_write_32(guest->cpu, PAGE, 0xabcd));
    assert_true(guest->exit.write);
    assert_int_equal(guest->exit.value, 0xabcd);
    answer(guest, 0);
    assert_true(linear_write_32(guest->cpu, PAGE, 0xabcd));
}

static void wide_mmio_is_several_exits(void **state)
{
    struct tiny_guest *guest = *state;
    uint8_t bytes[16];
    *guest_page_entry(guest, PAGE) = NO_MEMORY_AT | 7;
    assert_false(cpu_read_slow(guest->cpu, PAGE, bytes, sizeof(bytes)));
    answer(guest, UINT64_C(0x0706050403020100));
    assert_false(cpu_read_slow(guest->cpu, PAGE, bytes, sizeof(bytes)));
    assert_int_equal(guest->exit.mmio.address, NO_MEMORY_AT + 8);
    answer(guest, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_true(cpu_read_slow(guest->cpu, PAGE, bytes, sizeof(bytes)));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i);
}

static void a_store_to_memory_and_mmio_reaches_both_once(void **state)
{
    struct tiny_guest *guest = *state;
    gva_t linear = PAGE + FRAME_SIZE - 3;
    *guest_page_entry(guest, PAGE + FRAME_SIZE) = NO_MEMORY_AT | 7;
    assert_false(linear_write_32(guest->cpu, linear, 0x44332211));
    assert_int_equal(guest->exit.size, 1);
    assert_int_equal(guest->exit.value, 0x44);
    assert_int_equal(*(uint8_t *)guest_at(guest, linear), 0); /* not before all is certain */
    answer(guest, 0);
    assert_true(linear_write_32(guest->cpu, linear, 0x44332211));
    assert_int_equal(guest_u16(guest, linear), 0x2211);
}

static void an_instruction_of_endless_mmio_is_a_failure_that_says_so(void **state)
{
    struct tiny_guest *guest = *state;
    uint8_t bytes[512];
    *guest_page_entry(guest, PAGE) = NO_MEMORY_AT | 7;
    for (unsigned i = 0; i < REPLAY_ACCESSES; i++) {
        assert_false(cpu_read_slow(guest->cpu, PAGE, bytes, sizeof(bytes)));
        answer(guest, 0);
    }
    assert_false(cpu_read_slow(guest->cpu, PAGE, bytes, sizeof(bytes)));
    assert_int_equal(guest->exit.reason, VM_EXIT_FAIL);
    assert_non_null(guest->exit.fail.reason);
}

static void executing_mmio_is_a_failure_that_says_so(void **state)
{
    struct tiny_guest *guest = *state;
    gpa_t physical;
    struct frame *frame;
    *guest_page_entry(guest, PAGE) = NO_MEMORY_AT | 7;
    assert_null(cpu_fetch(guest->cpu, PAGE, &physical, &frame));
    assert_true(guest->cpu->exit_pending);
    assert_int_equal(guest->exit.reason, VM_EXIT_FAIL);
    assert_int_equal(guest->exit.fail.detail, NO_MEMORY_AT);
}

/* -- Alignment and data breakpoints, which look at each access -- */

static void unaligned_accesses_of_users_are_ac_when_asked_for(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t value;
    guest->cpu->state.cr0 |= CR0_AM;
    guest->cpu->state.rflags |= RFLAGS_AC;
    cpu_mode_changed(guest->cpu);
    assert_true(read_u32(guest, PAGE + 2, &value)); /* the supervisor may */
    guest_user(guest);
    assert_true(read_u32(guest, PAGE + 4, &value));
    assert_false(read_u32(guest, PAGE + 2, &value));
    assert_int_equal(guest->cpu->exception.vector, EXCEPTION_AC);
    assert_true(guest->cpu->exception.has_error_code);
}

static void a_data_breakpoint_notes_what_touches_it(void **state)
{
    struct tiny_guest *guest = *state;
    struct cpu *cpu = guest->cpu;
    uint32_t value;
    cpu->state.dr[1] = PAGE + 8;
    cpu->state.dr[7] = DR7_INITIAL | 1 << 2 | 1 << 20 | 3 << 22; /* DR1: writes of 4 bytes */
    cpu_level_changed(cpu);
    assert_true(read_u32(guest, PAGE + 8, &value));
    assert_true(linear_write_32(cpu, PAGE + 4, 0));
    assert_int_equal(cpu->debug_trap, 0);
    assert_true(linear_write_32(cpu, PAGE + 5, 0));
    assert_int_equal(cpu->debug_trap, 1 << 1);
    cpu->debug_trap = 0;
    cpu->state.dr[7] |= 3 << 20; /* reads too */
    assert_true(read_u32(guest, PAGE + 11, &value));
    assert_int_equal(cpu->debug_trap, 1 << 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_64(a_translation_is_kept_until_it_is_flushed),
        TEST_64(a_flush_forgets_every_page),
        TEST_64(global_pages_survive_a_change_of_cr3),
        TEST_64(invlpg_drops_all_of_a_large_page),
        TEST_64(invlpg_drops_the_page_for_fetching),
        TEST_64(a_supervisors_page_is_not_the_users),
        TEST_64(system_accesses_are_the_supervisors_at_any_level),
        TEST_64(under_smap_ac_opens_user_pages),
        TEST_64(the_first_write_sets_the_dirty_flag),
        TEST_64(a_read_only_page_keeps_what_it_holds),
        TEST_64(no_non_canonical_address_is_a_hit),
        TEST_64(every_entry_of_an_empty_tlb_is_a_miss),
        TEST_64(fetching_from_a_non_canonical_address_is_gp),
        TEST_64(an_access_across_pages_takes_bytes_of_both),
        TEST_64(a_fault_in_the_second_page_leaves_the_first_as_it_was),
        TEST_32(in_32_bit_modes_linear_addresses_wrap),
        TEST_64(a_store_to_code_makes_it_stale),
        TEST_64(a_frame_that_becomes_code_is_watched_from_then_on),
        TEST_64(code_that_another_processor_found_is_watched_after_attention),
        TEST_64(locked_accesses_get_a_pointer_to_one_page_of_memory),
        TEST_64(writes_to_rom_are_lost),
        TEST_64(mmio_is_read_by_an_exit),
        TEST_64(mmio_is_written_by_an_exit),
        TEST_64(wide_mmio_is_several_exits),
        TEST_64(a_store_to_memory_and_mmio_reaches_both_once),
        TEST_64(an_instruction_of_endless_mmio_is_a_failure_that_says_so),
        TEST_64(executing_mmio_is_a_failure_that_says_so),
        TEST_64(unaligned_accesses_of_users_are_ac_when_asked_for),
        TEST_64(a_data_breakpoint_notes_what_touches_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
