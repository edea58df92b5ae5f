// SPDX-License-Identifier: Apache-2.0
/* Decoded code is what memory holds: whoever writes it, and wherever it is mapped. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/x86/interpreter/block.h"
#include "interpreter_fixture.h"

/* mov eax, imm32; hlt */
static void put_constant(struct guest *guest, gpa_t address, uint32_t value)
{
    uint8_t code[6] = { 0xb8, 0, 0, 0, 0, 0xf4 };
    memcpy(code + 1, &value, 4);
    guest_put(guest, address, code, sizeof(code));
}

static uint64_t run_at(struct guest *guest, uint64_t rip)
{
    guest_restart(guest, rip);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    return guest_register(guest, RAX);
}

static void code_written_by_a_device_is_decoded_again(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    put_constant(guest, GUEST_CODE, 1);
    assert_int_equal(run_at(guest, GUEST_CODE), 1);
    put_constant(guest, GUEST_CODE, 2);
    assert_int_equal(run_at(guest, GUEST_CODE), 2);
    guest_free(guest);
}

/* The store reaches the next instruction but one, in the same block. */
ASSEMBLE(rewrite_next, 64, "mov byte ptr [rip + 1f + 1], 0x77; nop; 1: mov al, 0x11; hlt");
static void a_block_that_rewrites_itself_runs_what_it_wrote(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, rewrite_next);
    assert_int_equal(guest_register(guest, RAX) & 0xff, 0x77);
    guest_free(guest);
}

/* The same by a locked and by a string instruction. */
ASSEMBLE(rewrite_locked, 64, "mov cl, 0x77; xchg [rip + 1f + 1], cl; 1: mov al, 0x11; hlt");
ASSEMBLE(rewrite_string, 64,
         "lea rdi, [rip + 1f + 1]; mov al, 0x77; mov ecx, 1; rep stosb; 1: mov al, 0x11; hlt");
static void every_kind_of_store_is_noticed(void **unused)
{
    static const struct {
        const uint8_t *code, *end;
    } guests[] = { { rewrite_locked, rewrite_locked_end }, { rewrite_string, rewrite_string_end } };
    (void)unused;
    for (unsigned i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
        struct guest *guest = guest_new(GUEST_LONG);
        guest_put(guest, GUEST_CODE, guests[i].code, (size_t)(guests[i].end - guests[i].code));
        assert_int_equal(run_at(guest, GUEST_CODE) & 0xff, 0x77);
        guest_free(guest);
    }
}

/* Loops through code that counts its own immediate up. */
ASSEMBLE(rewrite_often, 64,
         "mov ecx, 100; 1: mov al, 0; inc byte ptr [rip + 1b + 1]; dec ecx; jnz 1b; "
         "movzx eax, al; hlt");
static void a_loop_may_change_its_own_code_each_time(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, rewrite_often);
    assert_int_equal(guest_register(guest, RAX), 99);
    guest_free(guest);
}

static void data_beside_code_does_not_make_it_stale(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    put_constant(guest, GUEST_CODE, 1);
    run_at(guest, GUEST_CODE);
    uint32_t version = atomic_load(&guest->frames[GUEST_CODE >> FRAME_SHIFT].version);
    guest_put(guest, GUEST_CODE + 2048, "data", 4);
    assert_int_equal(atomic_load(&guest->frames[GUEST_CODE >> FRAME_SHIFT].version), version);
    assert_int_equal(run_at(guest, GUEST_CODE), 1);
    guest_free(guest);
}

ASSEMBLE(remap, 64, "mov [rbx], rdx; invlpg [0x50000]; mov eax, 0x50000; jmp rax");
static void after_invlpg_code_is_looked_for_where_the_page_is_now(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    put_constant(guest, 0x50000, 5);
    put_constant(guest, 0x60000, 6);
    assert_int_equal(run_at(guest, 0x50000), 5);
    guest->cpu->state.general[RBX] = (uint64_t)((uint8_t *)guest_pte(guest, 0x50000) - guest->ram);
    guest->cpu->state.general[RDX] = 0x60000 | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    guest_load(guest, remap);
    assert_int_equal(run_at(guest, GUEST_CODE), 6);
    guest_free(guest);
}

