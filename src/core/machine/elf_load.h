// SPDX-License-Identifier: Apache-2.0
/* Put the segments of an ELF kernel where their physical addresses say. */
#pragma once

#include "core/machine/boot_layout.h"
#include "core/machine/elf.h"

/* `entry` must lie in one of the segments, which were all found to be in the file. `*end`: behind
 * the highest of them. */
enum boot_problem elf_load(const struct boot_context *context, const struct elf_file *file,
                           uint64_t entry, gpa_t *end);
