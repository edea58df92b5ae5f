// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cpuid.h>

#include "core/x86/cpuid_features.h"
#include "core/x86/cpuid_table.h"

static struct cpuid_table build(enum cpu_model model, enum hypervisor_interface interface,
                                unsigned vcpu_count)
{
    struct cpuid_request request = { .model = model,
                                     .interface = interface,
                                     .kvm_features = 0x1234,
                                     .vcpu_count = vcpu_count,
                                     .tsc_frequency = 2300000000 };
    struct cpuid_table table;
    cpuid_table_build(&table, &request);
    assert_in_range(table.count, 1, CPUID_ENTRIES - 1);
    return table;
}

static const struct cpuid_entry *leaf(const struct cpuid_table *table, uint32_t number,
                                      uint32_t subleaf)
{
    const struct cpuid_entry *entry = cpuid_find(table, number, subleaf);
    assert_non_null(entry);
    return entry;
}

static void each_row_requires_one_before_it(void **state)
{
    (void)state;
    uint64_t seen[2] = { UINT64_C(1) << FEATURE_BASE, 0 };
    for (unsigned i = 0; i < cpuid_feature_count; i++) {
        const struct cpuid_feature *row = &cpuid_features[i];
        assert_true(seen[row->requires / 64] >> (row->requires % 64) & 1);
        seen[row->feature / 64] |= UINT64_C(1) << (row->feature % 64);
    }
}

static void a_higher_model_has_all_of_a_lower(void **state)
{
    (void)state;
    for (enum cpu_model model = CPU_MODEL_X86_64; model < CPU_MODEL_MAX; model++) {
        struct cpuid_table low = build(model, HYPERVISOR_NONE, 1);
        struct cpuid_table high = build(model + 1, HYPERVISOR_NONE, 1);
        assert_int_equal(low.features[0] & ~high.features[0], 0);
        assert_int_equal(low.features[1] & ~high.features[1], 0);
        assert_true(low.features[0] != high.features[0]);
    }
}

static void levels_offer_what_the_psabi_says(void **state)
{
    (void)state;
    struct cpuid_table baseline = build(CPU_MODEL_X86_64, HYPERVISOR_NONE, 1);
    struct cpuid_table v2 = build(CPU_MODEL_X86_64_V2, HYPERVISOR_NONE, 1);
    struct cpuid_table v3 = build(CPU_MODEL_X86_64_V3, HYPERVISOR_NONE, 1);
    static const uint8_t only_from_v2[] = { FEATURE_CX16, FEATURE_LAHF64, FEATURE_POPCNT,
                                            FEATURE_SSE3, FEATURE_SSE4_1, FEATURE_SSE4_2,
                                            FEATURE_SSSE3 };
    static const uint8_t only_from_v3[] = { FEATURE_AVX,   FEATURE_AVX2,  FEATURE_BMI1,
                                            FEATURE_BMI2,  FEATURE_F16C,  FEATURE_FMA,
                                            FEATURE_LZCNT, FEATURE_MOVBE, FEATURE_XSAVE };
    assert_true(cpuid_has(&baseline, FEATURE_SSE2));
    for (unsigned i = 0; i < sizeof(only_from_v2); i++)
        assert_false(cpuid_has(&baseline, only_from_v2[i]));
    for (unsigned i = 0; i < sizeof(only_from_v3); i++)
        assert_false(cpuid_has(&v2, only_from_v3[i]));
    assert_true(cpuid_has(&v2, FEATURE_LAHF64));
    assert_true(cpuid_has(&v3, FEATURE_MOVBE));
}

static void what_the_host_lacks_is_not_offered(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    const uint32_t host_executed = bit_SSE3 | bit_PCLMUL | bit_SSSE3 | bit_FMA | bit_CMPXCHG16B |
                                   bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_AES | bit_XSAVE |
                                   bit_AVX | bit_F16C | bit_RDRND;
    assert_int_equal(leaf(&table, 1, 0)->ecx & host_executed & ~c, 0);
    assert_int_equal(!!(c & bit_AES), cpuid_has(&table, FEATURE_AES));
    __cpuid_count(7, 0, a, b, c, d);
    const uint32_t host_executed_7 = bit_AVX2 | bit_BMI | bit_BMI2 | bit_RDSEED | bit_ADX | bit_SHA;
    assert_int_equal(leaf(&table, 7, 0)->ebx & host_executed_7 & ~b, 0);
}

