// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

#define RULE(members)     "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\"" members "}]"
#define ARGUMENT(members) RULE(",\"args\":[{" members "}]")
#define PATH              "linux.seccomp."

static void each_property_of_the_filter(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "", NULL },
        { "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_LOONGARCH64\"]", NULL },
        { "\"architectures\":[\"X86\"]", PATH "architectures[0]: unknown value \"X86\"" },
        { "\"flags\":[]", NULL },
        { "\"flags\":[\"SECCOMP_FILTER_FLAG_X\"]", PATH "flags[0]: unknown value" },
        { "\"flags\":\"SECCOMP_FILTER_FLAG_LOG\"", PATH "flags: must be an array" },
        { "\"defaultErrnoRet\":1", PATH "defaultErrnoRet: is for SCMP_ACT_ERRNO and" },
        { "\"listenerPath\":\"/run/s\",\"listenerMetadata\":\"m\"", NULL },
        { "\"listenerPath\":\"s\"", PATH "listenerPath: \"s\" must be an absolute path" },
        { "\"listenerMetadata\":\"m\"", PATH "listenerMetadata: must not be set without" },
        { "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_NOTIFY\"}]",
          PATH "listenerPath: is required with SCMP_ACT_NOTIFY" },
        { "\"listenerPath\":\"/s\",\"syscalls\":[{\"names\":[\"a\"],"
          "\"action\":\"SCMP_ACT_NOTIFY\"}]",
          NULL },
    };
    CHECK_ALL(spec_decode, SECCOMP, goldens);
}

static void the_default_action(void **state)
{
    (void)state;
#define DEFAULT(members) "\"linux\":{\"seccomp\":{" members "}}"
    static const struct golden goldens[] = {
        { DEFAULT(""), PATH "defaultAction: is required" },
        { DEFAULT("\"defaultAction\":\"\""), PATH "defaultAction: unknown value \"\"" },
        { DEFAULT("\"defaultAction\":\"ALLOW\""), PATH "defaultAction: unknown value \"ALLOW\"" },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/s\""),
          PATH "defaultAction: must not be SCMP_ACT_NOTIFY" },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4095"), NULL },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096"),
          PATH "defaultErrnoRet: 4096 is too great" },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":65535"), NULL },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":65536"),
          PATH "defaultErrnoRet: 65536 is too great" },
        { DEFAULT("\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\""), NULL },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
}

static void each_property_of_a_rule(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { RULE(",\"errnoRet\":38"), NULL },
        { RULE(",\"errnoRet\":4096"), PATH "syscalls[0].errnoRet: 4096 is too great" },
        { RULE(",\"errnoRet\":-1"), PATH "syscalls[0].errnoRet: -1 is out of range" },
        { RULE(",\"args\":[]"), NULL },
        { RULE(",\"args\":null"), NULL },
        { "\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_KILL\"}]",
          PATH "syscalls[0].names: must not be empty" },
        { "\"syscalls\":[{\"action\":\"SCMP_ACT_KILL\"}]", PATH "syscalls[0].names: is required" },
        { "\"syscalls\":[{\"names\":[\"a\"]}]", PATH "syscalls[0].action: is required" },
        { "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"x\"}]",
          PATH "syscalls[0].action: unknown value" },
        { "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":1}]",
          PATH "syscalls[0].errnoRet: is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only" },
        { ARGUMENT("\"index\":5,\"value\":0,\"op\":\"SCMP_CMP_NE\""), NULL },
        { ARGUMENT("\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_NE\""),
          PATH "syscalls[0].args[0].index: 6 is out of range (0 to 5)" },
        { ARGUMENT("\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_NE\""),
          PATH "syscalls[0].args[0].value: -1 is out of range (0 to 18446744073709551615)" },
        { ARGUMENT("\"value\":0,\"op\":\"SCMP_CMP_NE\""),
          PATH "syscalls[0].args[0].index: is required" },
        { ARGUMENT("\"index\":0,\"op\":\"SCMP_CMP_NE\""),
          PATH "syscalls[0].args[0].value: is required" },
        { ARGUMENT("\"index\":0,\"value\":0"), PATH "syscalls[0].args[0].op: is required" },
        { ARGUMENT("\"index\":0,\"value\":0,\"op\":\"==\""),
          PATH "syscalls[0].args[0].op: unknown value \"==\"" },
        { ARGUMENT("\"index\":0,\"value\":1.5,\"op\":\"SCMP_CMP_EQ\""),
          PATH "syscalls[0].args[0].value: must be an integer, is a fraction" },
    };
    CHECK_ALL(spec_decode, SECCOMP, goldens);
}

static void values_keep_all_64_bits(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, SECCOMP,
        ARGUMENT("\"index\":1,\"value\":18446744073709551615,\"valueTwo\":9223372036854775808,"
                 "\"op\":\"SCMP_CMP_MASKED_EQ\""));
    const struct spec_seccomp_argument *argument = &spec->seccomp->rules[0].arguments[0];
    assert_true(argument->value == UINT64_MAX);
    assert_true(argument->value_two == 1ULL << 63);
    assert_int_equal(argument->op, SPEC_SECCOMP_MASKED_EQ);
    assert_int_equal(argument->index, 1);
}

static void a_filter_is_read_as_a_whole(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, SECCOMP,
        "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],"
        "\"architectures\":[\"SCMP_ARCH_X86\"],"
        "\"syscalls\":[{\"names\":[\"a\",\"b\"],\"action\":\"SCMP_ACT_KILL\"},"
        "{\"names\":[\"c\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":7}]");
    const struct spec_seccomp *seccomp = spec->seccomp;
    assert_int_equal(seccomp->default_action, SPEC_SECCOMP_ALLOW);
    assert_false(seccomp->default_errno_return.set);
    assert_true(seccomp->flag_log && seccomp->flag_wait_killable_recv);
    assert_false(seccomp->flag_tsync || seccomp->flag_spec_allow);
    assert_string_equal(seccomp->architectures[0], "SCMP_ARCH_X86");
    assert_null(seccomp->architectures[1]);
    assert_int_equal(seccomp->rule_count, 2);
    assert_string_equal(seccomp->rules[0].names[1], "b");
    assert_null(seccomp->rules[0].names[2]);
    assert_int_equal(seccomp->rules[0].action, SPEC_SECCOMP_KILL_THREAD);
    assert_true(seccomp->rules[1].errno_return.set);
    assert_int_equal(seccomp->rules[1].errno_return.value, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_of_the_filter), cmocka_unit_test(the_default_action),
        cmocka_unit_test(each_property_of_a_rule),     cmocka_unit_test(values_keep_all_64_bits),
        cmocka_unit_test(a_filter_is_read_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
