// SPDX-License-Identifier: Apache-2.0
/* Loading segment registers (SDM volume 2, MOV; volume 3, 5.6, 5.7). CS is loaded by far transfers
 * alone. */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/descriptor.h"

#define REAL_DATA_ATTRIBUTES    0x93 /* present, writable, accessed */
#define VIRTUAL_8086_ATTRIBUTES 0xf3 /* likewise, DPL 3 */

void segment_load_real(struct cpu *cpu, unsigned segment, uint16_t selector)
{
    struct segment *hidden = &cpu->state.segments[segment];
    if (in_virtual_8086_mode(cpu)) {
        hidden->limit = 0xffff;
        hidden->attributes = VIRTUAL_8086_ATTRIBUTES;
    } else if (hidden->attributes & SEGMENT_UNUSABLE) {
        hidden->limit = 0xffff;
        hidden->attributes = REAL_DATA_ATTRIBUTES;
    }
    /* Otherwise real mode keeps limit and attributes: "unreal mode". */
    hidden->selector = selector;
    hidden->base = (uint32_t)selector << 4;
}

bool stack_segment_load(struct cpu *cpu, uint16_t selector, unsigned privilege, unsigned vector,
                        bool external, struct segment *segment)
{
    struct descriptor descriptor;
    if (selector_is_null(selector))
        return raise_selector(cpu, vector, selector, external);
    if (!descriptor_read(cpu, selector, vector, external, &descriptor))
        return false;
    if ((selector & SELECTOR_RPL) != privilege || !descriptor_is_writable_data(&descriptor) ||
        descriptor_dpl(&descriptor) != privilege)
        return raise_selector(cpu, vector, selector, external);
    if (!descriptor_present(&descriptor))
        return raise_selector(cpu, EXCEPTION_SS, selector, external);
    if (!descriptor_set(cpu, &descriptor, SEGMENT_TYPE_ACCESSED))
        return false;
    *segment = segment_from_descriptor(selector, &descriptor);
    return true;
}

static bool load_stack_segment(struct cpu *cpu, uint16_t selector)
{
    unsigned privilege = cpu->privilege_level;
    struct segment *ss = &cpu->state.segments[SEGMENT_SS];
    if (!selector_is_null(selector))
        return stack_segment_load(cpu, selector, privilege, EXCEPTION_GP, false, ss);
    if (cpu->code_size != CODE_64 || privilege == 3 || (selector & SELECTOR_RPL) != privilege)
        return cpu_raise_error(cpu, EXCEPTION_GP, 0);
    *ss = segment_null(selector, privilege);
    return true;
}

/* Data, or code that may be read; privilege counts but for conforming code. */
static bool data_segment_permitted(const struct cpu *cpu, uint16_t selector,
                                   const struct descriptor *descriptor)
{
    if (descriptor_is_system(descriptor))
        return false;
    if (descriptor_is_code(descriptor)) {
        if (!(descriptor_attributes(descriptor) & SEGMENT_TYPE_WRITABLE))
            return false;
        if (descriptor_is_conforming(descriptor))
            return true;
    }
    unsigned dpl = descriptor_dpl(descriptor);
    return (selector & SELECTOR_RPL) <= dpl && cpu->privilege_level <= dpl;
}

static bool load_data_segment(struct cpu *cpu, unsigned segment, uint16_t selector)
{
    struct descriptor descriptor;
    if (selector_is_null(selector)) {
        cpu->state.segments[segment] = segment_null(selector, 0);
        return true;
    }
    if (!descriptor_read(cpu, selector, EXCEPTION_GP, false, &descriptor))
        return false;
    if (!data_segment_permitted(cpu, selector, &descriptor))
        return raise_selector(cpu, EXCEPTION_GP, selector, false);
    if (!descriptor_present(&descriptor))
        return raise_selector(cpu, EXCEPTION_NP, selector, false);
    if (!descriptor_set(cpu, &descriptor, SEGMENT_TYPE_ACCESSED))
        return false;
    cpu->state.segments[segment] = segment_from_descriptor(selector, &descriptor);
    return true;
}

bool segment_load(struct cpu *cpu, unsigned segment, uint16_t selector)
{
    if (!in_protected_mode(cpu)) {
        segment_load_real(cpu, segment, selector);
        return true;
    }
    return segment == SEGMENT_SS ? load_stack_segment(cpu, selector)
                                 : load_data_segment(cpu, segment, selector);
}
