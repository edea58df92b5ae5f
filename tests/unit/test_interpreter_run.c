// SPDX-License-Identifier: Apache-2.0
/* The run loop: what happens between instructions. */
#include <pthread.h>

#include "interpreter_fixture.h"

ASSEMBLE(count_up, 64, "mov rax, 42; lea rbx, [rax + 1]; hlt");
static void a_guest_runs_until_it_halts(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, count_up);
    assert_int_equal(guest_register(guest, RAX), 42);
    assert_int_equal(guest_register(guest, RBX), 43);
    guest_free(guest);
}

#define SUM "xor eax, eax; mov ecx, 1000; 1: add eax, ecx; dec ecx; jnz 1b; hlt"
ASSEMBLE(sum_64, 64, SUM);
ASSEMBLE(sum_32, 32, SUM);
ASSEMBLE(sum_16, 16, SUM);

static void expect_sum(enum guest_mode mode, const uint8_t *code, const uint8_t *end)
{
    struct guest *guest = guest_new(mode);
    guest_put(guest, GUEST_CODE, code, (size_t)(end - code));
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RAX), 500500);
    guest_free(guest);
}

static void a_loop_sums_up_in_every_mode(void **unused)
{
    (void)unused;
    expect_sum(GUEST_REAL, sum_16, sum_16_end);
    expect_sum(GUEST_FLAT32, sum_32, sum_32_end);
    expect_sum(GUEST_LONG, sum_64, sum_64_end);
}

ASSEMBLE(stack_32, 32,
         "push 0x11223344; pop eax; call 1f; mov ebx, 7; hlt; nop; 1: pushad; popad; ret 0");
static void calls_and_the_stack_work_in_32_bit_code(void **unused)
{
    struct guest *guest = guest_new(GUEST_FLAT32);
    (void)unused;
    guest_load(guest, stack_32);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RAX), 0x11223344);
    assert_int_equal(guest_register(guest, RBX), 7);
    assert_int_equal(guest_register(guest, RSP), GUEST_STACK);
    guest_free(guest);
}

ASSEMBLE(deep_16, 16, "mov cx, 500; 1: call 2f; loop 1b; hlt; 2: push bp; mov bp, sp; leave; ret");
static void calls_and_loops_work_in_real_mode(void **unused)
{
    struct guest *guest = guest_new(GUEST_REAL);
    (void)unused;
    guest_load(guest, deep_16);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RCX), 0);
    assert_int_equal(guest_register(guest, RSP), 0x8000);
    guest_free(guest);
}

/* DIV's locals escape, so it calls the next op: a chain of blocks must end before the stack does.
 */
ASSEMBLE(endless_div, 64,
         "mov r8d, 3000000; 1: mov eax, 100; cdq; mov ecx, 7; div ecx; dec r8d; jnz 1b; hlt");
static void a_long_chain_of_blocks_does_not_use_up_the_stack(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_execute(guest, endless_div);
    assert_int_equal(guest_register(guest, RAX), 14);
    guest_free(guest);
}

/* -- Interrupts -- */

ASSEMBLE(spin, 64, "1: inc rax; jmp 1b; hlt");

static void *kick_soon(void *context)
{
    struct guest *guest = context;
    usleep(20000);
    engine_hosted.vcpu_kick(guest->vcpus[0]);
    return NULL;
}

static void a_kick_takes_a_spinning_guest_out(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    pthread_t thread;
    (void)unused;
    guest_load(guest, spin);
    assert_int_equal(pthread_create(&thread, NULL, kick_soon, guest), 0);
    assert_int_equal(guest_run(guest), VM_EXIT_KICKED);
    pthread_join(thread, NULL);
    assert_true(guest_register(guest, RAX) > 0);
    guest_free(guest);
}

ASSEMBLE(wait_in_vain, 64, "cli; mov ecx, 100; 1: dec ecx; jnz 1b; mov ebx, 1; hlt");
static void an_interrupt_waits_for_if(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest->vector = 0x40;
    engine_hosted.vcpu_interrupt(guest->vcpus[0]);
    guest_execute(guest, wait_in_vain);
    assert_int_equal(guest_register(guest, RBX), 1);
    assert_int_equal(guest->vector, 0x40);
    guest_free(guest);
}

