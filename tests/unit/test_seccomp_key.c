// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"
#include "seccomp_cache_fixture.h"

/* ---- the key ---- */

static bool equal_keys(const struct spec_seccomp *a, const struct spec_seccomp *b)
{
    AUTO_SECCOMP_KEY struct seccomp_key first = key_of(a), second = key_of(b);
    bool equal =
        first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0;
    assert_true(equal == (first.sum == second.sum));
    return equal;
}

/* At file scope, where such lists live for ever. */
static const char *const *const no_list = NAMES(NULL);
static const char *const *const x86 = NAMES("SCMP_ARCH_X86");
static const char *const *const both = NAMES("SCMP_ARCH_X86_64", "SCMP_ARCH_X86");
static const char *const *const other_name = NAMES("syncfs");
static const char *const *const sync_twice = NAMES("sync", "sync");
static const char *const *const joined = NAMES("keyctlumask");
static const char *const *const split_elsewhere = NAMES("key", "ctlumask");

/* The profile with one thing changed. */
enum { VARIANTS = 20 };
struct variants {
    struct spec_seccomp seccomp[VARIANTS];
    struct spec_seccomp_rule rules[VARIANTS][3];
    struct spec_seccomp_argument arguments[VARIANTS][2];
};

static struct variants *make_variants(void)
{
    struct variants *all = allocate(1, sizeof(*all));
    for (size_t i = 0; i < VARIANTS; i++) {
        memcpy(all->rules[i], rules, sizeof(rules));
        memcpy(all->arguments[i], equals_5, sizeof(equals_5));
        all->rules[i][0].arguments = all->arguments[i];
        all->seccomp[i] = profile;
        all->seccomp[i].rules = all->rules[i];
    }
    size_t i = 1;
    all->seccomp[i++].default_action = SPEC_SECCOMP_LOG;
    all->seccomp[i++].default_errno_return = (struct spec_u32){ true, 0 };
    all->seccomp[i++].default_errno_return = (struct spec_u32){ true, 1 };
    all->seccomp[i++].architectures = NULL;
    all->seccomp[i++].architectures = x86;
    all->seccomp[i++].architectures = both;
    all->seccomp[i++].rule_count = 1;
    all->rules[i++][1].names = other_name;
    all->rules[i++][0].names = joined;
    all->rules[i++][0].names = split_elsewhere;
    all->rules[i++][1].action = SPEC_SECCOMP_TRAP;
    all->rules[i++][0].errno_return = (struct spec_u32){ false, ENOSYS };
    all->rules[i++][0].errno_return = (struct spec_u32){ true, EPERM };
    all->rules[i++][0].argument_count = 0;
    all->arguments[i++][0].index = 2;
    all->arguments[i++][0].value = 5 | 1UL << 40;
    all->arguments[i++][0].value_two = 8;
    all->arguments[i++][0].op = SPEC_SECCOMP_NE;
    all->rules[i++][1] =
        (struct spec_seccomp_rule){ .names = sync_twice, .action = SPEC_SECCOMP_LOG };
    assert_int_equal(i, VARIANTS);
    return all;
}

static void each_member_of_a_filter_makes_another_key(void **state)
{
    (void)state;
    AUTO_FREE struct variants *all = make_variants();
    assert_true(equal_keys(&all->seccomp[0], &profile));
    for (size_t a = 0; a < VARIANTS; a++)
        for (size_t b = 0; b < a; b++)
            if (equal_keys(&all->seccomp[a], &all->seccomp[b]))
                fail_msg("variants %zu and %zu have the same key", a, b);
}

static void what_is_no_part_of_the_program_is_none_of_the_key(void **state)
{
    (void)state;
    struct spec_seccomp other = profile;
    other.flag_log = other.flag_tsync = other.flag_spec_allow = true;
    other.flag_wait_killable_recv = true;
    other.listener_path = "/run/agent";
    other.listener_metadata = "words";
    assert_true(equal_keys(&other, &profile));
    struct spec_seccomp none = profile, empty_list = profile;
    none.architectures = NULL;
    empty_list.architectures = no_list;
    assert_true(equal_keys(&none, &empty_list));
}

static void the_program_of_another_filter_is_never_taken(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE struct variants *all = make_variants();
    plant(fixture);
    for (size_t i = 1; i < VARIANTS; i++) {
        empty(fixture->program);
        assert_int_equal(seccomp_cache_compile(fixture->directory, &all->seccomp[i],
                                               fixture->program, &fixture->log, &error),
                         0);
        assert_false(same(fixture->program->compiled, fixture->recognised));
    }
    assert_int_equal(count_entries(fixture->directory), VARIANTS);
    assert_true(comes_from_cache(fixture));
}

/* ---- the sum ---- */

static void a_change_of_any_word_changes_the_sum(void **state)
{
    (void)state;
    uint64_t words[8] = { 1, 2, 3 };
    uint64_t sum = checksum(words, sizeof(words), 0);
    assert_true(sum != checksum(words, sizeof(words) - 8, 0));
    assert_true(sum != checksum(words, sizeof(words), 1));
    for (size_t bit = 0; bit < 64 * ARRAY_LENGTH(words); bit++) {
        words[bit / 64] ^= 1UL << bit % 64;
        assert_true(sum != checksum(words, sizeof(words), 0));
        words[bit / 64] ^= 1UL << bit % 64;
    }
    assert_true(sum == checksum(words, sizeof(words), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_of_a_filter_makes_another_key),
        cmocka_unit_test(what_is_no_part_of_the_program_is_none_of_the_key),
        TEST(the_program_of_another_filter_is_never_taken),
        cmocka_unit_test(a_change_of_any_word_changes_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
