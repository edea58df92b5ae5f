// SPDX-License-Identifier: Apache-2.0
/* Exceptions and interrupts (SDM volume 3, chapter 6), each in a guest of a few instructions. A
 * guest stops in the handler of the vector that it got (tiny_guest.h). */
#include "tiny_guest.h"

static uint64_t rsp(struct tiny_guest *guest)
{
    return guest->cpu->state.general[RSP];
}

/* The n-th value that the event pushed last, from the top of the stack, in long mode. */
static uint64_t pushed(struct tiny_guest *guest, unsigned n)
{
    return guest_u64(guest, rsp(guest) + 8 * n);
}

static uint32_t pushed_32(struct tiny_guest *guest, unsigned n)
{
    return guest_u32(guest, rsp(guest) + 4 * n);
}

static uint16_t pushed_16(struct tiny_guest *guest, unsigned n)
{
    return guest_u16(guest, guest->cpu->state.segments[SEGMENT_SS].base + rsp(guest) + 2 * n);
}

GUEST_CODE(undefined, 64, "nop; ud2");

/* -- Long mode (6.14) -- */

static void a_fault_pushes_five_values_on_an_aligned_stack(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.general[RSP] = GUEST_STACK - 3;
    guest_run(guest, undefined);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(rsp(guest), GUEST_STACK - 16 - 40);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 1);
    assert_int_equal(pushed(guest, 1), KERNEL_CODE);
    assert_int_equal(pushed(guest, 2), RFLAGS_ONE | RFLAGS_RF);
    assert_int_equal(pushed(guest, 3), GUEST_STACK - 3);
    assert_int_equal(pushed(guest, 4), KERNEL_DATA);
}

GUEST_CODE(read_far_away, 64, "mov rax, [0x123458]; hlt");

static void a_page_fault_pushes_its_error_code_and_sets_cr2(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, 0x123000) = 0;
    guest_run(guest, read_far_away);
    assert_int_equal(guest_vector(guest), EXCEPTION_PF);
    assert_int_equal(guest->cpu->state.cr2, 0x123458);
    assert_int_equal(pushed(guest, 0), 0);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT);
}

static void from_user_level_the_stack_comes_from_the_tss(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, undefined);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(rsp(guest), GUEST_STACK_0 - 40);
    assert_int_equal(pushed(guest, 1), USER_CODE | 3);
    assert_int_equal(pushed(guest, 3), GUEST_STACK);
    assert_int_equal(pushed(guest, 4), USER_DATA | 3);
    assert_int_equal(guest->cpu->privilege_level, 0);
    assert_int_equal(guest->cpu->state.segments[SEGMENT_SS].selector, 0);
}

static void the_interrupt_stack_table_switches_at_any_level(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_TSS + 0x24 + 8 * 2, GUEST_DATA + 0x1008, 8); /* IST3 */
    guest_set_gate(guest, EXCEPTION_UD,
                   guest_gate(KERNEL_CODE, (uint32_t)guest_handler(EXCEPTION_UD), 0x8e) |
                       UINT64_C(3) << 32);
    guest_run(guest, undefined);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(rsp(guest), GUEST_DATA + 0x1000 - 40);
}

GUEST_CODE(set_flags_and_trap, 64, "sti; std; ud2");

static void an_interrupt_gate_clears_if_and_a_trap_gate_does_not(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, set_flags_and_trap);
    assert_false(guest->cpu->state.rflags & RFLAGS_IF);
    assert_true(pushed(guest, 2) & RFLAGS_IF);
    guest_set_gate(guest, EXCEPTION_UD,
                   guest_gate(KERNEL_CODE, (uint32_t)guest_handler(EXCEPTION_UD), 0x8f));
    guest->cpu->state.rip = GUEST_CODE_AT;
    guest->cpu->state.halted = false;
    guest_run(guest, set_flags_and_trap);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_true(guest->cpu->state.rflags & RFLAGS_IF);
    assert_true(guest->cpu->state.rflags & RFLAGS_DF);
}

GUEST_CODE(int_32, 64, "int 32; hlt");
GUEST_CODE(breakpoint, 64, "int3; hlt");
GUEST_CODE(icebp, 64, ".byte 0xf1; hlt");

