// SPDX-License-Identifier: Apache-2.0
#include "core/machine/elf_load.h"

static enum boot_problem load_segment(const struct boot_context *context,
                                      const struct elf_segment *segment)
{
    gpa_t low_end = memory_map_low_end(context->map);
    gpa_t start = segment->physical_address;
    if (segment->memory_size < segment->file_size || start < BOOT_KERNEL_LOWEST)
        return BOOT_KERNEL_MALFORMED;
    if (start > low_end || segment->memory_size > low_end - start)
        return BOOT_KERNEL_TOO_LARGE;
    const uint8_t *bytes = context->request->kernel.bytes + segment->offset;
    if (!boot_write(context->memory, start, bytes, segment->file_size) ||
        !boot_fill(context->memory, start + segment->file_size, 0,
                   segment->memory_size - segment->file_size))
        return BOOT_KERNEL_TOO_LARGE;
    return BOOT_OK;
}

enum boot_problem elf_load(const struct boot_context *context, const struct elf_file *file,
                           uint64_t entry, gpa_t *end)
{
    bool entry_in_segment = false;
    *end = 0;
    for (unsigned i = 0; i < file->count; i++) {
        struct elf_segment segment;
        elf_segment(file, i, &segment);
        if (segment.type != ELF_LOAD || segment.memory_size == 0)
            continue;
        enum boot_problem problem = load_segment(context, &segment);
        if (problem != BOOT_OK)
            return problem;
        if (segment.physical_address + segment.memory_size > *end)
            *end = segment.physical_address + segment.memory_size;
        entry_in_segment |= entry - segment.physical_address < segment.memory_size;
    }
    return entry_in_segment ? BOOT_OK : BOOT_KERNEL_MALFORMED;
}
