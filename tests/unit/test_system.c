// SPDX-License-Identifier: Apache-2.0
/* System instructions: control registers, MSRs, CPUID, ports, fast system calls (SDM volumes 2 and
 * 3), each rule by a guest of a few instructions. */
#include "tiny_guest.h"

static uint64_t *general(struct tiny_guest *guest)
{
    return guest->cpu->state.general;
}

static struct cpu_state *cpu_state(struct tiny_guest *guest)
{
    return &guest->cpu->state;
}

static void halts(struct tiny_guest *guest)
{
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_int_equal(guest_vector(guest), -1);
}

/* The guest begins again, as it was but for memory and its TLB. */
static void again(struct tiny_guest *guest)
{
    cpu_state(guest)->rip = GUEST_CODE_AT;
    cpu_state(guest)->halted = false;
    general(guest)[RSP] = GUEST_STACK;
    guest_set_level(guest, KERNEL_CODE, KERNEL_DATA);
}

/* -- Control registers -- */

GUEST_CODE(set_cr0, 64, "mov cr0, rax; hlt");
GUEST_CODE(set_cr3, 64, "mov cr3, rax; hlt");
GUEST_CODE(set_cr4, 64, "mov cr4, rax; hlt");

#define refuses(guest, code, value)                                                                \
    do {                                                                                           \
        again(guest);                                                                              \
        general(guest)[RAX] = (value);                                                             \
        guest_run(guest, code);                                                                    \
        assert_int_equal(guest_vector(guest), EXCEPTION_GP);                                       \
        assert_int_equal(guest_u64(guest, general(guest)[RSP]), 0);                                \
    } while (0)

static void cr0_refuses_what_makes_no_sense(void **state)
{
    struct tiny_guest *guest = *state;
    uint64_t cr0 = cpu_state(guest)->cr0;
    refuses(guest, set_cr0, cr0 & ~CR0_PE);            /* paging without protection */
    refuses(guest, set_cr0, cr0 & ~CR0_PG);            /* out of 64-bit code */
    refuses(guest, set_cr0, (cr0 | CR0_NW) & ~CR0_CD); /* write-through without cache disable */
    refuses(guest, set_cr0, cr0 | UINT64_C(1) << 32);
    assert_int_equal(cpu_state(guest)->cr0, cr0);
}

static void et_is_always_set(void **state)
{
    struct tiny_guest *guest = *state;
    general(guest)[RAX] = cpu_state(guest)->cr0 & ~CR0_ET;
    guest_run(guest, set_cr0);
    halts(guest);
    assert_true(cpu_state(guest)->cr0 & CR0_ET);
}

static void cr4_refuses_what_cpuid_does_not_offer(void **state)
{
    struct tiny_guest *guest = *state;
    uint64_t cr4 = cpu_state(guest)->cr4;
    refuses(guest, set_cr4, cr4 | UINT64_C(1) << 12); /* LA57 */
    refuses(guest, set_cr4, cr4 | UINT64_C(1) << 13); /* VMXE */
    refuses(guest, set_cr4, cr4 & ~CR4_PAE);          /* long mode needs it */
}

static void pcide_needs_a_cr3_without_pcid(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->cr3 |= 1;
    refuses(guest, set_cr4, cpu_state(guest)->cr4 | CR4_PCIDE);
    cpu_state(guest)->cr3 &= ~UINT64_C(1);
    again(guest);
    general(guest)[RAX] = cpu_state(guest)->cr4 | CR4_PCIDE;
    guest_run(guest, set_cr4);
    halts(guest);
}

