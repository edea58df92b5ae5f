// SPDX-License-Identifier: Apache-2.0
/*
 * Where near branches go: targets truncated to the operand size and checked before anything changes
 * (SDM volume 2, JMP: #GP(0) beyond the limit of CS or at an address that is not canonical).
 */
#pragma once

#include "core/x86/interpreter/block.h"
#include "core/x86/interpreter/integer.h"

static inline bool target_valid_64(struct cpu *cpu, uint64_t target)
{
    if (__builtin_expect((uint64_t)((int64_t)(target << 16) >> 16) == target, 1))
        return true;
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

static inline bool target_valid_32(struct cpu *cpu, uint64_t target)
{
    if (__builtin_expect(target <= cpu->state.segments[SEGMENT_CS].limit, 1))
        return true;
    return cpu_raise_error(cpu, EXCEPTION_GP, 0);
}

static inline bool target_valid_16(struct cpu *cpu, uint64_t target)
{
    return target_valid_32(cpu, target);
}

#define DEFINE_JUMP_TO(bits)                                                                       \
    static inline enum outcome jump_to_##bits(struct cpu *cpu, const struct op *op,                \
                                              uint##bits##_t target)                               \
    {                                                                                              \
        if (!target_valid_##bits(cpu, target))                                                     \
            return op_fault(cpu, op);                                                              \
        return block_jump(cpu, target);                                                            \
    }

DEFINE_JUMP_TO(16)
DEFINE_JUMP_TO(32)
DEFINE_JUMP_TO(64)

/* op->immediate of a relative branch: the target, relative to the block's RIP. */
static inline uint64_t relative_target(const struct cpu *cpu, const struct op *op)
{
    return cpu->block_rip + (uint64_t)op->immediate;
}

static inline void lower_relative(const struct instruction *instruction, struct op *op)
{
    op->immediate =
        instruction->immediate[instruction->operands[0].index] + op->offset + op->length;
}

/* -- Pushes and pops where the stack is flat: in 64-bit mode, or SS with base 0, limit 4 GiB, B --
 */

static inline bool push_64(struct cpu *cpu, uint64_t value)
{
    uint64_t top = cpu->state.general[RSP] - 8;
    if (!linear_write_64(cpu, top, value))
        return false;
    cpu->state.general[RSP] = top;
    return true;
}

static inline bool push_32(struct cpu *cpu, uint32_t value)
{
    uint32_t top = (uint32_t)cpu->state.general[RSP] - 4;
    if (!linear_write_32(cpu, top, value))
        return false;
    cpu->state.general[RSP] = top;
    return true;
}

/* RSP is left to the caller. */
static inline bool peek_64(struct cpu *cpu, uint64_t *value)
{
    return linear_read_64(cpu, cpu->state.general[RSP], value);
}

static inline bool peek_32(struct cpu *cpu, uint32_t *value)
{
    return linear_read_32(cpu, (uint32_t)cpu->state.general[RSP], value);
}

static inline void drop_64(struct cpu *cpu, unsigned bytes)
{
    cpu->state.general[RSP] += bytes;
}

static inline void drop_32(struct cpu *cpu, unsigned bytes)
{
    cpu->state.general[RSP] = (uint32_t)(cpu->state.general[RSP] + bytes);
}

/* May instructions of this operand size take these? */
static inline bool stack_is_flat(const struct cpu *cpu, unsigned operand_size)
{
    if (cpu->code_size == CODE_64)
        return operand_size == 8;
    return operand_size == 4 && cpu->flat_segments >> SEGMENT_SS & 1 &&
           cpu->state.segments[SEGMENT_SS].attributes & SEGMENT_BIG;
}
