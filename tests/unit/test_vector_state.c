// SPDX-License-Identifier: Apache-2.0
/* x87, SSE and AVX where they are more than their instructions: permission, exceptions, state in
 * memory. What the instructions compute is compared in test_host_execute.c. */
#include "tiny_guest.h"

#include "core/x86/interpreter/host_execute.h"

static int set_up(void **state)
{
    guest_set_up_64(state);
    struct tiny_guest *guest = *state;
    const struct cpuid_request request = { .model = CPU_MODEL_MAX, .vcpu_count = 1 };
    cpuid_table_build(&guest->cpuid, &request);
    struct cpu_state *cpu = &guest->cpu->state;
    cpu->cr0 |= CR0_NE | CR0_MP;
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    cpu->xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    cpu_state_loaded(guest->cpu);
    return 0;
}

static uint32_t saved_mxcsr(struct tiny_guest *guest)
{
    return *xsave_32(guest->cpu, XSAVE_MXCSR);
}

/* From the start, as often as a test likes. */
static void rewind_guest(struct tiny_guest *guest)
{
    guest->cpu->state.halted = false;
    guest->cpu->state.rip = GUEST_CODE_AT;
    guest->cpu->state.general[RSP] = GUEST_STACK;
}

#define run_code(guest, code) (rewind_guest(guest), guest_run(guest, code))

/* -- Permission -- */

GUEST_CODE(fpu, 64, "fninit; fld1; hlt");
GUEST_CODE(sse, 64, "movaps xmm0, xmm1; hlt");
GUEST_CODE(avx, 64, "vmovaps ymm0, ymm1; hlt");
GUEST_CODE(mmx, 64, "movq mm0, mm1; hlt");

static void task_switched_makes_all_of_them_not_available(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.cr0 |= CR0_TS;
    run_code(guest, fpu);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
    run_code(guest, sse);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
    run_code(guest, avx);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
    run_code(guest, mmx);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
}