static void cr3_refuses_bits_that_addresses_do_not_have(void **state)
{
    struct tiny_guest *guest = *state;
    refuses(guest, set_cr3, GUEST_PML4 | UINT64_C(1) << 52);
    refuses(guest, set_cr3, GUEST_PML4 | UINT64_C(1) << 63); /* no flush: without PCIDE */
    again(guest);
    cpu_state(guest)->cr4 |= CR4_PCIDE;
    general(guest)[RAX] = GUEST_PML4 | UINT64_C(1) << 63 | 5;
    guest_run(guest, set_cr3);
    halts(guest);
    assert_int_equal(cpu_state(guest)->cr3, GUEST_PML4 | 5);
}

static void users_touch_no_control_register(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    general(guest)[RAX] = cpu_state(guest)->cr0;
    guest_run(guest, set_cr0);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

GUEST_CODE(set_cr8, 64, "mov cr8, rax; mov rbx, cr8; hlt");

static void cr8_is_the_priority_of_the_interrupt_controller(void **state)
{
    struct tiny_guest *guest = *state;
    general(guest)[RAX] = 9;
    guest_run(guest, set_cr8);
    halts(guest);
    assert_int_equal(guest->task_priority, 9);
    assert_int_equal(general(guest)[RBX], 9);
    refuses(guest, set_cr8, 16);
}

/* From 32-bit protected mode to 64-bit mode (10.8.5). */
GUEST_CODE(enter_long_mode, 32,
           "mov ecx, 0xc0000080; mov eax, 0x100; xor edx, edx; wrmsr;"
           "mov eax, 0x20; mov cr4, eax; mov eax, 0x8000; mov cr3, eax;"
           "mov eax, cr0; or eax, 0x80000000; mov cr0, eax;"
           "push 0x18; push 0x10040; retf;"
           ".org enter_long_mode + 0x40; .code64; mov rax, 0x123456789abcdef0; hlt; .code32");

static void paging_with_lme_activates_long_mode(void **state)
{
    struct tiny_guest *guest = *state;
    guest_set_descriptor(guest, KERNEL_CODE_32, guest_descriptor(0, 0xfffff, 0xa09b));
    guest_run(guest, enter_long_mode);
    assert_int_equal(guest->exit.reason, VM_EXIT_HALT);
    assert_true(cpu_state(guest)->efer & EFER_LMA);
    assert_int_equal(guest->cpu->code_size, CODE_64);
    assert_int_equal(general(guest)[RAX], UINT64_C(0x123456789abcdef0));
}

GUEST_CODE(load_pae, 32, "mov cr3, eax; hlt");

static void pae_takes_its_pointers_when_cr3_is_loaded(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_DATA, GUEST_PD | 1, 8);
    guest_put(guest, GUEST_DATA + 32, 2 | 1, 8); /* bit 1 is reserved in a PDPTE */
    cpu_state(guest)->cr4 |= CR4_PAE;
    cpu_state(guest)->pdpte[0] = GUEST_PD | 1;
    cpu_state(guest)->cr0 |= CR0_PG;
    cpu_state_loaded(guest->cpu);
    general(guest)[RAX] = GUEST_DATA;
    guest_run(guest, load_pae);
    halts(guest);
    assert_int_equal(cpu_state(guest)->pdpte[0], GUEST_PD | 1);
    again(guest);
    general(guest)[RAX] = GUEST_DATA + 32;
    guest_run(guest, load_pae);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(cpu_state(guest)->cr3, GUEST_DATA);
}

/* -- MSRs -- */

GUEST_CODE(write_msr, 64, "wrmsr; hlt");
GUEST_CODE(read_msr, 64, "rdmsr; hlt");

static void msr_write(struct tiny_guest *guest, uint32_t index, uint64_t value)
{
    again(guest);
    general(guest)[RCX] = index;
    general(guest)[RAX] = (uint32_t)value;
    general(guest)[RDX] = value >> 32;
    guest_run(guest, write_msr);
}

static uint64_t msr_read(struct tiny_guest *guest, uint32_t index)
{
    again(guest);
    general(guest)[RCX] = index;
    guest_run(guest, read_msr);
    return general(guest)[RDX] << 32 | general(guest)[RAX];
}

