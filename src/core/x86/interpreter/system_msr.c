// SPDX-License-Identifier: Apache-2.0
/*
 * Model-specific registers (SDM volume 4). Those that are plain values of the processor are a
 * table; those whose writes do something have a function. All others are the machine's, which may
 * refuse them.
 */
#include "core/x86/interpreter/exit.h"
#include "core/x86/interpreter/system.h"

/* Newer than any revision that a kernel knows to be faulty. */
#define MICROCODE_REVISION (UINT64_C(0x7fffffff) << 32)

#define MSR_PLATFORM_ID   0x17u
#define MSR_MTRR_BASE_0   0x200u
#define MSR_MTRR_FIXED_0  0x250u
#define MTRR_CAP          UINT64_C(0x508) /* 8 variable ranges, fixed ranges, write combining */
#define MTRR_DEFAULT_BITS UINT64_C(0xcff) /* type, FE, E */
#define MTRR_MASK_VALID   (UINT64_C(1) << 11)

#define CPUID_EXTENDED 0x80000001u
#define CPUID_NX_BIT   20

enum msr_check {
    MSR_ANY,
    MSR_CANONICAL,    /* #GP(0) unless the value is a canonical address */
    MSR_32_BIT,       /* bits 63:32 are reserved */
    MSR_MEMORY_TYPES, /* eight memory types, PAT's included */
};

struct msr_value {
    uint32_t index;
    uint32_t offset; /* in struct cpu_state */
    enum msr_check check;
};

#define STATE(field) offsetof(struct cpu_state, field)

static const struct msr_value msr_values[] = {
    { MSR_SYSENTER_CS, STATE(sysenter_cs), MSR_32_BIT },
    { MSR_SYSENTER_ESP, STATE(sysenter_esp), MSR_CANONICAL },
    { MSR_SYSENTER_EIP, STATE(sysenter_eip), MSR_CANONICAL },
    { MSR_MISC_ENABLE, STATE(misc_enable), MSR_ANY },
    { MSR_PAT, STATE(pat), MSR_MEMORY_TYPES },
    { MSR_STAR, STATE(star), MSR_ANY },
    { MSR_LSTAR, STATE(lstar), MSR_CANONICAL },
    { MSR_CSTAR, STATE(cstar), MSR_CANONICAL },
    { MSR_SFMASK, STATE(sfmask), MSR_32_BIT },
    { MSR_FS_BASE, STATE(segments[SEGMENT_FS].base), MSR_CANONICAL },
    { MSR_GS_BASE, STATE(segments[SEGMENT_GS].base), MSR_CANONICAL },
    { MSR_KERNEL_GS_BASE, STATE(kernel_gs_base), MSR_CANONICAL },
    { MSR_TSC_AUX, STATE(tsc_aux), MSR_32_BIT },
    { MSR_SPEC_CTRL, STATE(spec_ctrl), MSR_32_BIT },
};

static const uint32_t fixed_mtrrs[MTRR_FIXED_COUNT] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                                        0x26b, 0x26c, 0x26d, 0x26e, 0x26f };

static uint64_t *state_field(struct cpu *cpu, uint32_t offset)
{
    return (uint64_t *)((char *)&cpu->state + offset);
}

static const struct msr_value *find_value(uint32_t index)
{
    for (unsigned i = 0; i < sizeof(msr_values) / sizeof(msr_values[0]); i++)
        if (msr_values[i].index == index)
            return &msr_values[i];
    return NULL;
}

/* UC, WC, WT, WP, WB and in PAT UC-. */
static bool memory_type_valid(unsigned type, bool pat)
{
    unsigned valid = 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6;
    if (pat)
        valid |= 1u << 7;
    return type < 8 && valid >> type & 1;
}

static bool memory_types_valid(uint64_t value, bool pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!memory_type_valid(value >> 8 * i & 0xff, pat))
            return false;
    return true;
}

