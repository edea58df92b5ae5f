// SPDX-License-Identifier: Apache-2.0
/* Hardware tasks (SDM volume 3, chapter 8) and virtual-8086 mode (chapter 21). */
#include "tiny_guest.h"

#define TSS_B     UINT64_C(0x5000)
#define TASK_B    0x60
#define GATE_B    0x68
#define STACK_B   UINT64_C(0x70000)
#define PROGRAM_B UINT64_C(0x60000)
#define BUSY      (UINT64_C(2) << 40)

/* Offsets in a 32-bit TSS (figure 8-2). */
enum tss_offset {
    TSS_LINK = 0,
    TSS_CR3 = 0x1c,
    TSS_EIP = 0x20,
    TSS_EFLAGS = 0x24,
    TSS_EAX = 0x28,
    TSS_ESP = 0x38,
    TSS_ES = 0x48,
    TSS_CS = 0x4c,
    TSS_SS = 0x50,
    TSS_DS = 0x54,
    TSS_LDT = 0x60,
    TSS_TRAP = 0x64,
    TSS_IO_MAP = 0x66,
};

static struct cpu_state *cpu_state(struct tiny_guest *guest)
{
    return &guest->cpu->state;
}

static uint32_t pushed(struct tiny_guest *guest, unsigned n)
{
    return guest_u32(guest, cpu_state(guest)->general[RSP] + 4 * n);
}

/* A task that halts at once. */
static void set_task_b(struct tiny_guest *guest)
{
    static const uint8_t segments[] = { TSS_ES, TSS_SS, TSS_DS, TSS_DS + 4, TSS_DS + 8 };
    guest_set_descriptor(guest, TASK_B, guest_descriptor(TSS_B, 0x67, 0x0089));
    guest_set_descriptor(guest, GATE_B, guest_gate(TASK_B, 0, 0x85));
    guest_put(guest, TSS_B + TSS_EIP, PROGRAM_B, 4);
    guest_put(guest, TSS_B + TSS_EFLAGS, RFLAGS_ONE | RFLAGS_DF, 4);
    guest_put(guest, TSS_B + TSS_EAX, 0xbbbb, 4);
    guest_put(guest, TSS_B + TSS_ESP, STACK_B, 4);
    guest_put(guest, TSS_B + TSS_CS, KERNEL_CODE, 2);
    for (unsigned i = 0; i < sizeof(segments); i++)
        guest_put(guest, TSS_B + segments[i], KERNEL_DATA, 2);
    guest_put(guest, PROGRAM_B, 0xf4, 1);
    guest_put(guest, GUEST_DATA + 4, TASK_B, 2); /* the far pointer of the guests below */
}

GUEST_CODE(jump_to_task, 32, "mov eax, 0xaaaa; ljmp [0x30000]; hlt");
GUEST_CODE(call_task, 32, "mov eax, 0xaaaa; lcall [0x30000]; hlt");

static void a_jump_to_a_tss_saves_one_task_and_loads_the_other(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_run(guest, jump_to_task);
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_int_equal(cpu_state(guest)->rip, PROGRAM_B + 1);
    assert_int_equal(cpu_state(guest)->general[RAX], 0xbbbb);
    assert_int_equal(cpu_state(guest)->general[RSP], STACK_B);
    assert_true(cpu_state(guest)->rflags & RFLAGS_DF);
    assert_false(cpu_state(guest)->rflags & RFLAGS_NT);
    assert_true(cpu_state(guest)->cr0 & CR0_TS);
    assert_int_equal(cpu_state(guest)->tr.selector, TASK_B);
    assert_int_equal(guest_u32(guest, GUEST_TSS + TSS_EAX), 0xaaaa);
    assert_int_equal(guest_u32(guest, GUEST_TSS + TSS_EIP), GUEST_CODE_AT + 11);
    assert_int_equal(guest_u32(guest, GUEST_TSS + TSS_CS), KERNEL_CODE);
}

static void a_jump_moves_the_busy_bit(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_run(guest, jump_to_task);
    assert_false(guest_u64(guest, GUEST_GDT + TASK) & BUSY);
    assert_true(guest_u64(guest, GUEST_GDT + TASK_B) & BUSY);
}

static void a_call_nests_and_iret_comes_back(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_put(guest, PROGRAM_B, 0xcf, 1); /* IRET */
    guest_run(guest, call_task);
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_int_equal(cpu_state(guest)->rip, GUEST_CODE_AT + 12);
    assert_int_equal(cpu_state(guest)->general[RAX], 0xaaaa);
    assert_int_equal(cpu_state(guest)->tr.selector, TASK);
    assert_int_equal(guest_u16(guest, TSS_B + TSS_LINK), TASK);
    assert_true(guest_u64(guest, GUEST_GDT + TASK) & BUSY);
    assert_false(guest_u64(guest, GUEST_GDT + TASK_B) & BUSY);
    assert_false(guest_u32(guest, TSS_B + TSS_EFLAGS) & RFLAGS_NT);
}

