// SPDX-License-Identifier: Apache-2.0
/* String instructions stop anywhere and go on; and what the host cannot execute: decimal
 * adjustment, BOUND, ENTER with levels, instructions of 16-bit code. */
#include "interpreter_fixture.h"

#define AREA 0x100000u

ASSEMBLE(copy_quads, 64, "rep movsq; hlt");
static void rep_movs_stops_at_a_fault_and_goes_on(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, copy_quads);
    for (unsigned i = 0; i < 3 * FRAME_SIZE; i++)
        guest->ram[AREA + i] = (uint8_t)(i * 7 + (i >> 8));
    *guest_pte(guest, 0x201000) &= ~(uint64_t)PTE_PRESENT;
    guest->cpu->state.general[RSI] = AREA + 8;
    guest->cpu->state.general[RDI] = 0x200000;
    guest->cpu->state.general[RCX] = 1024;
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_PF);
    assert_int_equal(guest->cpu->state.cr2, 0x201000);
    assert_int_equal(guest_interrupted_rip(guest, true), GUEST_CODE);
    assert_int_equal(guest_register(guest, RCX), 512);
    assert_int_equal(guest_register(guest, RSI), AREA + 8 + FRAME_SIZE);
    assert_int_equal(guest_register(guest, RDI), 0x201000);
    assert_memory_equal(guest->ram + 0x200000, guest->ram + AREA + 8, FRAME_SIZE);

    *guest_pte(guest, 0x201000) |= PTE_PRESENT;
    guest_restart(guest, GUEST_CODE);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RCX), 0);
    assert_memory_equal(guest->ram + 0x200000, guest->ram + AREA + 8, 2 * FRAME_SIZE);
    guest_free(guest);
}

ASSEMBLE(copy_bytes_on, 64, "rep movsb; hlt");
static void an_overlapping_copy_repeats_the_bytes_between(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_put(guest, AREA, "abc", 3);
    guest->cpu->state.general[RSI] = AREA;
    guest->cpu->state.general[RDI] = AREA + 3;
    guest->cpu->state.general[RCX] = 6000;
    guest_execute(guest, copy_bytes_on);
    for (unsigned i = 0; i < 6003; i++)
        assert_int_equal(guest->ram[AREA + i], "abc"[i % 3]);
    guest_free(guest);
}

static void downwards_elements_are_copied_from_the_last_on(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_put(guest, AREA, "0123456789", 10);
    guest->cpu->state.general[RSI] = AREA + 9;
    guest->cpu->state.general[RDI] = AREA + 11;
    guest->cpu->state.general[RCX] = 10;
    guest->cpu->state.rflags |= RFLAGS_DF;
    guest_execute(guest, copy_bytes_on);
    assert_memory_equal(guest->ram + AREA, "010123456789", 12);
    assert_int_equal(guest_register(guest, RSI), AREA - 1);
    guest_free(guest);
}

ASSEMBLE(fill_doubles, 64, "rep stosd; hlt");
static void rep_stos_fills_across_pages_and_no_further(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest->cpu->state.general[RAX] = 0xaaaaaaaa11223344;
    guest->cpu->state.general[RDI] = AREA + FRAME_SIZE - 6; /* the second one crosses the page */
    guest->cpu->state.general[RCX] = 3;
    guest_execute(guest, fill_doubles);
    assert_memory_equal(guest->ram + AREA + FRAME_SIZE - 7,
                        "\0\x44\x33\x22\x11\x44\x33\x22\x11\x44\x33\x22\x11\0", 14);
    assert_int_equal(guest_register(guest, RDI), AREA + FRAME_SIZE + 6);
    guest_free(guest);
}

/* TF shows where a repetition can be interrupted: after each iteration. */
static void a_repetition_can_be_interrupted_after_each_iteration(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, fill_doubles);
    guest->cpu->state.general[RDI] = AREA;
    guest->cpu->state.general[RCX] = 4 * FRAME_SIZE;
    guest->cpu->state.rflags |= RFLAGS_TF;
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_DB);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE);
    assert_int_equal(guest_register(guest, RCX), 4 * FRAME_SIZE - 1);
    guest_free(guest);
}

ASSEMBLE(find_zero, 64, "xor eax, eax; repne scasb; hlt");
static void repne_scas_stops_behind_what_it_looks_for(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_put(guest, AREA, "hello", 6);
    guest->cpu->state.general[RDI] = AREA;
    guest->cpu->state.general[RCX] = UINT64_MAX;
    guest_execute(guest, find_zero);
    assert_int_equal(guest_register(guest, RDI), AREA + 6);
    assert_int_equal(~guest_register(guest, RCX), 6);
    guest_free(guest);
}