static void int_n_saves_the_next_rip_without_rf(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), 32);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 2);
    assert_int_equal(pushed(guest, 2), RFLAGS_ONE);
}

static void users_may_not_call_a_gate_of_the_kernel(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), 32 * 8 + 2);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT);
}

static void users_may_call_a_gate_of_dpl_3(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_set_gate(guest, EXCEPTION_BP,
                   guest_gate(KERNEL_CODE, (uint32_t)guest_handler(EXCEPTION_BP), 0xee));
    guest_run(guest, breakpoint);
    assert_int_equal(guest_vector(guest), EXCEPTION_BP);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 1);
}

static void int1_needs_no_privilege(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, icebp);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 1);
}

static void a_gate_that_is_not_present_is_np(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_gate(guest, 32, guest_gate(KERNEL_CODE, (uint32_t)guest_handler(32), 0x0e));
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_NP);
    assert_int_equal(pushed(guest, 0), 32 * 8 + 2);
}

static void a_fault_on_the_way_of_an_exception_has_ext_set(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_gate(guest, EXCEPTION_UD, guest_gate(KERNEL_CODE, 0, 0x0e));
    guest_run(guest, undefined);
    assert_int_equal(guest_vector(guest), EXCEPTION_NP);
    assert_int_equal(pushed(guest, 0), EXCEPTION_UD * 8 + 2 + 1);
}

static void a_gate_beyond_the_limit_of_the_idt_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.idtr.limit = 32 * 16 - 1;
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), 32 * 8 + 2);
}

static void a_handler_in_compatibility_code_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_gate(guest, 32, guest_gate(KERNEL_CODE_32, (uint32_t)guest_handler(32), 0x8e));
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), KERNEL_CODE_32);
}

/* -- Double faults and shutdown (tables 6-4 and 6-5) -- */

static void a_contributory_fault_while_delivering_one_is_a_double_fault(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_gate(guest, EXCEPTION_GP, guest_gate(KERNEL_CODE, 0, 0x0e));
    guest_set_gate(guest, 32, guest_gate(0, 0, 0x8e)); /* #GP, then #NP */
    guest_run(guest, int_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_DF);
    assert_int_equal(pushed(guest, 0), 0);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT);
}

static void a_page_fault_while_delivering_a_page_fault_is_a_double_fault(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, 0x123000) = 0;
    *guest_page_entry(guest, GUEST_STACK - 8) = 0;
    guest_put(guest, GUEST_TSS + 0x24, GUEST_DATA + 0x1000, 8);
    guest_set_gate(guest, EXCEPTION_DF,
                   guest_gate(KERNEL_CODE, (uint32_t)guest_handler(EXCEPTION_DF), 0x8e) |
                       UINT64_C(1) << 32);
    guest_run(guest, read_far_away);
    assert_int_equal(guest_vector(guest), EXCEPTION_DF);
    assert_int_equal(guest->cpu->state.cr2, GUEST_STACK - 48);
}

static void a_page_fault_after_a_benign_exception_is_a_page_fault(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    *guest_page_entry(guest, GUEST_STACK_0 - 8) = 0;
    guest_put(guest, GUEST_TSS + 0x24, GUEST_DATA + 0x1000, 8);
    guest_set_gate(guest, EXCEPTION_PF,
                   guest_gate(KERNEL_CODE, (uint32_t)guest_handler(EXCEPTION_PF), 0x8e) |
                       UINT64_C(1) << 32);
    guest_run(guest, undefined);
    assert_int_equal(guest_vector(guest), EXCEPTION_PF);
    assert_int_equal(pushed(guest, 0), PAGE_FAULT_WRITE);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT + 1);
}

static void a_fault_while_delivering_a_double_fault_shuts_down(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.idtr.limit = 0;
    assert_int_equal(guest_run(guest, undefined), VM_EXIT_SHUTDOWN);
}

/* -- IRET -- */

GUEST_CODE(return_64, 64,
           "push 0x30; push 0x18000; push 0x202; push 0x3b; push 0x10020; iretq;"
           ".org return_64 + 0x20; ud2");

GUEST_CODE(to_user, 64,
           "push 0x33; push 0x18000; push 0x202; push 0x3b; push 0x10020; iretq;"
           ".org to_user + 0x20; ud2");

