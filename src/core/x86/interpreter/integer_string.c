// SPDX-License-Identifier: Apache-2.0
/*
 * MOVS, STOS, LODS, SCAS, CMPS. Each iteration is complete before the next begins: rSI, rDI and rCX
 * are right at a fault, an exit or an interrupt, and the instruction goes on from there. Where
 * memory is flat and both pages are in the TLB, MOVS and STOS take all iterations that end in the
 * page at once.
 */
#include "core/x86/interpreter/alu.h"
#include "core/x86/interpreter/condition.h"
#include "core/x86/interpreter/integer.h"

static inline uint64_t address_mask(const struct op *op)
{
    return ~UINT64_C(0) >> (64 - 8 * op->extra);
}

static inline int64_t direction(const struct cpu *cpu)
{
    return cpu->state.rflags & RFLAGS_DF ? -1 : 1;
}

static inline void advance(struct cpu *cpu, const struct op *op, unsigned index, int64_t bytes)
{
    register_write(cpu, index, op->extra, cpu->state.general[index] + (uint64_t)bytes);
}

static inline bool source_linear(struct cpu *cpu, const struct op *op, unsigned size, gva_t *linear)
{
    return segmented(cpu, op->segment, cpu->state.general[RSI] & address_mask(op), size,
                     ACCESS_READ, linear);
}

static inline bool destination_linear(struct cpu *cpu, const struct op *op, unsigned size,
                                      unsigned access, gva_t *linear)
{
    return segmented(cpu, SEGMENT_ES, cpu->state.general[RDI] & address_mask(op), size, access,
                     linear);
}

/* -- One iteration of each -- */