static void mmio_is_copied_by_an_exit_for_each_element(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    *guest_pte(guest, AREA) = UINT64_C(0xfec00000) | PTE_PRESENT | PTE_WRITABLE;
    guest_load(guest, copy_quads);
    guest->cpu->state.general[RSI] = AREA;
    guest->cpu->state.general[RDI] = GUEST_DATA;
    guest->cpu->state.general[RCX] = 2;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(guest_run(guest), VM_EXIT_MMIO);
        assert_false(guest->exit.write);
        assert_int_equal(guest->exit.mmio.address, 0xfec00000 + 8 * i);
        assert_int_equal(guest_register(guest, RCX), 2 - i);
        guest->exit.value = 0x1111 * (i + 1);
    }
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_memory_equal(guest->ram + GUEST_DATA, "\x11\x11\0\0\0\0\0\0\x22\x22\0\0\0\0\0\0", 16);
    guest_free(guest);
}

/* -- What 64-bit mode does not have -- */

ASSEMBLE(decimal, 32,
         "mov al, 0x38; add al, 0x45; daa; mov bl, al; " /* 38 + 45 = 83 */
         "mov al, 0x83; sub al, 0x45; das; mov bh, al; " /* 83 - 45 = 38 */
         "mov ax, 0x0009; add al, 8; aaa; mov cx, ax; "  /* 9 + 8 = 1, 7 */
         "mov al, 74; aam; mov dx, ax; aad; movzx esi, ax; hlt");
static void decimal_adjustment_yields_digits(void **unused)
{
    struct guest *guest = guest_new(GUEST_FLAT32);
    (void)unused;
    guest_execute(guest, decimal);
    assert_int_equal(guest_register(guest, RBX) & 0xffff, 0x3883);
    assert_int_equal(guest_register(guest, RCX) & 0xffff, 0x0107);
    assert_int_equal(guest_register(guest, RDX) & 0xffff, 0x0704);
    assert_int_equal(guest_register(guest, RSI), 74);
    guest_free(guest);
}

ASSEMBLE(levels, 32, "mov ebp, 0x1f000; mov dword ptr [0x1effc], 0x5555; enter 16, 2; hlt");
static void enter_copies_the_frames_around(void **unused)
{
    struct guest *guest = guest_new(GUEST_FLAT32);
    uint32_t frame[3];
    (void)unused;
    guest_execute(guest, levels);
    assert_int_equal(guest_register(guest, RBP), GUEST_STACK - 4);
    assert_int_equal(guest_register(guest, RSP), GUEST_STACK - 12 - 16);
    assert_true(guest_read(&guest->memory, GUEST_STACK - 12, frame, sizeof(frame)));
    assert_int_equal(frame[2], 0x1f000);
    assert_int_equal(frame[1], 0x5555);
    assert_int_equal(frame[0], GUEST_STACK - 4);
    guest_free(guest);
}

ASSEMBLE(copy_real, 16,
         "mov ax, 0x3000; mov ds, ax; mov ax, 0x4000; mov es, ax; mov cx, 5; "
         "mov si, 0xfffe; xor di, di; rep movsb; hlt");
static void in_real_mode_offsets_wrap_at_64_kib(void **unused)
{
    struct guest *guest = guest_new(GUEST_REAL);
    (void)unused;
    guest_put(guest, 0x3fffe, "ab", 2);
    guest_put(guest, 0x30000, "cde", 3);
    guest_load(guest, copy_real);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_memory_equal(guest->ram + 0x40000, "abcde", 5);
    assert_int_equal(guest_register(guest, RSI) & 0xffff, 3);
    guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rep_movs_stops_at_a_fault_and_goes_on),
        cmocka_unit_test(an_overlapping_copy_repeats_the_bytes_between),
        cmocka_unit_test(downwards_elements_are_copied_from_the_last_on),
        cmocka_unit_test(rep_stos_fills_across_pages_and_no_further),
        cmocka_unit_test(a_repetition_can_be_interrupted_after_each_iteration),
        cmocka_unit_test(repne_scas_stops_behind_what_it_looks_for),
        cmocka_unit_test(mmio_is_copied_by_an_exit_for_each_element),
        cmocka_unit_test(decimal_adjustment_yields_digits),
        cmocka_unit_test(enter_copies_the_frames_around),
        cmocka_unit_test(in_real_mode_offsets_wrap_at_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
