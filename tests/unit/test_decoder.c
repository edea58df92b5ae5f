// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/x86/instruction.h"
#include "core/x86/registers.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct instruction decode(enum code_size code_size, const uint8_t *bytes, size_t size)
{
    struct instruction instruction;
    assert_int_equal(instruction_decode(bytes, size, code_size, &instruction), DECODE_OK);
    assert_int_equal(instruction.length, size);
    return instruction;
}

static void assert_status(enum decode_status status, enum code_size code_size, const uint8_t *bytes,
                          size_t size)
{
    struct instruction instruction;
    assert_int_equal(instruction_decode(bytes, size, code_size, &instruction), status);
}

static void assert_register(const struct operand *operand, enum register_class class,
                            unsigned index, unsigned size)
{
    assert_int_equal(operand->kind, OPERAND_REGISTER);
    assert_int_equal(operand->register_class, class);
    assert_int_equal(operand->index, index);
    assert_int_equal(operand->size, size);
}

static void a_load_names_register_and_address(void **state)
{
    (void)state;
    /* mov rax, [rbx + rcx*4 + 0x10] */
    struct instruction i = decode(CODE_64, BYTES(0x48, 0x8b, 0x44, 0x8b, 0x10));
    assert_int_equal(i.mnemonic, MNEMONIC_MOV);
    assert_int_equal(i.operand_count, 2);
    assert_register(&i.operands[0], REGISTER_GENERAL, RAX, 8);
    assert_int_equal(i.operands[0].access, ACCESS_WRITE);
    assert_int_equal(i.operands[1].kind, OPERAND_MEMORY);
    assert_int_equal(i.operands[1].access, ACCESS_READ);
    assert_int_equal(i.memory.segment, SEGMENT_DS);
    assert_int_equal(i.memory.base, RBX);
    assert_int_equal(i.memory.index, RCX);
    assert_int_equal(i.memory.scale, 4);
    assert_int_equal(i.memory.displacement, 0x10);
}

static void rsp_and_rbp_address_the_stack_segment(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_64, BYTES(0x8b, 0x04, 0x24)).memory.segment, SEGMENT_SS);
    assert_int_equal(decode(CODE_64, BYTES(0x8b, 0x45, 0x00)).memory.segment, SEGMENT_SS);
    assert_int_equal(decode(CODE_64, BYTES(0x41, 0x8b, 0x45, 0)).memory.segment, SEGMENT_DS);
    assert_int_equal(decode(CODE_16, BYTES(0x8b, 0x02)).memory.segment, SEGMENT_SS);
    assert_int_equal(decode(CODE_32, BYTES(0x3e, 0x8b, 0x45, 0)).memory.segment, SEGMENT_DS);
}

static void long_mode_overrides_only_with_fs_and_gs(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_64, BYTES(0x2e, 0x8b, 0x00)).memory.segment, SEGMENT_DS);
    assert_int_equal(decode(CODE_64, BYTES(0x65, 0x2e, 0x8b, 0x00)).memory.segment, SEGMENT_GS);
    assert_int_equal(decode(CODE_32, BYTES(0x65, 0x2e, 0x8b, 0x00)).memory.segment, SEGMENT_CS);
}

static void disp32_without_base_is_relative_to_rip_in_long_mode(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x8b, 0x05, 0xfc, 0xff, 0xff, 0xff));
    assert_int_equal(i.memory.base, RIP_BASE);
    assert_int_equal(i.memory.displacement, -4);
    assert_int_equal(decode(CODE_32, BYTES(0x8b, 0x05, 1, 0, 0, 0)).memory.base, NO_REGISTER);
}

static void sib_base_5_is_no_base_even_with_rex_b(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x67, 0x41, 0x8b, 0x04, 0x25, 1, 0, 0, 0));
    assert_int_equal(i.memory.base, NO_REGISTER);
    assert_int_equal(i.memory.displacement, 1);
    assert_int_equal(i.address_size, 4);
}

static void rex_chooses_the_low_bytes_of_rsp_to_rdi(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x88, 0xe0)); /* mov al, ah */
    assert_register(&i.operands[1], REGISTER_HIGH_BYTE, 0, 1);
    i = decode(CODE_64, BYTES(0x40, 0x88, 0xe0)); /* mov al, spl */
    assert_register(&i.operands[1], REGISTER_GENERAL, RSP, 1);
}