static void emulation_makes_sse_and_mmx_undefined(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.cr0 |= CR0_EM;
    run_code(guest, fpu);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
    run_code(guest, sse);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    run_code(guest, mmx);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

static void each_needs_what_the_system_enables(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.xcr0 = XCR0_X87 | XCR0_SSE;
    run_code(guest, avx);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    guest->cpu->state.xcr0 |= XCR0_AVX;
    guest->cpu->state.cr4 &= ~CR4_OSXSAVE;
    run_code(guest, avx);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    guest->cpu->state.cr4 &= ~CR4_OSFXSR;
    run_code(guest, sse);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

/* Permission that is taken away while the state is loaded. */
GUEST_CODE(lose_sse, 64,
           "movaps xmm0, xmm1; mov rax, cr0; or rax, 8; mov cr0, rax; movaps xmm0, xmm1; hlt");

static void permission_is_looked_at_each_time(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, lose_sse);
    assert_int_equal(guest_vector(guest), EXCEPTION_NM);
}

GUEST_CODE(misaligned, 64, "movaps xmm0, [0x30008]; hlt");

static void a_misaligned_operand_is_a_general_protection_fault(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, misaligned);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

static void what_cpuid_does_not_offer_is_undefined(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpuid.features[FEATURE_AVX / 64] &= ~(UINT64_C(1) << FEATURE_AVX % 64);
    run_code(guest, avx);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

/* -- SIMD exceptions -- */

GUEST_CODE(divide_by_zero, 64,
           "mov dword ptr [0x30000], 0x1d80; ldmxcsr [0x30000];" /* ZM clear */
           "mov eax, 0x3f800000; movd xmm0, eax; xorps xmm1, xmm1; movaps xmm2, xmm0;"
           "divss xmm0, xmm1; hlt");

static void an_unmasked_simd_exception_is_raised_before_anything_changes(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, divide_by_zero);
    assert_int_equal(guest_vector(guest), EXCEPTION_XM);
    assert_int_equal(saved_mxcsr(guest), 0x1d84);
    assert_memory_equal(guest->cpu->state.xsave + XSAVE_XMM,
                        guest->cpu->state.xsave + XSAVE_XMM + 32, 16);
}

static void without_osxmmexcpt_it_is_undefined(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->state.cr4 &= ~CR4_OSXMMEXCPT;
    run_code(guest, divide_by_zero);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

/* 1.0 * 2^-149, exact and tiny: underflow only where it is unmasked. */
GUEST_CODE(exact_and_tiny, 64,
           "mov dword ptr [0x30000], 0x1780; ldmxcsr [0x30000];" /* UM clear */
           "mov eax, 0x00800000; movd xmm0, eax; mov eax, 0x3f000000; movd xmm1, eax;"
           "mulss xmm0, xmm1; hlt");
GUEST_CODE(
    exact_and_tiny_masked, 64,
    "mov dword ptr [0x30000], 0x1d80; ldmxcsr [0x30000];" /* ZM clear: watched all the same */
    "mov eax, 0x00800000; movd xmm0, eax; mov eax, 0x3f000000; movd xmm1, eax;"
    "mulss xmm0, xmm1; hlt");

static void exact_underflow_is_an_exception_only_when_unmasked(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, exact_and_tiny);
    assert_int_equal(guest_vector(guest), EXCEPTION_XM);
    assert_int_equal(saved_mxcsr(guest), 0x1790);
    run_code(guest, exact_and_tiny_masked);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(saved_mxcsr(guest), 0x1d80);
}

GUEST_CODE(bad_mxcsr, 64, "mov dword ptr [0x30000], 0x10000; ldmxcsr [0x30000]; hlt");

static void reserved_bits_of_mxcsr_are_refused(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, bad_mxcsr);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

/* -- x87 exceptions -- */

GUEST_CODE(pending, 64,
           "fninit; mov word ptr [0x30000], 0x37b; fldcw [0x30000];" /* ZM clear */
           "fld1; fldz; fdivp; fnstsw ax; mov [0x30010], ax; nop; fld1; hlt");

static void an_unmasked_x87_exception_waits_for_the_next_instruction(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, pending);
    assert_int_equal(guest_vector(guest), EXCEPTION_MF);
    assert_int_equal(guest_u16(guest, 0x30010) & 0x80bf, 0x8084); /* B, ES, ZE */
    assert_int_equal(guest_u64(guest, guest->cpu->state.general[RSP]),
                     GUEST_CODE_AT + (uint64_t)(pending_end - pending) - 3);
}

GUEST_CODE(pending_cleared, 64,
           "fninit; mov word ptr [0x30000], 0x37b; fldcw [0x30000];"
           "fld1; fldz; fdivp; fnclex; fld1; fwait; hlt");

static void clearing_it_ends_it(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, pending_cleared);
    assert_int_equal(guest_vector(guest), -1);
}

GUEST_CODE(unmasked_later, 64,
           "fninit; fld1; fldz; fdivp; fnstsw [0x30010];"
           "mov word ptr [0x30000], 0x37b; fldcw [0x30000]; fnstsw [0x30012]; fwait; hlt");

static void unmasking_a_flag_makes_it_pending(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, unmasked_later);
    assert_int_equal(guest_vector(guest), EXCEPTION_MF);
    assert_int_equal(guest_u16(guest, 0x30010) & 0x80bf, 0x0004);
    assert_int_equal(guest_u16(guest, 0x30012) & 0x80bf, 0x8084);
}

/* -- State in memory -- */

GUEST_CODE(environment, 64,
           "fninit; fld1; fldz; fld1; faddp; mov word ptr [0x30800], 0x340; fldcw [0x30800];"
           "fnstenv [0x30000]; fnstcw [0x30802]; hlt");

