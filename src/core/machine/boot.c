// SPDX-License-Identifier: Apache-2.0
#include "core/machine/boot.h"

#include "core/machine/boot_layout.h"
#include "core/memory/copy.h"

/* Selectors of Linux' boot protocol, which PVH accepts too: code 10H, data 18H, and a TSS. */
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS  0x20
#define FLAT_CODE     UINT64_C(0x00cf9b000000ffff)
#define FLAT_DATA     UINT64_C(0x00cf93000000ffff)
#define LONG_CODE     UINT64_C(0x00af9b000000ffff)
#define EMPTY_TSS     UINT64_C(0x00008b0000000067)

const char *boot_problem_text(enum boot_problem problem)
{
    static const char *const texts[BOOT_PROBLEMS] = {
        [BOOT_OK] = "it can be booted",
        [BOOT_NO_KERNEL] = "it is no Linux kernel: neither a bzImage nor an ELF file",
        [BOOT_KERNEL_TRUNCATED] = "the file ends before the kernel does",
        [BOOT_KERNEL_TOO_OLD] = "it is too old: boot protocol 2.06 or later is needed",
        [BOOT_KERNEL_NO_ENTRY] =
            "it has no PVH entry point, which the machine of --as para needs; use --as full",
        [BOOT_KERNEL_MALFORMED] = "its headers contradict each other",
        [BOOT_KERNEL_TOO_LARGE] = "it does not fit into the machine's memory; give it more with -m",
        [BOOT_INITRD_TOO_LARGE] =
            "it does not fit into memory beside the kernel; give the machine more with -m",
        [BOOT_COMMAND_LINE_TOO_LONG] = "the command line is longer than this kernel takes",
    };
    return problem < BOOT_PROBLEMS && texts[problem] ? texts[problem] : "unknown problem";
}

static struct segment flat_segment(uint16_t selector, uint16_t attributes)
{
    return (struct segment){
        .base = 0, .limit = UINT32_MAX, .selector = selector, .attributes = attributes
    };
}

static void set_segments(struct cpu_state *state)
{
    const uint16_t common = SEGMENT_PRESENT | SEGMENT_BIG | SEGMENT_GRANULAR |
                            SEGMENT_CODE_OR_DATA | SEGMENT_TYPE_ACCESSED | SEGMENT_TYPE_WRITABLE;
    for (unsigned i = 0; i < 6; i++)
        state->segments[i] = flat_segment(SELECTOR_DATA, common);
    state->segments[SEGMENT_CS] = flat_segment(SELECTOR_CODE, common | SEGMENT_TYPE_CODE);
    state->tr = (struct segment){ .limit = 0x67,
                                  .selector = SELECTOR_TSS,
                                  .attributes = SEGMENT_PRESENT | 0xb };
    state->ldtr = (struct segment){ .attributes = SEGMENT_UNUSABLE };
}

void boot_enter_protected_mode(const struct boot_context *context, gpa_t entry,
                               struct cpu_state *state)
{
    const uint64_t descriptors[] = { 0, 0, FLAT_CODE, FLAT_DATA, EMPTY_TSS };
    boot_write(context->memory, BOOT_GDT_ADDRESS, descriptors, sizeof(descriptors));
    cpu_state_reset(state, 0);
    set_segments(state);
    state->gdtr = (struct descriptor_table){ BOOT_GDT_ADDRESS, sizeof(descriptors) - 1 };
    state->idtr = (struct descriptor_table){ 0, 0 };
    state->cr0 = CR0_PE | CR0_ET;
    state->rflags = RFLAGS_ONE;
    state->rip = entry;
    for (unsigned i = 0; i < 16; i++)
        state->general[i] = 0;
}

void boot_write_long_code_descriptor(const struct boot_context *context)
{
    const uint64_t descriptor = LONG_CODE;
    boot_write(context->memory, BOOT_GDT_ADDRESS + SELECTOR_CODE, &descriptor, sizeof(descriptor));
}

enum boot_problem boot_place_initrd(const struct boot_context *context, gpa_t lowest, gpa_t limit,
                                    gpa_t *address)
{
    const struct boot_image *initrd = &context->request->initrd;
    gpa_t end = memory_map_low_end(context->map);
    if (end > limit)
        end = limit;
    if (end < lowest || initrd->length > end - lowest)
        return BOOT_INITRD_TOO_LARGE;
    *address = (end - initrd->length) & ~(gpa_t)FRAME_MASK;
    if (*address < lowest || !boot_write(context->memory, *address, initrd->bytes, initrd->length))
        return BOOT_INITRD_TOO_LARGE;
    return BOOT_OK;
}

enum boot_problem boot_place_command_line(const struct boot_context *context, uint64_t limit)
{
    const char *text = context->request->command_line;
    uint64_t length = 0;
    while (text[length])
        length++;
    if (length > limit || length >= BOOT_COMMAND_LINE_ROOM)
        return BOOT_COMMAND_LINE_TOO_LONG;
    boot_write(context->memory, BOOT_COMMAND_LINE_ADDRESS, text, length + 1);
    return BOOT_OK;
}