static void rex_counts_only_right_before_the_opcode(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x48, 0x66, 0x01, 0xc0));
    assert_int_equal(i.operand_size, 2);
    assert_false(i.prefixes & PREFIX_REX);
    assert_int_equal(decode(CODE_64, BYTES(0x48, 0x41, 0x01, 0xc0)).rex_w, 0);
    assert_int_equal(decode(CODE_32, BYTES(0x48)).mnemonic, MNEMONIC_DEC);
}

static void pushes_and_branches_are_64_bits_wide_in_long_mode(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_64, BYTES(0x50)).operand_size, 8);
    assert_int_equal(decode(CODE_64, BYTES(0x66, 0x50)).operand_size, 2);
    assert_int_equal(decode(CODE_64, BYTES(0xc3)).operand_size, 8);
    assert_int_equal(decode(CODE_64, BYTES(0x66, 0xc3)).operand_size, 8);
    struct instruction i = decode(CODE_64, BYTES(0x66, 0xe8, 1, 0, 0, 0));
    assert_int_equal(i.operands[0].kind, OPERAND_RELATIVE);
    assert_int_equal(i.operands[0].size, 4);
    assert_int_equal(decode(CODE_32, BYTES(0x66, 0xe8, 1, 0)).operands[0].size, 2);
}

static void immediates_are_extended_as_the_instruction_says(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_64, BYTES(0x48, 0x83, 0xc0, 0xff)).immediate[0], -1);
    assert_int_equal(decode(CODE_64, BYTES(0x48, 0xc1, 0xe0, 0xff)).immediate[0], 0xff);
    assert_int_equal(decode(CODE_64, BYTES(0xcd, 0x80)).immediate[0], 0x80);
    struct instruction i =
        decode(CODE_64, BYTES(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 0x80)); /* mov rax, imm64 */
    assert_true((uint64_t)i.immediate[0] == UINT64_C(0x8007060504030201));
    i = decode(CODE_64, BYTES(0xc8, 0x34, 0x12, 0x1f)); /* enter 0x1234, 31 */
    assert_int_equal(i.immediate[0], 0x1234);
    assert_int_equal(i.immediate[1], 31);
}

static void far_pointers_hold_offset_and_selector(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_16, BYTES(0xea, 0xf0, 0xff, 0x00, 0xf0));
    assert_int_equal(i.mnemonic, MNEMONIC_JMP_FAR);
    assert_int_equal(i.operands[0].kind, OPERAND_FAR);
    assert_int_equal(i.immediate[0], 0xfff0);
    assert_int_equal(i.immediate[1], 0xf000);
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xea, 0, 0, 0, 0, 0, 0));
}

static void string_destinations_stay_in_es(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_32, BYTES(0xf3, 0x64, 0xa5)); /* rep movsd with fs */
    assert_true(i.prefixes & PREFIX_REP);
    assert_int_equal(i.operands[0].kind, OPERAND_STRING_DESTINATION);
    assert_int_equal(i.operands[1].kind, OPERAND_MEMORY);
    assert_true(i.operands[1].implicit);
    assert_int_equal(i.memory.segment, SEGMENT_FS);
    assert_int_equal(i.memory.base, RSI);
}

static void lock_needs_a_destination_in_memory(void **state)
{
    (void)state;
    assert_true(decode(CODE_64, BYTES(0xf0, 0x01, 0x00)).prefixes & PREFIX_LOCK);
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xf0, 0x01, 0xc0)); /* a register */
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xf0, 0x39, 0x00)); /* CMP */
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xf0, 0x03, 0x00)); /* memory is the source */
}

static void control_registers_that_are_not_there_are_refused(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x0f, 0x20, 0x18)); /* mod does not count */
    assert_register(&i.operands[1], REGISTER_CONTROL, 3, 8);
    assert_true(i.flags & INSTRUCTION_PRIVILEGED);
    assert_int_equal(decode(CODE_64, BYTES(0x44, 0x0f, 0x20, 0xc0)).operands[1].index, 8);
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x0f, 0x20, 0xc8));       /* CR1 */
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x44, 0x0f, 0x21, 0xc0)); /* DR8 */
}

