// SPDX-License-Identifier: Apache-2.0
/*
 * What CPUID answers: built once for a machine from a CPU model, cut to what the host can execute,
 * and the same for every engine. The engine fills in what depends on state when CPUID executes:
 * OSXSAVE, the APIC identifiers, and the sizes of leaf 0DH.
 */
#pragma once

#include "core/types.h"

#define CPUID_ENTRIES 48

/* What leaf 15H calls the core crystal: the input clock of the local APIC's timer, by which Linux
 * sets it (SDM volume 3, 18.7.3). Ours counts nanoseconds (device/lapic.h). */
#define CPUID_CRYSTAL_FREQUENCY 1000000000u

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

/*
 * IA32_ARCH_CAPABILITIES (MSR 10AH, SDM volume 4, table 2-2). What a software engine runs cannot
 * reach the caches and predictors that these flaws are about in the way that a kernel's mitigations
 * defend, so we say that they are not there, and kernels go without page table isolation,
 * retpolines and buffer clearing. IBRS_ALL: one write of IA32_SPEC_CTRL is all that a kernel does.
 */
#define ARCH_CAPABILITIES_RDCL_NO        (UINT64_C(1) << 0)
#define ARCH_CAPABILITIES_IBRS_ALL       (UINT64_C(1) << 1)
#define ARCH_CAPABILITIES_SKIP_L1D_FLUSH (UINT64_C(1) << 3)
#define ARCH_CAPABILITIES_SSB_NO         (UINT64_C(1) << 4)
#define ARCH_CAPABILITIES_MDS_NO         (UINT64_C(1) << 5)
#define ARCH_CAPABILITIES_PSCHANGE_NO    (UINT64_C(1) << 6)
#define ARCH_CAPABILITIES_TAA_NO         (UINT64_C(1) << 8)
#define ARCH_CAPABILITIES_SBDR_SSDP_NO   (UINT64_C(1) << 13)
#define ARCH_CAPABILITIES_FBSDP_NO       (UINT64_C(1) << 14)
#define ARCH_CAPABILITIES_PSDP_NO        (UINT64_C(1) << 15)
#define ARCH_CAPABILITIES_BHI_NO         (UINT64_C(1) << 20)
#define ARCH_CAPABILITIES_PBRSB_NO       (UINT64_C(1) << 24)
#define ARCH_CAPABILITIES_GDS_NO         (UINT64_C(1) << 26)
#define ARCH_CAPABILITIES_RFDS_NO        (UINT64_C(1) << 27)
#define ARCH_CAPABILITIES_ITS_NO         (UINT64_C(1) << 62)
#define ARCH_CAPABILITIES_OFFERED                                                                  \
    (ARCH_CAPABILITIES_RDCL_NO | ARCH_CAPABILITIES_IBRS_ALL | ARCH_CAPABILITIES_SKIP_L1D_FLUSH |   \
     ARCH_CAPABILITIES_SSB_NO | ARCH_CAPABILITIES_MDS_NO | ARCH_CAPABILITIES_PSCHANGE_NO |         \
     ARCH_CAPABILITIES_TAA_NO | ARCH_CAPABILITIES_SBDR_SSDP_NO | ARCH_CAPABILITIES_FBSDP_NO |      \
     ARCH_CAPABILITIES_PSDP_NO | ARCH_CAPABILITIES_BHI_NO | ARCH_CAPABILITIES_PBRSB_NO |           \
     ARCH_CAPABILITIES_GDS_NO | ARCH_CAPABILITIES_RFDS_NO | ARCH_CAPABILITIES_ITS_NO)

/* Executes CPUID on the host. */
void cpuid_table_build(struct cpuid_table *table, const struct cpuid_request *request);

static inline bool cpuid_has(const struct cpuid_table *table, unsigned feature)
{
    return table->features[feature / 64] >> (feature % 64) & 1;
}

/* Leaf 1 EAX: what EDX holds after reset. */
uint32_t cpuid_family_model_stepping(const struct cpuid_table *table);

/* NULL: the leaf is beyond the highest one and answers as the highest basic leaf does (SDM volume
 * 2, CPUID). A subleaf that is not there answers with zeros. */
const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
                                     uint32_t subleaf);
