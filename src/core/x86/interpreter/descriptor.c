// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/descriptor.h"

bool raise_selector(struct cpu *cpu, unsigned vector, uint16_t selector, bool external)
{
    return cpu_raise_error(cpu, vector, (selector & ~SELECTOR_RPL) | external);
}

/* Where the table of the selector lies; false: there is none. */
static bool table_of(const struct cpu *cpu, uint16_t selector, uint64_t *base, uint32_t *limit)
{
    const struct cpu_state *state = &cpu->state;
    if (!(selector & SELECTOR_TI)) {
        *base = state->gdtr.base;
        *limit = state->gdtr.limit;
        return true;
    }
    *base = state->ldtr.base;
    *limit = state->ldtr.limit;
    return !(state->ldtr.attributes & SEGMENT_UNUSABLE);
}

static enum descriptor_status table_read(struct cpu *cpu, uint16_t selector, unsigned offset,
                                         uint64_t *value, gva_t *address)
{
    uint64_t base;
    uint32_t limit;
    if (!table_of(cpu, selector, &base, &limit))
        return DESCRIPTOR_OUTSIDE;
    uint32_t first = (selector & SELECTOR_INDEX) + offset;
    if (first + 7 > limit)
        return DESCRIPTOR_OUTSIDE;
    *address = base + first;
    return cpu_read_system(cpu, *address, value, sizeof(*value)) ? DESCRIPTOR_READ
                                                                 : DESCRIPTOR_FAULT;
}

enum descriptor_status descriptor_find(struct cpu *cpu, uint16_t selector,
                                       struct descriptor *descriptor)
{
    descriptor->high = 0;
    return table_read(cpu, selector, 0, &descriptor->low, &descriptor->address);
}

enum descriptor_status descriptor_find_high(struct cpu *cpu, uint16_t selector,
                                            struct descriptor *descriptor)
{
    gva_t address;
    return table_read(cpu, selector, 8, &descriptor->high, &address);
}

bool descriptor_read(struct cpu *cpu, uint16_t selector, unsigned vector, bool external,
                     struct descriptor *descriptor)
{
    enum descriptor_status status = descriptor_find(cpu, selector, descriptor);
    if (status == DESCRIPTOR_OUTSIDE)
        return raise_selector(cpu, vector, selector, external);
    return status == DESCRIPTOR_READ;
}

#define ACCESS_RIGHTS_BYTE 5

/* The processor does this with a locked operation (8.1.2.1); another vCPU may write the rest of the
 * descriptor meanwhile, so only the byte of the type is written. */
static bool change_type(struct cpu *cpu, struct descriptor *descriptor, uint8_t set, uint8_t clear)
{
    uint8_t type;
    gva_t address = descriptor->address + ACCESS_RIGHTS_BYTE;
    if (!cpu_read_system(cpu, address, &type, 1))
        return false;
    type = (uint8_t)((type | set) & ~clear);
    descriptor->low = (descriptor->low & ~(UINT64_C(0xff) << 40)) | (uint64_t)type << 40;
    return cpu_write_system(cpu, address, &type, 1);
}

bool descriptor_set(struct cpu *cpu, struct descriptor *descriptor, uint8_t type_bits)
{
    if ((descriptor_type(descriptor) & type_bits) == type_bits)
        return true;
    return change_type(cpu, descriptor, type_bits, 0);
}

bool descriptor_clear(struct cpu *cpu, struct descriptor *descriptor, uint8_t type_bits)
{
    return change_type(cpu, descriptor, 0, type_bits);
}

struct segment segment_from_descriptor(uint16_t selector, const struct descriptor *descriptor)
{
    return (struct segment){ .base = descriptor_base(descriptor),
                             .limit = descriptor_limit(descriptor),
                             .selector = selector,
                             .attributes = descriptor_attributes(descriptor) };
}

struct segment segment_null(uint16_t selector, unsigned privilege)
{
    return (struct segment){ .selector = selector,
                             .attributes = (uint16_t)(SEGMENT_UNUSABLE | privilege << 5) };
}