static void cs_cannot_be_loaded_and_segments_end_at_gs(void **state)
{
    (void)state;
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x8e, 0xc8));
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x8c, 0xf0));
    assert_int_equal(decode(CODE_64, BYTES(0x8c, 0xc8)).operands[1].index, SEGMENT_CS);
}

static void long_mode_lacks_what_it_gave_up(void **state)
{
    (void)state;
    static const uint8_t gone[] = { 0x06, 0x27, 0x37, 0x60, 0x61, 0xce, 0xd6 };
    for (size_t i = 0; i < sizeof(gone); i++) {
        assert_status(DECODE_OK, CODE_32, &gone[i], 1);
        assert_status(DECODE_INVALID, CODE_64, &gone[i], 1);
    }
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x82, 0xc0, 1));
    assert_status(DECODE_OK, CODE_32, BYTES(0x82, 0xc0, 1));
    assert_status(DECODE_INVALID, CODE_32, BYTES(0x0f, 0x05)); /* SYSCALL */
}

static void repeat_prefixes_choose_instructions(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_64, BYTES(0x90)).mnemonic, MNEMONIC_NOP);
    assert_int_equal(decode(CODE_64, BYTES(0xf3, 0x90)).mnemonic, MNEMONIC_PAUSE);
    assert_int_equal(decode(CODE_64, BYTES(0x41, 0x90)).mnemonic, MNEMONIC_XCHG);
    assert_int_equal(decode(CODE_64, BYTES(0xf3, 0x41, 0x90)).mnemonic, MNEMONIC_PAUSE);
    assert_int_equal(decode(CODE_64, BYTES(0x0f, 0xbd, 0xc0)).mnemonic, MNEMONIC_BSR);
    struct instruction i = decode(CODE_64, BYTES(0x66, 0xf3, 0x0f, 0xbd, 0xc0));
    assert_int_equal(i.mnemonic, MNEMONIC_LZCNT);
    assert_int_equal(i.operand_size, 2);
    assert_int_equal(i.mandatory_prefix, 0xf3);
    assert_false(i.prefixes & PREFIX_REP);
    i = decode(CODE_64, BYTES(0x66, 0xf2, 0x0f, 0x38, 0xf1, 0xc8)); /* crc32 ecx, ax */
    assert_int_equal(i.mnemonic, MNEMONIC_CRC32);
    assert_int_equal(i.operands[1].size, 2);
}

static void vector_operands_tell_size_alignment_and_feature(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_64, BYTES(0x0f, 0x28, 0x00)); /* movaps xmm0, [rax] */
    assert_int_equal(i.operands[1].size, 16);
    assert_true(i.flags & INSTRUCTION_ALIGNED && i.flags & INSTRUCTION_HOST_EXECUTED);
    i = decode(CODE_64, BYTES(0xf2, 0x0f, 0x58, 0x00)); /* addsd xmm0, [rax] */
    assert_int_equal(i.operands[1].size, 8);
    assert_int_equal(i.feature, FEATURE_SSE2);
    assert_false(i.flags & INSTRUCTION_ALIGNED);
    i = decode(CODE_64, BYTES(0xc5, 0xed, 0xfe, 0x00)); /* vpaddd ymm0, ymm2, [rax] */
    assert_int_equal(i.feature, FEATURE_AVX2);
    assert_register(&i.operands[1], REGISTER_XMM, 2, 32);
    assert_int_equal(i.operands[2].size, 32);
}

static void vex_takes_no_other_prefix(void **state)
{
    (void)state;
    assert_status(DECODE_OK, CODE_64, BYTES(0x67, 0xc5, 0xf8, 0x28, 0x00));
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x66, 0xc5, 0xf8, 0x28, 0x00));
    assert_status(DECODE_INVALID, CODE_64, BYTES(0x48, 0xc5, 0xf8, 0x28, 0x00));
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xf3, 0xc5, 0xf8, 0x28, 0x00));
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xc5, 0xf0, 0x28, 0x00)); /* vvvv must be free */
}

