// SPDX-License-Identifier: Apache-2.0
/* What a program learns of its processor and of time: CPUID, TSC, random numbers. */
#include "core/x86/interpreter/system.h"

#define CPUID_OSXSAVE    (1u << 27)
#define CPUID_XSAVE_BASE 576u /* legacy region and header */
#define CPUID_XSAVE_AVX  832u

uint64_t guest_tsc(const struct cpu *cpu)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((uint64_t)high << 32 | low) + cpu->state.tsc_offset;
}

/* A leaf in a range that CPUID announces but that has nothing to tell is zero; one beyond answers
 * as the highest basic leaf. */
static struct cpuid_entry look_up(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_entry *entry = cpuid_find(cpu->cpuid, leaf, subleaf);
    if (entry)
        return *entry;
    const struct cpuid_entry *range = cpuid_find(cpu->cpuid, leaf & 0xc0000000, 0);
    const struct cpuid_entry *basic = cpuid_find(cpu->cpuid, 0, 0);
    if ((range && leaf <= range->eax) || !basic)
        return (struct cpuid_entry){ 0 };
    entry = cpuid_find(cpu->cpuid, basic->eax, subleaf);
    return entry ? *entry : (struct cpuid_entry){ 0 };
}

bool cpuid_bit(const struct cpu *cpu, uint32_t leaf, unsigned register_index, unsigned bit)
{
    const struct cpuid_entry *entry = cpuid_find(cpu->cpuid, leaf, 0);
    if (!entry)
        return false;
    const uint32_t registers[] = { entry->eax, entry->ebx, entry->ecx, entry->edx };
    return registers[register_index] >> bit & 1;
}

static uint32_t xsave_size(uint64_t components)
{
    return components & XCR0_AVX ? CPUID_XSAVE_AVX : CPUID_XSAVE_BASE;
}

/* What depends on the processor and its state (cpuid_table.h). */
static void adjust(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf,
                   struct cpuid_entry *entry)
{
    uint32_t apic_id = cpu->request.index;
    switch (leaf) {
    case 1:
        entry->ebx = (entry->ebx & 0xffffff) | apic_id << 24;
        entry->ecx =
            cpu->state.cr4 & CR4_OSXSAVE ? entry->ecx | CPUID_OSXSAVE : entry->ecx & ~CPUID_OSXSAVE;
        break;
    case 0xb:
    case 0x1f:
        entry->ecx = (entry->ecx & 0xffffff00) | (subleaf & 0xff);
        entry->edx = apic_id;
        break;
    case 0xd:
        if (subleaf == 0 || (subleaf == 1 && entry->eax))
            entry->ebx = xsave_size(cpu->state.xcr0);
        break;
    case 0x8000001e:
        entry->eax = apic_id;
        break;
    default:
        break;
    }
}

enum outcome execute_cpuid(struct cpu *cpu, const struct op *op)
{
    uint64_t *general = cpu->state.general;
    uint32_t leaf = (uint32_t)general[RAX], subleaf = (uint32_t)general[RCX];
    struct cpuid_entry entry = look_up(cpu, leaf, subleaf);
    if (cpuid_find(cpu->cpuid, leaf, 0))
        adjust(cpu, leaf, subleaf, &entry);
    general[RAX] = entry.eax;
    general[RBX] = entry.ebx;
    general[RCX] = entry.ecx;
    general[RDX] = entry.edx;
    NEXT_OP(cpu, op);
}

static bool may_read_tsc(struct cpu *cpu)
{
    if (cpu->privilege_level == 0 || !(cpu->state.cr4 & CR4_TSD))
        return true;
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

static void set_edx_eax(struct cpu *cpu, uint64_t value)
{
    cpu->state.general[RAX] = (uint32_t)value;
    cpu->state.general[RDX] = value >> 32;
}

enum outcome execute_rdtsc(struct cpu *cpu, const struct op *op)
{
    if (!may_read_tsc(cpu))
        return op_fault(cpu, op);
    set_edx_eax(cpu, guest_tsc(cpu));
    NEXT_OP(cpu, op);
}

enum outcome execute_rdtscp(struct cpu *cpu, const struct op *op)
{
    if (!may_read_tsc(cpu))
        return op_fault(cpu, op);
    set_edx_eax(cpu, guest_tsc(cpu));
    cpu->state.general[RCX] = (uint32_t)cpu->state.tsc_aux;
    NEXT_OP(cpu, op);
}

enum outcome execute_rdpid(struct cpu *cpu, const struct op *op)
{
    if (!operand_write(cpu, op, 0, (uint32_t)cpu->state.tsc_aux))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

/* CPUID announces no performance counters, so each number of one is invalid. */
enum outcome execute_rdpmc(struct cpu *cpu, const struct op *op)
{
    return op_raise(cpu, op, EXCEPTION_GP);
}

/* CF tells whether there was a number; the other arithmetic flags are 0. */
static enum outcome finish_random(struct cpu *cpu, const struct op *op, uint64_t value, bool valid)
{
    if (!operand_write(cpu, op, 0, valid ? value : 0))
        return op_fault(cpu, op);
    uint64_t others = cpu_rflags(cpu) & ~RFLAGS_ARITHMETIC;
    cpu_set_rflags(cpu, others | (valid ? RFLAGS_CF : 0));
    NEXT_OP(cpu, op);
}

enum outcome execute_rdrand(struct cpu *cpu, const struct op *op)
{
    uint64_t value;
    bool valid;
    __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
    return finish_random(cpu, op, value, valid);
}

enum outcome execute_rdseed(struct cpu *cpu, const struct op *op)
{
    uint64_t value;
    bool valid;
    __asm__ volatile("rdseed %0" : "=r"(value), "=@ccc"(valid));
    return finish_random(cpu, op, value, valid);
}
