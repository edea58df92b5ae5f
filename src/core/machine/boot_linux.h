// SPDX-License-Identifier: Apache-2.0
/* The Linux/x86 boot protocol, 32-bit entry (Documentation/x86/boot.rst): one way for 64-bit and
 * 32-bit kernels. */
#pragma once

#include "core/machine/boot_layout.h"

/* Does it look like a bzImage? */
bool boot_linux_recognizes(const struct boot_image *kernel);

enum boot_problem boot_linux(const struct boot_context *context, struct cpu_state *state);
