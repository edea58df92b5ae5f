// SPDX-License-Identifier: Apache-2.0
/*
 * Read-modify-write of memory. update_begin_N gives a pointer to work on, with plain or locked
 * instructions of the host; update_end makes the result count:
 *
 *   uint32_t *pointer = update_begin_32(cpu, linear);
 *   if (!pointer)
 *       return op_memory_fault(cpu, op);
 *   *pointer = ...;
 *   if (!update_end(cpu))
 *       return op_memory_fault(cpu, op);
 *
 * Mostly the pointer is the guest's memory itself. Where it cannot be (MMIO, an access across two
 * pages) it is cpu->update.bounce, and other vCPUs are kept from doing the same until update_end by
 * a lock of the machine. When update_end fails, nothing has been written and the arithmetic flags
 * are as they were at update_begin.
 */
#pragma once

#include "core/x86/interpreter/memory_access.h"

void *update_begin_slow(struct cpu *cpu, gva_t linear, unsigned size);
COLD_PATH void *update_begin_missed_8(struct cpu *cpu);
COLD_PATH void *update_begin_missed_16(struct cpu *cpu);
COLD_PATH void *update_begin_missed_32(struct cpu *cpu);
COLD_PATH void *update_begin_missed_64(struct cpu *cpu);
COLD_PATH bool update_end_slow(struct cpu *cpu);

#define DEFINE_UPDATE_BEGIN(bits)                                                                  \
    static inline uint##bits##_t *update_begin_##bits(struct cpu *cpu, gva_t linear)               \
    {                                                                                              \
        const struct tlb_entry *entry = tlb_lookup(cpu, linear);                                   \
        if (__builtin_expect(linear - entry->write > FRAME_SIZE - bits / 8, 0)) {                  \
            cpu->missed = linear;                                                                  \
            return update_begin_missed_##bits(cpu);                                                \
        }                                                                                          \
        uint##bits##_t *pointer = (uint##bits##_t *)(linear + entry->addend);                      \
        if (!pointer)                                                                              \
            __builtin_unreachable();                                                               \
        return pointer;                                                                            \
    }

DEFINE_UPDATE_BEGIN(8)
DEFINE_UPDATE_BEGIN(16)
DEFINE_UPDATE_BEGIN(32)
DEFINE_UPDATE_BEGIN(64)

static inline bool update_end(struct cpu *cpu)
{
    return __builtin_expect(cpu->update.kind == UPDATE_DIRECT, 1) || update_end_slow(cpu);
}

/*
 * The whole body of an op that changes its memory operand: `change` is a statement over `pointer`.
 * `address` is the form of the address (address.h). A macro, since the pointer's type goes with
 * `bits`.
 */
#define UPDATE_OPERAND(address, bits, change)                                                      \
    gva_t linear;                                                                                  \
    if (!address_##address(cpu, op, bits / 8, ACCESS_READ | ACCESS_WRITE, &linear))                \
        return op_memory_fault(cpu, op);                                                           \
    uint##bits##_t *pointer = update_begin_##bits(cpu, linear);                                    \
    if (!pointer)                                                                                  \
        return op_memory_fault(cpu, op);                                                           \
    change;                                                                                        \
    if (!update_end(cpu))                                                                          \
        return op_memory_fault(cpu, op);                                                           \
    NEXT_OP(cpu, op)
