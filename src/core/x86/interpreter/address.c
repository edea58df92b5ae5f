// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/address.h"

static uint8_t base_slot(const struct memory_operand *memory)
{
    if (memory->base == RIP_BASE)
        return SLOT_BLOCK_RIP;
    return memory->base == NO_REGISTER ? SLOT_ZERO : (uint8_t)(SLOT_GENERAL + memory->base);
}

static enum address_form form_64(const struct instruction *instruction)
{
    const struct memory_operand *memory = &instruction->memory;
    bool based = memory->segment == SEGMENT_FS || memory->segment == SEGMENT_GS;
    if (instruction->address_size != 8)
        return based ? ADDRESS_ANY : ADDRESS_FLAT32;
    if (based)
        return ADDRESS_SEGMENT;
    return memory->index == NO_REGISTER ? ADDRESS_BASE : ADDRESS_INDEXED;
}

enum address_form lower_address(const struct cpu *cpu, const struct instruction *instruction,
                                struct op *op)
{
    const struct memory_operand *memory = &instruction->memory;
    op->base = base_slot(memory);
    op->index = memory->index == NO_REGISTER ? SLOT_ZERO : (uint8_t)(SLOT_GENERAL + memory->index);
    op->scale = (uint8_t)__builtin_ctz(memory->scale ? memory->scale : 1);
    op->segment = memory->segment;
    op->extra = instruction->address_size;
    op->displacement = memory->displacement;
    if (memory->base == RIP_BASE)
        op->displacement += op->offset + op->length;
    if (cpu->code_size == CODE_64)
        return form_64(instruction);
    bool flat = cpu->flat_segments >> memory->segment & 1;
    return flat && instruction->address_size == 4 ? ADDRESS_FLAT32 : ADDRESS_ANY;
}

bool address_any_slow(struct cpu *cpu, const struct op *op, unsigned size, unsigned access)
{
    return segmented(cpu, op->segment, address_offset(cpu, op), size, access, &cpu->scratch);
}

enum outcome op_memory_fault(struct cpu *cpu, const struct op *op)
{
    if (op->segment == SEGMENT_SS && cpu->exception.non_canonical)
        cpu->exception.vector = EXCEPTION_SS;
    return op_fault(cpu, op);
}