/* mov eax, imm32 with its opcode and a byte in one page and the rest in the next. */
static void an_instruction_across_two_pages_depends_on_both(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    const gpa_t at = GUEST_CODE + FRAME_SIZE - 2;
    (void)unused;
    put_constant(guest, at, 0x01020304);
    assert_int_equal(run_at(guest, at), 0x01020304);
    guest_put(guest, GUEST_CODE + FRAME_SIZE, "\x99", 1);
    assert_int_equal(run_at(guest, at), 0x01029904);
    guest_put(guest, at + 1, "\x88", 1);
    assert_int_equal(run_at(guest, at), 0x01029988);

    /* Another page behind the first: the same bytes elsewhere. */
    guest_put(guest, 0x70000, "\x00\x00\x00\xf4", 4);
    *guest_pte(guest, GUEST_CODE + FRAME_SIZE) = 0x70000 | PTE_PRESENT | PTE_WRITABLE;
    tlb_flush(guest->cpu);
    assert_int_equal(run_at(guest, at), 0x88);
    guest_free(guest);
}

static void a_missing_second_page_is_a_fault_there(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    const gpa_t at = GUEST_CODE + FRAME_SIZE - 2;
    (void)unused;
    guest_set_gates(guest);
    put_constant(guest, at, 1);
    *guest_pte(guest, GUEST_CODE + FRAME_SIZE) = 0;
    guest_restart(guest, at);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_PF);
    assert_int_equal(guest->cpu->state.cr2, GUEST_CODE + FRAME_SIZE);
    assert_int_equal(guest_interrupted_rip(guest, true), at);
    guest_free(guest);
}

/* The same bytes mean different things in 32-bit and in 64-bit mode: 48 is DEC EAX or REX.W. */
static void code_is_kept_for_each_mode_apart(void **unused)
{
    struct guest *guest = guest_new(GUEST_FLAT32);
    struct cpu_state state = guest_state(GUEST_LONG);
    (void)unused;
    guest_put(guest, GUEST_CODE, "\x48\xff\xc0\xf4", 4);
    guest->cpu->state.general[RAX] = 100;
    assert_int_equal(run_at(guest, GUEST_CODE), 100);
    state.general[RAX] = 100;
    assert_int_equal(engine_hosted.vcpu_set_state(guest->vcpus[0], &state), 0);
    assert_int_equal(run_at(guest, GUEST_CODE), 101);
    guest_free(guest);
}

static void a_full_cache_starts_anew(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    put_constant(guest, GUEST_CODE, 3);
    run_at(guest, GUEST_CODE);
    guest->cpu->blocks->used = BLOCK_CACHE_SIZE - 64;
    put_constant(guest, GUEST_CODE + 0x100, 4);
    assert_int_equal(run_at(guest, GUEST_CODE + 0x100), 4);
    assert_true(guest->cpu->blocks->used < 4096);
    assert_int_equal(run_at(guest, GUEST_CODE), 3);
    guest_free(guest);
}

ASSEMBLE(fall_beyond, 16, "nop; nop; nop");
static void code_may_not_reach_beyond_the_limit_of_its_segment(void **unused)
{
    struct guest *guest = guest_new(GUEST_REAL);
    (void)unused;
    guest->cpu->state.segments[SEGMENT_CS].limit = 1;
    cpu_mode_changed(guest->cpu);
    guest->cpu->state.idtr.limit = 0;
    guest_load(guest, fall_beyond);
    assert_int_equal(guest_run(guest), VM_EXIT_SHUTDOWN);
    assert_int_equal(guest->cpu->state.rip, 2);
    guest_free(guest);
}

/* -- Two processors: one spins through code that the other rewrites; the writer had the page in its
 * TLB as writable before it became code. -- */

