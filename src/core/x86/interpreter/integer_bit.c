// SPDX-License-Identifier: Apache-2.0
/* BT, BTS, BTR, BTC, BSF, BSR. */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/condition.h"
#include "core/x86/interpreter/integer.h"
#include "core/x86/interpreter/update.h"

/* The host's bit instructions on a register; the flags that they leave alone or undefined are the
 * host's. */
#define DEFINE_BIT_ALU(bits, name)                                                                 \
    static inline uint##bits##_t alu_##name##_##bits(struct cpu *cpu, uint##bits##_t a,            \
                                                     uint##bits##_t n)                             \
    {                                                                                              \
        uint32_t flags = cpu->flags;                                                               \
        __asm__(FLAGS_IN #name " %[n], %[a]" FLAGS_OUT                                             \
                : [a] "+r"(a), "+a"(flags)                                                         \
                : [n] "r"(n)                                                                       \
                : "cc");                                                                           \
        cpu->flags = (uint16_t)flags;                                                              \
        return a;                                                                                  \
    }

#define DEFINE_BIT_TEST(bits, name)                                                                \
    DEFINE_BIT_ALU(bits, name)                                                                     \
    static enum outcome name##_rr_##bits(struct cpu *cpu, const struct op *op)                     \
    {                                                                                              \
        register_write_##bits(cpu, op->destination,                                                \
                              alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), \
                                                  register_read_##bits(cpu, op->source)));         \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome name##_ri_##bits(struct cpu *cpu, const struct op *op)                     \
    {                                                                                              \
        register_write_##bits(cpu, op->destination,                                                \
                              alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), \
                                                  (uint##bits##_t)op->immediate));                 \
        NEXT_OP(cpu, op);                                                                          \
    }

/* A bit string in memory: the register counts bits from the operand's address, and may reach far
 * away on both sides (SDM volume 2, BT). An immediate stays inside the operand. */
