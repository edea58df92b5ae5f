// SPDX-License-Identifier: Apache-2.0
#include "known_differences.h"

#include <string.h>

#include "core/x86/mnemonic.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What no CPU model of ours offers: for us these bytes are no instruction. */
static const struct {
    uint8_t first, last; /* ZydisISASet */
    const char *reason;
} not_offered[] = {
    { ZYDIS_ISA_SET_AMD, ZYDIS_ISA_SET_AMD, "SYSCALL and SYSRET outside 64-bit mode: AMD's alone" },
    { ZYDIS_ISA_SET_AMD3DNOW, ZYDIS_ISA_SET_AMD3DNOW, "3DNow!" },
    { ZYDIS_ISA_SET_AMD_INVLPGB, ZYDIS_ISA_SET_AMD_INVLPGB, "INVLPGB" },
    { ZYDIS_ISA_SET_AMX_BF16, ZYDIS_ISA_SET_AMX_TILE, "AMX" },
    { ZYDIS_ISA_SET_AVX512BW_128, ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_512, "AVX-512" },
    { ZYDIS_ISA_SET_AVX_VNNI, ZYDIS_ISA_SET_AVX_VNNI, "AVX-VNNI" },
    { ZYDIS_ISA_SET_CET, ZYDIS_ISA_SET_CET, "CET" },
    { ZYDIS_ISA_SET_CLZERO, ZYDIS_ISA_SET_CLZERO, "CLZERO" },
    { ZYDIS_ISA_SET_ENQCMD, ZYDIS_ISA_SET_ENQCMD, "ENQCMD" },
    { ZYDIS_ISA_SET_FMA4, ZYDIS_ISA_SET_FMA4, "FMA4" },
    { ZYDIS_ISA_SET_HRESET, ZYDIS_ISA_SET_HRESET, "HRESET" },
    { ZYDIS_ISA_SET_KEYLOCKER, ZYDIS_ISA_SET_KEYLOCKER_WIDE, "Key Locker" },
    { ZYDIS_ISA_SET_KNCE, ZYDIS_ISA_SET_KNC_PF_HINT, "Knights Corner" },
    { ZYDIS_ISA_SET_LWP, ZYDIS_ISA_SET_LWP, "LWP" },
    { ZYDIS_ISA_SET_MCOMMIT, ZYDIS_ISA_SET_MCOMMIT, "MCOMMIT" },
    { ZYDIS_ISA_SET_MONITORX, ZYDIS_ISA_SET_MONITORX, "MONITORX" },
    { ZYDIS_ISA_SET_MOVDIR, ZYDIS_ISA_SET_MOVDIR, "MOVDIRI and MOVDIR64B" },
    { ZYDIS_ISA_SET_PADLOCK_ACE, ZYDIS_ISA_SET_PADLOCK_RNG, "PadLock" },
    { ZYDIS_ISA_SET_PCONFIG, ZYDIS_ISA_SET_PCONFIG, "PCONFIG" },
    { ZYDIS_ISA_SET_PKU, ZYDIS_ISA_SET_PKU, "protection keys" },
    { ZYDIS_ISA_SET_PT, ZYDIS_ISA_SET_PT, "PTWRITE" },
    { ZYDIS_ISA_SET_RDPRU, ZYDIS_ISA_SET_RDPRU, "RDPRU" },
    { ZYDIS_ISA_SET_RTM, ZYDIS_ISA_SET_RTM, "TSX" },
    { ZYDIS_ISA_SET_SERIALIZE, ZYDIS_ISA_SET_SERIALIZE, "SERIALIZE" },
    { ZYDIS_ISA_SET_SGX, ZYDIS_ISA_SET_SGX_ENCLV, "SGX" },
    { ZYDIS_ISA_SET_SMX, ZYDIS_ISA_SET_SMX, "SMX" },
    { ZYDIS_ISA_SET_SNP, ZYDIS_ISA_SET_SNP, "SEV-SNP" },
    { ZYDIS_ISA_SET_SSE4A, ZYDIS_ISA_SET_SSE4A, "SSE4a" },
    { ZYDIS_ISA_SET_SVM, ZYDIS_ISA_SET_SVM, "SVM but VMMCALL" },
    { ZYDIS_ISA_SET_TBM, ZYDIS_ISA_SET_TBM, "TBM" },
    { ZYDIS_ISA_SET_TDX, ZYDIS_ISA_SET_TDX, "TDX" },
    { ZYDIS_ISA_SET_TSX_LDTRK, ZYDIS_ISA_SET_TSX_LDTRK, "TSX load tracking" },
    { ZYDIS_ISA_SET_UINTR, ZYDIS_ISA_SET_UINTR, "user interrupts" },
    { ZYDIS_ISA_SET_VMFUNC, ZYDIS_ISA_SET_VMFUNC, "VMFUNC" },
    { ZYDIS_ISA_SET_VTX, ZYDIS_ISA_SET_VTX, "VMX but VMCALL" },
    { ZYDIS_ISA_SET_WAITPKG, ZYDIS_ISA_SET_WAITPKG, "WAITPKG" },
    { ZYDIS_ISA_SET_XOP, ZYDIS_ISA_SET_XOP, "XOP" },
};

static bool is_nop(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_NOP;
}

static bool is_undefined(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_UD0 || comparison->ours.mnemonic == MNEMONIC_UD1;
}

static bool touches_nothing(const struct comparison *comparison)
{
    const struct operand *first = &comparison->ours.operands[0];
    return first->kind == OPERAND_MEMORY && !first->access &&
           comparison->operands[0].actions == ZYDIS_OPERAND_ACTION_READ;
}

