// SPDX-License-Identifier: Apache-2.0
#include "core/x86/decoder_table.h"
const struct opcode opcodes_vex_0f[256] = { NOTHING };
const struct opcode opcodes_vex_0f38[256] = { NOTHING };
const struct opcode opcodes_vex_0f3a[256] = { NOTHING };