static void a_busy_task_cannot_be_entered(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_set_descriptor(guest, TASK_B, guest_descriptor(TSS_B, 0x67, 0x008b));
    guest_run(guest, jump_to_task);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), TASK_B);
    assert_int_equal(pushed(guest, 1), GUEST_CODE_AT + 5);
}

static void a_tss_that_is_too_small_is_ts(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_set_descriptor(guest, TASK_B, guest_descriptor(TSS_B, 0x66, 0x0089));
    guest_run(guest, jump_to_task);
    assert_int_equal(guest_vector(guest), EXCEPTION_TS);
    assert_int_equal(pushed(guest, 0), TASK_B);
    assert_int_equal(cpu_state(guest)->tr.selector, TASK);
}

static void a_bad_segment_of_the_new_task_is_its_own_fault(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_put(guest, TSS_B + TSS_DS, TASK, 2);
    guest_run(guest, jump_to_task);
    assert_int_equal(guest_vector(guest), EXCEPTION_TS);
    assert_int_equal(pushed(guest, 0), TASK);
    assert_int_equal(pushed(guest, 1), PROGRAM_B);
    assert_int_equal(cpu_state(guest)->tr.selector, TASK_B);
}

GUEST_CODE(undefined_32, 32, "nop; ud2");
GUEST_CODE(null_ds_32, 32, "mov eax, 0x60; mov ds, eax; hlt");

static void a_task_gate_of_the_idt_switches_tasks(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_set_gate(guest, EXCEPTION_UD, guest_gate(TASK_B, 0, 0x85));
    guest_run(guest, undefined_32);
    assert_int_equal(cpu_state(guest)->rip, PROGRAM_B + 1);
    assert_true(cpu_state(guest)->rflags & RFLAGS_NT);
    assert_int_equal(guest_u16(guest, TSS_B + TSS_LINK), TASK);
    assert_int_equal(guest_u32(guest, GUEST_TSS + TSS_EIP), GUEST_CODE_AT + 1);
    assert_true(guest_u32(guest, GUEST_TSS + TSS_EFLAGS) & RFLAGS_RF);
}

static void a_task_gate_pushes_the_error_code_in_the_new_task(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_set_gate(guest, EXCEPTION_GP, guest_gate(TASK_B, 0, 0x85));
    guest_run(guest, null_ds_32); /* a TSS is no data segment */
    assert_int_equal(cpu_state(guest)->rip, PROGRAM_B + 1);
    assert_int_equal(cpu_state(guest)->general[RSP], STACK_B - 4);
    assert_int_equal(pushed(guest, 0), TASK_B);
}

static void the_trap_bit_of_a_tss_is_a_debug_exception(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    guest_put(guest, TSS_B + TSS_TRAP, 1, 2);
    guest_run(guest, jump_to_task);
    assert_int_equal(guest_vector(guest), EXCEPTION_DB);
    assert_int_equal(pushed(guest, 0), PROGRAM_B);
    assert_true(cpu_state(guest)->dr[6] & DR6_BT);
}

static void a_16_bit_tss_holds_words(void **state)
{
    struct tiny_guest *guest = *state;
    set_task_b(guest);
    memset(guest_at(guest, TSS_B), 0, 0x68);
    guest_set_descriptor(guest, TASK_B, guest_descriptor(TSS_B, 0x2b, 0x0081));
    guest_put(guest, TSS_B + 0x0e, 0x1234, 2); /* IP */
    guest_put(guest, TSS_B + 0x10, RFLAGS_ONE, 2);
    guest_put(guest, TSS_B + 0x12, 0xbbbb, 2); /* AX */
    guest_put(guest, TSS_B + 0x24, KERNEL_CODE, 2);
    guest_put(guest, TSS_B + 0x26, KERNEL_DATA, 2);
    guest_put(guest, 0x1234, 0xf4, 1);
    guest_run(guest, jump_to_task);
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_int_equal(cpu_state(guest)->rip, 0x1235);
    assert_int_equal(cpu_state(guest)->general[RAX] & 0xffff, 0xbbbb);
}

/* -- Virtual-8086 mode -- */

/* IRET to 16-bit code at 5000H:0, with `iopl`. */
GUEST_CODE(to_virtual_8086, 32,
           "push 0x4444; push 0x3333; push 0x2222; push 0x1111; push 0x6000; push 0x100;"
           "push eax; push 0x5000; push 0; iretd");

GUEST_CODE(program_trap, 16, "ud2");
GUEST_CODE(program_int, 16, "int 0x21; hlt");
GUEST_CODE(program_cli, 16, "cli; ud2");
GUEST_CODE(program_out, 16, "mov dx, 0x80; out dx, al; ud2");

#define V86_PROGRAM UINT64_C(0x50000)

