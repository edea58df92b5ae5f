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

/* 80 bits are two accesses. */
static bool has_80_bits(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_MEMORY && instruction->operands[i].size == 10)
            return true;
    return false;
}

/* Of x87, MMX, SSE and AVX. */
static void find_vector_leeway(const struct oracle_case *test,
                               const struct instruction *instruction,
                               const struct oracle_result *native, bool completed,
                               struct leeway *leeway)
{
    /* One that faults may have made MM0 the top of the stack already. */
    leeway->x87_stack = !completed && has_mmx(instruction);
    /* VCVTPS2PH may change MXCSR and then fault (volume 2, VCVTPS2PH). The products of DPPS and
     * DPPD may raise #XM before there are sums. */
    leeway->mxcsr = !completed && instruction->feature == FEATURE_F16C;
    if (instruction->map == MAP_0F3A && (instruction->opcode & 0xfe) == 0x40)
        leeway->mxcsr = native->vector == EXCEPTION_XM;
    /* Whether what underflows would also be inexact with an unbounded exponent. */
    leeway->mxcsr_precision = native->vector == EXCEPTION_XM;
    /* The 8 bytes of VCVTPS2PH need no alignment on our CPUs. */
    if (instruction->feature == FEATURE_F16C)
        leeway->everything = test->rflags & RFLAGS_AC;
    /* An x87 store that has nothing to store, since its exception is unmasked, looks at no address;
     * ours is checked before. */
    leeway->fault_instead = completed && instruction->flags & INSTRUCTION_X87 &&
                            ~test->xsave[0] & 0x3f &&
                            instruction->operands[0].kind == OPERAND_MEMORY;
    leeway->stack_fault = has_80_bits(instruction) && is_stack_fault(native->vector);
}

/* Instructions that access memory several times: which access comes first, and is aligned how. */
static void find_access_leeway(const struct oracle_case *test,
                               const struct instruction *instruction,
                               const struct oracle_result *native, bool completed,
                               struct leeway *leeway)
{
    bool alignment = test->rflags & RFLAGS_AC;
    switch (instruction->mnemonic) {
    case MNEMONIC_POPA:
        /* Writes registers until one pop faults. */
        leeway->registers = completed ? 0 : UINT16_MAX;
        break;
    case MNEMONIC_CALL_FAR:
    case MNEMONIC_JMP_FAR:
        leeway->page_fault_address = leeway->error_code = test->code_size == CODE_64;
        break;
    case MNEMONIC_PUSH_SEGMENT:
        /* Of 32 bits whether the upper 16 are written is the CPU's choice (volume 2, PUSH). */
        leeway->memory = instruction->operand_size == 4;
        leeway->everything = leeway->memory && alignment;
        break;
    case MNEMONIC_FLDENV:
    case MNEMONIC_FNSAVE:
    case MNEMONIC_FNSTENV:
    case MNEMONIC_FRSTOR:
        leeway->stack_fault = !completed;
        leeway->everything = alignment;
        break;
    case MNEMONIC_BOUND:
    case MNEMONIC_FXRSTOR:
    case MNEMONIC_FXSAVE:
    case MNEMONIC_VGATHER:
        leeway->page_fault_address = leeway->error_code = true;
        /* A gather may be trapped between elements. */
        leeway->everything =
            alignment || (instruction->mnemonic == MNEMONIC_VGATHER && test->rflags & RFLAGS_TF);
        break;
    case MNEMONIC_MASKMOVDQU:
    case MNEMONIC_MASKMOVQ:
        leeway->everything = !completed || alignment;
        break;
    case MNEMONIC_VMASKMOV:
        leeway->page_fault_address = leeway->error_code = true;
        leeway->stack_fault = !completed;
        leeway->everything = alignment;
        break;
    case MNEMONIC_IRET:
    case MNEMONIC_RET_FAR:
        /* Or whether SS or RIP is looked at first. */
        leeway->error_code = instruction->mnemonic == MNEMONIC_IRET;
        leeway->stack_fault = is_stack_fault(native->vector);
        break;
    default:
        break;
    }
}

struct leeway oracle_leeway(const struct oracle_case *test, const struct oracle_result *native)
{
    struct leeway leeway = { 0 };
    struct instruction instruction;
    bool completed = native->vector == EXCEPTION_BP || native->vector == EXCEPTION_DB ||
                     native->rip != oracle_rip(test); /* the next one faults */
    instruction_decode(test->code, test->length, test->code_size, &instruction);
    if (completed)
        leeway.flags = find_undefined_flags(test, &instruction);
    /* With 32-bit addresses CPUs clear the upper halves of rCX, rSI and rDI before they begin. */
    leeway.upper_halves =
        instruction.prefixes & (PREFIX_REP | PREFIX_REPNE) && instruction.address_size == 4;
    /* From 64-bit to compatibility mode: the upper half of RSP is undefined then. */
    leeway.stack_pointer = test->code_size == CODE_64 && native->cs == SELECTOR_USER_CODE_32;
    find_vector_leeway(test, &instruction, native, completed, &leeway);
    find_access_leeway(test, &instruction, native, completed, &leeway);
    /* With a base alignment comes after the canonical check of all bytes for us, of one for CPUs.
     */
    if (test->rflags & RFLAGS_AC && instruction.memory.segment >= SEGMENT_FS)
        leeway.everything = true;
    return leeway;
}