#define DEFINE_BIT_ADDRESS(bits)                                                                   \
    static inline bool bit_string_##bits(struct cpu *cpu, const struct op *op, unsigned access,    \
                                         uint##bits##_t *n)                                        \
    {                                                                                              \
        int64_t distance = 0;                                                                      \
        *n = (uint##bits##_t)op->immediate;                                                        \
        if (op->source != NO_REGISTER) {                                                           \
            *n = register_read_##bits(cpu, op->source);                                            \
            distance = ((int##bits##_t) * n >> 3) & ~(int64_t)(bits / 8 - 1);                      \
        }                                                                                          \
        uint64_t offset = address_sum(cpu, op) + (uint64_t)distance;                               \
        offset &= ~UINT64_C(0) >> (64 - 8 * op->extra);                                            \
        return segmented(cpu, op->segment, offset, bits / 8, access, &cpu->scratch);               \
    }
DEFINE_BIT_ADDRESS(16)
DEFINE_BIT_ADDRESS(32)
DEFINE_BIT_ADDRESS(64)

/* BT leaves its destination alone, all 64 bits of it. */
#define DEFINE_BT_REGISTER(bits, ...)                                                              \
    static enum outcome bt_rr_##bits(struct cpu *cpu, const struct op *op)                         \
    {                                                                                              \
        alu_bt_##bits(cpu, register_read_##bits(cpu, op->destination),                             \
                      register_read_##bits(cpu, op->source));                                      \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome bt_ri_##bits(struct cpu *cpu, const struct op *op)                         \
    {                                                                                              \
        alu_bt_##bits(cpu, register_read_##bits(cpu, op->destination),                             \
                      (uint##bits##_t)op->immediate);                                              \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_BT_MEMORY(bits)                                                                     \
    static enum outcome bt_memory_##bits(struct cpu *cpu, const struct op *op)                     \
    {                                                                                              \
        uint##bits##_t n, value;                                                                   \
        if (!bit_string_##bits(cpu, op, ACCESS_READ, &n))                                          \
            return op_memory_fault(cpu, op);                                                       \
        gva_t linear = cpu->scratch;                                                               \
        if (!linear_read_##bits(cpu, linear, &value))                                              \
            return op_memory_fault(cpu, op);                                                       \
        alu_bt_##bits(cpu, value, n);                                                              \
        NEXT_OP(cpu, op);                                                                          \
    }

/* CF is all that a locked one needs from the host: the others it leaves alone or undefined. */
#define DEFINE_BIT_UPDATE(bits, name)                                                              \
    static enum outcome name##_memory_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        uint##bits##_t n;                                                                          \
        if (!bit_string_##bits(cpu, op, ACCESS_READ | ACCESS_WRITE, &n))                           \
            return op_memory_fault(cpu, op);                                                       \
        uint##bits##_t *pointer = update_begin_##bits(cpu, cpu->scratch);                          \
        if (!pointer)                                                                              \
            return op_memory_fault(cpu, op);                                                       \
        *pointer = alu_##name##_##bits(cpu, *pointer, n);                                          \
        if (!update_end(cpu))                                                                      \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome name##_locked_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        uint##bits##_t n;                                                                          \
        if (!bit_string_##bits(cpu, op, ACCESS_READ | ACCESS_WRITE, &n))                           \
            return op_memory_fault(cpu, op);                                                       \
        uint##bits##_t *pointer = update_begin_##bits(cpu, cpu->scratch);                          \
        if (!pointer)                                                                              \
            return op_memory_fault(cpu, op);                                                       \
        uint32_t flags = cpu->flags;                                                               \
        n &= bits - 1; /* the pointer has been moved already */                                    \
        __asm__ volatile(FLAGS_IN "lock " #name " %[n], %[value]" FLAGS_OUT                        \
                         : [value] "+m"(*pointer), "+a"(flags)                                     \
                         : [n] "r"(n)                                                              \
                         : "cc", "memory");                                                        \
        cpu->flags = (uint16_t)flags;                                                              \
        if (!update_end(cpu))                                                                      \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }

struct bit_forms {
    op_execute *rr, *ri, *memory, *locked;
};
#define BIT_ENTRY(bits, name)                                                                      \
    { name##_rr_##bits, name##_ri_##bits, name##_memory_##bits, name##_locked_##bits },

#define bt_locked_16 NULL /* BT writes nothing, and LOCK is #UD */
#define bt_locked_32 NULL
#define bt_locked_64 NULL

#define FOR_EACH_BIT_SIZE(X, ...)                                                                  \
    X(16, __VA_ARGS__)                                                                             \
    X(32, __VA_ARGS__)                                                                             \
    X(64, __VA_ARGS__)
#define DEFINE_BITS(name)                                                                          \
    FOR_EACH_BIT_SIZE(DEFINE_BIT_TEST, name)                                                       \
    FOR_EACH_BIT_SIZE(DEFINE_BIT_UPDATE, name)                                                     \
    static const struct bit_forms name##_forms[3] = { FOR_EACH_BIT_SIZE(BIT_ENTRY, name) };

FOR_EACH_BIT_SIZE(DEFINE_BIT_ALU, bt)
FOR_EACH_BIT_SIZE(DEFINE_BT_REGISTER, )
DEFINE_BT_MEMORY(16)
DEFINE_BT_MEMORY(32)
DEFINE_BT_MEMORY(64)
static const struct bit_forms bt_forms[3] = { FOR_EACH_BIT_SIZE(BIT_ENTRY, bt) };
DEFINE_BITS(bts)
DEFINE_BITS(btr)
DEFINE_BITS(btc)

static op_execute *lower_bit_test(const struct cpu *cpu, const struct instruction *instruction,
                                  const struct bit_forms *forms, struct op *op)
{
    bool immediate = is_immediate(instruction, 1);
    op->source = immediate ? NO_REGISTER : instruction->operands[1].index;
    if (immediate)
        op->immediate = immediate_of(instruction, 1);
    if (is_memory(instruction, 0)) {
        lower_address(cpu, instruction, op);
        return instruction->prefixes & PREFIX_LOCK ? forms->locked : forms->memory;
    }
    op->destination = instruction->operands[0].index;
    return immediate ? forms->ri : forms->rr;
}

/* -- Scans: a source of 0 leaves the destination as it is (so the host's instruction does). -- */

#define DEFINE_SCAN(bits, name)                                                                    \
    DEFINE_BIT_ALU(bits, name)                                                                     \
    static enum outcome name##_rr_##bits(struct cpu *cpu, const struct op *op)                     \
    {                                                                                              \
        uint##bits##_t from = register_read_##bits(cpu, op->source);                               \
        uint##bits##_t result =                                                                    \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), from);            \
        if (from)                                                                                  \
            register_write_##bits(cpu, op->destination, result);                                   \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome name##_memory_##bits(struct cpu *cpu, const struct op *op)                 \
    {                                                                                              \
        gva_t linear;                                                                              \
        uint##bits##_t from;                                                                       \
        if (!address_any(cpu, op, bits / 8, ACCESS_READ, &linear) ||                               \
            !linear_read_##bits(cpu, linear, &from))                                               \
            return op_memory_fault(cpu, op);                                                       \
        uint##bits##_t result =                                                                    \
            alu_##name##_##bits(cpu, register_read_##bits(cpu, op->destination), from);            \
        if (from)                                                                                  \
            register_write_##bits(cpu, op->destination, result);                                   \
        NEXT_OP(cpu, op);                                                                          \
    }
FOR_EACH_BIT_SIZE(DEFINE_SCAN, bsf)
FOR_EACH_BIT_SIZE(DEFINE_SCAN, bsr)

#define SCAN_ENTRY(bits, name) { name##_rr_##bits, name##_memory_##bits },
static op_execute *const bsf_forms[3][2] = { FOR_EACH_BIT_SIZE(SCAN_ENTRY, bsf) };
static op_execute *const bsr_forms[3][2] = { FOR_EACH_BIT_SIZE(SCAN_ENTRY, bsr) };

static op_execute *lower_scan(const struct cpu *cpu, const struct instruction *instruction,
                              op_execute *const forms[2], struct op *op)
{
    op->destination = instruction->operands[0].index;
    if (is_memory(instruction, 1)) {
        lower_address(cpu, instruction, op);
        return forms[1];
    }
    op->source = instruction->operands[1].index;
    return forms[0];
}

op_execute *lower_bit(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    unsigned size = size_index(instruction->operands[0].size) - 1;
    op->instruction = NULL;
    switch (instruction->mnemonic) {
    case MNEMONIC_BSF:
        return lower_scan(cpu, instruction, bsf_forms[size], op);
    case MNEMONIC_BSR:
        return lower_scan(cpu, instruction, bsr_forms[size], op);
    case MNEMONIC_BT:
        return lower_bit_test(cpu, instruction, &bt_forms[size], op);
    case MNEMONIC_BTS:
        return lower_bit_test(cpu, instruction, &bts_forms[size], op);
    case MNEMONIC_BTR:
        return lower_bit_test(cpu, instruction, &btr_forms[size], op);
    default:
        return lower_bit_test(cpu, instruction, &btc_forms[size], op);
    }
}