static void iretq_goes_to_the_outer_level(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, to_user);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 0x20);
    assert_int_equal(pushed(guest, 1), USER_CODE | 3);
    assert_int_equal(pushed(guest, 2), 0x202 | RFLAGS_RF);
    assert_int_equal(pushed(guest, 3), 0x18000);
    assert_int_equal(pushed(guest, 4), USER_DATA | 3);
    /* DS, ES of DPL 0 are not the user's (5.8.6). */
    assert_int_equal(guest->cpu->state.segments[SEGMENT_DS].selector, 0);
}

static void iretq_checks_the_rpl_of_ss(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, return_64);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), USER_DATA);
}

GUEST_CODE(return_to_compatibility, 64,
           "push 0x33; push 0x18000; push 2; push 0x2b; push 0x10020; iretq;"
           ".org return_to_compatibility + 0x20; .code32; inc eax; ud2; .code64");

static void iretq_enters_compatibility_mode(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, return_to_compatibility);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(guest->cpu->state.general[RAX], 1); /* 40 is INC there, REX in 64-bit mode */
    assert_int_equal(pushed(guest, 1), USER_CODE_32 | 3);
}

GUEST_CODE(nested_task, 64, "pushfq; or dword ptr [rsp], 0x4000; popfq; iretq");

static void in_long_mode_iret_with_nt_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, nested_task);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), 0);
    assert_false(guest->cpu->state.rflags & RFLAGS_NT);
    assert_true(pushed(guest, 3) & RFLAGS_NT);
}

/* -- External interrupts and NMI -- */

GUEST_CODE(enable_and_wait, 64, "sti; nop; nop; hlt");

static void sti_holds_interrupts_for_one_instruction(void **state)
{
    struct tiny_guest *guest = *state;
    guest->next_vector = 0x40;
    cpu_attend(guest->cpu, ATTENTION_INTERRUPT);
    guest_run(guest, enable_and_wait);
    assert_int_equal(guest_vector(guest), 0x40);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 2);
    assert_int_equal(pushed(guest, 2), RFLAGS_ONE | RFLAGS_IF);
}

GUEST_CODE(load_stack_segment, 64, "mov eax, 0x10; push 0x302; popfq; mov ss, eax; nop; nop; hlt");

static void mov_ss_holds_interrupts_and_traps_for_one_instruction(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, load_stack_segment); /* POPF sets TF and IF */
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 5 + 5 + 1 + 2 + 1);
}

static void a_halted_processor_wakes_for_an_interrupt(void **state)
{
    struct tiny_guest *guest = *state;
    assert_int_equal(guest_run(guest, enable_and_wait), VM_EXIT_HALT);
    assert_int_equal(guest->cpu->state.rip, GUEST_CODE_AT + 4);
    guest->next_vector = 0x40;
    cpu_attend(guest->cpu, ATTENTION_INTERRUPT);
    guest_continue(guest);
    assert_int_equal(guest_vector(guest), 0x40);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 4);
}

GUEST_CODE(spin, 64, "nop; hlt");

static void an_nmi_is_blocked_until_iret(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_attend(guest->cpu, ATTENTION_NMI);
    guest_run(guest, spin);
    assert_int_equal(guest_vector(guest), EXCEPTION_NMI);
    assert_true(guest->cpu->state.nmi_blocked);
    uint64_t at_handler = rsp(guest);
    cpu_attend(guest->cpu, ATTENTION_NMI);
    guest_put(guest, guest_handler(EXCEPTION_NMI) + 1, 0xcf48, 2); /* iretq */
    guest->cpu->state.halted = false;
    guest_continue(guest);
    /* IRET let the second one in before the code went on. */
    assert_int_equal(guest_vector(guest), EXCEPTION_NMI);
    assert_int_equal(rsp(guest), at_handler);
}

/* -- Debug exceptions (18.3) -- */

GUEST_CODE(single_step, 64, "pushfq; or dword ptr [rsp], 0x100; popfq; nop; nop; hlt");

static void tf_traps_after_the_next_instruction(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, single_step);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 10); /* behind the NOP behind POPF */
    assert_true(guest->cpu->state.dr[6] & DR6_BS);
    assert_false(guest->cpu->state.rflags & RFLAGS_TF);
    assert_true(pushed(guest, 2) & RFLAGS_TF);
    assert_false(pushed(guest, 2) & RFLAGS_RF);
}

