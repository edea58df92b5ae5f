// SPDX-License-Identifier: Apache-2.0
/*
 * Instructions that touch memory only where a mask says so, element by element: MASKMOVQ,
 * MASKMOVDQU, VMASKMOVPS and its like, the gathers. Elements not asked for raise no fault.
 */
#include "core/memory/copy.h"
#include "core/x86/interpreter/host_execute.h"
#include "core/x86/interpreter/memory_access.h"
#include "core/x86/interpreter/memory_page.h"

struct vector {
    uint8_t bytes[32];
};

/* After vector_store. */
static struct vector get_vector(struct cpu *cpu, unsigned index)
{
    struct vector vector;
    copy_bytes(vector.bytes, cpu->state.xsave + XSAVE_XMM + index * 16, 16);
    copy_bytes(vector.bytes + 16, cpu->state.xsave + XSAVE_YMM_HIGH + index * 16, 16);
    return vector;
}

/* Until vector_reload. VEX instructions clear what lies above their length. */
static void set_vector(struct cpu *cpu, unsigned index, const struct vector *vector, unsigned size)
{
    uint8_t *high = cpu->state.xsave + XSAVE_YMM_HIGH + index * 16;
    copy_bytes(cpu->state.xsave + XSAVE_XMM + index * 16, vector->bytes, 16);
    fill_bytes(high, 0, 16);
    if (size > 16)
        copy_bytes(high, vector->bytes + 16, size - 16);
    *xsave_64(cpu, XSAVE_XSTATE_BV) |= XCR0_SSE | XCR0_AVX;
}

/* Bit i: byte i takes part. An element does if its topmost bit is set. */
static uint32_t byte_mask(const uint8_t *mask, unsigned size, unsigned element)
{
    uint32_t bytes = 0;
    for (unsigned i = 0; i < size; i++)
        bytes |= (uint32_t)(mask[i - i % element + element - 1] >> 7) << i;
    return bytes;
}

/* The next run of bytes that take part, from *position. */
static bool next_run(uint32_t bytes, unsigned size, unsigned *position, unsigned *length)
{
    while (*position < size && !(bytes >> *position & 1))
        ++*position;
    *length = 0;
    while (*position + *length < size && bytes >> (*position + *length) & 1)
        ++*length;
    return *length > 0;
}

/* All is looked at before any is written. */
static bool masked_write(struct cpu *cpu, gva_t linear, const uint8_t *source, uint32_t bytes,
                         unsigned size)
{
    unsigned length;
    for (unsigned i = 0; next_run(bytes, size, &i, &length); i += length)
        if (!cpu_check_write(cpu, linear + i, length))
            return false;
    for (unsigned i = 0; next_run(bytes, size, &i, &length); i += length)
        if (!cpu_write_slow(cpu, linear + i, source + i, length))
            return false;
    return true;
}

static bool masked_read(struct cpu *cpu, gva_t linear, uint8_t *destination, uint32_t bytes,
                        unsigned size)
{
    unsigned length;
    fill_bytes(destination, 0, size);
    for (unsigned i = 0; next_run(bytes, size, &i, &length); i += length)
        if (!cpu_read_slow(cpu, linear + i, destination + i, length))
            return false;
    return true;
}

/* If the mask takes anything, all of the operand must be canonical. */
static bool masked_linear(struct cpu *cpu, const struct op *op, unsigned size, uint32_t bytes,
                          gva_t *linear)
{
    unsigned access = op->instruction->operands[0].kind == OPERAND_REGISTER &&
                              op->instruction->mnemonic == MNEMONIC_VMASKMOV
                          ? ACCESS_READ
                          : ACCESS_WRITE;
    if (!operand_linear(cpu, op, size, access, linear))
        return false;
    return !bytes || linear_is_canonical(cpu, *linear + size - 1) ||
           raise_non_canonical(cpu, *linear);
}

/* -- MASKMOVQ, MASKMOVDQU -- */