/* STI holds interrupts back for one instruction more (SDM volume 2, STI). */
ASSEMBLE(open_up, 64, "sti; inc rax; inc rax; hlt");
static void an_interrupt_comes_after_the_instruction_after_sti(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest->vector = 0x41;
    engine_hosted.vcpu_interrupt(guest->vcpus[0]);
    guest_load(guest, open_up);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), 0x41);
    assert_int_equal(guest_register(guest, RAX), 1);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE + 4);
    guest_free(guest);
}

ASSEMBLE(sti_hlt, 64, "sti; hlt; mov ebx, 9; hlt");
static void an_interrupt_ends_a_halt(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, sti_hlt);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), -1);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT); /* nothing came */
    assert_int_equal(guest_handler(guest), -1);
    guest->vector = 0x42;
    engine_hosted.vcpu_interrupt(guest->vcpus[0]);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), 0x42);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE + 2);
    guest_free(guest);
}

static void an_nmi_needs_no_if_and_blocks_the_next(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    engine_hosted.vcpu_nmi(guest->vcpus[0]);
    guest_load(guest, spin);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_NMI);
    assert_true(guest->cpu->state.nmi_blocked);
    engine_hosted.vcpu_nmi(guest->vcpus[0]);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_true(guest->cpu->state.nmi_pending);
    guest_free(guest);
}

/* -- Exceptions and debugging -- */

ASSEMBLE(divide_by_zero, 64, "xor ecx, ecx; mov eax, 5; div ecx; hlt");
static void a_fault_saves_the_rip_of_its_instruction(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, divide_by_zero);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_DE);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE + 7);
    assert_int_equal(guest_register(guest, RAX), 5);
    guest_free(guest);
}

static void what_is_no_instruction_is_ud(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_put(guest, GUEST_CODE, "\x90\x0f\x0b", 3);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_UD);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE + 1);
    guest_free(guest);
}

static void an_instruction_that_cpuid_does_not_announce_is_ud(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest->cpuid.features[FEATURE_MOVBE / 64] &= ~(UINT64_C(1) << FEATURE_MOVBE % 64);
    guest_put(guest, GUEST_CODE, "\x0f\x38\xf0\x04\x24", 5); /* movbe eax, [rsp] */
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_UD);
    guest_free(guest);
}

ASSEMBLE(jump_astray, 64, "mov rax, 0x8000000000000000; jmp rax; hlt");
static void a_jump_to_no_canonical_address_faults_where_it_stands(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, jump_astray);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_GP);
    assert_int_equal(guest_interrupted_rip(guest, true), GUEST_CODE + 10);
    guest_free(guest);
}

static void without_a_table_of_interrupts_a_fault_is_a_shutdown(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest->cpu->state.idtr.limit = 0;
    guest_put(guest, GUEST_CODE, "\x0f\x0b", 2);
    assert_int_equal(guest_run(guest), VM_EXIT_SHUTDOWN);
    guest_free(guest);
}

ASSEMBLE(step_on, 64, "pushfq; or dword ptr [rsp], 0x100; popfq; inc rax; inc rax; hlt");
static void with_tf_a_trap_follows_each_instruction(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, step_on);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_DB);
    assert_int_equal(guest_register(guest, RAX), 1);
    assert_true(guest->cpu->state.dr[6] & DR6_BS);
    guest_free(guest);
}

ASSEMBLE(count_to_four, 64, "inc rax; inc rax; inc rax; inc rax; hlt");
static void a_code_breakpoint_stops_before_its_instruction(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_set_gates(guest);
    guest_load(guest, count_to_four);
    guest->cpu->state.dr[0] = GUEST_CODE + 6;
    guest->cpu->state.dr[7] = DR7_INITIAL | 2;
    cpu_mode_changed(guest->cpu);
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_handler(guest), EXCEPTION_DB);
    assert_int_equal(guest_register(guest, RAX), 2);
    assert_int_equal(guest_interrupted_rip(guest, false), GUEST_CODE + 6);
    guest_free(guest);
}

ASSEMBLE(move_gs, 64,
         "mov ecx, 0xc0000101; mov eax, 0x30000; xor edx, edx; wrmsr; "
         "mov ebx, 5; lock xadd gs:[8], ebx; hlt");
static void a_base_written_by_wrmsr_counts_at_once(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_put(guest, GUEST_DATA + 8, "\x07", 1);
    guest_execute(guest, move_gs);
    assert_int_equal(guest_register(guest, RBX), 7);
    assert_int_equal(guest->ram[GUEST_DATA + 8], 12);
    guest_free(guest);
}

/* -- Exits -- */

