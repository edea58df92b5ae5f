// SPDX-License-Identifier: Apache-2.0
#include "core/x86/cpuid_table.h"

#include "core/memory/copy.h"
#include "core/x86/cpu_state.h"
#include "core/x86/cpuid_features.h"

#define PHYSICAL_ADDRESS_BITS 40
#define LINEAR_ADDRESS_BITS   48
#define CACHE_LINE            64

#define LEAF_HYPERVISOR UINT32_C(0x40000000)
#define LEAF_EXTENDED   UINT32_C(0x80000000)
#define LEAF_BRAND      UINT32_C(0x80000002)

struct registers {
    uint32_t eax, ebx, ecx, edx;
};

/* What is built, and what it is built from. */
struct builder {
    struct cpuid_table *table;
    const struct cpuid_request *request;
    struct registers host_vendor;
    bool amd;
    uint32_t words[CPUID_WORDS];
};

static const struct {
    uint32_t leaf, subleaf;
    size_t offset; /* of the register in struct registers */
} word_places[CPUID_WORDS] = {
    [WORD_1_EDX] = { 1, 0, offsetof(struct registers, edx) },
    [WORD_1_ECX] = { 1, 0, offsetof(struct registers, ecx) },
    [WORD_7_EBX] = { 7, 0, offsetof(struct registers, ebx) },
    [WORD_7_ECX] = { 7, 0, offsetof(struct registers, ecx) },
    [WORD_7_EDX] = { 7, 0, offsetof(struct registers, edx) },
    [WORD_D1_EAX] = { 0xd, 1, offsetof(struct registers, eax) },
    [WORD_80000001_EDX] = { LEAF_EXTENDED + 1, 0, offsetof(struct registers, edx) },
    [WORD_80000001_ECX] = { LEAF_EXTENDED + 1, 0, offsetof(struct registers, ecx) },
    [WORD_80000007_EDX] = { LEAF_EXTENDED + 7, 0, offsetof(struct registers, edx) },
};

static struct registers host_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct registers r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/* The leaf, or zeros where the host has none of that number. */
static struct registers host_leaf(uint32_t leaf, uint32_t subleaf)
{
    if (leaf > host_cpuid(leaf & LEAF_EXTENDED, 0).eax)
        return (struct registers){ 0 };
    return host_cpuid(leaf, subleaf);
}

/* Does the host's kernel keep the AVX registers (OSXSAVE, XCR0)? */
static bool host_keeps_avx(void)
{
    if (!(host_leaf(1, 0).ecx >> 27 & 1))
        return false;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX);
}

static void host_words(uint32_t words[CPUID_WORDS])
{
    for (unsigned word = 0; word < CPUID_WORDS; word++) {
        struct registers r = host_leaf(word_places[word].leaf, word_places[word].subleaf);
        words[word] =
            *(const uint32_t *)(const void *)((const char *)&r + word_places[word].offset);
    }
    if (!host_keeps_avx())
        words[WORD_1_ECX] &= ~(UINT32_C(1) << 28);
}

static void offer_feature(struct cpuid_table *table, unsigned feature)
{
    if (feature != FEATURE_NONE)
        table->features[feature / 64] |= UINT64_C(1) << (feature % 64);
}

static bool is_offered(const struct builder *builder, const uint32_t host[CPUID_WORDS],
                       const struct cpuid_feature *row)
{
    if (row->level > builder->request->model || !cpuid_has(builder->table, row->requires))
        return false;
    if (row->condition == HYPERVISOR)
        return builder->request->interface != HYPERVISOR_NONE;
    return row->condition == ALWAYS || (host[row->word] >> row->bit & 1);
}

static void offer_features(struct builder *builder)
{
    uint32_t host[CPUID_WORDS];
    host_words(host);
    offer_feature(builder->table, FEATURE_BASE);
    for (unsigned i = 0; i < cpuid_feature_count; i++) {
        const struct cpuid_feature *row = &cpuid_features[i];
        if (!is_offered(builder, host, row))
            continue;
        builder->words[row->word] |= UINT32_C(1) << row->bit;
        offer_feature(builder->table, row->feature);
    }
    if (builder->request->vcpu_count > 1)
        builder->words[WORD_1_EDX] |= UINT32_C(1) << 28; /* HTT: leaf 1 EBX counts */
}