#define DEFINE_ITERATIONS(bits, ...)                                                               \
    static bool read_source_##bits(struct cpu *cpu, const struct op *op, uint##bits##_t *value)    \
    {                                                                                              \
        gva_t linear;                                                                              \
        return source_linear(cpu, op, bits / 8, &linear) &&                                        \
               linear_read_##bits(cpu, linear, value);                                             \
    }                                                                                              \
    static bool read_destination_##bits(struct cpu *cpu, const struct op *op,                      \
                                        uint##bits##_t *value)                                     \
    {                                                                                              \
        gva_t linear;                                                                              \
        return destination_linear(cpu, op, bits / 8, ACCESS_READ, &linear) &&                      \
               linear_read_##bits(cpu, linear, value);                                             \
    }                                                                                              \
    static bool write_destination_##bits(struct cpu *cpu, const struct op *op,                     \
                                         uint##bits##_t value)                                     \
    {                                                                                              \
        gva_t linear;                                                                              \
        return destination_linear(cpu, op, bits / 8, ACCESS_WRITE, &linear) &&                     \
               linear_write_##bits(cpu, linear, value);                                            \
    }                                                                                              \
    static bool movs_##bits(struct cpu *cpu, const struct op *op)                                  \
    {                                                                                              \
        int64_t step = direction(cpu) * (bits / 8);                                                \
        uint##bits##_t value;                                                                      \
        if (!read_source_##bits(cpu, op, &value) || !write_destination_##bits(cpu, op, value))     \
            return false;                                                                          \
        advance(cpu, op, RSI, step);                                                               \
        advance(cpu, op, RDI, step);                                                               \
        return true;                                                                               \
    }                                                                                              \
    static bool stos_##bits(struct cpu *cpu, const struct op *op)                                  \
    {                                                                                              \
        if (!write_destination_##bits(cpu, op, (uint##bits##_t)cpu->state.general[RAX]))           \
            return false;                                                                          \
        advance(cpu, op, RDI, direction(cpu) * (bits / 8));                                        \
        return true;                                                                               \
    }                                                                                              \
    static bool lods_##bits(struct cpu *cpu, const struct op *op)                                  \
    {                                                                                              \
        uint##bits##_t value;                                                                      \
        if (!read_source_##bits(cpu, op, &value))                                                  \
            return false;                                                                          \
        register_write_##bits(cpu, RAX, value);                                                    \
        advance(cpu, op, RSI, direction(cpu) * (bits / 8));                                        \
        return true;                                                                               \
    }                                                                                              \
    static bool scas_##bits(struct cpu *cpu, const struct op *op)                                  \
    {                                                                                              \
        uint##bits##_t value;                                                                      \
        if (!read_destination_##bits(cpu, op, &value))                                             \
            return false;                                                                          \
        alu_cmp_##bits(cpu, (uint##bits##_t)cpu->state.general[RAX], value);                       \
        advance(cpu, op, RDI, direction(cpu) * (bits / 8));                                        \
        return true;                                                                               \
    }                                                                                              \
    static bool cmps_##bits(struct cpu *cpu, const struct op *op)                                  \
    {                                                                                              \
        int64_t step = direction(cpu) * (bits / 8);                                                \
        uint##bits##_t left, right;                                                                \
        /* In this order: the host's processor does so, as faults tell. */                         \
        if (!read_destination_##bits(cpu, op, &right) || !read_source_##bits(cpu, op, &left))      \
            return false;                                                                          \
        alu_cmp_##bits(cpu, left, right);                                                          \
        advance(cpu, op, RSI, step);                                                               \
        advance(cpu, op, RDI, step);                                                               \
        return true;                                                                               \
    }
FOR_EACH_SIZE(DEFINE_ITERATIONS, )

/* -- Many iterations at once -- */

/* How many of `count` elements lie in the page of `linear`, from there on. */
static inline uint64_t in_page(gva_t linear, uint64_t count, unsigned shift)
{
    uint64_t most = (FRAME_SIZE - (linear & FRAME_MASK)) >> shift;
    return count < most ? count : most;
}

static bool may_gather(const struct cpu *cpu, const struct op *op)
{
    return !(cpu->state.rflags & RFLAGS_DF) && cpu->flat_segments >> SEGMENT_ES & 1 &&
           !(atomic_load_explicit(&cpu->attention, memory_order_relaxed) & ATTENTION_STEP) &&
           op->extra >= 4;
}

static uint8_t *readable(struct cpu *cpu, gva_t linear)
{
    const struct tlb_entry *entry = tlb_lookup(cpu, linear);
    return linear - entry->read < FRAME_SIZE ? (uint8_t *)(linear + entry->addend) : NULL;
}

static uint8_t *writable(struct cpu *cpu, gva_t linear)
{
    const struct tlb_entry *entry = tlb_lookup(cpu, linear);
    return linear - entry->write < FRAME_SIZE ? (uint8_t *)(linear + entry->addend) : NULL;
}

#define HOST_STRING(name, shift, inputs, outputs)                                                  \
    switch (shift) {                                                                               \
    case 0:                                                                                        \
        __asm__ volatile("rep " name "b" : outputs:inputs : "memory");                             \
        break;                                                                                     \
    case 1:                                                                                        \
        __asm__ volatile("rep " name "w" : outputs:inputs : "memory");                             \
        break;                                                                                     \
    case 2:                                                                                        \
        __asm__ volatile("rep " name "l" : outputs:inputs : "memory");                             \
        break;                                                                                     \
    default:                                                                                       \
        __asm__ volatile("rep " name "q" : outputs:inputs : "memory");                             \
    }
#define OUTPUTS(...) __VA_ARGS__

/* The host's instruction of the same element size: overlapping areas come out the same. */
static uint64_t movs_gathered(struct cpu *cpu, const struct op *op, uint64_t count)
{
    unsigned shift = op->scale;
    gva_t from = cpu->state.general[RSI] & address_mask(op);
    gva_t to = cpu->state.general[RDI] & address_mask(op);
    if (!(cpu->flat_segments >> op->segment & 1))
        return 0;
    uint64_t elements = in_page(to, in_page(from, count, shift), shift), left = elements;
    const uint8_t *source = readable(cpu, from);
    uint8_t *destination = writable(cpu, to);
    if (!source || !destination)
        return 0;
    HOST_STRING("movs", shift, OUTPUTS(), OUTPUTS("+S"(source), "+D"(destination), "+c"(left)))
    advance(cpu, op, RSI, (int64_t)(elements << shift));
    advance(cpu, op, RDI, (int64_t)(elements << shift));
    return elements;
}

static uint64_t stos_gathered(struct cpu *cpu, const struct op *op, uint64_t count)
{
    unsigned shift = op->scale;
    gva_t to = cpu->state.general[RDI] & address_mask(op);
    uint64_t elements = in_page(to, count, shift), left = elements;
    uint8_t *destination = writable(cpu, to);
    if (!destination)
        return 0;
    HOST_STRING("stos", shift, OUTPUTS("a"(cpu->state.general[RAX])),
                OUTPUTS("+D"(destination), "+c"(left)))
    advance(cpu, op, RDI, (int64_t)(elements << shift));
    return elements;
}

/* -- Repetition -- */

typedef bool iteration(struct cpu *cpu, const struct op *op);
typedef uint64_t gathering(struct cpu *cpu, const struct op *op, uint64_t count);

/* What ends a repetition beside the count: op->source. */
enum repeat_condition { REPEAT_ALWAYS, REPEAT_WHILE_EQUAL, REPEAT_WHILE_NOT_EQUAL };

static inline bool repeat_ends(const struct cpu *cpu, const struct op *op)
{
    switch (op->source) {
    case REPEAT_WHILE_EQUAL:
        return !(cpu->flags & FLAG_ZF);
    case REPEAT_WHILE_NOT_EQUAL:
        return cpu->flags & FLAG_ZF;
    default:
        return false;
    }
}

/* The instruction goes on later, at its own RIP. A single-step trap in between shows RF set (SDM
 * volume 3, 18.3.1.1): a breakpoint on the instruction was taken before its first iteration. */
static inline enum outcome pause_repetition(struct cpu *cpu, const struct op *op, uint16_t flags)
{
    cpu->flags = flags;
    if (cpu->state.rflags & RFLAGS_TF)
        cpu->state.rflags |= RFLAGS_RF;
    cpu->state.rip = op_rip(cpu, op);
    return OUTCOME_CONTINUE;
}

static inline enum outcome repeat(struct cpu *cpu, const struct op *op, iteration *iterate,
                                  gathering *gather)
{
    uint64_t count = cpu->state.general[RCX] & address_mask(op);
    uint16_t flags = cpu->flags; /* of SCAS and CMPS: they change at the end alone */
    while (count > 0) {
        uint64_t done = gather && may_gather(cpu, op) ? gather(cpu, op, count) : 0;
        if (done == 0) {
            if (!iterate(cpu, op)) {
                cpu->flags = flags;
                return op_memory_fault(cpu, op);
            }
            done = 1;
        }
        count -= done;
        register_write(cpu, RCX, op->extra, count);
        if (repeat_ends(cpu, op))
            break;
        if (count > 0 && atomic_load_explicit(&cpu->attention, memory_order_relaxed))
            return pause_repetition(cpu, op, flags);
    }
    NEXT_OP(cpu, op);
}

#define DEFINE_STRING(bits, name, gather)                                                          \
    static enum outcome name##_once_##bits(struct cpu *cpu, const struct op *op)                   \
    {                                                                                              \
        if (!name##_##bits(cpu, op))                                                               \
            return op_memory_fault(cpu, op);                                                       \
        NEXT_OP(cpu, op);                                                                          \
    }                                                                                              \
    static enum outcome name##_repeated_##bits(struct cpu *cpu, const struct op *op)               \
    {                                                                                              \
        return repeat(cpu, op, name##_##bits, gather);                                             \
    }
#define STRING_ENTRY(bits, name) { name##_once_##bits, name##_repeated_##bits },
#define DEFINE_STRINGS(name, gather)                                                               \
    FOR_EACH_SIZE(DEFINE_STRING, name, gather)                                                     \
    static op_execute *const name##_forms[4][2] = { FOR_EACH_SIZE(STRING_ENTRY, name) };

DEFINE_STRINGS(movs, movs_gathered)
DEFINE_STRINGS(stos, stos_gathered)
DEFINE_STRINGS(lods, NULL)
DEFINE_STRINGS(scas, NULL)
DEFINE_STRINGS(cmps, NULL)

static op_execute *const *forms_of(const struct instruction *instruction, unsigned size)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_MOVS:
        return movs_forms[size];
    case MNEMONIC_STOS:
        return stos_forms[size];
    case MNEMONIC_LODS:
        return lods_forms[size];
    case MNEMONIC_SCAS:
        return scas_forms[size];
    default:
        return cmps_forms[size];
    }
}

static enum repeat_condition condition_of(const struct instruction *instruction)
{
    if (instruction->mnemonic != MNEMONIC_SCAS && instruction->mnemonic != MNEMONIC_CMPS)
        return REPEAT_ALWAYS;
    return instruction->prefixes & PREFIX_REPNE ? REPEAT_WHILE_NOT_EQUAL : REPEAT_WHILE_EQUAL;
}

op_execute *lower_string(struct cpu *cpu, const struct instruction *instruction, struct op *op)
{
    bool repeated = instruction->prefixes & (PREFIX_REP | PREFIX_REPNE);
    (void)cpu;
    op->instruction = NULL;
    op->segment = instruction->memory.segment;
    op->extra = instruction->address_size;
    op->scale = (uint8_t)size_index(instruction->operand_size);
    op->source = condition_of(instruction);
    return forms_of(instruction, op->scale)[repeated];
}
