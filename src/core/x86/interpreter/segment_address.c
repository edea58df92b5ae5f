// SPDX-License-Identifier: Apache-2.0
/* Segmentation of memory accesses that are not flat (SDM volume 3, 5.3 and 5.5). */
#include "core/x86/instruction.h"
#include "core/x86/interpreter/descriptor.h"

static bool raise_segment(struct cpu *cpu, unsigned segment)
{
    return cpu_raise_error(cpu, segment == SEGMENT_SS ? EXCEPTION_SS : EXCEPTION_GP, 0);
}

static bool linear_in_64_bit_mode(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size,
                                  gva_t *linear)
{
    *linear = offset;
    if (segment >= SEGMENT_FS)
        *linear += cpu->state.segments[segment].base;
    if (is_canonical(*linear) && is_canonical(*linear + size - 1))
        return true;
    return raise_segment(cpu, segment);
}

/* Real and virtual-8086 mode have no types: any segment may be read and written. */
static bool type_permits(const struct cpu *cpu, uint16_t attributes, unsigned access)
{
    if (!in_protected_mode(cpu))
        return true;
    if (attributes & SEGMENT_UNUSABLE)
        return false;
    bool code = attributes & SEGMENT_TYPE_CODE;
    bool second = attributes & SEGMENT_TYPE_WRITABLE; /* readable for code */
    if (access & ACCESS_WRITE)
        return !code && second;
    return !code || second || !(access & ACCESS_READ);
}

bool segment_contains(const struct segment *segment, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    bool expand_down = (segment->attributes & (SEGMENT_TYPE_CODE | SEGMENT_TYPE_EXPAND_DOWN)) ==
                       SEGMENT_TYPE_EXPAND_DOWN;
    if (!expand_down) /* of 4 GiB there is no end: addresses go around, as on CPUs */
        return last <= segment->limit || segment->limit == UINT32_MAX;
    uint64_t top = segment->attributes & SEGMENT_BIG ? UINT32_MAX : UINT16_MAX;
    return offset > segment->limit && last <= top;
}

bool segment_linear(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size,
                    unsigned access, gva_t *linear)
{
    if (cpu->code_size == CODE_64)
        return linear_in_64_bit_mode(cpu, segment, offset, size, linear);
    const struct segment *hidden = &cpu->state.segments[segment];
    *linear = (uint32_t)(hidden->base + offset);
    if (type_permits(cpu, hidden->attributes, access) &&
        segment_contains(hidden, offset, size ? size : 1))
        return true;
    return raise_segment(cpu, segment);
}