static bool masked_store(struct cpu *cpu, const struct op *op, const uint8_t *source,
                         const uint8_t *mask, unsigned size)
{
    gva_t linear;
    uint32_t bytes = byte_mask(mask, size, 1);
    return masked_linear(cpu, op, size, bytes, &linear) &&
           masked_write(cpu, linear, source, bytes, size);
}

static OUT_OF_LINE bool maskmovdqu(struct cpu *cpu, const struct op *op)
{
    const struct operand *operands = op->instruction->operands;
    if (!host_prepare(cpu, op->instruction))
        return false;
    vector_store(cpu);
    struct vector source = get_vector(cpu, operands[0].index);
    struct vector mask = get_vector(cpu, operands[1].index);
    return masked_store(cpu, op, source.bytes, mask.bytes, 16);
}

/* The first MMX instruction after x87 ones makes MM0 the top of the stack (SDM volume 1, 9.5); the
 * host does that for us with one that changes nothing else. */
static OUT_OF_LINE bool maskmovq(struct cpu *cpu, const struct op *op)
{
    const struct operand *operands = op->instruction->operands;
    uint32_t nothing;
    if (!host_prepare(cpu, op->instruction))
        return false;
    __asm__ volatile("movd %%mm0, %0" : "=r"(nothing));
    vector_store(cpu);
    const uint8_t *registers = cpu->state.xsave + XSAVE_ST;
    return masked_store(cpu, op, registers + operands[0].index * 16,
                        registers + operands[1].index * 16, 8);
}

/* -- VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ -- */

static unsigned masked_element(const struct instruction *instruction)
{
    switch (instruction->opcode) {
    case 0x2c: /* VMASKMOVPS */
    case 0x2e:
        return 4;
    case 0x2d: /* VMASKMOVPD */
    case 0x2f:
        return 8;
    default: /* VPMASKMOV */
        return instruction->rex_w ? 8 : 4;
    }
}

static OUT_OF_LINE bool vmaskmov(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    const struct operand *operands = instruction->operands;
    unsigned size = instruction->vector_length;
    bool is_store = operands[0].kind == OPERAND_MEMORY;
    gva_t linear;
    if (!host_prepare(cpu, instruction))
        return false;
    vector_store(cpu);
    struct vector mask = get_vector(cpu, operands[1].index), vector;
    uint32_t bytes = byte_mask(mask.bytes, size, masked_element(instruction));
    if (!masked_linear(cpu, op, size, bytes, &linear))
        return false;
    if (is_store) {
        vector = get_vector(cpu, operands[2].index);
        return masked_write(cpu, linear, vector.bytes, bytes, size);
    }
    if (!masked_read(cpu, linear, vector.bytes, bytes, size))
        return false;
    set_vector(cpu, operands[0].index, &vector, size);
    vector_reload(cpu);
    return true;
}

/* -- Gathers -- */

struct gather {
    unsigned element, index_size, count;
    bool loaded; /* an element: the destination has been written */
    struct vector destination, mask, index;
};

static int64_t gather_index(const struct gather *gather, unsigned i)
{
    const uint8_t *bytes = gather->index.bytes + i * gather->index_size;
    return gather->index_size == 4 ? *(const int32_t *)(const void *)bytes
                                   : *(const int64_t *)(const void *)bytes;
}

/* What operand_offset() makes of a general register, for element i of a vector register. */
static uint64_t gather_offset(const struct cpu *cpu, const struct op *op,
                              const struct gather *gather, unsigned i)
{
    const struct instruction *instruction = op->instruction;
    const struct memory_operand *memory = &instruction->memory;
    uint64_t base = memory->base == NO_REGISTER ? 0 : cpu->state.general[memory->base];
    uint64_t offset =
        base + (uint64_t)memory->displacement + (uint64_t)gather_index(gather, i) * memory->scale;
    return offset & ~UINT64_C(0) >> (64 - 8 * instruction->address_size);
}

