// SPDX-License-Identifier: Apache-2.0
#include "core/machine/boot_elf.h"

#include "core/machine/boot_params.h"
#include "core/machine/elf_load.h"
#include "core/x86/registers.h"

#define BOOT_VERSION       0x020f
#define INITRD_LIMIT       UINT64_C(0x80000000)
#define COMMAND_LINE_LIMIT 2047
#define IDENTITY_GIB       4u /* all that the kernel may touch before it has tables of its own */

static void write_entry(const struct boot_context *context, gpa_t table, unsigned index,
                        uint64_t entry)
{
    boot_write(context->memory, table + 8 * index, &entry, sizeof(entry));
}

/* Linear addresses are physical ones, in pages of 2 MiB. */
static void write_page_tables(const struct boot_context *context)
{
    const uint64_t common = PAGE_ENTRY_PRESENT | PAGE_ENTRY_WRITABLE;
    gpa_t level_3 = BOOT_PAGE_TABLES_ADDRESS + FRAME_SIZE, level_2 = level_3 + FRAME_SIZE;
    boot_fill(context->memory, BOOT_PAGE_TABLES_ADDRESS, 0, (2 + IDENTITY_GIB) * FRAME_SIZE);
    write_entry(context, BOOT_PAGE_TABLES_ADDRESS, 0, level_3 | common);
    for (unsigned i = 0; i < IDENTITY_GIB; i++)
        write_entry(context, level_3, i, (level_2 + i * FRAME_SIZE) | common);
    for (unsigned i = 0; i < IDENTITY_GIB * 512; i++)
        write_entry(context, level_2, i, (uint64_t)i << 21 | common | PAGE_ENTRY_LARGE);
}

static void enter_long_mode(const struct boot_context *context, struct cpu_state *state)
{
    write_page_tables(context);
    state->cr3 = BOOT_PAGE_TABLES_ADDRESS;
    state->cr4 = CR4_PAE;
    state->efer = EFER_LME | EFER_LMA;
    state->cr0 |= CR0_PG | CR0_NE;
    struct segment *code = &state->segments[SEGMENT_CS];
    code->attributes = (uint16_t)((code->attributes & ~SEGMENT_BIG) | SEGMENT_LONG);
    boot_write_long_code_descriptor(context);
}

static enum boot_problem write_params(const struct boot_context *context, gpa_t initrd)
{
    struct setup_header header = {
        .boot_flag = 0xaa55,
        .magic = SETUP_HEADER_MAGIC,
        .version = BOOT_VERSION,
        .load_flags = LOAD_FLAG_HIGH,
        .kernel_alignment = 0x1000000,
    };
    boot_complete_header(&header, initrd, context->request->initrd.length);
    return boot_write_params(context, &header, sizeof(header));
}

enum boot_problem boot_elf(const struct boot_context *context, struct cpu_state *state)
{
    struct elf_file file;
    gpa_t initrd = 0, end = 0;
    enum boot_problem problem = elf_open(&context->request->kernel, &file);
    if (problem == BOOT_OK && file.entry > UINT32_MAX)
        problem = BOOT_KERNEL_MALFORMED;
    if (problem == BOOT_OK)
        problem = elf_load(context, &file, file.entry, &end);
    if (problem == BOOT_OK && context->request->initrd.length > 0)
        problem = boot_place_initrd(context, end, INITRD_LIMIT, &initrd);
    if (problem == BOOT_OK)
        problem = boot_place_command_line(context, COMMAND_LINE_LIMIT);
    if (problem == BOOT_OK)
        problem = write_params(context, initrd);
    if (problem != BOOT_OK)
        return problem;
    boot_enter_protected_mode(context, file.entry, state);
    state->general[RSI] = BOOT_PARAMS_ADDRESS;
    if (file.wide)
        enter_long_mode(context, state);
    return BOOT_OK;
}