static bool merges(const struct comparison *comparison)
{
    const struct operand *first = &comparison->ours.operands[0];
    return first->kind == OPERAND_REGISTER && first->register_class == REGISTER_XMM &&
           first->access == (ACCESS_READ | ACCESS_WRITE) &&
           comparison->operands[0].actions == ZYDIS_OPERAND_ACTION_WRITE &&
           comparison->operands[0].size < 128;
}

static bool is_lsl(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_LSL;
}

static bool is_movsxd_16(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_MOVSXD && comparison->ours.operand_size == 2;
}

static bool is_fucomp(const struct comparison *comparison)
{
    return comparison->zydis.mnemonic == ZYDIS_MNEMONIC_FUCOMP;
}

static bool frees(const struct comparison *comparison)
{
    return comparison->zydis.mnemonic == ZYDIS_MNEMONIC_FFREE ||
           comparison->zydis.mnemonic == ZYDIS_MNEMONIC_FFREEP;
}

static bool compares_strings_outside_long_mode(const struct comparison *comparison)
{
    return comparison->code_size != CODE_64 && comparison->ours.rex_w &&
           (comparison->ours.mnemonic == MNEMONIC_PCMPESTRI ||
            comparison->ours.mnemonic == MNEMONIC_PCMPESTRM);
}

/* SDM volume 2, table 2-19: type 4 asks the instruction itself. */
static bool may_be_unaligned(const struct comparison *comparison)
{
    switch (comparison->zydis.mnemonic) {
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_PCMPESTRI:
    case ZYDIS_MNEMONIC_PCMPESTRM:
    case ZYDIS_MNEMONIC_PCMPISTRI:
    case ZYDIS_MNEMONIC_PCMPISTRM:
        return true;
    default:
        return false;
    }
}

static bool must_be_aligned(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_CMPXCHG16B ||
           comparison->zydis.mnemonic == ZYDIS_MNEMONIC_CVTPD2PI ||
           comparison->zydis.mnemonic == ZYDIS_MNEMONIC_CVTTPD2PI;
}

static bool needs_pclmulqdq(const struct comparison *comparison)
{
    return comparison->ours.feature == FEATURE_PCLMULQDQ;
}

static bool is_lgdt(const struct comparison *comparison)
{
    return comparison->ours.mnemonic == MNEMONIC_LGDT;
}

/* Their operands are of fixed sizes. */
static bool has_fixed_width(const struct comparison *comparison)
{
    switch (comparison->ours.mnemonic) {
    case MNEMONIC_CMPXCHG8B:
    case MNEMONIC_INS:
    case MNEMONIC_INVPCID:
    case MNEMONIC_OUTS:
    case MNEMONIC_SYSCALL:
        return true;
    default:
        return false;
    }
}

/* 67, REX.B, ModR/M with mod 0 and rm 4, SIB with base 5. */
static bool has_sib_without_base(const struct comparison *comparison)
{
    const struct instruction *ours = &comparison->ours;
    return comparison->code_size == CODE_64 && ours->address_size == 4 && ours->has_modrm &&
           (ours->modrm & 0xc7) == 0x04 && ours->memory.base == NO_REGISTER;
}

/* Where both take the same bytes for an instruction but see different operands. */
static const struct {
    const char *difference, *reason;
    bool (*applies)(const struct comparison *);
} deviations[] = {
    { "number of operands", "a NOP has no operands with us", is_nop },
    { "number of operands", "UD0 and UD1 have no operands with us", is_undefined },
    { "access", "prefetches, CLFLUSH.. and INVLPG take the address alone", touches_nothing },
    { "access", "a register that is written in part is read too", merges },
    { "access", "LSL writes its destination, like LAR", is_lsl },
    { "access", "FFREE neither reads nor writes the register", frees },
    { "operand", "MOVSXD r16 reads 2 bytes: tried on a CPU", is_movsxd_16 },
    { "operand", "FUCOMP ST(i) has one operand (SDM volume 2)", is_fucomp },
    { "number of operands", "FUCOMP ST(i) has one operand (SDM volume 2)", is_fucomp },
    { "operand", "SIB base 5 with mod 0 is no base whatever REX.B is (SDM 2, table 2-5)",
      has_sib_without_base },
    { "aligned", "MOVUPS, PCMPESTRI and their kind take any address", may_be_unaligned },
    { "aligned", "CMPXCHG16B, CVTPD2PI and CVTTPD2PI need 16-byte alignment", must_be_aligned },
    { "feature", "VPCLMULQDQ with 16 bytes needs PCLMULQDQ beside AVX", needs_pclmulqdq },
    { "privileged", "LGDT is privileged", is_lgdt },
    { "operand width", "the operands are of fixed sizes, prefixes or not", has_fixed_width },
    { "implicit operand", "VEX.W does not make PCMPESTRx 64 bits wide outside 64-bit mode",
      compares_strings_outside_long_mode },
};

const char *known_difference(const struct comparison *comparison, const char *difference)
{
    if (comparison->status == DECODE_INVALID && comparison->zydis_accepts) {
        uint8_t set = comparison->zydis.meta.isa_set;
        for (size_t i = 0; i < COUNT(not_offered); i++)
            if (set >= not_offered[i].first && set <= not_offered[i].last)
                return not_offered[i].reason;
        return NULL;
    }
    for (size_t i = 0; i < COUNT(deviations); i++)
        if (!strcmp(deviations[i].difference, difference) && deviations[i].applies(comparison))
            return deviations[i].reason;
    return NULL;
}
