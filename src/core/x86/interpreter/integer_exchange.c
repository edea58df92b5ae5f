// SPDX-License-Identifier: Apache-2.0
/*
 * XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. XCHG with memory is locked always; the others with a
 * LOCK prefix, which is the host's then.
 */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/condition.h"
#include "core/x86/interpreter/integer.h"
#include "core/x86/interpreter/update.h"

#define UPDATE (ACCESS_READ | ACCESS_WRITE)

/* Begins an op on memory: declares `pointer` to an operand of that many bits. */
#define BEGIN_UPDATE(bits)                                                                         \
    gva_t linear;                                                                                  \
    if (!address_any(cpu, op, bits / 8, UPDATE, &linear))                                          \
        return op_memory_fault(cpu, op);                                                           \
    uint##bits##_t *pointer = update_begin_##bits(cpu, linear);                                    \
    if (!pointer)                                                                                  \
        return op_memory_fault(cpu, op);

#define END_UPDATE()                                                                               \
    if (!update_end(cpu))                                                                          \
        return op_memory_fault(cpu, op);

#define DEFINE_XCHG(bits, ...)                                                                     \
    static enum outcome xchg_rr_##bits(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        uint##bits##_t a = register_read_##bits(cpu, op->destination);                             \
        register_write_##bits(cpu, op->destination, register_read_##bits(cpu, op->source));        \
        register_write_##bits(cpu, op->source, a);                                                 \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome xchg_memory_##bits(struct cpu *cpu, const struct op *op)                   \
    {                                                                                              \
        BEGIN_UPDATE(bits)                                                                         \
        uint##bits##_t value = register_read_##bits(cpu, op->source);                              \
        __asm__ volatile("xchg %[value], %[memory]"                                                \
                         : [value] "+q"(value), [memory] "+m"(*pointer)                            \
                         :                                                                         \
                         : "memory");                                                              \
        END_UPDATE()                                                                               \
        register_write_##bits(cpu, op->source, value);                                             \
        NEXT_OP(cpu, op);                                                                          \
    }

