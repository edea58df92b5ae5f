// SPDX-License-Identifier: Apache-2.0
/* The bits of CPUID that a CPU model can offer: one row a bit, read by cpuid_table.c. */
#pragma once

#include "core/x86/cpuid_table.h"
#include "core/x86/mnemonic.h"

/* Which register of which leaf. */
enum cpuid_word {
    WORD_1_EDX,
    WORD_1_ECX,
    WORD_7_EBX,
    WORD_7_ECX,
    WORD_7_EDX,
    WORD_D1_EAX,
    WORD_80000001_EDX,
    WORD_80000001_ECX,
    WORD_80000007_EDX,
    CPUID_WORDS
};

enum cpuid_condition {
    ALWAYS,    /* the engine's own work: needs nothing of the host */
    HOST,      /* the host executes it: offered only where the host has the same bit */
    HYPERVISOR /* only with a paravirtual interface */
};

struct cpuid_feature {
    uint8_t word, bit;
    uint8_t level;     /* enum cpu_model: the lowest that has it */
    uint8_t condition; /* enum cpuid_condition */
    uint8_t feature;   /* enum cpu_feature, FEATURE_NONE where no instruction asks for it */
    uint8_t requires;  /* enum cpu_feature of an earlier row, FEATURE_BASE for none */
};

extern const struct cpuid_feature cpuid_features[];
extern const unsigned cpuid_feature_count;