static void fnstenv_stores_tags_and_masks_exceptions(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, environment);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest_u32(guest, 0x30000), 0xffff0340);
    assert_int_equal(guest_u32(guest, 0x30004), 0xffff3000);        /* TOP 6 */
    assert_int_equal(guest_u32(guest, 0x30008), 0xffff0fff);        /* R7, R6 valid */
    assert_int_equal(guest_u32(guest, 0x3000c), GUEST_CODE_AT + 8); /* FADDP */
    assert_int_equal(guest_u32(guest, 0x30010), 0x6c1 << 16);
    assert_int_equal(guest_u16(guest, 0x30802), 0x37f);
}

GUEST_CODE(save_restore, 64,
           "fninit; fldpi; fldl2e; fnsave [0x30000]; fnstsw [0x30800]; frstor [0x30000];"
           "fnsave [0x30100]; hlt");

static void frstor_brings_back_what_fnsave_stored(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, save_restore);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest_u16(guest, 0x30800), 0); /* FNSAVE initializes */
    assert_memory_equal(guest_at(guest, 0x30000), guest_at(guest, 0x30100), 108);
    assert_int_equal(guest_u64(guest, 0x3001c), UINT64_C(0xb8aa3b295c17f0bc)); /* log2(e) */
}

GUEST_CODE(xsave_all, 64,
           "mov eax, 0x12345678; movd xmm9, eax; vinsertf128 ymm9, ymm9, xmm9, 1;"
           "fninit; fldpi; mov eax, 7; xor edx, edx; xsave64 [0x30000];"
           "vpxor xmm9, xmm9, xmm9; fninit; mov eax, 7; xrstor64 [0x30000];"
           "vmovdqu [0x30800], ymm9; fstp tbyte ptr [0x30840]; hlt");

static void xrstor_brings_back_what_xsave_stored(void **state)
{
    struct tiny_guest *guest = *state;
    run_code(guest, xsave_all);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest_u64(guest, 0x30000 + XSAVE_XSTATE_BV), 7);
    assert_int_equal(guest_u64(guest, 0x30800), 0x12345678);
    assert_int_equal(guest_u64(guest, 0x30810), 0x12345678);
    assert_int_equal(guest_u64(guest, 0x30840), UINT64_C(0xc90fdaa22168c235)); /* pi */
}

GUEST_CODE(xrstor_bad, 64, "mov eax, 7; xor edx, edx; xrstor [0x30000]; hlt");

static void a_bad_xsave_header_is_refused(void **state)
{
    static const struct {
        unsigned offset;
        uint64_t value;
    } bad[] = { { XSAVE_XSTATE_BV, 8 },
                { XSAVE_XCOMP_BV, 1 },
                { XSAVE_XCOMP_BV + 8, 1 },
                { XSAVE_XCOMP_BV, UINT64_C(1) << 63 | 8 },
                { XSAVE_MXCSR, 0xffffffff } };
    struct tiny_guest *guest = *state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(guest_at(guest, 0x30000), 0, 1024);
        guest_put(guest, 0x30000 + bad[i].offset, bad[i].value, 8);
        run_code(guest, xrstor_bad);
        assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    }
    memset(guest_at(guest, 0x30000), 0, 1024);
    run_code(guest, xrstor_bad);
    assert_int_equal(guest_vector(guest), -1);
}

GUEST_CODE(compacted, 64,
           "pcmpeqd xmm3, xmm3; mov eax, 6; xor edx, edx; xsavec [0x30000]; pxor xmm3, xmm3;"
           "mov eax, 6; xrstor [0x30000]; movdqu [0x30800], xmm3; hlt");

static void the_compacted_form_is_restored(void **state)
{
    struct tiny_guest *guest = *state;
    if (!cpuid_has(&guest->cpuid, FEATURE_XSAVEC)) {
        print_message("this host has no XSAVEC\n");
        skip();
    }
    run_code(guest, compacted);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest_u64(guest, 0x30000 + XSAVE_XCOMP_BV), UINT64_C(1) << 63 | 6);
    assert_int_equal(guest_u64(guest, 0x30000 + XSAVE_XSTATE_BV), 2);
    assert_int_equal(guest_u64(guest, 0x30800), UINT64_MAX);
}

/* -- Stores that fail -- */

