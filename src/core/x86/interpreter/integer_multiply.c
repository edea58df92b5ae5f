// SPDX-License-Identifier: Apache-2.0
/*
 * MUL, IMUL, DIV, IDIV. A division is executed by the host only when it cannot fault there; whether
 * the quotient fits is found out before, with magnitudes.
 */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/integer.h"

/* low and high: the register pair of the operand size (AX, DX:AX, ...). */
struct wide {
    uint64_t low, high;
};

/* -- One-operand multiplication -- */

static inline uint16_t multiply_8(struct cpu *cpu, uint8_t a, uint8_t b, bool is_signed)
{
    uint16_t flags, product = a;
    if (is_signed)
        __asm__("imulb %[b]\n\tmovw %%ax, %[product]" FLAGS_OUT
                : "=a"(flags), [product] "=&r"(product)
                : "0"(product), [b] "q"(b)
                : "cc");
    else
        __asm__("mulb %[b]\n\tmovw %%ax, %[product]" FLAGS_OUT
                : "=a"(flags), [product] "=&r"(product)
                : "0"(product), [b] "q"(b)
                : "cc");
    cpu->flags = flags;
    return product;
}

#define DEFINE_MULTIPLY(bits, accumulator)                                                         \
    static inline struct wide multiply_##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b, \
                                              bool is_signed)                                      \
    {                                                                                              \
        uint##bits##_t low, high;                                                                  \
        uint64_t flags = a;                                                                        \
        if (is_signed)                                                                             \
            __asm__("imul %[b]\n\tmov %%" accumulator ", %[low]" FLAGS_OUT                         \
                    : "+a"(flags), "=&d"(high), [low] "=&r"(low)                                   \
                    : [b] "r"(b)                                                                   \
                    : "cc");                                                                       \
        else                                                                                       \
            __asm__("mul %[b]\n\tmov %%" accumulator ", %[low]" FLAGS_OUT                          \
                    : "+a"(flags), "=&d"(high), [low] "=&r"(low)                                   \
                    : [b] "r"(b)                                                                   \
                    : "cc");                                                                       \
        cpu->flags = (uint16_t)flags;                                                              \
        return (struct wide){ low, high };                                                         \
    }
DEFINE_MULTIPLY(16, "ax")
DEFINE_MULTIPLY(32, "eax")
DEFINE_MULTIPLY(64, "rax")

static void write_pair(struct cpu *cpu, unsigned size, struct wide pair)
{
    register_write(cpu, RAX, size, pair.low);
    register_write(cpu, RDX, size, pair.high);
}

static enum outcome multiply(struct cpu *cpu, const struct op *op)
{
    bool is_signed = op->instruction->mnemonic == MNEMONIC_IMUL;
    unsigned size = op->instruction->operands[0].size;
    uint64_t a = cpu->state.general[RAX], b;
    if (!operand_read(cpu, op, 0, &b))
        return op_fault(cpu, op);
    switch (size) {
    case 1:
        register_write_16(cpu, RAX, multiply_8(cpu, (uint8_t)a, (uint8_t)b, is_signed));
        break;
    case 2:
        write_pair(cpu, 2, multiply_16(cpu, (uint16_t)a, (uint16_t)b, is_signed));
        break;
    case 4:
        write_pair(cpu, 4, multiply_32(cpu, (uint32_t)a, (uint32_t)b, is_signed));
        break;
    default:
        write_pair(cpu, 8, multiply_64(cpu, a, b, is_signed));
    }
    NEXT_OP(cpu, op);
}

/* -- IMUL of two and three operands -- */