static void add(struct builder *builder, uint32_t leaf, struct registers r)
{
    struct cpuid_table *table = builder->table;
    if (table->count < CPUID_ENTRIES)
        table->entries[table->count++] =
            (struct cpuid_entry){ leaf, 0, false, r.eax, r.ebx, r.ecx, r.edx };
}

static void add_subleaf(struct builder *builder, uint32_t leaf, uint32_t subleaf,
                        struct registers r)
{
    struct cpuid_table *table = builder->table;
    if (table->count < CPUID_ENTRIES)
        table->entries[table->count++] =
            (struct cpuid_entry){ leaf, subleaf, true, r.eax, r.ebx, r.ecx, r.edx };
}

/* The smallest n with 2^n >= count: bits of an APIC identifier that tell the cores apart. */
static unsigned core_bits(const struct builder *builder)
{
    unsigned bits = 0;
    while ((1u << bits) < builder->request->vcpu_count)
        bits++;
    return bits;
}

/*
 * One model number for all models of a vendor. Kernels choose mitigations by it, and what a
 * software engine executes cannot leak in the ways that they defend against: for Intel we have the
 * number of the last processor that executes in order (Atom, Saltwell), from which Linux concludes
 * that nothing speculates (cpu_vuln_whitelist) and spares each system call its branch history loop.
 * For AMD that of a server whose flaws leaf 80000021H takes back.
 */
static uint32_t family_model_stepping(bool amd)
{
    return amd ? 0x00a00f11 /* family 19H, model 1 */ : 0x00030661 /* family 6, model 36H */;
}

static void add_identity(struct builder *builder)
{
    uint32_t cores = 1u << core_bits(builder);
    uint32_t highest = builder->request->tsc_frequency ? 0x16 : 0xd;
    struct registers vendor = builder->host_vendor;
    add(builder, 0, (struct registers){ highest, vendor.ebx, vendor.ecx, vendor.edx });
    add(builder, 1,
        (struct registers){ family_model_stepping(builder->amd),
                            (CACHE_LINE / 8) << 8 | cores << 16, builder->words[WORD_1_ECX],
                            builder->words[WORD_1_EDX] });
    if (!builder->amd) /* no descriptors here: see leaf 4, and no TLB to speak of */
        add(builder, 2, (struct registers){ 0x00feff01, 0, 0, 0 });
    add(builder, 6, (struct registers){ 1u << 2, 0, 0, 0 }); /* ARAT: the APIC timer never stops */
    add_subleaf(builder, 7, 0,
                (struct registers){ 0, builder->words[WORD_7_EBX], builder->words[WORD_7_ECX],
                                    builder->words[WORD_7_EDX] });
}

/* Deterministic cache parameters: libraries size their copies by them. */
static void add_caches(struct builder *builder)
{
    static const struct {
        uint8_t type, level; /* type 1: data, 2: instructions, 3: unified */
        uint16_t ways;
        uint32_t sets;
        bool shared; /* by all cores */
    } caches[] = { { 1, 1, 8, 64, false },
                   { 2, 1, 8, 64, false },
                   { 3, 2, 16, 1024, false },
                   { 3, 3, 16, 16384, true } };
    uint32_t cores = 1u << core_bits(builder);
    for (unsigned i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
        uint32_t sharing = caches[i].shared ? cores - 1 : 0;
        uint32_t eax = caches[i].type | (uint32_t)caches[i].level << 5 | 1u << 8 |
                       (sharing & 0xfff) << 14 | ((cores - 1) & 0x3f) << 26;
        uint32_t ebx = (CACHE_LINE - 1) | (uint32_t)(caches[i].ways - 1) << 22;
        add_subleaf(builder, 4, i, (struct registers){ eax, ebx, caches[i].sets - 1, 0 });
    }
}

