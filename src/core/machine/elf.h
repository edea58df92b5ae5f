// SPDX-License-Identifier: Apache-2.0
/* The program headers of an executable ELF file, of 32 or 64 bits, little-endian, for x86. */
#pragma once

#include "core/machine/boot.h"

enum { ELF_LOAD = 1, ELF_NOTE = 4 };

struct elf_segment {
    uint32_t type;
    uint64_t offset, physical_address, file_size, memory_size, alignment;
};

struct elf_file {
    const struct boot_image *image;
    bool wide; /* 64 bits */
    uint64_t table, entry;
    unsigned count, entry_size;
};

bool elf_recognizes(const struct boot_image *image);
/* Headers and every segment are in the file, or what is wrong with it. */
enum boot_problem elf_open(const struct boot_image *image, struct elf_file *file);
/* Of a file that was opened; `index` < count. */
void elf_segment(const struct elf_file *file, unsigned index, struct elf_segment *segment);
