// SPDX-License-Identifier: Apache-2.0
/* What an instruction needs and does beside its operands. */
#include "zydis_compare.h"

#include "core/x86/mnemonic.h"

/* ISA sets whose CPUID bit is ours by another name; those that are not here go unchecked. */
static const uint8_t features[ZYDIS_ISA_SET_MAX_VALUE + 1] = {
    [ZYDIS_ISA_SET_ADOX_ADCX] = FEATURE_ADX,
    [ZYDIS_ISA_SET_AES] = FEATURE_AES,
    [ZYDIS_ISA_SET_AVX] = FEATURE_AVX,
    [ZYDIS_ISA_SET_AVX2] = FEATURE_AVX2,
    [ZYDIS_ISA_SET_AVX2GATHER] = FEATURE_AVX2,
    [ZYDIS_ISA_SET_AVXAES] = FEATURE_AES,
    [ZYDIS_ISA_SET_AVX_GFNI] = FEATURE_GFNI,
    [ZYDIS_ISA_SET_BMI1] = FEATURE_BMI1,
    [ZYDIS_ISA_SET_BMI2] = FEATURE_BMI2,
    [ZYDIS_ISA_SET_CLFLUSHOPT] = FEATURE_CLFLUSHOPT,
    [ZYDIS_ISA_SET_CLFSH] = FEATURE_CLFLUSH,
    [ZYDIS_ISA_SET_CLWB] = FEATURE_CLWB,
    [ZYDIS_ISA_SET_CMOV] = FEATURE_CMOV,
    [ZYDIS_ISA_SET_CMPXCHG16B] = FEATURE_CX16,
    [ZYDIS_ISA_SET_F16C] = FEATURE_F16C,
    [ZYDIS_ISA_SET_FAT_NOP] = FEATURE_BASE,
    [ZYDIS_ISA_SET_FCMOV] = FEATURE_CMOV,
    [ZYDIS_ISA_SET_FMA] = FEATURE_FMA,
    [ZYDIS_ISA_SET_FXSAVE] = FEATURE_FXSR,
    [ZYDIS_ISA_SET_FXSAVE64] = FEATURE_FXSR,
    [ZYDIS_ISA_SET_GFNI] = FEATURE_GFNI,
    [ZYDIS_ISA_SET_I186] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I286PROTECTED] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I286REAL] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I386] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I486] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I486REAL] = FEATURE_BASE,
    [ZYDIS_ISA_SET_I86] = FEATURE_BASE,
    [ZYDIS_ISA_SET_INVPCID] = FEATURE_INVPCID,
    [ZYDIS_ISA_SET_LAHF] = FEATURE_LAHF64,
    [ZYDIS_ISA_SET_LZCNT] = FEATURE_LZCNT,
    [ZYDIS_ISA_SET_MONITOR] = FEATURE_MONITOR,
    [ZYDIS_ISA_SET_MOVBE] = FEATURE_MOVBE,
    [ZYDIS_ISA_SET_PAUSE] = FEATURE_BASE,
    [ZYDIS_ISA_SET_PCLMULQDQ] = FEATURE_PCLMULQDQ,
    [ZYDIS_ISA_SET_POPCNT] = FEATURE_POPCNT,
    [ZYDIS_ISA_SET_RDPID] = FEATURE_RDPID,
    [ZYDIS_ISA_SET_RDPMC] = FEATURE_BASE,
    [ZYDIS_ISA_SET_RDRAND] = FEATURE_RDRAND,
    [ZYDIS_ISA_SET_RDSEED] = FEATURE_RDSEED,
    [ZYDIS_ISA_SET_RDTSCP] = FEATURE_RDTSCP,
    [ZYDIS_ISA_SET_RDWRFSGS] = FEATURE_FSGSBASE,
    [ZYDIS_ISA_SET_SHA] = FEATURE_SHA,
    [ZYDIS_ISA_SET_SMAP] = FEATURE_SMAP,
    [ZYDIS_ISA_SET_SSE] = FEATURE_SSE,
    [ZYDIS_ISA_SET_SSE2] = FEATURE_SSE2,
    [ZYDIS_ISA_SET_SSE2MMX] = FEATURE_SSE2,
    [ZYDIS_ISA_SET_SSE3] = FEATURE_SSE3,
    [ZYDIS_ISA_SET_SSE3X87] = FEATURE_SSE3,
    [ZYDIS_ISA_SET_SSE4] = FEATURE_SSE4_1,
    [ZYDIS_ISA_SET_SSE42] = FEATURE_SSE4_2,
    [ZYDIS_ISA_SET_SSEMXCSR] = FEATURE_SSE,
    [ZYDIS_ISA_SET_SSE_PREFETCH] = FEATURE_SSE,
    [ZYDIS_ISA_SET_SSSE3] = FEATURE_SSSE3,
    [ZYDIS_ISA_SET_SSSE3MMX] = FEATURE_SSSE3,
    [ZYDIS_ISA_SET_VAES] = FEATURE_VAES,
    [ZYDIS_ISA_SET_VPCLMULQDQ] = FEATURE_VPCLMULQDQ,
    [ZYDIS_ISA_SET_X87] = FEATURE_FPU,
    [ZYDIS_ISA_SET_XSAVE] = FEATURE_XSAVE,
    [ZYDIS_ISA_SET_XSAVEC] = FEATURE_XSAVEC,
    [ZYDIS_ISA_SET_XSAVEOPT] = FEATURE_XSAVEOPT,
    [ZYDIS_ISA_SET_XSAVES] = FEATURE_XSAVES,
};