#define DEFINE_XADD(bits, ...)                                                                     \
    static enum outcome xadd_rr_##bits(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        uint##bits##_t a = register_read_##bits(cpu, op->destination);                             \
        uint##bits##_t sum = alu_add_##bits(cpu, a, register_read_##bits(cpu, op->source));        \
        register_write_##bits(cpu, op->source, a);                                                 \
        register_write_##bits(cpu, op->destination, sum);                                          \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome xadd_memory_##bits(struct cpu *cpu, const struct op *op)                   \
    {                                                                                              \
        BEGIN_UPDATE(bits)                                                                         \
        uint##bits##_t before = *pointer;                                                          \
        *pointer = alu_add_##bits(cpu, before, register_read_##bits(cpu, op->source));             \
        END_UPDATE()                                                                               \
        register_write_##bits(cpu, op->source, before);                                            \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome xadd_locked_##bits(struct cpu *cpu, const struct op *op)                   \
    {                                                                                              \
        BEGIN_UPDATE(bits)                                                                         \
        uint##bits##_t value = register_read_##bits(cpu, op->source);                              \
        uint16_t flags;                                                                            \
        __asm__ volatile("lock xadd %[value], %[memory]" FLAGS_OUT                                 \
                         : [value] "+q"(value), [memory] "+m"(*pointer), "=&a"(flags)              \
                         :                                                                         \
                         : "cc", "memory");                                                        \
        cpu->flags = flags;                                                                        \
        END_UPDATE()                                                                               \
        register_write_##bits(cpu, op->source, value);                                             \
        NEXT_OP(cpu, op);                                                                          \
    }

/* The accumulator changes, and is extended to 64 bits, only when the comparison fails. */
#define DEFINE_CMPXCHG(bits, accumulator, ...)                                                     \
    static enum outcome cmpxchg_rr_##bits(struct cpu *cpu, const struct op *op)                    \
    {                                                                                              \
        uint##bits##_t value = register_read_##bits(cpu, op->destination);                         \
        uint##bits##_t source = register_read_##bits(cpu, op->source);                             \
        uint##bits##_t expected = register_read_##bits(cpu, RAX);                                  \
        alu_cmp_##bits(cpu, expected, value);                                                      \
        if (value == expected)                                                                     \
            register_write_##bits(cpu, op->destination, source);                                   \
        else                                                                                       \
            register_write_##bits(cpu, RAX, value);                                                \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome cmpxchg_memory_##bits(struct cpu *cpu, const struct op *op)                \
    {                                                                                              \
        BEGIN_UPDATE(bits)                                                                         \
        uint##bits##_t value = *pointer, expected = register_read_##bits(cpu, RAX);                \
        alu_cmp_##bits(cpu, expected, value);                                                      \
        *pointer = value == expected ? register_read_##bits(cpu, op->source) : value;              \
        END_UPDATE()                                                                               \
        if (value != expected)                                                                     \
            register_write_##bits(cpu, RAX, value);                                                \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome cmpxchg_locked_##bits(struct cpu *cpu, const struct op *op)                \
    {                                                                                              \
        BEGIN_UPDATE(bits)                                                                         \
        uint##bits##_t value;                                                                      \
        uint64_t rax = cpu->state.general[RAX];                                                    \
        __asm__ volatile("lock cmpxchg %[source], %[memory]\n\t"                                   \
                         "mov %%" accumulator ", %[value]" FLAGS_OUT                               \
                         : "+a"(rax), [memory] "+m"(*pointer), [value] "=&q"(value)                \
                         : [source] "q"(register_read_##bits(cpu, op->source))                     \
                         : "cc", "memory");                                                        \
        cpu->flags = (uint16_t)rax;                                                                \
        END_UPDATE()                                                                               \
        if (!(cpu->flags & FLAG_ZF))                                                               \
            register_write_##bits(cpu, RAX, value);                                                \
        NEXT_OP(cpu, op);                                                                          \
    }

FOR_EACH_SIZE(DEFINE_XCHG, )
FOR_EACH_SIZE(DEFINE_XADD, )
DEFINE_CMPXCHG(8, "al")
DEFINE_CMPXCHG(16, "ax")
DEFINE_CMPXCHG(32, "eax")
DEFINE_CMPXCHG(64, "rax")

struct exchange_forms {
    op_execute *rr, *memory, *locked;
};
#define EXCHANGE_ENTRY(bits, name, rr, memory, locked)                                             \
    { name##_##rr##_##bits, name##_##memory##_##bits, name##_##locked##_##bits },

static const struct exchange_forms xchg_forms[4] = { FOR_EACH_SIZE(EXCHANGE_ENTRY, xchg, rr, memory,
                                                                   memory) };
static const struct exchange_forms xadd_forms[4] = { FOR_EACH_SIZE(EXCHANGE_ENTRY, xadd, rr, memory,
                                                                   locked) };
static const struct exchange_forms cmpxchg_forms[4] = { FOR_EACH_SIZE(EXCHANGE_ENTRY, cmpxchg, rr,
                                                                      memory, locked) };

/* -- Two words at once: rDX:rAX against memory, rCX:rBX into it. ZF is all that changes. -- */

static void pair_result(struct cpu *cpu, bool equal, unsigned size, uint64_t low, uint64_t high)
{
    cpu->flags = (uint16_t)(equal ? cpu->flags | FLAG_ZF : cpu->flags & ~FLAG_ZF);
    if (equal)
        return;
    register_write(cpu, RAX, size, low);
    register_write(cpu, RDX, size, high);
}

static enum outcome cmpxchg8b(struct cpu *cpu, const struct op *op)
{
    const uint64_t *general = cpu->state.general;
    BEGIN_UPDATE(64)
    uint64_t expected = (uint32_t)general[RAX] | general[RDX] << 32, value = expected;
    uint64_t desired = (uint32_t)general[RBX] | general[RCX] << 32;
    __asm__ volatile("lock cmpxchg %[desired], %[memory]"
                     : "+a"(value), [memory] "+m"(*pointer)
                     : [desired] "r"(desired)
                     : "cc", "memory");
    END_UPDATE()
    pair_result(cpu, value == expected, 4, (uint32_t)value, value >> 32);
    NEXT_OP(cpu, op);
}

static enum outcome cmpxchg16b(struct cpu *cpu, const struct op *op)
{
    const uint64_t *general = cpu->state.general;
    if (!address_any_slow(cpu, op, 16, UPDATE))
        return op_memory_fault(cpu, op);
    if (cpu->scratch & 15) {
        cpu_raise_error(cpu, EXCEPTION_GP, 0);
        return op_fault(cpu, op);
    }
    struct pair {
        uint64_t words[2];
    } *pointer = update_begin_slow(cpu, cpu->scratch, sizeof(*pointer));
    if (!pointer)
        return op_memory_fault(cpu, op);
    uint64_t low = general[RAX], high = general[RDX];
    bool equal;
    __asm__ volatile("lock cmpxchg16b %[memory]"
                     : "+a"(low), "+d"(high), [memory] "+m"(*pointer), "=@ccz"(equal)
                     : "b"(general[RBX]), "c"(general[RCX])
                     : "memory");
    END_UPDATE()
    pair_result(cpu, equal, 8, low, high);
    NEXT_OP(cpu, op);
}

static op_execute *lower_pair(const struct cpu *cpu, const struct instruction *instruction,
                              struct op *op)
{
    lower_address(cpu, instruction, op);
    return instruction->mnemonic == MNEMONIC_CMPXCHG16B ? cmpxchg16b : cmpxchg8b;
}

static const struct exchange_forms *forms_of(const struct instruction *instruction)
{
    unsigned size = size_index(instruction->operands[0].size);
    switch (instruction->mnemonic) {
    case MNEMONIC_XCHG:
        return &xchg_forms[size];
    case MNEMONIC_XADD:
        return &xadd_forms[size];
    default:
        return &cmpxchg_forms[size];
    }
}

op_execute *lower_exchange(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    op->instruction = NULL;
    if (instruction->mnemonic == MNEMONIC_CMPXCHG8B || instruction->mnemonic == MNEMONIC_CMPXCHG16B)
        return lower_pair(cpu, instruction, op);
    const struct exchange_forms *forms = forms_of(instruction);
    op->source = register_place(&instruction->operands[1]);
    if (is_memory(instruction, 0)) {
        lower_address(cpu, instruction, op);
        return instruction->prefixes & PREFIX_LOCK ? forms->locked : forms->memory;
    }
    op->destination = register_place(&instruction->operands[0]);
    return forms->rr;
}