static void vex_is_les_and_lds_with_memory_outside_long_mode(void **state)
{
    (void)state;
    assert_int_equal(decode(CODE_32, BYTES(0xc5, 0x00)).mnemonic, MNEMONIC_LDS);
    assert_true(decode(CODE_32, BYTES(0xc5, 0xf8, 0x28, 0x00)).prefixes & PREFIX_VEX);
}

static void gathers_need_three_distinct_registers(void **state)
{
    (void)state;
    /* vpgatherdd xmm1, [rax + xmm2*4], xmm3 */
    struct instruction i = decode(CODE_64, BYTES(0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x90));
    assert_int_equal(i.mnemonic, MNEMONIC_VGATHER);
    assert_true(i.memory.vector_index);
    assert_int_equal(i.memory.index, 2);
    assert_int_equal(i.operands[1].size, 4);
    assert_status(DECODE_INVALID, CODE_64, BYTES(0xc4, 0xe2, 0x69, 0x90, 0x0c, 0x90));
}

static void x87_environment_follows_the_operand_size(void **state)
{
    (void)state;
    struct instruction i = decode(CODE_32, BYTES(0xd9, 0x30));
    assert_int_equal(i.mnemonic, MNEMONIC_FNSTENV);
    assert_int_equal(i.operands[0].size, 28);
    assert_int_equal(decode(CODE_32, BYTES(0x66, 0xd9, 0x30)).operands[0].size, 14);
    i = decode(CODE_64, BYTES(0xdf, 0xe0));
    assert_int_equal(i.mnemonic, MNEMONIC_FNSTSW);
    assert_register(&i.operands[0], REGISTER_GENERAL, RAX, 2);
}

static void fifteen_bytes_are_the_limit(void **state)
{
    (void)state;
    uint8_t bytes[17];
    memset(bytes, 0x66, sizeof(bytes));
    bytes[14] = 0x90;
    assert_status(DECODE_OK, CODE_64, bytes, 15);
    bytes[14] = 0x66;
    bytes[15] = 0x90;
    assert_status(DECODE_TOO_LONG, CODE_64, bytes, 16);
    assert_status(DECODE_TOO_LONG, CODE_64, bytes, 15);
    assert_status(DECODE_TRUNCATED, CODE_64, bytes, 14);
}

static void every_beginning_of_an_instruction_is_truncated(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0x65, 0x48, 0x81, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8 };
    for (size_t size = 0; size < sizeof(bytes); size++)
        assert_status(DECODE_TRUNCATED, CODE_64, bytes, size);
    assert_status(DECODE_OK, CODE_64, bytes, sizeof(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_names_register_and_address),
        cmocka_unit_test(rsp_and_rbp_address_the_stack_segment),
        cmocka_unit_test(long_mode_overrides_only_with_fs_and_gs),
        cmocka_unit_test(disp32_without_base_is_relative_to_rip_in_long_mode),
        cmocka_unit_test(sib_base_5_is_no_base_even_with_rex_b),
        cmocka_unit_test(rex_chooses_the_low_bytes_of_rsp_to_rdi),
        cmocka_unit_test(rex_counts_only_right_before_the_opcode),
        cmocka_unit_test(pushes_and_branches_are_64_bits_wide_in_long_mode),
        cmocka_unit_test(immediates_are_extended_as_the_instruction_says),
        cmocka_unit_test(far_pointers_hold_offset_and_selector),
        cmocka_unit_test(string_destinations_stay_in_es),
        cmocka_unit_test(lock_needs_a_destination_in_memory),
        cmocka_unit_test(control_registers_that_are_not_there_are_refused),
        cmocka_unit_test(cs_cannot_be_loaded_and_segments_end_at_gs),
        cmocka_unit_test(long_mode_lacks_what_it_gave_up),
        cmocka_unit_test(repeat_prefixes_choose_instructions),
        cmocka_unit_test(vector_operands_tell_size_alignment_and_feature),
        cmocka_unit_test(vex_takes_no_other_prefix),
        cmocka_unit_test(vex_is_les_and_lds_with_memory_outside_long_mode),
        cmocka_unit_test(gathers_need_three_distinct_registers),
        cmocka_unit_test(x87_environment_follows_the_operand_size),
        cmocka_unit_test(fifteen_bytes_are_the_limit),
        cmocka_unit_test(every_beginning_of_an_instruction_is_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