#define run_program(guest, code, flags)                                                            \
    do {                                                                                           \
        memcpy(guest_at(guest, V86_PROGRAM), code, (size_t)(code##_end - code));                   \
        cpu_state(guest)->general[RAX] = RFLAGS_ONE | RFLAGS_VM | (flags);                         \
        guest_run(guest, to_virtual_8086);                                                         \
    } while (0)

static void a_fault_leaves_virtual_8086_mode_with_nine_values(void **state)
{
    struct tiny_guest *guest = *state;
    run_program(guest, program_trap, 0);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    static const uint32_t frame[] = { 0, 0x5000, 0, 0x100, 0x6000, 0x1111, 0x2222, 0x3333, 0x4444 };
    assert_int_equal(cpu_state(guest)->general[RSP], GUEST_STACK_0 - 36);
    for (unsigned i = 0; i < 9; i++)
        if (i != 2)
            assert_int_equal(pushed(guest, i), frame[i]);
    assert_true(pushed(guest, 2) & RFLAGS_VM);
    assert_false(cpu_state(guest)->rflags & RFLAGS_VM);
    assert_int_equal(guest->cpu->privilege_level, 0);
    assert_int_equal(cpu_state(guest)->segments[SEGMENT_DS].selector, 0);
}

static void int_n_needs_iopl_3(void **state)
{
    struct tiny_guest *guest = *state;
    run_program(guest, program_int, 0);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(pushed(guest, 0), 0);
}

static void cli_needs_iopl_3(void **state)
{
    struct tiny_guest *guest = *state;
    run_program(guest, program_cli, 0);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

static void with_iopl_3_cli_clears_if(void **state)
{
    struct tiny_guest *guest = *state;
    run_program(guest, program_cli, RFLAGS_IOPL | RFLAGS_IF);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_false(pushed(guest, 2) & RFLAGS_IF);
}

static void with_vme_cli_clears_vif(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->cr4 |= CR4_VME;
    run_program(guest, program_cli, RFLAGS_VIF | RFLAGS_IF);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_true(pushed(guest, 2) & RFLAGS_IF);
    assert_false(pushed(guest, 2) & RFLAGS_VIF);
}

static void with_vme_a_clear_bit_redirects_int_n_into_the_program(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->cr4 |= CR4_VME;
    guest_put(guest, GUEST_TSS + TSS_IO_MAP, 0x100, 2);
    guest_put(guest, 0x21 * 4, 0x57000000, 4); /* 5700:0 */
    guest_put(guest, 0x57000, 0x0b0f, 2);      /* UD2 */
    run_program(guest, program_int, 0);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(pushed(guest, 0), 0);
    assert_int_equal(pushed(guest, 1), 0x5700);
    assert_int_equal(pushed(guest, 3), 0x100 - 6);
    assert_int_equal(guest_u16(guest, 0x60000 + 0x100 - 6), 2);
    /* The image that the program sees has IOPL 3. */
    assert_int_equal(guest_u16(guest, 0x60000 + 0x100 - 2) & RFLAGS_IOPL, RFLAGS_IOPL);
}

static void ports_go_by_the_bitmap_whatever_iopl_is(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_TSS + TSS_IO_MAP, 0x100, 2);
    run_program(guest, program_out, RFLAGS_IOPL);
    assert_int_equal(guest->exit.reason, VM_EXIT_IO);
    assert_int_equal(guest->exit.io.port, 0x80);
    guest_continue(guest);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

static void a_set_bit_of_the_bitmap_refuses_the_port(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_TSS + TSS_IO_MAP, 0x100, 2);
    guest_put(guest, GUEST_TSS + 0x100 + 0x80 / 8, 1, 1);
    run_program(guest, program_out, RFLAGS_IOPL);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_32(a_jump_to_a_tss_saves_one_task_and_loads_the_other),
        TEST_32(a_jump_moves_the_busy_bit),
        TEST_32(a_call_nests_and_iret_comes_back),
        TEST_32(a_busy_task_cannot_be_entered),
        TEST_32(a_tss_that_is_too_small_is_ts),
        TEST_32(a_bad_segment_of_the_new_task_is_its_own_fault),
        TEST_32(a_task_gate_of_the_idt_switches_tasks),
        TEST_32(a_task_gate_pushes_the_error_code_in_the_new_task),
        TEST_32(the_trap_bit_of_a_tss_is_a_debug_exception),
        TEST_32(a_16_bit_tss_holds_words),
        TEST_32(a_fault_leaves_virtual_8086_mode_with_nine_values),
        TEST_32(int_n_needs_iopl_3),
        TEST_32(cli_needs_iopl_3),
        TEST_32(with_iopl_3_cli_clears_if),
        TEST_32(with_vme_cli_clears_vif),
        TEST_32(with_vme_a_clear_bit_redirects_int_n_into_the_program),
        TEST_32(ports_go_by_the_bitmap_whatever_iopl_is),
        TEST_32(a_set_bit_of_the_bitmap_refuses_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
