// SPDX-License-Identifier: Apache-2.0
/* Segmentation and far transfers (SDM volume 3, chapters 3 and 5): each rule by a guest of a few
 * instructions in 32-bit protected mode, or as the test says. */
#include "tiny_guest.h"

static const struct segment *hidden(struct tiny_guest *guest, unsigned segment)
{
    return &guest->cpu->state.segments[segment];
}

static uint32_t pushed(struct tiny_guest *guest, unsigned n)
{
    return guest_u32(guest, guest->cpu->state.general[RSP] + 4 * n);
}

static void raised(struct tiny_guest *guest, int vector, uint32_t error_code)
{
    assert_int_equal(guest_vector(guest), vector);
    assert_int_equal(pushed(guest, 0), error_code);
}

GUEST_CODE(load_ds, 32, "mov ds, eax; hlt");
GUEST_CODE(load_ss, 32, "mov ss, eax; hlt");

static void load(struct tiny_guest *guest, uint16_t selector)
{
    guest->cpu->state.general[RAX] = selector;
    guest_run(guest, load_ds);
}

/* -- Loading data segments (5.6) -- */

static void loading_a_segment_reads_its_descriptor_and_marks_it(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0x12345678, 0xabcde, 0x4092));
    load(guest, FREE_SELECTOR);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(hidden(guest, SEGMENT_DS)->base, 0x12345678);
    assert_int_equal(hidden(guest, SEGMENT_DS)->limit, 0xabcde);
    assert_int_equal(guest_u64(guest, GUEST_GDT + FREE_SELECTOR) >> 40 & 0xff, 0x93);
}

static void granularity_makes_pages_of_the_limit(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 1, 0xc092));
    load(guest, FREE_SELECTOR);
    assert_int_equal(hidden(guest, SEGMENT_DS)->limit, 0x1fff);
}

GUEST_CODE(load_null_and_read, 32, "mov ds, eax; mov ebx, [0x30000]; hlt");

static void a_null_selector_loads_but_cannot_be_used(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.general[RAX] = 3;
    guest_run(guest, load_null_and_read);
    raised(guest, EXCEPTION_GP, 0);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT + 2);
    assert_int_equal(hidden(guest, SEGMENT_DS)->selector, 3);
}

static void a_selector_beyond_the_table_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    load(guest, 0x1000);
    raised(guest, EXCEPTION_GP, 0x1000);
}

static void a_selector_of_an_ldt_that_is_not_there_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    load(guest, 0x0c);
    raised(guest, EXCEPTION_GP, 0x0c);
}

static void a_segment_that_is_not_present_is_np(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 0xfffff, 0xc012));
    load(guest, FREE_SELECTOR);
    raised(guest, EXCEPTION_NP, FREE_SELECTOR);
}

static void a_system_descriptor_is_no_data_segment(void **state)
{
    struct tiny_guest *guest = *state;
    load(guest, TASK);
    raised(guest, EXCEPTION_GP, TASK);
}

static void execute_only_code_is_no_data_segment(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 0xfffff, 0xc099));
    load(guest, FREE_SELECTOR);
    raised(guest, EXCEPTION_GP, FREE_SELECTOR);
}

static void the_weaker_of_cpl_and_rpl_must_reach_the_dpl(void **state)
{
    struct tiny_guest *guest = *state;
    load(guest, KERNEL_DATA | 1);
    raised(guest, EXCEPTION_GP, KERNEL_DATA);
}

GUEST_CODE(load_ds_and_trap, 32, "mov ds, eax; ud2");

static void users_load_conforming_code_of_any_dpl(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 0xfffff, 0xc09e));
    guest_user(guest);
    guest->cpu->state.general[RAX] = FREE_SELECTOR | 3;
    guest_run(guest, load_ds_and_trap);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(hidden(guest, SEGMENT_DS)->selector, FREE_SELECTOR | 3);
}

/* -- SS -- */

static void ss_cannot_be_null_outside_64_bit_mode(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.general[RAX] = 0;
    guest_run(guest, load_ss);
    raised(guest, EXCEPTION_GP, 0);
}

