// SPDX-License-Identifier: Apache-2.0
#include "core/x86/mnemonic.h"
#include "oracle.h"

/* Flags that are undefined after an instruction ("Flags Affected" in SDM volume 2). */
static const struct {
    uint16_t mnemonic;
    uint16_t flags;
} undefined_flags[] = {
    { MNEMONIC_AAA, RFLAGS_OF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_PF },
    { MNEMONIC_AAD, RFLAGS_OF | RFLAGS_AF | RFLAGS_CF },
    { MNEMONIC_AAM, RFLAGS_OF | RFLAGS_AF | RFLAGS_CF },
    { MNEMONIC_AAS, RFLAGS_OF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_PF },
    { MNEMONIC_DAA, RFLAGS_OF },
    { MNEMONIC_DAS, RFLAGS_OF },
};

/* The same where only a count of 1 defines OF. */
static const uint16_t rotates[] = { MNEMONIC_RCL, MNEMONIC_RCR, MNEMONIC_ROL, MNEMONIC_ROR,
                                    MNEMONIC_SAR, MNEMONIC_SHL, MNEMONIC_SHR };

static unsigned count_of(const struct oracle_case *test, const struct instruction *instruction)
{
    const struct operand *count = &instruction->operands[1];
    uint64_t value =
        count->kind == OPERAND_IMMEDIATE ? (uint64_t)instruction->immediate[0] : test->general[RCX];
    return value & (instruction->operand_size == 8 ? 63 : 31);
}

static uint64_t find_undefined_flags(const struct oracle_case *test,
                                     const struct instruction *instruction)
{
    for (unsigned i = 0; i < sizeof(undefined_flags) / sizeof(undefined_flags[0]); i++)
        if (undefined_flags[i].mnemonic == instruction->mnemonic)
            return undefined_flags[i].flags;
    for (unsigned i = 0; i < sizeof(rotates) / sizeof(rotates[0]); i++)
        if (rotates[i] == instruction->mnemonic && count_of(test, instruction) != 1)
            return RFLAGS_OF;
    return 0;
}

static bool is_stack_fault(unsigned vector)
{
    return vector == EXCEPTION_PF || vector == EXCEPTION_SS || vector == EXCEPTION_AC;
}

static bool has_mmx(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_REGISTER &&
            instruction->operands[i].register_class == REGISTER_MMX)
            return true;
    return false;
}

struct leeway oracle_leeway(const struct oracle_case *test, const struct oracle_result *native)
{
    struct leeway leeway = { 0 };
    struct instruction instruction;
    bool completed = native->vector == EXCEPTION_BP || native->vector == EXCEPTION_DB;
    instruction_decode(test->code, test->length, test->code_size, &instruction);
    /* With 32-bit addresses CPUs clear the upper halves of rCX, rSI and rDI before they begin. */
    if (instruction.prefixes & (PREFIX_REP | PREFIX_REPNE) && instruction.address_size == 4)
        leeway.upper_halves = true;
    if (completed)
        leeway.flags = find_undefined_flags(test, &instruction);
    /* One that faults may have made MM0 the top of the stack already. */
    leeway.x87_stack = !completed && has_mmx(&instruction);
    /* VCVTPS2PH may change MXCSR and then fault (volume 2, VCVTPS2PH). */
    leeway.mxcsr = !completed && instruction.feature == FEATURE_F16C;
    if (instruction.feature == FEATURE_F16C) /* its 8 bytes need no alignment on our CPUs */
        leeway.everything = test->rflags & RFLAGS_AC;
    /* Whether what underflows would also be inexact with an unbounded exponent. */
    leeway.mxcsr_precision = native->vector == EXCEPTION_XM;
    /* From 64-bit to compatibility mode: the upper half of RSP is undefined then. */
    leeway.stack_pointer = test->code_size == CODE_64 && native->cs == SELECTOR_USER_CODE_32;
    /* 80 bits are two accesses: which comes first. */
    for (unsigned i = 0; i < instruction.operand_count; i++)
        if (instruction.operands[i].kind == OPERAND_MEMORY && instruction.operands[i].size == 10)
            leeway.stack_fault = is_stack_fault(native->vector);
    switch (instruction.mnemonic) {
    case MNEMONIC_POPA:
        /* Writes registers until one pop faults. */
        leeway.registers = completed ? 0 : UINT16_MAX;
        break;
    case MNEMONIC_CALL_FAR:
    case MNEMONIC_JMP_FAR:
        leeway.page_fault_address = leeway.error_code = test->code_size == CODE_64;
        break;
    case MNEMONIC_PUSH_SEGMENT:
        /* Of 32 bits whether the upper 16 are written, and so the alignment, is the CPU's choice
         * (volume 2, PUSH). */
        leeway.memory = instruction.operand_size == 4;
        leeway.everything = leeway.memory && test->rflags & RFLAGS_AC;
        break;
    case MNEMONIC_FLDENV:
    case MNEMONIC_FNSAVE:
    case MNEMONIC_FNSTENV:
    case MNEMONIC_FRSTOR:
        /* Many accesses: which comes first. */
        leeway.stack_fault = !completed;
        leeway.everything = test->rflags & RFLAGS_AC;
        break;
    case MNEMONIC_BOUND:
    case MNEMONIC_FXRSTOR:
    case MNEMONIC_FXSAVE:
    case MNEMONIC_VGATHER:
        /* Several accesses: the alignment and the address of which. */
        leeway.page_fault_address = true;
        leeway.everything = test->rflags & RFLAGS_AC;
        break;
    case MNEMONIC_MASKMOVDQU:
    case MNEMONIC_MASKMOVQ:
    case MNEMONIC_VMASKMOV:
        /* The address of which byte, and its alignment. */
        leeway.page_fault_address = leeway.error_code = true;
        leeway.stack_fault = !completed;
        leeway.everything =
            test->rflags & RFLAGS_AC || (instruction.mnemonic != MNEMONIC_VMASKMOV && !completed);
        break;
    case MNEMONIC_IRET:
    case MNEMONIC_RET_FAR:
        /* Which word of the stack is read first; whether SS or RIP is looked at first. */
        leeway.error_code = instruction.mnemonic == MNEMONIC_IRET;
        leeway.stack_fault = is_stack_fault(native->vector);
        break;
    default:
        break;
    }
    return leeway;
}