ASSEMBLE(writer, 64,
         "mov edi, 0x30000; mov ecx, 200; 1: mov [rdi + 1], ecx; "
         "mov dword ptr [0x38000], 1; "
         "2: pause; cmp dword ptr [0x38000], 0; jne 2b; dec ecx; jnz 1b; hlt");
ASSEMBLE(reader, 64,
         "mov r8d, 200; 1: pause; cmp dword ptr [0x38000], 1; jne 1b; "
         "call rdi; cmp eax, r8d; jne 9f; "
         "mov dword ptr [0x38000], 0; dec r8d; jnz 1b; mov ebx, 1; hlt; 9: mov ebx, 2; hlt");

static void *run_writer(void *context)
{
    struct guest *guest = context;
    struct vm_exit exit;
    engine_hosted.vcpu_run(guest->vcpus[1], &exit);
    return NULL;
}

static void code_that_another_processor_wrote_is_what_runs(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    struct cpu *other = (struct cpu *)guest->vcpus[1];
    pthread_t thread;
    (void)unused;
    guest_put(guest, GUEST_DATA, "\xb8\0\0\0\0\xc3", 6); /* mov eax, imm32; ret */
    guest_put(guest, 0x50000, writer, (size_t)(writer_end - writer));
    guest_load(guest, reader);
    guest->cpu->state.general[RDI] = GUEST_DATA;
    other->state.rip = 0x50000;
    assert_int_equal(pthread_create(&thread, NULL, run_writer, guest), 0);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    if (guest_register(guest, RBX) != 1) /* the writer waits for an answer */
        engine_hosted.vcpu_kick(guest->vcpus[1]);
    pthread_join(thread, NULL);
    assert_int_equal(guest_register(guest, RBX), 1);
    guest_free(guest);
}

/* Both make code of new frames all the time, each in the way of the other. */
ASSEMBLE(touch_pages, 64,
         "mov ecx, 64; 1: mov byte ptr [rdi], 0xc3; call rdi; add rdi, 4096; dec ecx; jnz 1b; hlt");
static void two_decoders_do_not_wait_for_each_other_for_ever(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    struct cpu *other = (struct cpu *)guest->vcpus[1];
    (void)unused;
    guest_load(guest, touch_pages);
    other->state.general[RSP] = GUEST_STACK - 0x1000;
    for (unsigned i = 0; i < 50; i++) {
        pthread_t thread;
        guest_restart(guest, GUEST_CODE);
        other->state.rip = GUEST_CODE;
        other->state.halted = false;
        guest->cpu->state.general[RDI] = other->state.general[RDI] = 0x100000;
        assert_int_equal(pthread_create(&thread, NULL, run_writer, guest), 0);
        assert_int_equal(guest_run(guest), VM_EXIT_HALT);
        pthread_join(thread, NULL);
        for (unsigned frame = 0x100; frame < 0x140; frame++)
            guest_written(&guest->memory, (gpa_t)frame << FRAME_SHIFT, FRAME_SIZE);
    }
    guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_written_by_a_device_is_decoded_again),
        cmocka_unit_test(a_block_that_rewrites_itself_runs_what_it_wrote),
        cmocka_unit_test(every_kind_of_store_is_noticed),
        cmocka_unit_test(a_loop_may_change_its_own_code_each_time),
        cmocka_unit_test(data_beside_code_does_not_make_it_stale),
        cmocka_unit_test(after_invlpg_code_is_looked_for_where_the_page_is_now),
        cmocka_unit_test(an_instruction_across_two_pages_depends_on_both),
        cmocka_unit_test(a_missing_second_page_is_a_fault_there),
        cmocka_unit_test(code_is_kept_for_each_mode_apart),
        cmocka_unit_test(a_full_cache_starts_anew),
        cmocka_unit_test(code_may_not_reach_beyond_the_limit_of_its_segment),
        cmocka_unit_test(code_that_another_processor_wrote_is_what_runs),
        cmocka_unit_test(two_decoders_do_not_wait_for_each_other_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