static void ss_must_be_writable_data_of_the_same_privilege(void **state)
{
    struct tiny_guest *guest = *state;
    static const uint16_t wrong[] = { KERNEL_CODE, KERNEL_DATA | 3, USER_DATA };
    for (unsigned i = 0; i < 3; i++) {
        guest->cpu->state.rip = GUEST_CODE_AT;
        guest->cpu->state.halted = false;
        guest->cpu->state.general[RAX] = wrong[i];
        guest_run(guest, load_ss);
        raised(guest, EXCEPTION_GP, wrong[i] & ~3u);
    }
}

static void an_absent_stack_segment_is_ss(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 0xfffff, 0xc013));
    guest->cpu->state.general[RAX] = FREE_SELECTOR;
    guest_run(guest, load_ss);
    raised(guest, EXCEPTION_SS, FREE_SELECTOR);
}

GUEST_CODE(null_stack_64, 64, "xor eax, eax; mov ss, eax; hlt");

static void in_64_bit_mode_ss_may_be_null_in_the_kernel(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, null_stack_64);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(hidden(guest, SEGMENT_SS)->selector, 0);
    assert_int_equal(guest->cpu->privilege_level, 0);
}

/* -- Limits and types of accesses (5.3, 5.5) -- */

GUEST_CODE(read_es, 32, "mov es, eax; mov edx, es:[ebx]; hlt");
GUEST_CODE(write_es, 32, "mov es, eax; mov es:[ebx], edx; hlt");

static void touch(struct tiny_guest *guest, bool write, uint32_t offset)
{
    struct cpu_state *cpu_state = &guest->cpu->state;
    cpu_state->rip = GUEST_CODE_AT;
    cpu_state->halted = false;
    cpu_state->general[RSP] = GUEST_STACK;
    cpu_state->general[RAX] = FREE_SELECTOR;
    cpu_state->general[RBX] = offset;
    if (write)
        guest_run(guest, write_es);
    else
        guest_run(guest, read_es);
}

static void an_access_must_end_within_the_limit(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(GUEST_DATA, 0x100, 0x4093));
    guest_put(guest, GUEST_DATA + 0xfd, 0x11223344, 4);
    touch(guest, false, 0xfd);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest->cpu->state.general[RDX], 0x11223344);
    touch(guest, false, 0xfe);
    raised(guest, EXCEPTION_GP, 0);
}

static void an_expand_down_segment_lies_above_its_limit(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(GUEST_DATA, 0xfff, 0x0097));
    touch(guest, true, 0x1000);
    assert_int_equal(guest_vector(guest), -1);
    touch(guest, true, 0xfff);
    raised(guest, EXCEPTION_GP, 0);
    touch(guest, true, 0xfffd); /* B = 0: up to FFFFH */
    raised(guest, EXCEPTION_GP, 0);
}

static void read_only_data_and_code_cannot_be_written(void **state)
{
    struct tiny_guest *guest = *state;
    static const uint16_t rights[] = { 0xc091, 0xc09b };
    for (unsigned i = 0; i < 2; i++) {
        guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(0, 0xfffff, rights[i]));
        touch(guest, false, GUEST_DATA);
        assert_int_equal(guest_vector(guest), -1);
        touch(guest, true, GUEST_DATA);
        raised(guest, EXCEPTION_GP, 0);
    }
}

/* -- Far transfers (5.8) -- */

GUEST_CODE(jump_far, 32, "ljmp [0x30000]");
GUEST_CODE(call_far, 32, "lcall [0x30000]; hlt");

#define TARGET UINT64_C(0x50000)

static void aim(struct tiny_guest *guest, uint16_t selector, uint32_t offset)
{
    guest_put(guest, GUEST_DATA, offset, 4);
    guest_put(guest, GUEST_DATA + 4, selector, 2);
    memset(guest_at(guest, TARGET), 0xf4, 16);
}

static void at_target(struct tiny_guest *guest, uint16_t code)
{
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_int_equal(guest->cpu->state.rip, TARGET + 1);
    assert_int_equal(hidden(guest, SEGMENT_CS)->selector, code);
}

static void a_far_jump_loads_cs(void **state)
{
    struct tiny_guest *guest = *state;
    aim(guest, KERNEL_CODE_32, TARGET);
    guest_run(guest, jump_far);
    at_target(guest, KERNEL_CODE_32);
}

static void a_far_jump_keeps_the_privilege(void **state)
{
    struct tiny_guest *guest = *state;
    aim(guest, USER_CODE, TARGET);
    guest_run(guest, jump_far);
    raised(guest, EXCEPTION_GP, USER_CODE);
}

