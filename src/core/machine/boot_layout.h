// SPDX-License-Identifier: Apache-2.0
/*
 * What both boot protocols share: where things lie below 1 MiB, the flat 32-bit state that a kernel
 * is entered with, and the place for the initrd.
 *
 *      0x0500  global descriptor table
 *      0x6000  start information of PVH, its module list and memory map
 *      0x7000  boot_params of Linux ("zero page")
 *      0x9000  page tables of a 64-bit entry, six of them
 *     0x20000  command line
 */
#pragma once

#include "core/machine/boot.h"
#include "core/machine/memory_map.h"
#include "core/x86/cpu_state.h"

#define BOOT_GDT_ADDRESS          0x500u
#define BOOT_START_INFO_ADDRESS   0x6000u
#define BOOT_PARAMS_ADDRESS       0x7000u
#define BOOT_PAGE_TABLES_ADDRESS  0x9000u
#define BOOT_COMMAND_LINE_ADDRESS 0x20000u
#define BOOT_COMMAND_LINE_ROOM    0x10000u
#define BOOT_KERNEL_LOWEST        0x100000u /* kernels lie above */

struct boot_context {
    const struct guest_memory *memory;
    const struct memory_map *map;
    const struct boot_request *request;
    gpa_t acpi_rsdp; /* 0: none */
};

/* Protected mode, paging off, flat segments, interrupts off, EIP = entry; the descriptors are in
 * memory. */
void boot_enter_protected_mode(const struct boot_context *context, gpa_t entry,
                               struct cpu_state *state);

/* The code descriptor becomes one of 64-bit code. */
void boot_write_long_code_descriptor(const struct boot_context *context);

/* Copy the initrd as high as it goes: page-aligned, at or above `lowest`, below `limit` and the
 * end of low RAM. */
enum boot_problem boot_place_initrd(const struct boot_context *context, gpa_t lowest, gpa_t limit,
                                    gpa_t *address);

/* Copy the command line, which may have `limit` bytes without its NUL. */
enum boot_problem boot_place_command_line(const struct boot_context *context, uint64_t limit);