/* Extended topology: one thread a core, all cores in one package. EDX is the engine's. */
static void add_topology(struct builder *builder)
{
    add_subleaf(builder, 0xb, 0, (struct registers){ 0, 1, 1u << 8, 0 });
    add_subleaf(
        builder, 0xb, 1,
        (struct registers){ core_bits(builder), builder->request->vcpu_count, 1 | 2u << 8, 0 });
    add_subleaf(builder, 0xb, 2, (struct registers){ 0, 0, 2, 0 });
}

/* EBX of subleaves 0 and 1 is the engine's: the size for what XCR0 enables. */
static void add_xsave(struct builder *builder)
{
    if (!cpuid_has(builder->table, FEATURE_XSAVE))
        return;
    bool avx = cpuid_has(builder->table, FEATURE_AVX);
    uint32_t size = avx ? XSAVE_SIZE : 576, components = avx ? 7 : 3;
    add_subleaf(builder, 0xd, 0, (struct registers){ components, 576, size, 0 });
    add_subleaf(builder, 0xd, 1, (struct registers){ builder->words[WORD_D1_EAX], 576, 0, 0 });
    if (avx)
        add_subleaf(builder, 0xd, 2, (struct registers){ 256, 576, 0, 0 });
}

/*
 * TSC frequency = crystal * EBX / EAX, the best fraction whose product with the crystal's kilohertz
 * still fits 32 bits: so it is computed by Linux (native_calibrate_tsc).
 */
static void add_frequencies(struct builder *builder)
{
    uint64_t tsc = builder->request->tsc_frequency;
    if (!tsc)
        return;
    uint64_t most = UINT32_MAX / (CPUID_CRYSTAL_FREQUENCY / 1000);
    uint32_t best_numerator = 0, best_denominator = 1;
    uint64_t best_error = UINT64_MAX;
    for (uint64_t denominator = 1; denominator < most; denominator++) {
        uint64_t numerator =
            (tsc * denominator + CPUID_CRYSTAL_FREQUENCY / 2) / CPUID_CRYSTAL_FREQUENCY;
        if (numerator > most)
            break;
        uint64_t frequency = UINT64_C(1) * CPUID_CRYSTAL_FREQUENCY * numerator / denominator;
        uint64_t error = frequency > tsc ? frequency - tsc : tsc - frequency;
        if (error >= best_error)
            continue;
        best_error = error;
        best_numerator = (uint32_t)numerator;
        best_denominator = (uint32_t)denominator;
    }
    uint32_t megahertz = (uint32_t)((tsc + 500000) / 1000000);
    add(builder, 0x15,
        (struct registers){ best_denominator, best_numerator, CPUID_CRYSTAL_FREQUENCY, 0 });
    add(builder, 0x16, (struct registers){ megahertz, megahertz, 100, 0 });
}

static void add_hypervisor(struct builder *builder)
{
    if (builder->request->interface != HYPERVISOR_KVM)
        return;
    /* "KVMKVMKVM\0\0\0" */
    add(builder, LEAF_HYPERVISOR,
        (struct registers){ LEAF_HYPERVISOR + 1, 0x4b4d564b, 0x564b4d56, 0x4d });
    add(builder, LEAF_HYPERVISOR + 1,
        (struct registers){ builder->request->kvm_features, 0, 0, 0 });
}

/* On AMD the extended leaf repeats these bits of leaf 1 (AMD APM volume 3, E.4.2). */
#define AMD_REPEATED_FEATURES UINT32_C(0x0183f3ff)

