// SPDX-License-Identifier: Apache-2.0
/* Control registers (SDM volume 3, 2.5; volume 2, MOV to and from control registers). */
#include "core/x86/interpreter/system.h"

#define CR0_DEFINED                                                                                \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD |     \
     CR0_PG)
#define CR3_NO_FLUSH   (UINT64_C(1) << 63) /* with CR4.PCIDE */
#define CR3_PCID       UINT64_C(0xfff)
#define CR8_DEFINED    UINT64_C(15)
#define PDPTE_PRESENT  UINT64_C(1)
#define PDPTE_RESERVED UINT64_C(0x1e6) /* bits 1, 2, 5 to 8 (table 4-8) */

bool control_load_pdptes(struct cpu *cpu, uint64_t cr3)
{
    uint64_t pdpte[4];
    gpa_t table = cr3 & UINT64_C(0xffffffe0) & cpu->paging.physical_mask;
    uint64_t reserved = ~((UINT64_C(1) << cpu->physical_address_bits) - 1) | PDPTE_RESERVED;
    if (!guest_read(cpu->memory, table, pdpte, sizeof(pdpte)))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    for (unsigned i = 0; i < 4; i++)
        if (pdpte[i] & PDPTE_PRESENT && pdpte[i] & reserved)
            return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    for (unsigned i = 0; i < 4; i++)
        cpu->state.pdpte[i] = pdpte[i];
    return true;
}

/* PAE paging is on after the change of CR0 and CR4 to these. */
static bool pae_paging(const struct cpu *cpu, uint64_t cr0, uint64_t cr4)
{
    return cr0 & CR0_PG && cr4 & CR4_PAE && !(cpu->state.efer & EFER_LME);
}

static bool general_protection(struct cpu *cpu)
{
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

/* What long mode asks of the other registers when paging is turned on or off (10.8.5). */
static bool cr0_paging_permitted(const struct cpu *cpu, uint64_t cr0)
{
    const struct cpu_state *state = &cpu->state;
    bool was = state->cr0 & CR0_PG, is = cr0 & CR0_PG;
    if (!was && is && state->efer & EFER_LME)
        return state->cr4 & CR4_PAE && !(state->segments[SEGMENT_CS].attributes & SEGMENT_LONG);
    if (was && !is)
        return cpu->code_size != CODE_64 && !(state->cr4 & CR4_PCIDE);
    return true;
}

static bool set_cr0(struct cpu *cpu, uint64_t value)
{
    struct cpu_state *state = &cpu->state;
    if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) ||
        (value & CR0_NW && !(value & CR0_CD)) || !cr0_paging_permitted(cpu, value))
        return general_protection(cpu);
    uint64_t changed = value ^ state->cr0;
    if (pae_paging(cpu, value, state->cr4) && changed & (CR0_PG | CR0_CD | CR0_NW) &&
        !control_load_pdptes(cpu, state->cr3))
        return false;
    state->cr0 = (value & CR0_DEFINED) | CR0_ET;
    if (changed & CR0_PG)
        state->efer = value & CR0_PG && state->efer & EFER_LME ? state->efer | EFER_LMA
                                                               : state->efer & ~EFER_LMA;
    cpu_mode_changed(cpu);
    if (changed & (CR0_PG | CR0_PE | CR0_WP))
        tlb_flush(cpu);
    return true;
}

static bool set_cr3(struct cpu *cpu, uint64_t value)
{
    struct cpu_state *state = &cpu->state;
    if (cpu->long_mode) {
        if (state->cr4 & CR4_PCIDE)
            value &= ~CR3_NO_FLUSH;
        if (value >> cpu->physical_address_bits)
            return general_protection(cpu);
    } else if (pae_paging(cpu, state->cr0, state->cr4) && !control_load_pdptes(cpu, value)) {
        return false;
    }
    state->cr3 = value;
    cpu_mode_changed(cpu);
    tlb_flush_not_global(cpu);
    return true;
}

/* Which feature of CPUID offers which bit of CR4. */
struct control_feature {
    uint64_t cr4;
    uint32_t leaf;
    uint8_t register_index, bit;
};

#define CPUID_EBX 1
#define CPUID_ECX 2
#define CPUID_EDX 3

static const struct control_feature control_features[] = {
    { CR4_VME | CR4_PVI, 1, CPUID_EDX, 1 },
    { CR4_DE, 1, CPUID_EDX, 2 },
    { CR4_PSE, 1, CPUID_EDX, 3 },
    { CR4_TSD, 1, CPUID_EDX, 4 },
    { CR4_PAE, 1, CPUID_EDX, 6 },
    { CR4_MCE, 1, CPUID_EDX, 7 },
    { CR4_PGE, 1, CPUID_EDX, 13 },
    { CR4_PCE, 1, CPUID_EDX, 5 }, /* RDPMC came with MSRs; it has no bit of its own */
    { CR4_OSFXSR, 1, CPUID_EDX, 24 },
    { CR4_OSXMMEXCPT, 1, CPUID_EDX, 25 },
    { CR4_PCIDE, 1, CPUID_ECX, 17 },
    { CR4_OSXSAVE, 1, CPUID_ECX, 26 },
    { CR4_FSGSBASE, 7, CPUID_EBX, 0 },
    { CR4_SMEP, 7, CPUID_EBX, 7 },
    { CR4_SMAP, 7, CPUID_EBX, 20 },
    { CR4_UMIP, 7, CPUID_ECX, 2 },
};