static void plain_msrs_keep_what_they_are_given(void **state)
{
    static const uint32_t indexes[] = {
        MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR,           MSR_LSTAR,
        MSR_CSTAR,        MSR_FS_BASE,      MSR_KERNEL_GS_BASE, MSR_GS_BASE,
    };
    struct tiny_guest *guest = *state;
    for (unsigned i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        msr_write(guest, indexes[i], UINT64_C(0xffff800012345678));
        halts(guest);
        cpu_state(guest)->segments[SEGMENT_GS].base = UINT64_C(0xffff800012345678);
        cpu_state(guest)->segments[SEGMENT_FS].base = UINT64_C(0xffff800012345678);
        general(guest)[RCX] = indexes[i];
        cpu_state(guest)->rip = GUEST_CODE_AT;
        cpu_state(guest)->halted = false;
        guest_run(guest, read_msr);
        halts(guest);
        assert_int_equal(general(guest)[RDX] << 32 | general(guest)[RAX],
                         UINT64_C(0xffff800012345678));
    }
}

static void addresses_in_msrs_must_be_canonical(void **state)
{
    static const uint32_t indexes[] = { MSR_SYSENTER_EIP, MSR_LSTAR, MSR_FS_BASE, MSR_GS_BASE,
                                        MSR_KERNEL_GS_BASE };
    struct tiny_guest *guest = *state;
    for (unsigned i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        msr_write(guest, indexes[i], UINT64_C(1) << 47);
        assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    }
}

static void efer_refuses_reserved_bits_and_lme_under_paging(void **state)
{
    struct tiny_guest *guest = *state;
    msr_write(guest, MSR_EFER, cpu_state(guest)->efer | 2);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    msr_write(guest, MSR_EFER, cpu_state(guest)->efer & ~EFER_LME);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    msr_write(guest, MSR_EFER, cpu_state(guest)->efer & ~(EFER_SCE | EFER_LMA));
    halts(guest);
    assert_false(cpu_state(guest)->efer & EFER_SCE);
    assert_true(cpu_state(guest)->efer & EFER_LMA); /* read-only */
}

