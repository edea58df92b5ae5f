// SPDX-License-Identifier: Apache-2.0
/* Decimal adjustment (SDM volume 2): 64-bit mode does not have it, so neither has our host. */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/condition.h"
#include "core/x86/interpreter/integer.h"

static uint8_t read_al(const struct cpu *cpu)
{
    return (uint8_t)cpu->state.general[RAX];
}

/* SF, ZF and PF by the value, AF and CF as told, OF as TEST leaves it. */
static void set_flags(struct cpu *cpu, uint8_t value, bool adjust, bool carry)
{
    alu_test_8(cpu, value, value);
    cpu->flags &= (uint16_t) ~(FLAG_AF | FLAG_CF);
    cpu->flags |= (uint16_t)((adjust ? FLAG_AF : 0) | (carry ? FLAG_CF : 0));
}

/* DAA and DAS: `sign` is 1 or -1. */
static void adjust_packed(struct cpu *cpu, int sign)
{
    uint8_t old = read_al(cpu), al = old;
    bool low = (old & 0xf) > 9 || cpu->flags & FLAG_AF;
    bool old_carry = cpu->flags & FLAG_CF;
    bool high = old > 0x99 || old_carry, carry = high;
    if (low) {
        carry = carry || (sign < 0 && old < 6);
        al = (uint8_t)(al + 6 * sign);
    }
    if (high)
        al = (uint8_t)(al + 0x60 * sign);
    register_write_8(cpu, RAX * 8, al);
    set_flags(cpu, al, low, carry);
}

/* AAA and AAS. */
static void adjust_unpacked(struct cpu *cpu, int sign)
{
    bool adjust = (read_al(cpu) & 0xf) > 9 || cpu->flags & FLAG_AF;
    uint16_t ax = (uint16_t)cpu->state.general[RAX];
    if (adjust)
        ax = (uint16_t)(ax + 0x106 * sign);
    ax &= 0xff0f;
    register_write_16(cpu, RAX, ax);
    set_flags(cpu, (uint8_t)ax, adjust, adjust);
}

static enum outcome daa(struct cpu *cpu, const struct op *op)
{
    adjust_packed(cpu, 1);
    NEXT_OP(cpu, op);
}

static enum outcome das(struct cpu *cpu, const struct op *op)
{
    adjust_packed(cpu, -1);
    NEXT_OP(cpu, op);
}

static enum outcome aaa(struct cpu *cpu, const struct op *op)
{
    adjust_unpacked(cpu, 1);
    NEXT_OP(cpu, op);
}

static enum outcome aas(struct cpu *cpu, const struct op *op)
{
    adjust_unpacked(cpu, -1);
    NEXT_OP(cpu, op);
}

static enum outcome aam(struct cpu *cpu, const struct op *op)
{
    uint8_t base = (uint8_t)op->immediate, al = read_al(cpu);
    if (base == 0) {
        cpu_raise(cpu, EXCEPTION_DE);
        return op_fault(cpu, op);
    }
    register_write_16(cpu, RAX, (uint16_t)((al / base) << 8 | al % base));
    set_flags(cpu, al % base, false, false);
    NEXT_OP(cpu, op);
}

static enum outcome aad(struct cpu *cpu, const struct op *op)
{
    uint8_t ah = register_read_8(cpu, RAX * 8 + 1);
    uint8_t value = (uint8_t)(read_al(cpu) + ah * (uint8_t)op->immediate);
    register_write_16(cpu, RAX, value);
    set_flags(cpu, value, false, false);
    NEXT_OP(cpu, op);
}

op_execute *lower_decimal(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    (void)cpu;
    op->instruction = NULL;
    op->immediate = instruction->immediate[0];
    switch (instruction->mnemonic) {
    case MNEMONIC_DAA:
        return daa;
    case MNEMONIC_DAS:
        return das;
    case MNEMONIC_AAA:
        return aaa;
    case MNEMONIC_AAS:
        return aas;
    case MNEMONIC_AAM:
        return aam;
    default:
        return aad;
    }
}

/* -- BOUND: signed index against a pair of limits in memory -- */

static enum outcome bound(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operand_size, unused = 64 - 8 * size;
    uint64_t index, pair = 0;
    if (!operand_read(cpu, op, 0, &index) || !operand_load(cpu, op, &pair, 2 * size))
        return op_fault(cpu, op);
    int64_t value = (int64_t)(index << unused) >> unused;
    int64_t lower = (int64_t)(pair << unused) >> unused;
    int64_t upper = (int64_t)(pair >> 8 * size << unused) >> unused;
    if (value < lower || value > upper) {
        cpu_raise(cpu, EXCEPTION_BR);
        return op_fault(cpu, op);
    }
    NEXT_OP(cpu, op);
}

op_execute *lower_bound(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    (void)cpu, (void)instruction, (void)op;
    return bound;
}