GUEST_CODE(three_nops, 64, "nop; nop; nop; hlt");

static void a_code_breakpoint_is_a_fault_that_rf_lets_pass(void **state)
{
    struct tiny_guest *guest = *state;
    struct cpu_state *cpu_state = &guest->cpu->state;
    cpu_state->dr[2] = GUEST_CODE_AT + 1;
    cpu_state->dr[7] = DR7_INITIAL | 1 << 4;
    cpu_level_changed(guest->cpu);
    guest_run(guest, three_nops);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 1);
    assert_int_equal(cpu_state->dr[6] & 15, 1 << 2);
    cpu_state->rip = GUEST_CODE_AT + 1;
    cpu_state->rflags |= RFLAGS_RF;
    cpu_state->halted = false;
    guest_continue(guest);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(cpu_state->rip, GUEST_CODE_AT + 4);
    assert_false(cpu_state->rflags & RFLAGS_RF);
}

GUEST_CODE(store, 64, "mov dword ptr [0x30008], 1; nop; hlt");

static void a_data_breakpoint_traps_after_the_store(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.dr[0] = GUEST_DATA + 8;
    guest->cpu->state.dr[7] = DR7_INITIAL | 1 | 1 << 16 | 3 << 18;
    cpu_level_changed(guest->cpu);
    guest_run(guest, store);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT + 11);
    assert_int_equal(guest->cpu->state.dr[6] & 15, 1);
    assert_int_equal(guest_u32(guest, GUEST_DATA + 8), 1);
}

GUEST_CODE(touch_debug_register, 64, "mov rax, dr0; hlt");

static void general_detect_guards_the_debug_registers(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.dr[7] = DR7_INITIAL | DR7_GD;
    guest_run(guest, touch_debug_register);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), GUEST_CODE_AT);
    assert_true(guest->cpu->state.dr[6] & DR6_BD);
    assert_false(guest->cpu->state.dr[7] & DR7_GD);
}

/* -- Protected mode (6.12) -- */

GUEST_CODE(undefined_32, 32, "nop; ud2");
GUEST_CODE(int_32_32, 32, "int 32; hlt");

static void a_32_bit_gate_pushes_three_values(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, undefined_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(rsp(guest), GUEST_STACK - 12);
    assert_int_equal(pushed_32(guest, 0), GUEST_CODE_AT + 1);
    assert_int_equal(pushed_32(guest, 1), KERNEL_CODE);
    assert_int_equal(pushed_32(guest, 2), RFLAGS_ONE | RFLAGS_RF);
}

static void from_user_level_ss_and_esp_are_pushed_too(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, undefined_32);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(rsp(guest), GUEST_STACK_0 - 20);
    assert_int_equal(guest->cpu->state.segments[SEGMENT_SS].selector, KERNEL_DATA);
    assert_int_equal(pushed_32(guest, 3), GUEST_STACK);
    assert_int_equal(pushed_32(guest, 4), USER_DATA | 3);
}

static void a_stack_of_the_wrong_privilege_is_ts(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_put(guest, GUEST_TSS + 8, USER_DATA | 3, 2);
    guest->cpu->state.idtr.limit = 0xfff;
    /* #TS comes for each event that wants a new stack, so it ends in a shutdown. */
    assert_int_equal(guest_run(guest, int_32_32), VM_EXIT_SHUTDOWN);
}

static void a_16_bit_gate_pushes_words(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, FREE_SELECTOR, guest_descriptor(GUEST_HANDLERS, 0xffff, 0x009b));
    guest_set_gate(guest, 32, guest_gate(FREE_SELECTOR, 32 * HANDLER_SIZE, 0x86));
    guest_run(guest, int_32_32);
    assert_int_equal(guest_vector(guest), 32);
    assert_int_equal(rsp(guest), GUEST_STACK - 6);
    assert_int_equal(pushed_16(guest, 0), (GUEST_CODE_AT + 2) & 0xffff);
    assert_int_equal(pushed_16(guest, 1), KERNEL_CODE);
}

/* -- Real mode -- */

GUEST_CODE(int_10, 16, "sti; int 0x10; hlt");
GUEST_CODE(divide_by_zero, 16, "xor bx, bx; div bx; hlt");

