// SPDX-License-Identifier: Apache-2.0
/* Operands of instructions that have no function for each of their forms. */
#include "core/x86/interpreter/address.h"

#include "core/memory/copy.h"

static uint64_t mask_of(unsigned size)
{
    return ~UINT64_C(0) >> (64 - 8 * size);
}

uint64_t register_read(const struct cpu *cpu, unsigned index, unsigned size)
{
    return cpu->state.general[index] & mask_of(size);
}

void register_write(struct cpu *cpu, unsigned index, unsigned size, uint64_t value)
{
    uint64_t *destination = &cpu->state.general[index];
    if (size >= 4)
        *destination = value & mask_of(size);
    else
        *destination = (*destination & ~mask_of(size)) | (value & mask_of(size));
}

uint64_t operand_offset(struct cpu *cpu, const struct op *op)
{
    const struct memory_operand *memory = &op->instruction->memory;
    uint64_t offset = (uint64_t)memory->displacement;
    if (memory->base == RIP_BASE)
        offset += op_next_rip(cpu, op);
    else if (memory->base != NO_REGISTER)
        offset += cpu->state.general[memory->base];
    if (memory->index != NO_REGISTER)
        offset += cpu->state.general[memory->index] * memory->scale;
    return offset & mask_of(op->instruction->address_size);
}

bool operand_linear(struct cpu *cpu, const struct op *op, unsigned size, unsigned access,
                    gva_t *linear)
{
    return segmented(cpu, op->instruction->memory.segment, operand_offset(cpu, op), size, access,
                     linear);
}

/* False, for a failed access through `segment`. */
static bool access_failed(struct cpu *cpu, unsigned segment)
{
    if (segment == SEGMENT_SS && cpu->exception.non_canonical)
        cpu->exception.vector = EXCEPTION_SS;
    return false;
}

#define READ_CASE(size, bits)                                                                      \
    case size: {                                                                                   \
        uint##bits##_t narrow;                                                                     \
        if (!linear_read_##bits(cpu, linear, &narrow))                                             \
            return false;                                                                          \
        *value = narrow;                                                                           \
        return true;                                                                               \
    }

static bool linear_read(struct cpu *cpu, gva_t linear, unsigned size, uint64_t *value)
{
    switch (size) {
        READ_CASE(1, 8)
        READ_CASE(2, 16)
        READ_CASE(4, 32)
    default:
        return linear_read_64(cpu, linear, value);
    }
}

static bool linear_write(struct cpu *cpu, gva_t linear, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        return linear_write_8(cpu, linear, (uint8_t)value);
    case 2:
        return linear_write_16(cpu, linear, (uint16_t)value);
    case 4:
        return linear_write_32(cpu, linear, (uint32_t)value);
    default:
        return linear_write_64(cpu, linear, value);
    }
}

static uint64_t operand_register(const struct cpu *cpu, const struct operand *operand)
{
    if (operand->register_class == REGISTER_HIGH_BYTE)
        return cpu->state.general[operand->index] >> 8 & 0xff;
    return register_read(cpu, operand->index, operand->size);
}

static void operand_set_register(struct cpu *cpu, const struct operand *operand, uint64_t value)
{
    if (operand->register_class == REGISTER_HIGH_BYTE)
        register_write_8(cpu, operand->index * 8u + 1, (uint8_t)value);
    else
        register_write(cpu, operand->index, operand->size, value);
}

bool operand_read(struct cpu *cpu, const struct op *op, unsigned index, uint64_t *value)
{
    const struct operand *operand = &op->instruction->operands[index];
    gva_t linear;
    switch (operand->kind) {
    case OPERAND_REGISTER:
        *value = operand_register(cpu, operand);
        return true;
    case OPERAND_MEMORY:
        if (operand_linear(cpu, op, operand->size, ACCESS_READ, &linear) &&
            linear_read(cpu, linear, operand->size, value))
            return true;
        return access_failed(cpu, op->instruction->memory.segment);
    default:
        *value = (uint64_t)op->instruction->immediate[operand->index];
        return true;
    }
}