/* One element: its mask is cleared when it is there, so that after a fault the rest follows. */
static bool gather_element(struct cpu *cpu, const struct op *op, struct gather *gather, unsigned i)
{
    gva_t linear;
    unsigned size = gather->element;
    uint8_t *mask = gather->mask.bytes + i * size;
    bool wanted = mask[size - 1] >> 7;
    if (wanted && (!segmented(cpu, op->instruction->memory.segment,
                              gather_offset(cpu, op, gather, i), size, ACCESS_READ, &linear) ||
                   !cpu_read_slow(cpu, linear, gather->destination.bytes + i * size, size)))
        return false;
    gather->loaded |= wanted;
    fill_bytes(mask, 0, size);
    return true;
}

/* The first thing that happens, so that it shows after a fault. */
static void extend_mask(struct gather *gather, unsigned size)
{
    fill_bytes(gather->mask.bytes + size, 0, sizeof(gather->mask.bytes) - size);
    for (unsigned i = 0; i < size / gather->element; i++) {
        uint8_t *mask = gather->mask.bytes + i * gather->element;
        fill_bytes(mask, mask[gather->element - 1] >> 7 ? 0xff : 0, gather->element);
    }
}

static OUT_OF_LINE bool vgather(struct cpu *cpu, const struct op *op)
{
    const struct instruction *instruction = op->instruction;
    const struct operand *operands = instruction->operands;
    unsigned size = instruction->vector_length;
    if (!host_prepare(cpu, instruction))
        return false;
    vector_store(cpu);
    struct gather gather = {
        .element = operands[1].size,
        .index_size = instruction->opcode & 1 ? 8 : 4,
        .destination = get_vector(cpu, operands[0].index),
        .mask = get_vector(cpu, operands[2].index),
        .index = get_vector(cpu, instruction->memory.index),
    };
    gather.count = size / (gather.index_size > gather.element ? gather.index_size : gather.element);
    extend_mask(&gather, size); /* even where the mask is half as long */
    bool done = true;
    for (unsigned i = 0; i < gather.count && done; i++)
        done = gather_element(cpu, op, &gather, i);
    if (done) /* what no element fills is cleared, the mask as a whole too */
        fill_bytes(gather.destination.bytes + gather.count * gather.element, 0,
                   sizeof(gather.destination.bytes) - gather.count * gather.element);
    else if (gather.loaded)
        fill_bytes(gather.destination.bytes + operands[0].size, 0,
                   sizeof(gather.destination.bytes) - operands[0].size);
    if (done)
        gather.mask = (struct vector){ 0 };
    set_vector(cpu, operands[0].index, &gather.destination, sizeof(gather.destination.bytes));
    set_vector(cpu, operands[2].index, &gather.mask, sizeof(gather.mask.bytes));
    vector_reload(cpu);
    return done;
}

/* -- Ops -- */

#define DEFINE_EXECUTE(name)                                                                       \
    static enum outcome execute_##name(struct cpu *cpu, const struct op *op)                       \
    {                                                                                              \
        if (!name(cpu, op)) {                                                                      \
            host_memory_fault(cpu, op->instruction);                                               \
            return op_fault(cpu, op);                                                              \
        }                                                                                          \
        NEXT_OP(cpu, op);                                                                          \
    }

DEFINE_EXECUTE(maskmovdqu)
DEFINE_EXECUTE(maskmovq)
DEFINE_EXECUTE(vmaskmov)
DEFINE_EXECUTE(vgather)

op_execute *lower_masked(const struct instruction *instruction)
{
    switch (instruction->mnemonic) {
    case MNEMONIC_MASKMOVDQU:
        return execute_maskmovdqu;
    case MNEMONIC_MASKMOVQ:
        return execute_maskmovq;
    case MNEMONIC_VMASKMOV:
        return execute_vmaskmov;
    case MNEMONIC_VGATHER:
        return execute_vgather;
    default:
        return NULL;
    }
}
