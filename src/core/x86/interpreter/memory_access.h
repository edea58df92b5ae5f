// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's loads and stores: the one place where the interpreter touches memory, and so the seam
 * that a translator replaces. A hit in the TLB is one subtraction and one comparison; all else goes
 * to cpu_read_slow and cpu_write_slow. Each access is one access of the host where it lies in one
 * page: x86 on x86 needs no barriers for the guest's memory order.
 *
 * The slow functions work on cpu->scratch: a local variable whose address escapes would keep the
 * compiler from ending an op with a jump.
 */
#pragma once

#include "core/x86/interpreter/cpu.h"

static inline struct tlb_entry *tlb_lookup(struct cpu *cpu, gva_t linear)
{
    return &cpu->tlb[linear >> FRAME_SHIFT & (TLB_ENTRIES - 1)];
}

/* Out of the way of the frequent case: these keep all registers and take the address from
 * cpu->missed, so that ops need no registers but those in which they got their arguments. */
#ifdef __clang__ /* 14 passes wrong arguments on from functions that save every register */
#define COLD_PATH __attribute__((cold, noinline))
#else
#define COLD_PATH __attribute__((no_caller_saved_registers, cold, noinline))
#endif

/* A value goes to or comes from cpu->scratch. */
COLD_PATH bool linear_read_missed_8(struct cpu *cpu);
COLD_PATH bool linear_read_missed_16(struct cpu *cpu);
COLD_PATH bool linear_read_missed_32(struct cpu *cpu);
COLD_PATH bool linear_read_missed_64(struct cpu *cpu);
COLD_PATH bool linear_write_missed_8(struct cpu *cpu);
COLD_PATH bool linear_write_missed_16(struct cpu *cpu);
COLD_PATH bool linear_write_missed_32(struct cpu *cpu);
COLD_PATH bool linear_write_missed_64(struct cpu *cpu);

#define DEFINE_LINEAR_ACCESS(bits)                                                                 \
    static inline bool linear_read_##bits(struct cpu *cpu, gva_t linear, uint##bits##_t *value)    \
    {                                                                                              \
        const struct tlb_entry *entry = tlb_lookup(cpu, linear);                                   \
        if (__builtin_expect(linear - entry->read > FRAME_SIZE - sizeof(*value), 0)) {             \
            cpu->missed = linear;                                                                  \
            if (!linear_read_missed_##bits(cpu))                                                   \
                return false;                                                                      \
            *value = (uint##bits##_t)cpu->scratch;                                                 \
            return true;                                                                           \
        }                                                                                          \
        *value = *(const volatile uint##bits##_t *)(linear + entry->addend);                       \
        return true;                                                                               \
    }                                                                                              \
                                                                                                   \
    static inline bool linear_write_##bits(struct cpu *cpu, gva_t linear, uint##bits##_t value)    \
    {                                                                                              \
        const struct tlb_entry *entry = tlb_lookup(cpu, linear);                                   \
        if (__builtin_expect(linear - entry->write > FRAME_SIZE - sizeof(value), 0)) {             \
            cpu->scratch = value;                                                                  \
            cpu->missed = linear;                                                                  \
            return linear_write_missed_##bits(cpu);                                                \
        }                                                                                          \
        *(volatile uint##bits##_t *)(linear + entry->addend) = value;                              \
        return true;                                                                               \
    }

DEFINE_LINEAR_ACCESS(8)
DEFINE_LINEAR_ACCESS(16)
DEFINE_LINEAR_ACCESS(32)
DEFINE_LINEAR_ACCESS(64)

/* Segmented address -> linear address; `offset` is already truncated to the address size. */
static inline bool segmented(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size,
                             unsigned access, gva_t *linear)
{
    if (__builtin_expect(!(cpu->flat_segments >> segment & 1), 0))
        return segment_linear(cpu, segment, offset, size, access, linear);
    *linear = offset;
    return true;
}