ASSEMBLE(ports, 64, "mov edx, 0x3f8; mov al, 7; out dx, al; in al, dx; movzx ebx, al; hlt");
static void a_port_is_written_and_read_by_exits(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    guest_load(guest, ports);
    assert_int_equal(guest_run(guest), VM_EXIT_IO);
    assert_true(guest->exit.write);
    assert_int_equal(guest->exit.io.port, 0x3f8);
    assert_int_equal(guest->exit.value, 7);
    assert_int_equal(guest_run(guest), VM_EXIT_IO);
    assert_false(guest->exit.write);
    guest->exit.value = 0x5a;
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RBX), 0x5a);
    guest_free(guest);
}

ASSEMBLE(increment_mmio, 64, "stc; adc dword ptr [0x3fe000], 1; setc bl; hlt");
static void a_read_modify_write_of_mmio_is_two_exits_and_one_instruction(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    (void)unused;
    *guest_pte(guest, 0x3fe000) = UINT64_C(0xfec00000) | PTE_PRESENT | PTE_WRITABLE;
    guest_load(guest, increment_mmio);
    assert_int_equal(guest_run(guest), VM_EXIT_MMIO);
    assert_false(guest->exit.write);
    guest->exit.value = UINT32_MAX - 1;
    assert_int_equal(guest_run(guest), VM_EXIT_MMIO);
    assert_true(guest->exit.write);
    assert_int_equal(guest->exit.value, 0); /* the carry was still there */
    assert_int_equal(guest_run(guest), VM_EXIT_HALT);
    assert_int_equal(guest_register(guest, RBX), 1);
    guest_free(guest);
}

static void setting_the_state_drops_what_an_exit_left_half_done(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    struct cpu_state state = guest_state(GUEST_LONG);
    (void)unused;
    guest_load(guest, ports);
    assert_int_equal(guest_run(guest), VM_EXIT_IO);
    state.general[RAX] = 5;
    assert_int_equal(engine_hosted.vcpu_set_state(guest->vcpus[0], &state), 0);
    assert_int_equal(guest_run(guest), VM_EXIT_IO);
    assert_true(guest->exit.write);
    guest_free(guest);
}

static void the_state_given_back_is_the_state_taken(void **unused)
{
    struct guest *guest = guest_new(GUEST_LONG);
    struct cpu_state state = guest_state(GUEST_LONG), back;
    (void)unused;
    state.rflags = RFLAGS_ONE | RFLAGS_CF | RFLAGS_ZF | RFLAGS_OF | RFLAGS_DF;
    state.general[R15] = 15;
    assert_int_equal(engine_hosted.vcpu_set_state(guest->vcpus[0], &state), 0);
    engine_hosted.vcpu_get_state(guest->vcpus[0], &back);
    assert_memory_equal(&state, &back, offsetof(struct cpu_state, xsave));
    guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_runs_until_it_halts),
        cmocka_unit_test(a_loop_sums_up_in_every_mode),
        cmocka_unit_test(calls_and_the_stack_work_in_32_bit_code),
        cmocka_unit_test(calls_and_loops_work_in_real_mode),
        cmocka_unit_test(a_long_chain_of_blocks_does_not_use_up_the_stack),
        cmocka_unit_test(a_kick_takes_a_spinning_guest_out),
        cmocka_unit_test(an_interrupt_waits_for_if),
        cmocka_unit_test(an_interrupt_comes_after_the_instruction_after_sti),
        cmocka_unit_test(an_interrupt_ends_a_halt),
        cmocka_unit_test(an_nmi_needs_no_if_and_blocks_the_next),
        cmocka_unit_test(a_fault_saves_the_rip_of_its_instruction),
        cmocka_unit_test(what_is_no_instruction_is_ud),
        cmocka_unit_test(an_instruction_that_cpuid_does_not_announce_is_ud),
        cmocka_unit_test(a_jump_to_no_canonical_address_faults_where_it_stands),
        cmocka_unit_test(without_a_table_of_interrupts_a_fault_is_a_shutdown),
        cmocka_unit_test(with_tf_a_trap_follows_each_instruction),
        cmocka_unit_test(a_code_breakpoint_stops_before_its_instruction),
        cmocka_unit_test(a_base_written_by_wrmsr_counts_at_once),
        cmocka_unit_test(a_port_is_written_and_read_by_exits),
        cmocka_unit_test(a_read_modify_write_of_mmio_is_two_exits_and_one_instruction),
        cmocka_unit_test(setting_the_state_drops_what_an_exit_left_half_done),
        cmocka_unit_test(the_state_given_back_is_the_state_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
