// SPDX-License-Identifier: Apache-2.0
/*
 * A Linux kernel that is unpacked already, entered as its own decompressor would: the ELF file's
 * entry, with boot_params (boot.rst, "64-bit boot protocol"; 32-bit kernels in protected mode). The
 * kernel runs where it was linked to: nobody moves it, so there is no KASLR.
 */
#pragma once

#include "core/machine/boot_layout.h"

enum boot_problem boot_elf(const struct boot_context *context, struct cpu_state *state);
