// SPDX-License-Identifier: Apache-2.0
/* When the guest's system lets x87, MMX, SSE and AVX instructions execute (SDM volume 3, 2.5, 13.1;
 * volume 2, 2.4). */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/descriptor.h"

#define FWAIT_OPCODE 0x9b

enum vector_kind { KIND_GENERAL, KIND_X87, KIND_MMX, KIND_SSE, KIND_AVX, KIND_FXSAVE, KIND_XSAVE };

static const uint8_t feature_kinds[FEATURE_COUNT] = {
    [FEATURE_FPU] = KIND_X87,       [FEATURE_MMX] = KIND_MMX,      [FEATURE_SSE] = KIND_SSE,
    [FEATURE_SSE2] = KIND_SSE,      [FEATURE_SSE3] = KIND_SSE,     [FEATURE_SSSE3] = KIND_SSE,
    [FEATURE_SSE4_1] = KIND_SSE,    [FEATURE_SSE4_2] = KIND_SSE,   [FEATURE_AES] = KIND_SSE,
    [FEATURE_PCLMULQDQ] = KIND_SSE, [FEATURE_SHA] = KIND_SSE,      [FEATURE_GFNI] = KIND_SSE,
    [FEATURE_AVX] = KIND_AVX,       [FEATURE_AVX2] = KIND_AVX,     [FEATURE_FMA] = KIND_AVX,
    [FEATURE_F16C] = KIND_AVX,      [FEATURE_VAES] = KIND_AVX,     [FEATURE_VPCLMULQDQ] = KIND_AVX,
    [FEATURE_FXSR] = KIND_FXSAVE,   [FEATURE_XSAVE] = KIND_XSAVE,  [FEATURE_XSAVEOPT] = KIND_XSAVE,
    [FEATURE_XSAVEC] = KIND_XSAVE,  [FEATURE_XSAVES] = KIND_XSAVE,
};

static bool uses_class(const struct instruction *instruction, unsigned register_class)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_REGISTER &&
            instruction->operands[i].register_class == register_class)
            return true;
    return false;
}

static enum vector_kind kind_of(const struct instruction *instruction)
{
    if (instruction->mnemonic == MNEMONIC_CRC32)
        return KIND_GENERAL;
    if (instruction->flags & INSTRUCTION_X87)
        return KIND_X87;
    enum vector_kind kind = feature_kinds[instruction->feature];
    if (kind == KIND_SSE && instruction->prefixes & PREFIX_VEX)
        return KIND_AVX;
    if (kind == KIND_SSE && uses_class(instruction, REGISTER_MMX) &&
        !uses_class(instruction, REGISTER_XMM))
        return KIND_MMX;
    return kind;
}

static bool task_switched(struct cpu *cpu)
{
    return !(cpu->state.cr0 & CR0_TS) || cpu_raise(cpu, EXCEPTION_NM);
}

static bool x87_permitted(struct cpu *cpu, const struct instruction *instruction)
{
    uint64_t cr0 = cpu->state.cr0;
    if (instruction->map == MAP_PRIMARY && instruction->opcode == FWAIT_OPCODE)
        return (cr0 & (CR0_MP | CR0_TS)) != (CR0_MP | CR0_TS) || cpu_raise(cpu, EXCEPTION_NM);
    return !(cr0 & (CR0_EM | CR0_TS)) || cpu_raise(cpu, EXCEPTION_NM);
}

static bool avx_permitted(struct cpu *cpu)
{
    uint64_t needed = XCR0_SSE | XCR0_AVX;
    if (!in_protected_mode(cpu) || !(cpu->state.cr4 & CR4_OSXSAVE) ||
        (cpu->state.xcr0 & needed) != needed)
        return cpu_raise(cpu, EXCEPTION_UD);
    return task_switched(cpu);
}

bool cpu_vector_permitted(struct cpu *cpu, const struct instruction *instruction)
{
    const struct cpu_state *state = &cpu->state;
    switch (kind_of(instruction)) {
    case KIND_GENERAL:
        /* VEX-encoded BMI is not there in real and virtual-8086 mode. */
        return !(instruction->prefixes & PREFIX_VEX) || in_protected_mode(cpu) ||
               cpu_raise(cpu, EXCEPTION_UD);
    case KIND_X87:
        return x87_permitted(cpu, instruction);
    case KIND_FXSAVE:
        return !(state->cr0 & CR0_EM) ? task_switched(cpu) : cpu_raise(cpu, EXCEPTION_NM);
    case KIND_MMX:
        return !(state->cr0 & CR0_EM) ? task_switched(cpu) : cpu_raise(cpu, EXCEPTION_UD);
    case KIND_SSE:
        return !(state->cr0 & CR0_EM) && state->cr4 & CR4_OSFXSR ? task_switched(cpu)
                                                                 : cpu_raise(cpu, EXCEPTION_UD);
    case KIND_AVX:
        return avx_permitted(cpu);
    case KIND_XSAVE:
        return state->cr4 & CR4_OSXSAVE ? task_switched(cpu) : cpu_raise(cpu, EXCEPTION_UD);
    }
    return true;
}
