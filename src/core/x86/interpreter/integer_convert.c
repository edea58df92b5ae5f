// SPDX-License-Identifier: Apache-2.0
/* SETcc, CMOVcc, BSWAP, MOVBE, CBW, CWD, XLAT, LAHF, SAHF, SALC and the instructions that set one
 * flag. */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/condition.h"
#include "core/x86/interpreter/integer.h"

/* -- Conditions -- */

#define DEFINE_SETCC(condition, ...)                                                               \
    static enum outcome set##condition##_register(struct cpu *cpu, const struct op *op)            \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        register_write_8(cpu, op->destination, CONDITION_##condition(flags) ? 1 : 0);              \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome set##condition##_memory(struct cpu *cpu, const struct op *op)              \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        gva_t linear;                                                                              \
        if (!address_any(cpu, op, 1, ACCESS_WRITE, &linear) ||                                     \
            !linear_write_8(cpu, linear, CONDITION_##condition(flags) ? 1 : 0))                    \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }

/* Memory is read and 32-bit registers are extended whether the condition holds or not. */
#define DEFINE_CMOVCC(condition, bits)                                                             \
    static enum outcome cmov##condition##_register_##bits(struct cpu *cpu, const struct op *op)    \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        unsigned from = CONDITION_##condition(flags) ? op->source : op->destination;               \
        register_write_##bits(cpu, op->destination, register_read_##bits(cpu, from));              \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome cmov##condition##_memory_##bits(struct cpu *cpu, const struct op *op)      \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        gva_t linear;                                                                              \
        uint##bits##_t value;                                                                      \
        if (!address_any(cpu, op, bits / 8, ACCESS_READ, &linear) ||                               \
            !linear_read_##bits(cpu, linear, &value))                                              \
            return op_memory_fault(cpu, op);                                                       \
        if (!(CONDITION_##condition(flags)))                                                       \
            value = register_read_##bits(cpu, op->destination);                                    \
        register_write_##bits(cpu, op->destination, value);                                        \
        NEXT_OP(cpu, op);                                                                          \
    }

FOR_EACH_CONDITION(DEFINE_SETCC, )
FOR_EACH_CONDITION(DEFINE_CMOVCC, 16)
FOR_EACH_CONDITION(DEFINE_CMOVCC, 32)
FOR_EACH_CONDITION(DEFINE_CMOVCC, 64)

#define SETCC_ENTRY(condition, ...) { set##condition##_register, set##condition##_memory },
#define CMOVCC_ENTRY(condition, bits)                                                              \
    { cmov##condition##_register_##bits, cmov##condition##_memory_##bits },

static op_execute *const setcc[16][2] = { FOR_EACH_CONDITION(SETCC_ENTRY, ) };
static op_execute *const cmovcc[3][16][2] = {
    { FOR_EACH_CONDITION(CMOVCC_ENTRY, 16) },
    { FOR_EACH_CONDITION(CMOVCC_ENTRY, 32) },
    { FOR_EACH_CONDITION(CMOVCC_ENTRY, 64) },
};

static op_execute *lower_setcc(const struct cpu *cpu, const struct instruction *instruction,
                               struct op *op)
{
    bool memory = is_memory(instruction, 0);
    if (memory)
        lower_address(cpu, instruction, op);
    else
        op->destination = register_place(&instruction->operands[0]);
    return setcc[instruction->opcode & 15][memory];
}

static op_execute *lower_cmovcc(const struct cpu *cpu, const struct instruction *instruction,
                                struct op *op)
{
    bool memory = is_memory(instruction, 1);
    op->destination = instruction->operands[0].index;
    if (memory)
        lower_address(cpu, instruction, op);
    else
        op->source = instruction->operands[1].index;
    return cmovcc[size_index(instruction->operands[0].size) - 1][instruction->opcode & 15][memory];
}

/* -- Byte order -- */

/* BSWAP of 16 bits is undefined: the host's gives 0 on all processors that we know of. */
static enum outcome bswap_16(struct cpu *cpu, const struct op *op)
{
    register_write_16(cpu, op->destination, 0);
    NEXT_OP(cpu, op);
}

static enum outcome bswap_32(struct cpu *cpu, const struct op *op)
{
    register_write_32(cpu, op->destination,
                      __builtin_bswap32(register_read_32(cpu, op->destination)));
    NEXT_OP(cpu, op);
}

static enum outcome bswap_64(struct cpu *cpu, const struct op *op)
{
    register_write_64(cpu, op->destination,
                      __builtin_bswap64(register_read_64(cpu, op->destination)));
    NEXT_OP(cpu, op);
}

static op_execute *const bswap[] = { bswap_16, bswap_32, bswap_64 };

static enum outcome movbe(struct cpu *cpu, const struct op *op)
{
    uint64_t value;
    if (!operand_read(cpu, op, 1, &value))
        return op_fault(cpu, op);
    value = __builtin_bswap64(value) >> (64 - 8 * op->instruction->operands[0].size);
    if (!operand_write(cpu, op, 0, value))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

/* -- Sign extension of the accumulator -- */

static enum outcome cbw_16(struct cpu *cpu, const struct op *op)
{
    register_write_16(cpu, RAX, (uint16_t)(int8_t)cpu->state.general[RAX]);
    NEXT_OP(cpu, op);
}

static enum outcome cbw_32(struct cpu *cpu, const struct op *op)
{
    register_write_32(cpu, RAX, (uint32_t)(int16_t)cpu->state.general[RAX]);
    NEXT_OP(cpu, op);
}

static enum outcome cbw_64(struct cpu *cpu, const struct op *op)
{
    register_write_64(cpu, RAX, (uint64_t)(int32_t)cpu->state.general[RAX]);
    NEXT_OP(cpu, op);
}

static enum outcome cwd_16(struct cpu *cpu, const struct op *op)
{
    register_write_16(cpu, RDX, (uint16_t)((int16_t)cpu->state.general[RAX] >> 15));
    NEXT_OP(cpu, op);
}

static enum outcome cwd_32(struct cpu *cpu, const struct op *op)
{
    register_write_32(cpu, RDX, (uint32_t)((int32_t)cpu->state.general[RAX] >> 31));
    NEXT_OP(cpu, op);
}

static enum outcome cwd_64(struct cpu *cpu, const struct op *op)
{
    register_write_64(cpu, RDX, (uint64_t)((int64_t)cpu->state.general[RAX] >> 63));
    NEXT_OP(cpu, op);
}

static op_execute *const cbw[] = { cbw_16, cbw_32, cbw_64 };
static op_execute *const cwd[] = { cwd_16, cwd_32, cwd_64 };

/* -- Flags -- */

static enum outcome clc(struct cpu *cpu, const struct op *op)
{
    cpu->flags &= (uint16_t)~FLAG_CF;
    NEXT_OP(cpu, op);
}

static enum outcome stc(struct cpu *cpu, const struct op *op)
{
    cpu->flags |= FLAG_CF;
    NEXT_OP(cpu, op);
}

static enum outcome cmc(struct cpu *cpu, const struct op *op)
{
    cpu->flags ^= FLAG_CF;
    NEXT_OP(cpu, op);
}

static enum outcome cld(struct cpu *cpu, const struct op *op)
{
    cpu->state.rflags &= ~RFLAGS_DF;
    NEXT_OP(cpu, op);
}

static enum outcome std(struct cpu *cpu, const struct op *op)
{
    cpu->state.rflags |= RFLAGS_DF;
    NEXT_OP(cpu, op);
}

#define AH_PLACE 1

static enum outcome lahf(struct cpu *cpu, const struct op *op)
{
    register_write_8(cpu, AH_PLACE, (uint8_t)cpu_rflags(cpu));
    NEXT_OP(cpu, op);
}

static enum outcome sahf(struct cpu *cpu, const struct op *op)
{
    uint64_t kept = cpu_rflags(cpu) & ~(RFLAGS_ARITHMETIC & ~RFLAGS_OF);
    cpu_set_rflags(cpu, kept | (register_read_8(cpu, AH_PLACE) & RFLAGS_ARITHMETIC));
    NEXT_OP(cpu, op);
}

static enum outcome salc(struct cpu *cpu, const struct op *op)
{
    register_write_8(cpu, RAX * 8, cpu->flags & FLAG_CF ? 0xff : 0);
    NEXT_OP(cpu, op);
}

/* DS:[rBX + AL] -> AL; rBX is op->base, AL comes on top. */
static enum outcome xlat(struct cpu *cpu, const struct op *op)
{
    uint64_t offset = address_sum(cpu, op) + (uint8_t)cpu->state.general[RAX];
    offset &= ~UINT64_C(0) >> (64 - 8 * op->extra);
    uint8_t value;
    if (!segmented(cpu, op->segment, offset, 1, ACCESS_READ, &cpu->scratch))
        return op_memory_fault(cpu, op);
    gva_t linear = cpu->scratch;
    if (!linear_read_8(cpu, linear, &value))
        return op_memory_fault(cpu, op);
    register_write_8(cpu, RAX * 8, value);
    NEXT_OP(cpu, op);
}

static op_execute *lower_xlat(const struct cpu *cpu, const struct instruction *instruction,
                              struct op *op)
{
    lower_address(cpu, instruction, op);
    return xlat;
}

static op_execute *const simple[MNEMONIC_COUNT] = {
    [MNEMONIC_CLC] = clc, [MNEMONIC_STC] = stc,   [MNEMONIC_CMC] = cmc,   [MNEMONIC_CLD] = cld,
    [MNEMONIC_STD] = std, [MNEMONIC_LAHF] = lahf, [MNEMONIC_SAHF] = sahf, [MNEMONIC_SALC] = salc,
};

op_execute *lower_convert(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    unsigned size = instruction->operand_size > 1 ? size_index(instruction->operand_size) - 1 : 0;
    if (instruction->mnemonic == MNEMONIC_MOVBE)
        return movbe;
    op->instruction = NULL;
    switch (instruction->mnemonic) {
    case MNEMONIC_SETCC:
        return lower_setcc(cpu, instruction, op);
    case MNEMONIC_CMOVCC:
        return lower_cmovcc(cpu, instruction, op);
    case MNEMONIC_BSWAP:
        op->destination = instruction->operands[0].index;
        return bswap[size];
    case MNEMONIC_CBW:
        return cbw[size];
    case MNEMONIC_CWD:
        return cwd[size];
    case MNEMONIC_XLAT:
        return lower_xlat(cpu, instruction, op);
    default:
        return simple[instruction->mnemonic];
    }
}