static void what_no_engine_executes_is_hidden(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_KVM, 2);
    const struct cpuid_entry *first = leaf(&table, 1, 0), *seventh = leaf(&table, 7, 0);
    assert_int_equal(first->ecx & (1u << 3 | 1u << 5 | 1u << 6 | 1u << 27), 0); /* MONITOR, VMX.. */
    assert_int_equal(first->edx & (1u << 1 | 1u << 7 | 1u << 14), 0);           /* VME, MCE, MCA */
    assert_int_equal(seventh->ebx & (1u << 4 | 1u << 11 | 1u << 14 | 1u << 16 | 1u << 30), 0);
    assert_int_equal(seventh->ecx & (1u << 3 | 1u << 5 | 1u << 7 | 1u << 16), 0); /* PKU.. LA57 */
    assert_int_equal(seventh->edx & (1u << 20 | 1u << 22 | 1u << 24 | 1u << 30), 0); /* CET, AMX */
    assert_int_equal(leaf(&table, 0x80000001, 0)->ecx & 1u << 2, 0);                 /* SVM */
}

static void only_a_paravirtual_machine_shows_a_hypervisor(void **state)
{
    (void)state;
    struct cpuid_table full = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    assert_int_equal(leaf(&full, 1, 0)->ecx >> 31, 0);
    assert_null(cpuid_find(&full, 0x40000000, 0));
    assert_false(cpuid_has(&full, FEATURE_HYPERCALL));

    struct cpuid_table para = build(CPU_MODEL_MAX, HYPERVISOR_KVM, 1);
    const struct cpuid_entry *signature = leaf(&para, 0x40000000, 0);
    char text[13] = { 0 };
    memcpy(text, &signature->ebx, 12);
    assert_string_equal(text, "KVMKVMKVM");
    assert_int_equal(leaf(&para, 1, 0)->ecx >> 31, 1);
    assert_int_equal(signature->eax, 0x40000001);
    assert_int_equal(leaf(&para, 0x40000001, 0)->eax, 0x1234);
    assert_null(cpuid_find(&para, 0x40000002, 0));
    assert_true(cpuid_has(&para, FEATURE_HYPERCALL));
}

static void topology_counts_the_processors(void **state)
{
    (void)state;
    struct cpuid_table one = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    assert_int_equal(leaf(&one, 1, 0)->ebx >> 16 & 0xff, 1);
    assert_int_equal(leaf(&one, 1, 0)->edx >> 28 & 1, 0);
    assert_int_equal(leaf(&one, 0xb, 1)->eax, 0);

    struct cpuid_table three = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 3);
    assert_int_equal(leaf(&three, 1, 0)->ebx >> 16 & 0xff, 4); /* APIC identifiers, rounded up */
    assert_int_equal(leaf(&three, 1, 0)->edx >> 28 & 1, 1);
    assert_int_equal(leaf(&three, 0xb, 0)->ecx >> 8, 1); /* threads */
    assert_int_equal(leaf(&three, 0xb, 1)->ecx >> 8, 2); /* cores */
    assert_int_equal(leaf(&three, 0xb, 1)->ebx, 3);
    assert_int_equal(leaf(&three, 0xb, 1)->eax, 2);
    assert_int_equal(leaf(&three, 0xb, 2)->ecx, 2);
    assert_int_equal(leaf(&three, 4, 3)->eax >> 14 & 0xfff, 3); /* all share the third level */
    assert_int_equal(leaf(&three, 4, 4)->eax, 0);               /* no more caches */
}