static void a_far_jump_must_land_within_the_limit(void **state)
{
    struct tiny_guest *guest = *state;
    aim(guest, KERNEL_CODE_16, 0x10000);
    guest_run(guest, jump_far);
    raised(guest, EXCEPTION_GP, 0);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT);
}

static void a_far_call_saves_where_it_came_from(void **state)
{
    struct tiny_guest *guest = *state;
    aim(guest, KERNEL_CODE_32, TARGET);
    guest_put(guest, TARGET, 0xcb, 1); /* RETF */
    guest_run(guest, call_far);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest->cpu->state.rip, GUEST_CODE_AT + 7);
    assert_int_equal(hidden(guest, SEGMENT_CS)->selector, KERNEL_CODE);
    assert_int_equal(guest->cpu->state.general[RSP], GUEST_STACK);
    assert_int_equal(guest_u32(guest, GUEST_STACK - 8), GUEST_CODE_AT + 6);
    assert_int_equal(guest_u32(guest, GUEST_STACK - 4), KERNEL_CODE);
}

static void set_call_gate(struct tiny_guest *guest, unsigned parameters, uint8_t rights)
{
    guest_set_descriptor(guest, FREE_SELECTOR,
                         guest_gate(KERNEL_CODE, TARGET, rights) | (uint64_t)parameters << 32);
}

GUEST_CODE(call_with_parameters, 32, "push 0x11; push 0x22; lcall [0x30000]; ud2");

static void a_call_gate_switches_stacks_and_copies_parameters(void **state)
{
    struct tiny_guest *guest = *state;
    set_call_gate(guest, 2, 0xec);
    aim(guest, FREE_SELECTOR | 3, 0xdead); /* the gate's offset counts */
    guest_user(guest);
    guest_run(guest, call_with_parameters);
    at_target(guest, KERNEL_CODE);
    assert_int_equal(guest->cpu->state.general[RSP], GUEST_STACK_0 - 24);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 10);
    assert_int_equal(pushed(guest, 1), USER_CODE | 3);
    assert_int_equal(pushed(guest, 2), 0x22);
    assert_int_equal(pushed(guest, 3), 0x11);
    assert_int_equal(pushed(guest, 4), GUEST_STACK - 8);
    assert_int_equal(pushed(guest, 5), USER_DATA | 3);
}

GUEST_CODE(call_and_trap, 32, "push 0x11; push 0x22; lcall [0x30000]; ud2");

static void a_return_to_the_outer_level_drops_the_parameters_of_both_stacks(void **state)
{
    struct tiny_guest *guest = *state;
    set_call_gate(guest, 2, 0xec);
    aim(guest, FREE_SELECTOR | 3, 0);
    guest_put(guest, TARGET, 0x0008ca, 3); /* RETF 8 */
    guest_user(guest);
    guest_run(guest, call_and_trap);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 10);
    assert_int_equal(pushed(guest, 1), USER_CODE | 3);
    assert_int_equal(pushed(guest, 3), GUEST_STACK);
    assert_int_equal(pushed(guest, 4), USER_DATA | 3);
}

static void a_call_gate_of_the_kernel_is_not_for_users(void **state)
{
    struct tiny_guest *guest = *state;
    set_call_gate(guest, 0, 0x8c);
    aim(guest, FREE_SELECTOR | 3, 0);
    guest_user(guest);
    guest_run(guest, call_far);
    raised(guest, EXCEPTION_GP, FREE_SELECTOR);
}

static void a_jump_through_a_gate_does_not_raise_the_privilege(void **state)
{
    struct tiny_guest *guest = *state;
    set_call_gate(guest, 0, 0xec);
    aim(guest, FREE_SELECTOR | 3, 0);
    guest_user(guest);
    guest_run(guest, jump_far);
    raised(guest, EXCEPTION_GP, KERNEL_CODE);
}

/* -- Asking about selectors (5.10) -- */

GUEST_CODE(ask, 32, "lar ebx, eax; setz cl; lsl edx, eax; setz ch; verw ax; setz al; hlt");

static void lar_lsl_and_verw_answer_without_a_fault(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.general[RAX] = KERNEL_DATA;
    guest_run(guest, ask);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest->cpu->state.general[RBX] & ~0xf0000u, 0xc09300);
    assert_int_equal(guest->cpu->state.general[RDX], UINT32_MAX);
    assert_int_equal(guest->cpu->state.general[RCX] & 0xffff, 0x0101);
    assert_int_equal(guest->cpu->state.general[RAX] & 0xff, 1);
}