static bool value_permitted(const struct msr_value *msr, uint64_t value)
{
    switch (msr->check) {
    case MSR_CANONICAL:
        return is_canonical(value);
    case MSR_32_BIT:
        return value >> 32 == 0;
    case MSR_MEMORY_TYPES:
        return memory_types_valid(value, true);
    default:
        return true;
    }
}

static bool efer_permitted(const struct cpu *cpu, uint64_t value)
{
    const struct cpu_state *state = &cpu->state;
    uint64_t offered = EFER_LMA;
    if (cpuid_has(cpu->cpuid, FEATURE_SYSCALL))
        offered |= EFER_SCE;
    if (cpuid_has(cpu->cpuid, FEATURE_LONG_MODE))
        offered |= EFER_LME;
    if (cpuid_bit(cpu, CPUID_EXTENDED, 3, CPUID_NX_BIT))
        offered |= EFER_NXE;
    if (value & ~offered)
        return false;
    return !(state->cr0 & CR0_PG) || !((value ^ state->efer) & EFER_LME);
}

static bool write_efer(struct cpu *cpu, uint64_t value)
{
    struct cpu_state *state = &cpu->state;
    if (!efer_permitted(cpu, value))
        return false;
    bool paging_changed = (value ^ state->efer) & EFER_NXE;
    state->efer = (value & ~EFER_LMA) | (state->efer & EFER_LMA);
    cpu_mode_changed(cpu);
    if (paging_changed)
        tlb_flush(cpu);
    return true;
}

/* The TSC and its adjustment move together (volume 3, 18.17.3). */
static bool write_tsc(struct cpu *cpu, uint64_t value)
{
    uint64_t difference = value - guest_tsc(cpu);
    cpu->state.tsc_offset += difference;
    cpu->state.tsc_adjust += difference;
    return true;
}

static bool write_tsc_adjust(struct cpu *cpu, uint64_t value)
{
    cpu->state.tsc_offset += value - cpu->state.tsc_adjust;
    cpu->state.tsc_adjust = value;
    return true;
}

/* A memory type range register by its number; NULL: none of them. Kept, and without effect. */
static uint64_t *find_mtrr(struct cpu *cpu, uint32_t index)
{
    struct cpu_state *state = &cpu->state;
    if (index == MSR_MTRR_DEF_TYPE)
        return &state->mtrr_default_type;
    if (index - MSR_MTRR_BASE_0 < 2 * MTRR_VARIABLE_COUNT) {
        unsigned pair = (index - MSR_MTRR_BASE_0) / 2;
        return index & 1 ? &state->mtrr_mask[pair] : &state->mtrr_base[pair];
    }
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++)
        if (fixed_mtrrs[i] == index)
            return &state->mtrr_fixed[i];
    return NULL;
}

static bool mtrr_permitted(const struct cpu *cpu, uint32_t index, uint64_t value)
{
    uint64_t address = cpu->paging.address;
    if (index == MSR_MTRR_DEF_TYPE)
        return !(value & ~MTRR_DEFAULT_BITS) && memory_type_valid(value & 0xff, false);
    if (index >= MSR_MTRR_FIXED_0)
        return memory_types_valid(value, false);
    if (index & 1)
        return !(value & ~(address | MTRR_MASK_VALID));
    return !(value & ~(address | 0xff)) && memory_type_valid(value & 0xff, false);
}

enum msr_outcome { MSR_DONE, MSR_REFUSED, MSR_OF_THE_MACHINE };

static enum msr_outcome done_if(bool done)
{
    return done ? MSR_DONE : MSR_REFUSED;
}