static void pat_takes_memory_types_only(void **state)
{
    struct tiny_guest *guest = *state;
    msr_write(guest, MSR_PAT, UINT64_C(0x0007040600070406));
    halts(guest);
    msr_write(guest, MSR_PAT, UINT64_C(0x0007040600070402));
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

static void writing_the_tsc_moves_its_adjustment_too(void **state)
{
    struct tiny_guest *guest = *state;
    uint64_t before = cpu_state(guest)->tsc_adjust;
    msr_write(guest, MSR_TSC, 1000);
    uint64_t now = msr_read(guest, MSR_TSC);
    assert_true(now >= 1000 && now < UINT64_C(1) << 40);
    assert_int_not_equal(cpu_state(guest)->tsc_adjust, before);
    msr_write(guest, MSR_TSC_ADJUST, before);
    assert_int_equal(cpu_state(guest)->tsc_offset, 0);
}

static void other_msrs_are_the_machines(void **state)
{
    struct tiny_guest *guest = *state;
    msr_read(guest, 0x4b564d00);
    assert_int_equal(guest->exit.reason, VM_EXIT_MSR);
    assert_int_equal(guest->exit.msr.index, 0x4b564d00);
    assert_false(guest->exit.write);
    assert_int_equal(cpu_state(guest)->rip, GUEST_CODE_AT);
    guest->exit.value = UINT64_C(0x1122334455667788);
    guest_continue(guest);
    halts(guest);
    assert_int_equal(general(guest)[RAX], 0x55667788);
    assert_int_equal(general(guest)[RDX], 0x11223344);
    msr_write(guest, MSR_X2APIC_FIRST, 0x42);
    assert_int_equal(guest->exit.reason, VM_EXIT_MSR);
    assert_int_equal(guest->exit.value, 0x42);
}

static void an_msr_that_the_machine_refuses_is_gp(void **state)
{
    struct tiny_guest *guest = *state;
    msr_read(guest, 0x12345678);
    guest->exit.msr.refused = true;
    guest_continue(guest);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    assert_int_equal(guest_u64(guest, general(guest)[RSP] + 8), GUEST_CODE_AT);
}

/* -- CPUID and time -- */

GUEST_CODE(identify, 64, "cpuid; hlt");

static void cpuid_tells_osxsave_as_cr4_has_it(void **state)
{
    struct tiny_guest *guest = *state;
    for (unsigned on = 0; on < 2; on++) {
        again(guest);
        cpu_state(guest)->cr4 =
            on ? cpu_state(guest)->cr4 | CR4_OSXSAVE : cpu_state(guest)->cr4 & ~CR4_OSXSAVE;
        general(guest)[RAX] = 1;
        guest_run(guest, identify);
        assert_int_equal(general(guest)[RCX] >> 27 & 1, on);
    }
}

static void a_leaf_beyond_the_last_is_the_last_basic_one(void **state)
{
    struct tiny_guest *guest = *state;
    uint64_t last[3];
    general(guest)[RAX] = 0;
    guest_run(guest, identify);
    again(guest);
    general(guest)[RCX] = 0;
    guest_run(guest, identify);
    last[0] = general(guest)[RAX], last[1] = general(guest)[RBX], last[2] = general(guest)[RDX];
    again(guest);
    general(guest)[RAX] = 0x40000000; /* no hypervisor here */
    general(guest)[RCX] = 0;
    guest_run(guest, identify);
    assert_int_equal(general(guest)[RAX], last[0]);
    assert_int_equal(general(guest)[RBX], last[1]);
    assert_int_equal(general(guest)[RDX], last[2]);
}

GUEST_CODE(user_time, 64, "rdtsc; ud2");

static void tsd_hides_the_time_from_users(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, user_time);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    again(guest);
    guest_user(guest);
    cpu_state(guest)->cr4 |= CR4_TSD;
    guest_run(guest, user_time);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

/* -- Fast system calls -- */

GUEST_CODE(system_call, 64, "syscall; ud2");
GUEST_CODE(system_return, 64,
           ".byte 0x48, 0x0f, 0x07"); /* SYSRETQ, as assemblers do not agree on its name */

#define STAR_VALUE (UINT64_C(0x2b) << 48 | (uint64_t)KERNEL_CODE << 32)

static void syscall_enters_at_lstar_with_masked_flags(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->star = STAR_VALUE;
    cpu_state(guest)->lstar = guest_handler(0x99);
    cpu_state(guest)->sfmask = RFLAGS_IF | RFLAGS_DF;
    guest_user(guest);
    cpu_state(guest)->rflags |= RFLAGS_IF | RFLAGS_DF;
    guest_run(guest, system_call);
    assert_int_equal(guest_vector(guest), 0x99);
    assert_int_equal(general(guest)[RCX], GUEST_CODE_AT + 2);
    assert_int_equal(general(guest)[R11], RFLAGS_ONE | RFLAGS_IF | RFLAGS_DF);
    assert_false(cpu_state(guest)->rflags & (RFLAGS_IF | RFLAGS_DF));
    assert_int_equal(cpu_state(guest)->segments[SEGMENT_CS].selector, KERNEL_CODE);
    assert_int_equal(cpu_state(guest)->segments[SEGMENT_SS].selector, KERNEL_DATA);
    assert_int_equal(general(guest)[RSP], GUEST_STACK); /* the stack is the kernel's to switch */
    assert_int_equal(guest->cpu->privilege_level, 0);
}

static void sysret_goes_back_to_rcx(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->star = STAR_VALUE;
    general(guest)[RCX] = GUEST_DATA;
    general(guest)[R11] = RFLAGS_IF | RFLAGS_RF | RFLAGS_VM;
    guest_put(guest, GUEST_DATA, 0x0b0f, 2);
    guest_run(guest, system_return);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    uint64_t frame = general(guest)[RSP];
    assert_int_equal(guest_u64(guest, frame), GUEST_DATA);
    assert_int_equal(guest_u64(guest, frame + 8), USER_CODE | 3);
    assert_int_equal(guest_u64(guest, frame + 16), RFLAGS_ONE | RFLAGS_IF | RFLAGS_RF);
    assert_int_equal(guest_u64(guest, frame + 32), USER_DATA | 3);
}

static void syscall_needs_sce(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->efer &= ~EFER_SCE;
    guest_run(guest, system_call);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

GUEST_CODE(swap, 64, "swapgs; hlt");

static void swapgs_exchanges_the_bases(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->kernel_gs_base = 0x1234;
    cpu_state(guest)->segments[SEGMENT_GS].base = 0x5678;
    guest_run(guest, swap);
    halts(guest);
    assert_int_equal(cpu_state(guest)->kernel_gs_base, 0x5678);
    assert_int_equal(cpu_state(guest)->segments[SEGMENT_GS].base, 0x1234);
}

/* -- Ports -- */

GUEST_CODE(input, 64, "mov dx, 0x3f8; mov eax, -1; in ax, dx; out 0x80, al; hlt");

static void a_port_is_an_exit_whose_answer_completes_the_instruction(void **state)
{
    struct tiny_guest *guest = *state;
    assert_int_equal(guest_run(guest, input), VM_EXIT_IO);
    assert_int_equal(guest->exit.io.port, 0x3f8);
    assert_int_equal(guest->exit.size, 2);
    assert_false(guest->exit.write);
    guest->exit.value = 0x1234;
    assert_int_equal(guest_continue(guest), VM_EXIT_IO);
    assert_true(guest->exit.write);
    assert_int_equal(guest->exit.io.port, 0x80);
    assert_int_equal(guest->exit.value, 0x34);
    guest_continue(guest);
    halts(guest);
    assert_int_equal(general(guest)[RAX], 0xffff1234);
}

GUEST_CODE(input_string, 64, "mov dx, 0x1f0; mov edi, 0x30ffe; mov ecx, 2; rep insw; hlt");

static void a_string_input_stops_at_the_fault_and_goes_on(void **state)
{
    struct tiny_guest *guest = *state;
    *guest_page_entry(guest, 0x31000) = 0;
    assert_int_equal(guest_run(guest, input_string), VM_EXIT_IO);
    guest->exit.value = 0xabcd;
    guest_continue(guest);
    /* The second value is not read from the port before its place is known to be there. */
    assert_int_equal(guest_vector(guest), EXCEPTION_PF);
    assert_int_equal(guest_u16(guest, 0x30ffe), 0xabcd);
    assert_int_equal(general(guest)[RCX], 1);
    assert_int_equal(general(guest)[RDI], 0x31000);
    assert_int_equal(cpu_state(guest)->cr2, 0x31000);
}

static void users_need_iopl_or_the_bitmap_for_ports(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, GUEST_TSS + 0x66, 0x1000, 2); /* beyond the limit: no port */
    guest_user(guest);
    guest_run(guest, input);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
    again(guest);
    guest_user(guest);
    cpu_state(guest)->rflags |= RFLAGS_IOPL;
    assert_int_equal(guest_run(guest, input), VM_EXIT_IO);
}

/* -- Others -- */

GUEST_CODE(hypercall, 64, "vmcall; hlt");

static void without_an_announced_interface_vmcall_is_undefined(void **state)
{
    struct tiny_guest *guest = *state;
    guest_run(guest, hypercall);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
}

GUEST_CODE(store_table, 64, "sgdt [0x30000]; ud2");

static void umip_hides_the_tables_from_users(void **state)
{
    struct tiny_guest *guest = *state;
    guest_user(guest);
    guest_run(guest, store_table);
    assert_int_equal(guest_vector(guest), EXCEPTION_UD);
    assert_int_equal(guest_u16(guest, GUEST_DATA), 0xfff);
    assert_int_equal(guest_u64(guest, GUEST_DATA + 2), GUEST_GDT);
    again(guest);
    guest_user(guest);
    cpu_state(guest)->cr4 |= CR4_UMIP;
    guest_run(guest, store_table);
    assert_int_equal(guest_vector(guest), EXCEPTION_GP);
}

GUEST_CODE(remap, 64,
           "mov eax, [0x31000]; mov [0xb188], rbx; mov ecx, [0x31000];"
           "invlpg [0x31000]; mov edx, [0x31000]; hlt");

static void invlpg_makes_the_new_entry_count(void **state)
{
    struct tiny_guest *guest = *state;
    guest_put(guest, 0x31000, 1, 4);
    guest_put(guest, 0x32000, 2, 4);
    general(guest)[RBX] = 0x32000 | 7;
    guest_run(guest, remap);
    halts(guest);
    assert_int_equal(general(guest)[RAX], 1);
    assert_int_equal(general(guest)[RDX], 2);
}

GUEST_CODE(set_xcr0, 64, "xor ecx, ecx; xor edx, edx; xsetbv; xgetbv; hlt");

static void xcr0_takes_what_cpuid_offers_and_x87_always(void **state)
{
    struct tiny_guest *guest = *state;
    cpu_state(guest)->cr4 |= CR4_OSXSAVE;
    general(guest)[RAX] = 3;
    guest_run(guest, set_xcr0);
    halts(guest);
    assert_int_equal(general(guest)[RAX], 3);
    refuses(guest, set_xcr0, 2);
    refuses(guest, set_xcr0, 5);
    refuses(guest, set_xcr0, 0x203);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_64(cr0_refuses_what_makes_no_sense),
        TEST_64(et_is_always_set),
        TEST_64(cr4_refuses_what_cpuid_does_not_offer),
        TEST_64(pcide_needs_a_cr3_without_pcid),
        TEST_64(cr3_refuses_bits_that_addresses_do_not_have),
        TEST_64(users_touch_no_control_register),
        TEST_64(cr8_is_the_priority_of_the_interrupt_controller),
        TEST_32(paging_with_lme_activates_long_mode),
        TEST_32(pae_takes_its_pointers_when_cr3_is_loaded),
        TEST_64(plain_msrs_keep_what_they_are_given),
        TEST_64(addresses_in_msrs_must_be_canonical),
        TEST_64(efer_refuses_reserved_bits_and_lme_under_paging),
        TEST_64(pat_takes_memory_types_only),
        TEST_64(writing_the_tsc_moves_its_adjustment_too),
        TEST_64(other_msrs_are_the_machines),
        TEST_64(an_msr_that_the_machine_refuses_is_gp),
        TEST_64(cpuid_tells_osxsave_as_cr4_has_it),
        TEST_64(a_leaf_beyond_the_last_is_the_last_basic_one),
        TEST_64(tsd_hides_the_time_from_users),
        TEST_64(syscall_enters_at_lstar_with_masked_flags),
        TEST_64(sysret_goes_back_to_rcx),
        TEST_64(syscall_needs_sce),
        TEST_64(swapgs_exchanges_the_bases),
        TEST_64(a_port_is_an_exit_whose_answer_completes_the_instruction),
        TEST_64(a_string_input_stops_at_the_fault_and_goes_on),
        TEST_64(users_need_iopl_or_the_bitmap_for_ports),
        TEST_64(without_an_announced_interface_vmcall_is_undefined),
        TEST_64(umip_hides_the_tables_from_users),
        TEST_64(invlpg_makes_the_new_entry_count),
        TEST_64(xcr0_takes_what_cpuid_offers_and_x87_always),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