static void xsave_area_has_the_size_that_the_state_has(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    bool avx = cpuid_has(&table, FEATURE_AVX);
    assert_int_equal(leaf(&table, 0xd, 0)->eax, avx ? 7 : 3);
    assert_int_equal(leaf(&table, 0xd, 0)->ecx, avx ? 832 : 576);
    assert_int_equal(leaf(&table, 0xd, 2)->eax, avx ? 256 : 0);
    assert_int_equal(leaf(&table, 0xd, 2)->ebx, avx ? 576 : 0);
    struct cpuid_table baseline = build(CPU_MODEL_X86_64, HYPERVISOR_NONE, 1);
    assert_int_equal(leaf(&baseline, 0xd, 0)->eax, 0);
}

/* Computed as Linux does, in 32 bits. */
static void tsc_frequency_is_told_within_five_parts_in_a_million(void **state)
{
    (void)state;
    static const uint64_t frequencies[] = { 1000000000, 2300000000, 2994375123,
                                            3417600000, 4491540000, 5000000000 };
    for (unsigned i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++) {
        struct cpuid_request request = { .vcpu_count = 1, .tsc_frequency = frequencies[i] };
        struct cpuid_table table;
        cpuid_table_build(&table, &request);
        const struct cpuid_entry *entry = leaf(&table, 0x15, 0);
        uint32_t kilohertz = entry->ecx / 1000 * entry->ebx / entry->eax;
        uint64_t told = (uint64_t)kilohertz * 1000;
        uint64_t error = told > frequencies[i] ? told - frequencies[i] : frequencies[i] - told;
        assert_in_range(error, 0, frequencies[i] / 200000);
        assert_in_range(leaf(&table, 0x16, 0)->eax, frequencies[i] / 1000000,
                        frequencies[i] / 1000000 + 1);
    }
}

static void an_untold_tsc_frequency_has_no_leaves(void **state)
{
    (void)state;
    struct cpuid_request request = { .model = CPU_MODEL_MAX, .vcpu_count = 1 };
    struct cpuid_table table;
    cpuid_table_build(&table, &request);
    assert_null(cpuid_find(&table, 0x15, 0));
    assert_int_equal(leaf(&table, 0, 0)->eax, 0xd);
}

static void leaves_beyond_the_highest_are_not_there(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    assert_null(cpuid_find(&table, 0x17, 0));
    assert_null(cpuid_find(&table, 0x80000100, 0));
    assert_null(cpuid_find(&table, 0xc0000000, 0));
    assert_int_equal(leaf(&table, 0x14, 0)->eax, 0); /* within, but nothing of ours */
    assert_int_equal(leaf(&table, 7, 5)->ebx, 0);
}

static void addresses_are_40_and_48_bits_wide(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    assert_int_equal(leaf(&table, 0x80000008, 0)->eax & 0xffff, 40 | 48 << 8);
    assert_int_equal(leaf(&table, 0x80000007, 0)->edx, 1u << 8);
}

static void vendor_and_name_are_the_hosts(void **state)
{
    (void)state;
    struct cpuid_table table = build(CPU_MODEL_MAX, HYPERVISOR_NONE, 1);
    uint32_t a, b, c, d;
    __cpuid(0, a, b, c, d);
    assert_int_equal(leaf(&table, 0, 0)->ebx, b);
    __cpuid(0x80000003, a, b, c, d);
    assert_int_equal(leaf(&table, 0x80000003, 0)->ecx, c);
    assert_int_equal(cpuid_family_model_stepping(&table), leaf(&table, 1, 0)->eax);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_requires_one_before_it),
        cmocka_unit_test(a_higher_model_has_all_of_a_lower),
        cmocka_unit_test(levels_offer_what_the_psabi_says),
        cmocka_unit_test(what_the_host_lacks_is_not_offered),
        cmocka_unit_test(what_no_engine_executes_is_hidden),
        cmocka_unit_test(only_a_paravirtual_machine_shows_a_hypervisor),
        cmocka_unit_test(topology_counts_the_processors),
        cmocka_unit_test(xsave_area_has_the_size_that_the_state_has),
        cmocka_unit_test(tsc_frequency_is_told_within_five_parts_in_a_million),
        cmocka_unit_test(an_untold_tsc_frequency_has_no_leaves),
        cmocka_unit_test(leaves_beyond_the_highest_are_not_there),
        cmocka_unit_test(addresses_are_40_and_48_bits_wide),
        cmocka_unit_test(vendor_and_name_are_the_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