static void real_mode_takes_a_far_pointer_and_pushes_three_words(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, int_10);
    assert_int_equal(guest_vector(guest), 0x10);
    assert_int_equal(rsp(guest), 0x8000 - 6);
    assert_int_equal(pushed_16(guest, 0), 3);
    assert_int_equal(pushed_16(guest, 1), GUEST_CODE_AT >> 4);
    assert_int_equal(pushed_16(guest, 2), RFLAGS_ONE | RFLAGS_IF);
    assert_false(guest->cpu->state.rflags & RFLAGS_IF);
}

static void in_real_mode_a_fault_saves_its_own_ip_and_no_error_code(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, divide_by_zero);
    assert_int_equal(guest_vector(guest), EXCEPTION_DE);
    assert_int_equal(rsp(guest), 0x8000 - 6);
    assert_int_equal(pushed_16(guest, 0), 2);
}

GUEST_CODE(call_and_return, 16,
           "push cs; .byte 0x68; .word 1f - call_and_return; pushf; pop ax;"
           "or ax, 0x0200; pop bx; pop cx; push ax; push cx; push bx; iret;"
           "1: hlt");

static void iret_in_real_mode_loads_ip_cs_and_flags(void **state)
{
    struct tiny_guest *guest = *state;
    assert_int_equal(guest_run(guest, call_and_return), VM_EXIT_HALT);
    assert_int_equal(guest_vector(guest), -1);
    assert_true(guest->cpu->state.rflags & RFLAGS_IF);
    assert_int_equal(rsp(guest), 0x8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_64(a_fault_pushes_five_values_on_an_aligned_stack),
        TEST_64(a_page_fault_pushes_its_error_code_and_sets_cr2),
        TEST_64(from_user_level_the_stack_comes_from_the_tss),
        TEST_64(the_interrupt_stack_table_switches_at_any_level),
        TEST_64(an_interrupt_gate_clears_if_and_a_trap_gate_does_not),
        TEST_64(int_n_saves_the_next_rip_without_rf),
        TEST_64(users_may_not_call_a_gate_of_the_kernel),
        TEST_64(users_may_call_a_gate_of_dpl_3),
        TEST_64(int1_needs_no_privilege),
        TEST_64(a_gate_that_is_not_present_is_np),
        TEST_64(a_fault_on_the_way_of_an_exception_has_ext_set),
        TEST_64(a_gate_beyond_the_limit_of_the_idt_is_gp),
        TEST_64(a_handler_in_compatibility_code_is_gp),
        TEST_64(a_contributory_fault_while_delivering_one_is_a_double_fault),
        TEST_64(a_page_fault_while_delivering_a_page_fault_is_a_double_fault),
        TEST_64(a_page_fault_after_a_benign_exception_is_a_page_fault),
        TEST_64(a_fault_while_delivering_a_double_fault_shuts_down),
        TEST_64(iretq_goes_to_the_outer_level),
        TEST_64(iretq_checks_the_rpl_of_ss),
        TEST_64(iretq_enters_compatibility_mode),
        TEST_64(in_long_mode_iret_with_nt_is_gp),
        TEST_64(sti_holds_interrupts_for_one_instruction),
        TEST_64(mov_ss_holds_interrupts_and_traps_for_one_instruction),
        TEST_64(a_halted_processor_wakes_for_an_interrupt),
        TEST_64(an_nmi_is_blocked_until_iret),
        TEST_64(tf_traps_after_the_next_instruction),
        TEST_64(a_code_breakpoint_is_a_fault_that_rf_lets_pass),
        TEST_64(a_data_breakpoint_traps_after_the_store),
        TEST_64(general_detect_guards_the_debug_registers),
        TEST_32(a_32_bit_gate_pushes_three_values),
        TEST_32(from_user_level_ss_and_esp_are_pushed_too),
        TEST_32(a_stack_of_the_wrong_privilege_is_ts),
        TEST_32(a_16_bit_gate_pushes_words),
        TEST_16(real_mode_takes_a_far_pointer_and_pushes_three_words),
        TEST_16(in_real_mode_a_fault_saves_its_own_ip_and_no_error_code),
        TEST_16(iret_in_real_mode_loads_ip_cs_and_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
