// SPDX-License-Identifier: Apache-2.0
/* What is booted, and what can be wrong with it: all of it comes from files that nobody vouches
 * for. */
#pragma once

#include "core/types.h"

struct boot_image {
    const uint8_t *bytes;
    size_t length;
};

struct boot_request {
    struct boot_image kernel; /* bzImage, or ELF with a PVH note */
    struct boot_image initrd; /* length 0: none */
    const char *command_line; /* NUL-terminated */
};

enum boot_problem {
    BOOT_OK,
    BOOT_NO_KERNEL,             /* neither a bzImage nor an ELF file */
    BOOT_KERNEL_TRUNCATED,      /* headers point beyond the end of the file */
    BOOT_KERNEL_TOO_OLD,        /* boot protocol before 2.06 or loaded low (zImage) */
    BOOT_KERNEL_NO_ENTRY,       /* ELF without a PVH note */
    BOOT_KERNEL_MALFORMED,      /* contradicts itself: segments that overlap or wrap around */
    BOOT_KERNEL_TOO_LARGE,      /* does not fit into the machine's memory */
    BOOT_INITRD_TOO_LARGE,      /* does not fit behind the kernel */
    BOOT_COMMAND_LINE_TOO_LONG, /* for this kernel */
    BOOT_PROBLEMS
};

/* For people, without the name of the file; static. */
const char *boot_problem_text(enum boot_problem problem);

/*
 * The compressed kernel proper inside a bzImage (gzip, xz, zstd, lz4, ... by its first bytes):
 * whoever can decompress it gets the ELF file that PVH needs. Length 0: there is none.
 */
struct boot_image boot_linux_payload(const struct boot_image *kernel);
