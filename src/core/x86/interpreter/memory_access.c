// SPDX-License-Identifier: Apache-2.0
#include "core/x86/interpreter/memory_access.h"

#define DEFINE_MISSED(bits)                                                                        \
    bool linear_read_missed_##bits(struct cpu *cpu)                                                \
    {                                                                                              \
        return cpu_read_slow(cpu, cpu->missed, &cpu->scratch, bits / 8);                           \
    }                                                                                              \
                                                                                                   \
    bool linear_write_missed_##bits(struct cpu *cpu)                                               \
    {                                                                                              \
        return cpu_write_slow(cpu, cpu->missed, &cpu->scratch, bits / 8);                          \
    }

DEFINE_MISSED(8)
DEFINE_MISSED(16)
DEFINE_MISSED(32)
DEFINE_MISSED(64)