/* SDM 2, tables 2-18 to 2-22: classes whose 16- and 32-byte operands must be aligned. */
static bool must_be_aligned(const ZydisDecodedInstruction *zydis)
{
    switch (zydis->meta.exception_class) {
    case ZYDIS_EXCEPTION_CLASS_SSE1:
    case ZYDIS_EXCEPTION_CLASS_SSE2:
    case ZYDIS_EXCEPTION_CLASS_SSE4:
    case ZYDIS_EXCEPTION_CLASS_AVX1:
        return true;
    default:
        return false;
    }
}

static bool has_vector_in_memory(const struct instruction *instruction)
{
    for (unsigned i = 0; i < instruction->operand_count; i++)
        if (instruction->operands[i].kind == OPERAND_MEMORY && instruction->operands[i].size >= 16)
            return true;
    return false;
}

static const char *compare_flags(const struct comparison *comparison)
{
    const struct instruction *ours = &comparison->ours;
    const ZydisAccessedFlags *flags = comparison->zydis.cpu_flags;
    bool writes = flags->modified | flags->set_0 | flags->set_1 | flags->undefined;
    if (!(ours->flags & INSTRUCTION_HOST_EXECUTED))
        return NULL;
    if (writes != !!(ours->flags & INSTRUCTION_WRITES_FLAGS))
        return "writes flags";
    return !!flags->tested == !!(ours->flags & INSTRUCTION_READS_FLAGS) ? NULL : "reads flags";
}

const char *compare_properties(const struct comparison *comparison)
{
    const struct instruction *ours = &comparison->ours;
    const ZydisDecodedInstruction *zydis = &comparison->zydis;
    uint8_t feature = features[zydis->meta.isa_set];
    if (feature && feature != ours->feature)
        return "feature";
    if (ours->opcode != zydis->opcode ||
        ours->has_modrm != !!(zydis->attributes & ZYDIS_ATTRIB_HAS_MODRM))
        return "opcode";
    if (!!(ours->flags & INSTRUCTION_PRIVILEGED) !=
        !!(zydis->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED))
        return "privileged";
    if (has_vector_in_memory(ours) &&
        must_be_aligned(zydis) != !!(ours->flags & INSTRUCTION_ALIGNED))
        return "aligned";
    /* What may change the mode ends a block too, so that we have more of them. */
    if (zydis->meta.branch_type && !(ours->flags & INSTRUCTION_BRANCH))
        return "branch";
    if (!(ours->flags & INSTRUCTION_HOST_EXECUTED) && ours->operand_size > 1 &&
        ours->operand_size * 8 != zydis->operand_width)
        return "operand width";
    return compare_flags(comparison);
}