static void add_extended(struct builder *builder)
{
    uint32_t ecx = builder->words[WORD_80000001_ECX], edx = builder->words[WORD_80000001_EDX];
    struct registers vendor = builder->host_vendor;
    if (builder->amd) {
        edx |= builder->words[WORD_1_EDX] & AMD_REPEATED_FEATURES;
        ecx |= builder->request->vcpu_count > 1 ? 1u << 1 : 0; /* CmpLegacy: cores, no threads */
    } else {
        vendor = (struct registers){ 0 };
    }
    uint32_t highest = LEAF_EXTENDED + (builder->amd ? 0x21 : 8);
    add(builder, LEAF_EXTENDED, (struct registers){ highest, vendor.ebx, vendor.ecx, vendor.edx });
    add(builder, LEAF_EXTENDED + 1,
        (struct registers){ builder->amd ? family_model_stepping(true) : 0, 0, ecx, edx });
    /* The host's name: a machine that is fully virtualized does not tell what it is. */
    for (uint32_t i = 0; i < 3; i++)
        add(builder, LEAF_BRAND + i, host_leaf(LEAF_BRAND + i, 0));
    uint32_t l1 = builder->amd ? 32u << 24 | 8u << 16 | 1u << 8 | CACHE_LINE : 0;
    uint32_t l3 = builder->amd ? 32u << 18 | 8u << 12 | 1u << 8 | CACHE_LINE : 0;
    add(builder, LEAF_EXTENDED + 5, (struct registers){ 0, 0, l1, l1 });
    add(builder, LEAF_EXTENDED + 6,
        (struct registers){ 0, 0, 1024u << 16 | 8u << 12 | CACHE_LINE, l3 });
    add(builder, LEAF_EXTENDED + 7,
        (struct registers){ 0, 0, 0, builder->words[WORD_80000007_EDX] });
    uint32_t cores =
        builder->amd ? core_bits(builder) << 12 | (builder->request->vcpu_count - 1) : 0;
    add(builder, LEAF_EXTENDED + 8,
        (struct registers){ PHYSICAL_ADDRESS_BITS | LINEAR_ADDRESS_BITS << 8, 0, cores, 0 });
    if (builder->amd) /* LFENCE serializes, null selectors clear bases, no SRSO, TSA_SQ, TSA_L1 */
        add(builder, LEAF_EXTENDED + 0x21,
            (struct registers){ 1u << 2 | 1u << 6 | 1u << 29, 0, 1u << 1 | 1u << 2, 0 });
}

static bool vendor_is_amd(struct registers vendor)
{
    return vendor.ebx == 0x68747541 && vendor.edx == 0x69746e65 && vendor.ecx == 0x444d4163;
}

void cpuid_table_build(struct cpuid_table *table, const struct cpuid_request *request)
{
    fill_bytes(table, 0, sizeof(*table));
    struct builder builder = { .table = table,
                               .request = request,
                               .host_vendor = host_cpuid(0, 0) };
    builder.amd = vendor_is_amd(builder.host_vendor);
    offer_features(&builder);
    add_identity(&builder);
    add_caches(&builder);
    add_topology(&builder);
    add_xsave(&builder);
    add_frequencies(&builder);
    add_hypervisor(&builder);
    add_extended(&builder);
}

uint32_t cpuid_family_model_stepping(const struct cpuid_table *table)
{
    const struct cpuid_entry *entry = cpuid_find(table, 1, 0);
    return entry ? entry->eax : 0;
}

static const struct cpuid_entry *exact_entry(const struct cpuid_table *table, uint32_t leaf,
                                             uint32_t subleaf)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct cpuid_entry *entry = &table->entries[i];
        if (entry->leaf == leaf && (!entry->has_subleaf || entry->subleaf == subleaf))
            return entry;
    }
    return NULL;
}

/* The highest leaf of the range that `leaf` lies in; less than `leaf` where there is no range. */
static uint32_t highest_of_range(const struct cpuid_table *table, uint32_t leaf)
{
    const struct cpuid_entry *first = exact_entry(table, leaf & 0xffff0000, 0);
    return first ? first->eax : 0;
}

const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
                                     uint32_t subleaf)
{
    static const struct cpuid_entry nothing = { 0 };
    const struct cpuid_entry *entry = exact_entry(table, leaf, subleaf);
    if (entry || leaf > highest_of_range(table, leaf))
        return entry;
    return &nothing;
}