#define DEFINE_IMUL(bits)                                                                          \
    static inline uint##bits##_t alu_imul_##bits(struct cpu *cpu, uint##bits##_t a,                \
                                                 uint##bits##_t b)                                 \
    {                                                                                              \
        uint16_t flags;                                                                            \
        __asm__("imul %[b], %[a]" FLAGS_OUT : [a] "+r"(a), "=&a"(flags) : [b] "r"(b) : "cc");      \
        cpu->flags = flags;                                                                        \
        return a;                                                                                  \
    }                                                                                              \
    static enum outcome imul_rr_##bits(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        register_write_##bits(cpu, op->destination,                                                \
                              alu_imul_##bits(cpu, register_read_##bits(cpu, op->destination),     \
                                              register_read_##bits(cpu, op->source)));             \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome imul_rri_##bits(struct cpu *cpu, const struct op *op)                      \
    {                                                                                              \
        register_write_##bits(cpu, op->destination,                                                \
                              alu_imul_##bits(cpu, register_read_##bits(cpu, op->source),          \
                                              (uint##bits##_t)op->immediate));                     \
        NEXT_OP(cpu, op);                                                                          \
    }
DEFINE_IMUL(16)
DEFINE_IMUL(32)
DEFINE_IMUL(64)

static op_execute *const imul_registers[2][3] = {
    { imul_rr_16, imul_rr_32, imul_rr_64 },
    { imul_rri_16, imul_rri_32, imul_rri_64 },
};

static enum outcome imul_memory(struct cpu *cpu, const struct op *op)
{
    bool three = op->instruction->operand_count == 3;
    unsigned size = op->instruction->operands[0].size;
    uint64_t a, b, product;
    if (!operand_read(cpu, op, 1, &a) || !operand_read(cpu, op, three ? 2 : 0, &b))
        return op_fault(cpu, op);
    if (size == 8)
        product = alu_imul_64(cpu, a, b);
    else if (size == 4)
        product = alu_imul_32(cpu, (uint32_t)a, (uint32_t)b);
    else
        product = alu_imul_16(cpu, (uint16_t)a, (uint16_t)b);
    operand_write(cpu, op, 0, product);
    NEXT_OP(cpu, op);
}

static op_execute *lower_imul(const struct instruction *instruction, struct op *op)
{
    bool three = instruction->operand_count == 3;
    if (is_memory(instruction, 1))
        return imul_memory;
    op->instruction = NULL;
    op->destination = instruction->operands[0].index;
    op->source = instruction->operands[1].index;
    if (three)
        op->immediate = immediate_of(instruction, 2);
    return imul_registers[three][size_index(instruction->operands[0].size) - 1];
}

/* -- Division -- */

/* May DIV of the pair by `divisor` execute? The quotient fits if the high half is less. */
static bool quotient_fits(struct wide dividend, uint64_t divisor)
{
    return dividend.high < divisor; /* so the divisor is not 0 */
}

static inline uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static struct wide wide_magnitude(struct wide value)
{
    if ((int64_t)value.high >= 0)
        return value;
    return (struct wide){ 0 - value.low, ~value.high + (value.low == 0) };
}

static inline struct wide divide_64(struct wide dividend, uint64_t divisor)
{
    uint64_t quotient = dividend.low, remainder = dividend.high;
    __asm__("divq %[divisor]" : "+a"(quotient), "+d"(remainder) : [divisor] "r"(divisor) : "cc");
    return (struct wide){ quotient, remainder };
}

/* Both are sign-extended to 128 and 64 bits; `bits` is the operand size. */
static bool signed_quotient_fits(struct wide dividend, int64_t divisor, unsigned bits)
{
    struct wide positive = wide_magnitude(dividend);
    if (!quotient_fits(positive, magnitude(divisor)))
        return false;
    bool negative = ((int64_t)dividend.high < 0) != (divisor < 0);
    uint64_t most = (UINT64_C(1) << (bits - 1)) - !negative;
    return divide_64(positive, magnitude(divisor)).low <= most;
}

static inline struct wide divide_signed_64(struct wide dividend, int64_t divisor)
{
    uint64_t quotient = dividend.low, remainder = dividend.high;
    __asm__("idivq %[divisor]" : "+a"(quotient), "+d"(remainder) : [divisor] "r"(divisor) : "cc");
    return (struct wide){ quotient, remainder };
}

/* The dividend of size 1 is AX, else rDX:rAX; as 128 bits. */
static struct wide read_dividend(const struct cpu *cpu, unsigned size, bool is_signed)
{
    const uint64_t *general = cpu->state.general;
    if (size == 8)
        return (struct wide){ general[RAX], general[RDX] };
    uint64_t low = (uint16_t)general[RAX];
    if (size == 2)
        low |= (uint64_t)(uint16_t)general[RDX] << 16;
    else if (size == 4)
        low = (uint32_t)general[RAX] | general[RDX] << 32;
    unsigned unused = 64 - 16 * size;
    if (is_signed)
        low = (uint64_t)((int64_t)(low << unused) >> unused);
    return (struct wide){ low, is_signed ? (uint64_t)((int64_t)low >> 63) : 0 };
}

static void write_quotient(struct cpu *cpu, unsigned size, struct wide result)
{
    if (size == 1)
        register_write_16(cpu, RAX, (uint16_t)((result.low & 0xff) | (result.high & 0xff) << 8));
    else
        write_pair(cpu, size, result);
}

static enum outcome divide(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operands[0].size;
    struct wide dividend = read_dividend(cpu, size, false);
    uint64_t divisor;
    if (!operand_read(cpu, op, 0, &divisor))
        return op_fault(cpu, op);
    if (!quotient_fits(dividend, divisor))
        goto error;
    struct wide result = divide_64(dividend, divisor);
    if (size < 8 && result.low >> 8 * size)
        goto error;
    write_quotient(cpu, size, result);
    NEXT_OP(cpu, op);
error:
    cpu_raise(cpu, EXCEPTION_DE);
    return op_fault(cpu, op);
}

static enum outcome divide_signed(struct cpu *cpu, const struct op *op)
{
    unsigned size = op->instruction->operands[0].size, unused = 64 - 8 * size;
    struct wide dividend = read_dividend(cpu, size, true);
    uint64_t value;
    if (!operand_read(cpu, op, 0, &value))
        return op_fault(cpu, op);
    int64_t divisor = (int64_t)(value << unused) >> unused;
    if (!signed_quotient_fits(dividend, divisor, 8 * size)) {
        cpu_raise(cpu, EXCEPTION_DE);
        return op_fault(cpu, op);
    }
    write_quotient(cpu, size, divide_signed_64(dividend, divisor));
    NEXT_OP(cpu, op);
}

op_execute *lower_multiply(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    (void)cpu;
    switch (instruction->mnemonic) {
    case MNEMONIC_MUL:
        return multiply;
    case MNEMONIC_IMUL:
        return instruction->operands[1].implicit ? multiply : lower_imul(instruction, op);
    case MNEMONIC_DIV:
        return divide;
    default:
        return divide_signed;
    }
}
