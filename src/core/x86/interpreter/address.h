// SPDX-License-Identifier: Apache-2.0
/*
 * Operands of the frequent instructions, resolved when a block is decoded.
 *
 * What an address is made of lies at the front of struct cpu, in 64-bit words: a `slot` counts
 * them. General registers, segment bases, the RIP of the block and a word that stays zero all are
 * slots, so that base + (index << scale) + displacement needs no question of what is absent.
 */
#pragma once

#include "core/x86/interpreter/memory_access.h"
#include "core/x86/interpreter/op.h"

#define SLOT_ZERO      (offsetof(struct cpu, zero) / 8)
#define SLOT_BLOCK_RIP (offsetof(struct cpu, block_rip) / 8)
#define SLOT_GENERAL   (offsetof(struct cpu, state.general) / 8)
#define SLOT_SEGMENT(n)                                                                            \
    ((offsetof(struct cpu, state.segments) + sizeof(struct segment) * (n) +                        \
      offsetof(struct segment, base)) /                                                            \
     8)

_Static_assert(SLOT_SEGMENT(SEGMENT_GS) < 256, "op.base and op.index are 8 bits wide");
_Static_assert(sizeof(struct segment) == 16, "slots of segment bases are two apart");

static inline uint64_t slot(const struct cpu *cpu, unsigned n)
{
    return ((const uint64_t *)cpu)[n];
}

/*
 * How an address is made; all that differs is known when the block is decoded:
 * - base: 64-bit, segment base 0, no index
 * - indexed: the same with an index
 * - segment: 64-bit, FS or GS
 * - flat32: 32-bit addresses, segment with base 0 and limit 4 GiB
 * - any: everything else, with the segment's checks
 */
#define FOR_EACH_ADDRESS_FORM(X, ...)                                                              \
    X(base, __VA_ARGS__)                                                                           \
    X(indexed, __VA_ARGS__)                                                                        \
    X(segment, __VA_ARGS__)                                                                        \
    X(flat32, __VA_ARGS__)                                                                         \
    X(any, __VA_ARGS__)

enum address_form {
    ADDRESS_BASE,
    ADDRESS_INDEXED,
    ADDRESS_SEGMENT,
    ADDRESS_FLAT32,
    ADDRESS_ANY,
    ADDRESS_FORMS
};

/* Fills in base, index, scale, displacement, segment and extra (the address size) of `op` from
 * the memory operand. */
enum address_form lower_address(const struct cpu *cpu, const struct instruction *instruction,
                                struct op *op);

/* The offset in its segment, before truncation to the address size. */
static inline uint64_t address_sum(const struct cpu *cpu, const struct op *op)
{
    return slot(cpu, op->base) + (slot(cpu, op->index) << op->scale) + (uint64_t)op->displacement;
}

static inline uint64_t address_offset(const struct cpu *cpu, const struct op *op)
{
    return address_sum(cpu, op) & ~UINT64_C(0) >> (64 - 8 * op->extra);
}

/* Each: linear address of `size` bytes to be accessed as `access` (enum operand_access bits);
 * false: a fault has been raised. */
static inline bool address_base(struct cpu *cpu, const struct op *op, unsigned size,
                                unsigned access, gva_t *linear)
{
    (void)size, (void)access;
    *linear = slot(cpu, op->base) + (uint64_t)op->displacement;
    return true;
}

static inline bool address_indexed(struct cpu *cpu, const struct op *op, unsigned size,
                                   unsigned access, gva_t *linear)
{
    (void)size, (void)access;
    *linear = address_sum(cpu, op);
    return true;
}

static inline bool address_segment(struct cpu *cpu, const struct op *op, unsigned size,
                                   unsigned access, gva_t *linear)
{
    (void)size, (void)access;
    *linear = address_sum(cpu, op) + slot(cpu, SLOT_SEGMENT(op->segment));
    return true;
}

static inline bool address_flat32(struct cpu *cpu, const struct op *op, unsigned size,
                                  unsigned access, gva_t *linear)
{
    (void)size, (void)access;
    *linear = (uint32_t)address_sum(cpu, op);
    return true;
}

/* Not inlined: takes the address through cpu->scratch so that ops still end with a jump. */
bool address_any_slow(struct cpu *cpu, const struct op *op, unsigned size, unsigned access);

static inline bool address_any(struct cpu *cpu, const struct op *op, unsigned size, unsigned access,
                               gva_t *linear)
{
    if (!address_any_slow(cpu, op, size, access))
        return false;
    *linear = cpu->scratch;
    return true;
}

/* -- Registers: 8-bit ones by the byte's place in state.general, so that AH is one like AL -- */

static inline uint8_t register_read_8(const struct cpu *cpu, unsigned place)
{
    return ((const uint8_t *)cpu->state.general)[place];
}
static inline uint16_t register_read_16(const struct cpu *cpu, unsigned index)
{
    return (uint16_t)cpu->state.general[index];
}
static inline uint32_t register_read_32(const struct cpu *cpu, unsigned index)
{
    return (uint32_t)cpu->state.general[index];
}
static inline uint64_t register_read_64(const struct cpu *cpu, unsigned index)
{
    return cpu->state.general[index];
}

static inline void register_write_8(struct cpu *cpu, unsigned place, uint8_t value)
{
    ((uint8_t *)cpu->state.general)[place] = value;
}
static inline void register_write_16(struct cpu *cpu, unsigned index, uint16_t value)
{
    cpu->state.general[index] = (cpu->state.general[index] & ~UINT64_C(0xffff)) | value;
}
static inline void register_write_32(struct cpu *cpu, unsigned index, uint32_t value)
{
    cpu->state.general[index] = value;
}
static inline void register_write_64(struct cpu *cpu, unsigned index, uint64_t value)
{
    cpu->state.general[index] = value;
}

/* What `destination` and `source` of an op hold for a general register. */
static inline uint8_t register_place(const struct operand *operand)
{
    if (operand->register_class == REGISTER_HIGH_BYTE)
        return (uint8_t)(operand->index * 8 + 1);
    return (uint8_t)(operand->size == 1 ? operand->index * 8 : operand->index);
}

/* How an op gives up whose memory operand is in op->segment. */
enum outcome op_memory_fault(struct cpu *cpu, const struct op *op) __attribute__((cold));