static enum msr_outcome read_msr(struct cpu *cpu, uint32_t index, uint64_t *value)
{
    const struct msr_value *msr = find_value(index);
    const uint64_t *mtrr = find_mtrr(cpu, index);
    *value = 0;
    if (msr || mtrr) {
        *value = msr ? *state_field(cpu, msr->offset) : *mtrr;
        return MSR_DONE;
    }
    switch (index) {
    case MSR_EFER:
        *value = cpu->state.efer;
        return MSR_DONE;
    case MSR_TSC:
        *value = guest_tsc(cpu);
        return MSR_DONE;
    case MSR_TSC_ADJUST:
        *value = cpu->state.tsc_adjust;
        return MSR_DONE;
    case MSR_MTRR_CAP:
        *value = MTRR_CAP;
        return MSR_DONE;
    case MSR_ARCH_CAPABILITIES:
        *value = ARCH_CAPABILITIES_OFFERED;
        return MSR_DONE;
    case MSR_PRED_CMD:
        return MSR_REFUSED;
    case MSR_BIOS_SIGN_ID:
        *value = MICROCODE_REVISION;
        return MSR_DONE;
    case MSR_PLATFORM_ID:
        return MSR_DONE;
    default:
        return MSR_OF_THE_MACHINE;
    }
}

static enum msr_outcome write_msr(struct cpu *cpu, uint32_t index, uint64_t value)
{
    const struct msr_value *msr = find_value(index);
    uint64_t *mtrr = find_mtrr(cpu, index);
    if (msr || mtrr) {
        if (!(msr ? value_permitted(msr, value) : mtrr_permitted(cpu, index, value)))
            return MSR_REFUSED;
        *(msr ? state_field(cpu, msr->offset) : mtrr) = value;
        return MSR_DONE;
    }
    switch (index) {
    case MSR_EFER:
        return done_if(write_efer(cpu, value));
    case MSR_TSC:
        return done_if(write_tsc(cpu, value));
    case MSR_TSC_ADJUST:
        return done_if(write_tsc_adjust(cpu, value));
    case MSR_BIOS_SIGN_ID:
    case MSR_PRED_CMD: /* nothing is predicted */
        return MSR_DONE;
    case MSR_MTRR_CAP:
    case MSR_ARCH_CAPABILITIES:
    case MSR_PLATFORM_ID:
        return MSR_REFUSED;
    default:
        return MSR_OF_THE_MACHINE;
    }
}

static enum msr_outcome ask_machine(struct cpu *cpu, uint32_t index, bool write, uint64_t *value)
{
    const struct replay_access *answer = replay_next(cpu, REPLAY_MSR);
    if (!answer) {
        cpu_exit(cpu, &(struct vm_exit){ .reason = VM_EXIT_MSR,
                                         .write = write,
                                         .msr = { .index = index, .tsc = guest_tsc(cpu) },
                                         .value = *value });
        return MSR_OF_THE_MACHINE;
    }
    *value = answer->value;
    return done_if(!answer->refused);
}

static enum outcome finish(struct cpu *cpu, const struct op *op, enum msr_outcome outcome)
{
    if (outcome == MSR_REFUSED)
        cpu_raise_error(cpu, EXCEPTION_GP, 0);
    return op_fault(cpu, op);
}

enum outcome execute_rdmsr(struct cpu *cpu, const struct op *op)
{
    uint64_t *general = cpu->state.general;
    uint32_t index = (uint32_t)general[RCX];
    uint64_t value;
    enum msr_outcome outcome = read_msr(cpu, index, &value);
    if (outcome == MSR_OF_THE_MACHINE)
        outcome = ask_machine(cpu, index, false, &value);
    if (outcome != MSR_DONE)
        return finish(cpu, op, outcome);
    general[RAX] = (uint32_t)value;
    general[RDX] = value >> 32;
    NEXT_OP(cpu, op);
}

enum outcome execute_wrmsr(struct cpu *cpu, const struct op *op)
{
    const uint64_t *general = cpu->state.general;
    uint32_t index = (uint32_t)general[RCX];
    uint64_t value = (uint32_t)general[RAX] | general[RDX] << 32;
    enum msr_outcome outcome = write_msr(cpu, index, value);
    if (outcome == MSR_OF_THE_MACHINE)
        outcome = ask_machine(cpu, index, true, &value);
    if (outcome != MSR_DONE)
        return finish(cpu, op, outcome);
    return op_end_level(cpu, op);
}