static void what_is_not_visible_clears_zf_and_changes_nothing(void **state)
{
    struct tiny_guest *guest = *state;
    static const uint16_t hidden_ones[] = { 0, 0xff8, KERNEL_DATA | 3 };
    for (unsigned i = 0; i < 3; i++) {
        struct cpu_state *cpu_state = &guest->cpu->state;
        cpu_state->rip = GUEST_CODE_AT;
        cpu_state->halted = false;
        cpu_state->general[RAX] = hidden_ones[i];
        cpu_state->general[RBX] = cpu_state->general[RDX] = 0x5555;
        guest_run(guest, ask);
        assert_int_equal(cpu_state->general[RBX], 0x5555);
        assert_int_equal(cpu_state->general[RDX], 0x5555);
        assert_int_equal(cpu_state->general[RCX] & 0xffff, 0);
    }
}

/* -- Real mode -- */

GUEST_CODE(to_unreal_mode, 16,
           "cli; lgdt [bx]; mov eax, cr0; or al, 1; mov cr0, eax; mov cx, 0x10; mov fs, cx;"
           "and al, 0xfe; mov cr0, eax; mov cx, 0; mov fs, cx; mov edx, fs:[esi]; hlt");

static void a_limit_loaded_in_protected_mode_stays_in_real_mode(void **state)
{
    struct tiny_guest *guest = *state;
    guest_fill_gdt(guest, false);
    guest_put(guest, 0x600, 0xfff | GUEST_GDT << 16, 6);
    guest_put(guest, 0x123450, 0xcafe, 4);
    guest->cpu->state.general[RBX] = 0x600;
    guest->cpu->state.general[RSI] = 0x123450;
    guest_run(guest, to_unreal_mode);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest->cpu->state.general[RDX], 0xcafe);
}

GUEST_CODE(beyond_64_kib, 16, "mov edx, [esi]; hlt");

static void real_mode_accesses_end_at_64_kib(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.general[RSI] = 0xfffd;
    guest_run(guest, beyond_64_kib);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_32(loading_a_segment_reads_its_descriptor_and_marks_it),
        TEST_32(granularity_makes_pages_of_the_limit),
        TEST_32(a_null_selector_loads_but_cannot_be_used),
        TEST_32(a_selector_beyond_the_table_is_gp),
        TEST_32(a_selector_of_an_ldt_that_is_not_there_is_gp),
        TEST_32(a_segment_that_is_not_present_is_np),
        TEST_32(a_system_descriptor_is_no_data_segment),
        TEST_32(execute_only_code_is_no_data_segment),
        TEST_32(the_weaker_of_cpl_and_rpl_must_reach_the_dpl),
        TEST_32(users_load_conforming_code_of_any_dpl),
        TEST_32(ss_cannot_be_null_outside_64_bit_mode),
        TEST_32(ss_must_be_writable_data_of_the_same_privilege),
        TEST_32(an_absent_stack_segment_is_ss),
        TEST_64(in_64_bit_mode_ss_may_be_null_in_the_kernel),
        TEST_32(an_access_must_end_within_the_limit),
        TEST_32(an_expand_down_segment_lies_above_its_limit),
        TEST_32(read_only_data_and_code_cannot_be_written),
        TEST_32(a_far_jump_loads_cs),
        TEST_32(a_far_jump_keeps_the_privilege),
        TEST_32(a_far_jump_must_land_within_the_limit),
        TEST_32(a_far_call_saves_where_it_came_from),
        TEST_32(a_call_gate_switches_stacks_and_copies_parameters),
        TEST_32(a_return_to_the_outer_level_drops_the_parameters_of_both_stacks),
        TEST_32(a_call_gate_of_the_kernel_is_not_for_users),
        TEST_32(a_jump_through_a_gate_does_not_raise_the_privilege),
        TEST_32(lar_lsl_and_verw_answer_without_a_fault),
        TEST_32(what_is_not_visible_clears_zf_and_changes_nothing),
        TEST_16(a_limit_loaded_in_protected_mode_stays_in_real_mode),
        TEST_16(real_mode_accesses_end_at_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
