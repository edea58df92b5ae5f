// SPDX-License-Identifier: Apache-2.0
/* What follows from the control registers, the segments and RFLAGS, worked out once a change. */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/cpu.h"

#define CPUID_ADDRESS_SIZES      0x80000008u
#define PHYSICAL_ADDRESS_DEFAULT 36 /* with PAE where CPUID does not tell (4.1.4) */
#define DR7_ENABLED              0xffu
#define DR7_TYPE_SHIFT           16
#define DR7_WRITES               1u /* R/W bit 0 is set for writes and for reads and writes */

static uint8_t physical_address_bits(const struct cpu *cpu)
{
    const struct cpuid_entry *entry = cpuid_find(cpu->cpuid, CPUID_ADDRESS_SIZES, 0);
    unsigned bits = entry ? entry->eax & 0xff : 0;
    return bits >= 32 && bits <= 52 ? (uint8_t)bits : PHYSICAL_ADDRESS_DEFAULT;
}

static bool data_breakpoints_enabled(const struct cpu_state *state)
{
    for (unsigned i = 0; i < 4; i++) {
        bool enabled = state->dr[7] >> 2 * i & 3;
        if (enabled && state->dr[7] >> (DR7_TYPE_SHIFT + 4 * i) & DR7_WRITES)
            return true;
    }
    return false;
}

static enum access_mode access_mode(const struct cpu *cpu)
{
    if (cpu->privilege_level == 3)
        return ACCESS_MODE_USER;
    if (cpu->paging.smap && !(cpu->state.rflags & RFLAGS_AC))
        return ACCESS_MODE_SUPERVISOR_SMAP;
    return ACCESS_MODE_SUPERVISOR;
}

static bool alignment_checked(const struct cpu *cpu)
{
    return cpu->privilege_level == 3 && cpu->state.cr0 & CR0_AM && cpu->state.rflags & RFLAGS_AC;
}

/* A segment in which an offset is a linear address and needs no check but that of the page. */
static bool segment_is_flat(const struct segment *segment)
{
    const uint16_t wanted = SEGMENT_PRESENT | SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_WRITABLE;
    const uint16_t unwanted = SEGMENT_TYPE_CODE | SEGMENT_TYPE_EXPAND_DOWN | SEGMENT_UNUSABLE;
    return segment->base == 0 && segment->limit == UINT32_MAX &&
           (segment->attributes & (wanted | unwanted)) == wanted;
}

static uint8_t flat_segments(const struct cpu *cpu)
{
    const struct segment *segments = cpu->state.segments;
    uint8_t flat = 0;
    if (cpu->code_size == CODE_64) {
        flat = 1 << SEGMENT_ES | 1 << SEGMENT_CS | 1 << SEGMENT_SS | 1 << SEGMENT_DS;
        flat |= (uint8_t)((segments[SEGMENT_FS].base == 0) << SEGMENT_FS);
        flat |= (uint8_t)((segments[SEGMENT_GS].base == 0) << SEGMENT_GS);
        return flat;
    }
    for (unsigned i = 0; i < 6; i++)
        flat |= (uint8_t)(segment_is_flat(&segments[i]) << i);
    return flat;
}

static enum code_size code_size(const struct cpu *cpu)
{
    uint16_t attributes = cpu->state.segments[SEGMENT_CS].attributes;
    if (cpu->long_mode && attributes & SEGMENT_LONG)
        return CODE_64;
    return attributes & SEGMENT_BIG ? CODE_32 : CODE_16;
}

void cpu_level_changed(struct cpu *cpu)
{
    cpu->privilege_level = (uint8_t)cpu_privilege_level(&cpu->state);
    cpu->code_size = (uint8_t)code_size(cpu);
    cpu->flat_segments = flat_segments(cpu);
    cpu->access_mode = access_mode(cpu);
    bool checked = alignment_checked(cpu) ||
                   (cpu->state.dr[7] & DR7_ENABLED && data_breakpoints_enabled(&cpu->state));
    cpu->tlb = cpu->tlbs[checked ? ACCESS_CHECKED : cpu->access_mode];
    if (debug_wanted(cpu))
        cpu_attend(cpu, ATTENTION_STEP);
}

void cpu_mode_changed(struct cpu *cpu)
{
    if (cpu->physical_address_bits == 0)
        cpu->physical_address_bits = physical_address_bits(cpu);
    cpu->long_mode = cpu->state.efer & EFER_LMA;
    paging_from_state(&cpu->paging, &cpu->state, cpu->physical_address_bits);
    cpu_level_changed(cpu);
}