bool operand_write(struct cpu *cpu, const struct op *op, unsigned index, uint64_t value)
{
    const struct operand *operand = &op->instruction->operands[index];
    gva_t linear;
    if (operand->kind == OPERAND_REGISTER) {
        operand_set_register(cpu, operand, value);
        return true;
    }
    if (operand_linear(cpu, op, operand->size, ACCESS_WRITE, &linear) &&
        linear_write(cpu, linear, operand->size, value))
        return true;
    return access_failed(cpu, op->instruction->memory.segment);
}

bool operand_load(struct cpu *cpu, const struct op *op, void *bytes, unsigned size)
{
    gva_t linear;
    if (!operand_linear(cpu, op, size, ACCESS_READ, &linear))
        return access_failed(cpu, op->instruction->memory.segment);
    const struct tlb_entry *entry = tlb_lookup(cpu, linear);
    if (linear - entry->read <= FRAME_SIZE - size) {
        copy_bytes(bytes, (const void *)(linear + entry->addend), size);
        return true;
    }
    return cpu_read_slow(cpu, linear, bytes, size) ||
           access_failed(cpu, op->instruction->memory.segment);
}

bool operand_store(struct cpu *cpu, const struct op *op, const void *bytes, unsigned size)
{
    gva_t linear;
    if (!operand_linear(cpu, op, size, ACCESS_WRITE, &linear))
        return access_failed(cpu, op->instruction->memory.segment);
    const struct tlb_entry *entry = tlb_lookup(cpu, linear);
    if (linear - entry->write <= FRAME_SIZE - size) {
        copy_bytes((void *)(linear + entry->addend), bytes, size);
        return true;
    }
    return cpu_write_slow(cpu, linear, bytes, size) ||
           access_failed(cpu, op->instruction->memory.segment);
}

/* -- The stack -- */

static unsigned stack_address_size(const struct cpu *cpu)
{
    if (cpu->code_size == CODE_64)
        return 8;
    return cpu->state.segments[SEGMENT_SS].attributes & SEGMENT_BIG ? 4 : 2;
}

void stack_set_pointer(struct cpu *cpu, uint64_t value)
{
    register_write(cpu, RSP, stack_address_size(cpu), value);
}

void stack_drop(struct cpu *cpu, unsigned bytes)
{
    stack_set_pointer(cpu, cpu->state.general[RSP] + (uint64_t)(int64_t)(int32_t)bytes);
}

static bool stack_linear(struct cpu *cpu, uint64_t offset, unsigned size, unsigned access,
                         gva_t *linear)
{
    return segmented(cpu, SEGMENT_SS, offset & mask_of(stack_address_size(cpu)), size, access,
                     linear);
}

bool stack_read(struct cpu *cpu, uint64_t offset, unsigned size, uint64_t *value)
{
    gva_t linear;
    return (stack_linear(cpu, offset, size, ACCESS_READ, &linear) &&
            linear_read(cpu, linear, size, value)) ||
           access_failed(cpu, SEGMENT_SS);
}

bool stack_push(struct cpu *cpu, unsigned size, uint64_t value)
{
    uint64_t top = cpu->state.general[RSP] - size;
    gva_t linear;
    if (!stack_linear(cpu, top, size, ACCESS_WRITE, &linear) ||
        !linear_write(cpu, linear, size, value))
        return access_failed(cpu, SEGMENT_SS);
    stack_set_pointer(cpu, top);
    return true;
}

bool stack_pop(struct cpu *cpu, unsigned size, uint64_t *value)
{
    if (!stack_read(cpu, cpu->state.general[RSP], size, value))
        return false;
    stack_drop(cpu, size);
    return true;
}

bool stack_probe_write(struct cpu *cpu, unsigned size)
{
    gva_t linear;
    return (stack_linear(cpu, cpu->state.general[RSP], size, ACCESS_WRITE, &linear) &&
            cpu_check_write(cpu, linear, size)) ||
           access_failed(cpu, SEGMENT_SS);
}
