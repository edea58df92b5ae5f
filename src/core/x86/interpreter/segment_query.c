// SPDX-License-Identifier: Apache-2.0
/* LAR, LSL, VERR, VERW, ARPL: asking about selectors without a fault (SDM volume 3, 5.10). */
#include "core/x86/interpreter/system.h"

#define LAR_MASK                                                                                   \
    UINT64_C(0x00ffff00) /* of the second doubleword; bits 19:16 are the limit's on CPUs */

/* Types of system descriptors that LAR and LSL know (volume 2, tables 3-53 and 3-54). */
#define LAR_TYPES                                                                                  \
    (1u << SYSTEM_TSS_16 | 1u << SYSTEM_LDT | 1u << SYSTEM_TSS_16_BUSY |                           \
     1u << SYSTEM_CALL_GATE_16 | 1u << SYSTEM_TASK_GATE | 1u << SYSTEM_TSS |                       \
     1u << SYSTEM_TSS_BUSY | 1u << SYSTEM_CALL_GATE)
#define LSL_TYPES                                                                                  \
    (1u << SYSTEM_TSS_16 | 1u << SYSTEM_LDT | 1u << SYSTEM_TSS_16_BUSY | 1u << SYSTEM_TSS |        \
     1u << SYSTEM_TSS_BUSY)
#define LONG_MODE_TYPES                                                                            \
    (1u << SYSTEM_LDT | 1u << SYSTEM_TSS | 1u << SYSTEM_TSS_BUSY | 1u << SYSTEM_CALL_GATE)

static void set_zero_flag(struct cpu *cpu, bool set)
{
    uint64_t rflags = cpu_rflags(cpu) & ~RFLAGS_ZF;
    cpu_set_rflags(cpu, rflags | (set ? RFLAGS_ZF : 0));
}

static bool privilege_permits(const struct cpu *cpu, uint16_t selector,
                              const struct descriptor *descriptor)
{
    unsigned dpl = descriptor_dpl(descriptor);
    return cpu->privilege_level <= dpl && (selector & SELECTOR_RPL) <= dpl;
}

/* False: not visible; DESCRIPTOR_FAULT goes to `*fault`. */
static bool look_up(struct cpu *cpu, uint16_t selector, struct descriptor *descriptor, bool *fault)
{
    *fault = false;
    if (selector_is_null(selector))
        return false;
    enum descriptor_status status = descriptor_find(cpu, selector, descriptor);
    *fault = status == DESCRIPTOR_FAULT;
    return status == DESCRIPTOR_READ;
}

static bool visible(const struct cpu *cpu, uint16_t selector, const struct descriptor *descriptor,
                    unsigned types)
{
    if (descriptor_is_system(descriptor)) {
        types &= cpu->long_mode ? LONG_MODE_TYPES : ~0u;
        if (!(types >> descriptor_type(descriptor) & 1))
            return false;
    } else if (descriptor_is_code(descriptor) && descriptor_is_conforming(descriptor)) {
        return true;
    }
    return privilege_permits(cpu, selector, descriptor);
}

static uint64_t access_rights(const struct descriptor *descriptor)
{
    return descriptor->low >> 32 & LAR_MASK;
}

static uint64_t limit(const struct descriptor *descriptor)
{
    return descriptor_limit(descriptor);
}

static enum outcome load_of_descriptor(struct cpu *cpu, const struct op *op, unsigned types,
                                       uint64_t (*value)(const struct descriptor *))
{
    struct descriptor descriptor;
    uint64_t selector;
    bool fault;
    if (!in_protected_mode(cpu))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 1, &selector))
        return op_fault(cpu, op);
    bool found = look_up(cpu, (uint16_t)selector, &descriptor, &fault);
    if (fault)
        return op_fault(cpu, op);
    found = found && visible(cpu, (uint16_t)selector, &descriptor, types);
    if (found && !operand_write(cpu, op, 0, value(&descriptor)))
        return op_fault(cpu, op);
    set_zero_flag(cpu, found);
    NEXT_OP(cpu, op);
}

enum outcome execute_lar(struct cpu *cpu, const struct op *op)
{
    return load_of_descriptor(cpu, op, LAR_TYPES, access_rights);
}

enum outcome execute_lsl(struct cpu *cpu, const struct op *op)
{
    return load_of_descriptor(cpu, op, LSL_TYPES, limit);
}

static bool readable(const struct cpu *cpu, uint16_t selector, const struct descriptor *descriptor)
{
    if (descriptor_is_code(descriptor)) {
        if (!(descriptor_attributes(descriptor) & SEGMENT_TYPE_WRITABLE))
            return false;
        if (descriptor_is_conforming(descriptor))
            return true;
    }
    return privilege_permits(cpu, selector, descriptor);
}

static bool writable(const struct cpu *cpu, uint16_t selector, const struct descriptor *descriptor)
{
    return descriptor_is_writable_data(descriptor) && privilege_permits(cpu, selector, descriptor);
}

static enum outcome verify(struct cpu *cpu, const struct op *op,
                           bool (*permits)(const struct cpu *, uint16_t, const struct descriptor *))
{
    struct descriptor descriptor;
    uint64_t selector;
    bool fault;
    if (!in_protected_mode(cpu))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 0, &selector))
        return op_fault(cpu, op);
    bool found = look_up(cpu, (uint16_t)selector, &descriptor, &fault);
    if (fault)
        return op_fault(cpu, op);
    set_zero_flag(cpu, found && !descriptor_is_system(&descriptor) &&
                           permits(cpu, (uint16_t)selector, &descriptor));
    NEXT_OP(cpu, op);
}

enum outcome execute_verr(struct cpu *cpu, const struct op *op)
{
    return verify(cpu, op, readable);
}

enum outcome execute_verw(struct cpu *cpu, const struct op *op)
{
    return verify(cpu, op, writable);
}

enum outcome execute_arpl(struct cpu *cpu, const struct op *op)
{
    uint64_t destination, source;
    if (!in_protected_mode(cpu))
        return op_raise(cpu, op, EXCEPTION_UD);
    if (!operand_read(cpu, op, 0, &destination) || !operand_read(cpu, op, 1, &source))
        return op_fault(cpu, op);
    bool raised = (destination & SELECTOR_RPL) < (source & SELECTOR_RPL);
    uint64_t adjusted = (destination & ~(uint64_t)SELECTOR_RPL) | (source & SELECTOR_RPL);
    if (raised && !operand_write(cpu, op, 0, adjusted))
        return op_fault(cpu, op);
    set_zero_flag(cpu, raised);
    NEXT_OP(cpu, op);
}
