// SPDX-License-Identifier: Apache-2.0
/* PVH: an ELF kernel that names its 32-bit entry in a note (Xen's docs/misc/pvh.pandoc). */
#pragma once

#include "core/machine/boot_layout.h"

bool boot_pvh_recognizes(const struct boot_image *kernel);

enum boot_problem boot_pvh(const struct boot_context *context, struct cpu_state *state);
