// SPDX-License-Identifier: Apache-2.0
/*
 * What CPUID answers: built once for a machine from a CPU model, cut to what the host can execute,
 * and the same for every engine. The engine fills in what depends on state when CPUID executes:
 * OSXSAVE, the APIC identifiers, and the sizes of leaf 0DH.
 */
#pragma once

#include "core/types.h"

#define CPUID_ENTRIES 48

struct cpuid_entry {
    uint32_t leaf, subleaf;
    bool has_subleaf;
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid_table {
    unsigned count;
    struct cpuid_entry entries[CPUID_ENTRIES];
    uint64_t features[2]; /* bit n: enum cpu_feature n of mnemonic.h is offered */
};

enum cpu_model { CPU_MODEL_X86_64, CPU_MODEL_X86_64_V2, CPU_MODEL_X86_64_V3, CPU_MODEL_MAX };

enum hypervisor_interface {
    HYPERVISOR_NONE, /* no hypervisor bit, no leaf 40000000H: the guest cannot know */
    HYPERVISOR_KVM,
};

struct cpuid_request {
    enum cpu_model model;
    enum hypervisor_interface interface;
    uint32_t kvm_features; /* leaf 40000001H EAX */
    unsigned vcpu_count;
    uint64_t tsc_frequency; /* Hz; 0: not told */
};

/* Executes CPUID on the host. */
void cpuid_table_build(struct cpuid_table *table, const struct cpuid_request *request);

static inline bool cpuid_has(const struct cpuid_table *table, unsigned feature)
{
    return table->features[feature / 64] >> (feature % 64) & 1;
}

/* NULL: the leaf is not there and answers as the highest basic leaf does (SDM volume 2, CPUID). */
const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
                                     uint32_t subleaf);