GUEST_CODE(pop_to_nowhere, 64, "fninit; fld1; fstp qword ptr [0x123000]; hlt");

static void an_x87_store_that_faults_has_not_popped(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, 0x123000) = 0;
    run_code(guest, pop_to_nowhere);
    assert_int_equal(guest_vector(guest), EXCEPTION_PF);
    assert_int_equal(*xsave_16(guest->cpu, XSAVE_FSW) >> 11 & 7, 7);
}

GUEST_CODE(gather, 64,
           "pcmpeqd xmm2, xmm2; mov ecx, 0x123000; vmovd xmm1, ecx; vpinsrd xmm1, xmm1, ecx, 1;"
           "mov ecx, 0x30000; vpinsrd xmm1, xmm1, ecx, 0; vpxor xmm0, xmm0, xmm0;"
           "vpgatherdd xmm0, [xmm1], xmm2; hlt");

static void a_gather_that_faults_keeps_what_it_has(void **state)
{
    struct tiny_guest *guest = *state;
    if (!cpuid_has(&guest->cpuid, FEATURE_AVX2)) {
        print_message("this host has no AVX2\n");
        skip();
    }
    *guest_page_entry(guest, 0x123000) = 0;
    guest_put(guest, 0x30000, 0xabcd, 4);
    run_code(guest, gather);
    assert_int_equal(guest_vector(guest), EXCEPTION_PF);
    assert_int_equal(guest->cpu->state.cr2, 0x123000);
    assert_int_equal(*xsave_32(guest->cpu, XSAVE_XMM), 0xabcd);
    assert_int_equal(*xsave_32(guest->cpu, XSAVE_XMM + 32), 0); /* its mask: done */
    assert_int_equal(*xsave_32(guest->cpu, XSAVE_XMM + 36), UINT32_MAX);
}

/* -- Our own registers -- */

static void our_control_words_come_back(void **state)
{
    struct tiny_guest *guest = *state;
    uint32_t mxcsr = host_mxcsr();
    uint16_t fcw = host_fcw();
    run_code(guest, divide_by_zero);
    run_code(guest, pending);
    assert_int_equal(host_mxcsr(), mxcsr);
    assert_int_equal(host_fcw(), fcw);
    assert_int_equal(host_fsw() & 0x3800, 0); /* the stack is empty, as C functions expect */
}

static void a_full_thunk_cache_slows_but_does_not_stop(void **state)
{
    struct tiny_guest *guest = *state;
    guest->cpu->thunks->count = THUNK_MOST;
    run_code(guest, xsave_all);
    assert_int_equal(guest_vector(guest), -1);
    assert_int_equal(guest_u64(guest, 0x30810), 0x12345678);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, guest_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(task_switched_makes_all_of_them_not_available),
        TEST(emulation_makes_sse_and_mmx_undefined),
        TEST(each_needs_what_the_system_enables),
        TEST(permission_is_looked_at_each_time),
        TEST(a_misaligned_operand_is_a_general_protection_fault),
        TEST(what_cpuid_does_not_offer_is_undefined),
        TEST(an_unmasked_simd_exception_is_raised_before_anything_changes),
        TEST(without_osxmmexcpt_it_is_undefined),
        TEST(exact_underflow_is_an_exception_only_when_unmasked),
        TEST(reserved_bits_of_mxcsr_are_refused),
        TEST(an_unmasked_x87_exception_waits_for_the_next_instruction),
        TEST(clearing_it_ends_it),
        TEST(unmasking_a_flag_makes_it_pending),
        TEST(fnstenv_stores_tags_and_masks_exceptions),
        TEST(frstor_brings_back_what_fnsave_stored),
        TEST(xrstor_brings_back_what_xsave_stored),
        TEST(a_bad_xsave_header_is_refused),
        TEST(the_compacted_form_is_restored),
        TEST(an_x87_store_that_faults_has_not_popped),
        TEST(a_gather_that_faults_keeps_what_it_has),
        TEST(our_control_words_come_back),
        TEST(a_full_thunk_cache_slows_but_does_not_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
