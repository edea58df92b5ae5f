// SPDX-License-Identifier: Apache-2.0
/* GDTR, IDTR, LDTR and TR (SDM volume 3, 2.4). */
#include "core/x86/interpreter/system.h"

#define OPERAND_16_BASE 0xffffffu /* a 16-bit LGDT loads 24 bits of base */

static bool load_table(struct cpu *cpu, const struct op *op, struct descriptor_table *table)
{
    uint8_t bytes[10];
    bool wide = cpu->code_size == CODE_64;
    if (!operand_load(cpu, op, bytes, wide ? 10 : 6))
        return false;
    uint64_t base = 0;
    for (unsigned i = wide ? 8 : 4; i-- > 0;)
        base = base << 8 | bytes[2 + i];
    if (wide && !is_canonical(base))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!wide && op->instruction->operand_size == 2)
        base &= OPERAND_16_BASE;
    *table =
        (struct descriptor_table){ .base = base, .limit = (uint16_t)(bytes[0] | bytes[1] << 8) };
    return true;
}

static bool store_table(struct cpu *cpu, const struct op *op, const struct descriptor_table *table)
{
    uint8_t bytes[10] = { (uint8_t)table->limit, (uint8_t)(table->limit >> 8) };
    for (unsigned i = 0; i < 8; i++)
        bytes[2 + i] = (uint8_t)(table->base >> 8 * i);
    return user_may_read_system(cpu) &&
           operand_store(cpu, op, bytes, cpu->code_size == CODE_64 ? 10 : 6);
}

enum outcome execute_lgdt(struct cpu *cpu, const struct op *op)
{
    if (!load_table(cpu, op, &cpu->state.gdtr))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_lidt(struct cpu *cpu, const struct op *op)
{
    if (!load_table(cpu, op, &cpu->state.idtr))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_sgdt(struct cpu *cpu, const struct op *op)
{
    if (!store_table(cpu, op, &cpu->state.gdtr))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_sidt(struct cpu *cpu, const struct op *op)
{
    if (!store_table(cpu, op, &cpu->state.idtr))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

static enum outcome store_selector(struct cpu *cpu, const struct op *op, uint16_t selector)
{
    if (!in_protected_mode(cpu))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!user_may_read_system(cpu) || !operand_write(cpu, op, 0, selector))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_sldt(struct cpu *cpu, const struct op *op)
{
    return store_selector(cpu, op, cpu->state.ldtr.selector);
}

enum outcome execute_str(struct cpu *cpu, const struct op *op)
{
    return store_selector(cpu, op, cpu->state.tr.selector);
}

/* A system descriptor of the GDT; in long mode it has 16 bytes and a canonical base. */
static bool find_system(struct cpu *cpu, uint16_t selector, unsigned types,
                        struct descriptor *descriptor)
{
    if (selector & SELECTOR_TI)
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_read(cpu, selector, EXCEPTION_GP, false, descriptor))
        return false;
    if (!descriptor_is_system(descriptor) || !(types >> descriptor_type(descriptor) & 1))
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_present(descriptor))
        return raise_selector(cpu, EXCEPTION_NP, selector, false);
    if (!cpu->long_mode)
        return true;
    enum descriptor_status status = descriptor_find_high(cpu, selector, descriptor);
    if (status == DESCRIPTOR_FAULT)
        return false;
    /* The type field of the upper half must be 0. */
    if (status == DESCRIPTOR_OUTSIDE || descriptor->high >> 40 & 0x1f ||
        !is_canonical(descriptor_base(descriptor)))
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    return true;
}

static bool load_ldt(struct cpu *cpu, uint16_t selector)
{
    struct descriptor descriptor;
    if (selector_is_null(selector)) {
        cpu->state.ldtr = segment_null(selector, 0);
        return true;
    }
    if (!find_system(cpu, selector, 1u << SYSTEM_LDT, &descriptor))
        return false;
    cpu->state.ldtr = segment_from_descriptor(selector, &descriptor);
    return true;
}

static bool load_task(struct cpu *cpu, uint16_t selector)
{
    struct descriptor descriptor;
    unsigned types = 1u << SYSTEM_TSS | (cpu->long_mode ? 0 : 1u << SYSTEM_TSS_16);
    if (selector_is_null(selector))
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    if (!find_system(cpu, selector, types, &descriptor) ||
        !descriptor_set(cpu, &descriptor, SYSTEM_TSS_BUSY_BIT))
        return false;
    cpu->state.tr = segment_from_descriptor(selector, &descriptor);
    return true;
}

static enum outcome load_selector(struct cpu *cpu, const struct op *op,
                                  bool (*load)(struct cpu *, uint16_t))
{
    uint64_t selector;
    if (!in_protected_mode(cpu))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 0, &selector) || !load(cpu, (uint16_t)selector))
        return op_fault(cpu, op);
    NEXT_OP(cpu, op);
}

enum outcome execute_lldt(struct cpu *cpu, const struct op *op)
{
    return load_selector(cpu, op, load_ldt);
}

enum outcome execute_ltr(struct cpu *cpu, const struct op *op)
{
    return load_selector(cpu, op, load_task);
}