static uint64_t cr4_offered(const struct cpu *cpu)
{
    uint64_t offered = 0;
    for (unsigned i = 0; i < sizeof(control_features) / sizeof(control_features[0]); i++) {
        const struct control_feature *feature = &control_features[i];
        if (cpuid_bit(cpu, feature->leaf, feature->register_index, feature->bit))
            offered |= feature->cr4;
    }
    return offered;
}

static bool cr4_permitted(const struct cpu *cpu, uint64_t value)
{
    const struct cpu_state *state = &cpu->state;
    if (value & ~cr4_offered(cpu))
        return false;
    if (cpu->long_mode && !(value & CR4_PAE))
        return false;
    bool pcid_on = value & CR4_PCIDE && !(state->cr4 & CR4_PCIDE);
    return !pcid_on || (cpu->long_mode && !(state->cr3 & CR3_PCID));
}

#define CR4_PAGING (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)

static bool set_cr4(struct cpu *cpu, uint64_t value)
{
    struct cpu_state *state = &cpu->state;
    uint64_t changed = value ^ state->cr4;
    if (!cr4_permitted(cpu, value))
        return general_protection(cpu);
    if (pae_paging(cpu, state->cr0, value) && changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP) &&
        !control_load_pdptes(cpu, state->cr3))
        return false;
    state->cr4 = value;
    cpu_mode_changed(cpu);
    if (changed & CR4_PAGING)
        tlb_flush(cpu);
    return true;
}

static bool set_cr8(struct cpu *cpu, uint64_t value)
{
    const struct interrupt_source *source = &cpu->request.interrupts;
    if (value & ~CR8_DEFINED)
        return general_protection(cpu);
    cpu_vector_unload(cpu);
    source->write_task_priority(source->context, value);
    return true;
}

static bool set_control(struct cpu *cpu, unsigned index, uint64_t value)
{
    switch (index) {
    case 0:
        return set_cr0(cpu, value);
    case 2:
        cpu->state.cr2 = value;
        return true;
    case 3:
        return set_cr3(cpu, value);
    case 4:
        return set_cr4(cpu, value);
    case 8:
        return set_cr8(cpu, value);
    default:
        return cpu_raise(cpu, EXCEPTION_UD);
    }
}

static bool get_control(struct cpu *cpu, unsigned index, uint64_t *value)
{
    const struct cpu_state *state = &cpu->state;
    const struct interrupt_source *source = &cpu->request.interrupts;
    switch (index) {
    case 0:
        *value = state->cr0;
        return true;
    case 2:
        *value = state->cr2;
        return true;
    case 3:
        *value = state->cr3;
        return true;
    case 4:
        *value = state->cr4;
        return true;
    case 8:
        cpu_vector_unload(cpu);
        *value = source->read_task_priority(source->context);
        return true;
    default:
        return cpu_raise(cpu, EXCEPTION_UD);
    }
}

enum outcome execute_mov_control(struct cpu *cpu, const struct op *op)
{
    const struct operand *operands = op->instruction->operands;
    uint64_t value;
    if (operands[0].register_class == REGISTER_CONTROL) {
        if (!operand_read(cpu, op, 1, &value) || !set_control(cpu, operands[0].index, value))
            return op_fault(cpu, op);
        return op_end_block(cpu, op);
    }
    if (!get_control(cpu, operands[1].index, &value) || !operand_write(cpu, op, 0, value))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_lmsw(struct cpu *cpu, const struct op *op)
{
    const uint64_t loaded = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
    uint64_t value;
    if (!operand_read(cpu, op, 0, &value))
        return op_fault(cpu, op);
    /* PE can be set but not cleared. */
    uint64_t kept = cpu->state.cr0 & (~loaded | CR0_PE);
    if (!set_cr0(cpu, kept | (value & loaded)))
        return op_fault(cpu, op);
    return op_end_block(cpu, op);
}

bool user_may_read_system(struct cpu *cpu)
{
    if (cpu->privilege_level == 0 || !(cpu->state.cr4 & CR4_UMIP))
        return true;
    return general_protection(cpu);
}

enum outcome execute_smsw(struct cpu *cpu, const struct op *op)
{
    if (!user_may_read_system(cpu) || !operand_write(cpu, op, 0, cpu->state.cr0))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_clts(struct cpu *cpu, const struct op *op)
{
    cpu->state.cr0 &= ~CR0_TS;
    return op_end_block(cpu, op);
}
