// SPDX-License-Identifier: Apache-2.0
/* Descriptors and selectors (SDM volume 3, 3.4 and chapter 6), and how they are loaded. */
#pragma once

#include "core/x86/interpreter/cpu.h"

#define SELECTOR_RPL   3u
#define SELECTOR_TI    4u
#define SELECTOR_INDEX 0xfff8u

/* Types of system descriptors (table 3-2). */
enum system_type {
    SYSTEM_TSS_16 = 1,
    SYSTEM_LDT = 2,
    SYSTEM_TSS_16_BUSY = 3,
    SYSTEM_CALL_GATE_16 = 4,
    SYSTEM_TASK_GATE = 5,
    SYSTEM_INTERRUPT_GATE_16 = 6,
    SYSTEM_TRAP_GATE_16 = 7,
    SYSTEM_TSS = 9, /* 32-bit, or 64-bit in long mode */
    SYSTEM_TSS_BUSY = 11,
    SYSTEM_CALL_GATE = 12,
    SYSTEM_INTERRUPT_GATE = 14,
    SYSTEM_TRAP_GATE = 15,
};
#define SYSTEM_TSS_BUSY_BIT 2u

struct descriptor {
    uint64_t low, high; /* high: of 16-byte descriptors, else 0 */
    gva_t address;      /* linear, where it lies */
};

static inline bool selector_is_null(uint16_t selector)
{
    return (selector & ~SELECTOR_RPL) == 0;
}

static inline uint16_t descriptor_attributes(const struct descriptor *descriptor)
{
    return (uint16_t)(descriptor->low >> 40 & 0xf0ff);
}

static inline unsigned attributes_dpl(uint16_t attributes)
{
    return (attributes & SEGMENT_DPL) >> 5;
}

static inline unsigned descriptor_dpl(const struct descriptor *descriptor)
{
    return attributes_dpl(descriptor_attributes(descriptor));
}

static inline bool descriptor_present(const struct descriptor *descriptor)
{
    return descriptor_attributes(descriptor) & SEGMENT_PRESENT;
}

static inline bool descriptor_is_system(const struct descriptor *descriptor)
{
    return !(descriptor_attributes(descriptor) & SEGMENT_CODE_OR_DATA);
}

static inline unsigned descriptor_type(const struct descriptor *descriptor)
{
    return descriptor_attributes(descriptor) & SEGMENT_TYPE;
}

static inline bool descriptor_is_code(const struct descriptor *descriptor)
{
    return (descriptor_attributes(descriptor) & (SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_CODE)) ==
           (SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_CODE);
}

static inline bool descriptor_is_conforming(const struct descriptor *descriptor)
{
    return descriptor_attributes(descriptor) & SEGMENT_TYPE_EXPAND_DOWN;
}

static inline bool descriptor_is_writable_data(const struct descriptor *descriptor)
{
    return (descriptor_attributes(descriptor) &
            (SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_CODE | SEGMENT_TYPE_WRITABLE)) ==
           (SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_WRITABLE);
}

static inline uint64_t descriptor_base(const struct descriptor *descriptor)
{
    return (descriptor->low >> 16 & 0xffffff) | (descriptor->low >> 56 & 0xff) << 24 |
           descriptor->high << 32;
}

static inline uint32_t descriptor_limit(const struct descriptor *descriptor)
{
    uint32_t limit = (uint32_t)((descriptor->low & 0xffff) | (descriptor->low >> 32 & 0xf0000));
    return descriptor_attributes(descriptor) & SEGMENT_GRANULAR ? limit << 12 | 0xfff : limit;
}

/* Of gates: where they lead. */
static inline uint16_t gate_selector(const struct descriptor *gate)
{
    return (uint16_t)(gate->low >> 16);
}

static inline uint64_t gate_offset(const struct descriptor *gate)
{
    return (gate->low & 0xffff) | (gate->low >> 32 & 0xffff0000) | gate->high << 32;
}

static inline bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static inline bool in_real_mode(const struct cpu *cpu)
{
    return !(cpu->state.cr0 & CR0_PE);
}

static inline bool in_virtual_8086_mode(const struct cpu *cpu)
{
    return cpu->state.rflags & RFLAGS_VM;
}

static inline bool in_protected_mode(const struct cpu *cpu)
{
    return !in_real_mode(cpu) && !in_virtual_8086_mode(cpu);
}

/* #GP, #TS, #NP, #SS with an error code that names the selector; `external` is its EXT bit. */
bool raise_selector(struct cpu *cpu, unsigned vector, uint16_t selector, bool external);

enum descriptor_status {
    DESCRIPTOR_READ,
    DESCRIPTOR_OUTSIDE, /* beyond the limit of its table, or there is no LDT */
    DESCRIPTOR_FAULT,   /* exception filled in */
};
/* 8 bytes of the GDT or LDT; `*descriptor` has high 0. */
enum descriptor_status descriptor_find(struct cpu *cpu, uint16_t selector,
                                       struct descriptor *descriptor);
/* The upper half of a 16-byte system descriptor found before. */
enum descriptor_status descriptor_find_high(struct cpu *cpu, uint16_t selector,
                                            struct descriptor *descriptor);
/* The same, where outside is the fault `vector` with the selector. */
bool descriptor_read(struct cpu *cpu, uint16_t selector, unsigned vector, bool external,
                     struct descriptor *descriptor);
/* Sets bits of the descriptor's second byte of access rights in memory by a locked operation:
 * accessed, busy. */
bool descriptor_set(struct cpu *cpu, struct descriptor *descriptor, uint8_t type_bits);
bool descriptor_clear(struct cpu *cpu, struct descriptor *descriptor, uint8_t type_bits);

/* The hidden part as a descriptor gives it. */
struct segment segment_from_descriptor(uint16_t selector, const struct descriptor *descriptor);
struct segment segment_null(uint16_t selector, unsigned privilege);
/* As real (base only changes) and virtual-8086 mode load one. */
void segment_load_real(struct cpu *cpu, unsigned segment, uint16_t selector);
bool segment_contains(const struct segment *segment, uint64_t offset, unsigned size);

/* MOV and POP to a segment register other than CS, in every mode. */
bool segment_load(struct cpu *cpu, unsigned segment, uint16_t selector);
/* The checks for SS at a new privilege level by far transfers and events. `vector` is #GP or #TS
 * for what is wrong with the selector; not present is #SS. Sets the accessed bit. */
bool stack_segment_load(struct cpu *cpu, uint16_t selector, unsigned privilege, unsigned vector,
                        bool external, struct segment *segment);
