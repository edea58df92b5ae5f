// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/nearest.h"
#include "cli/options.h"

struct inner {
    const char *name;
    bool force;
};

struct outer {
    bool terminal, interactive;
    struct string_list env;
    struct option_uint count;
    struct option_int memory, quota;
    struct option_uint timeout;
    int colour;
    struct inner inner;
};

static const char *const colours[] = { "red", "green", NULL };

static const struct option_definition outer_options[] = {
    { 't', "tty", NULL, OPTION_FLAG, offsetof(struct outer, terminal), "" },
    { 'i', "interactive", NULL, OPTION_FLAG, offsetof(struct outer, interactive), "" },
    { 'e', "env", "NAME=VALUE", OPTION_LIST, offsetof(struct outer, env), "" },
    { 'n', "count", "N", OPTION_UINT, offsetof(struct outer, count), "", .maximum = 100 },
    { 'm', "memory", "SIZE", OPTION_SIZE, offsetof(struct outer, memory), "" },
    { 0, "quota", "N", OPTION_INT, offsetof(struct outer, quota), "" },
    { 0, "timeout", "TIME", OPTION_DURATION, offsetof(struct outer, timeout), "" },
    { 0, "colour", "COLOUR", OPTION_CHOICE, offsetof(struct outer, colour), "",
      .choices = colours },
    { 0, "quiet", NULL, OPTION_IGNORED_FLAG, 0, "" },
    { 0, "log-driver", "NAME", OPTION_IGNORED, 0, "" },
    { 0 },
};

static const struct option_definition inner_options[] = {
    { 'b', "bundle", "DIR", OPTION_STRING, offsetof(struct inner, name), "" },
    { 'f', "force", NULL, OPTION_FLAG, offsetof(struct inner, force), "" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, outer_options, 0 },
    { NULL, inner_options, offsetof(struct outer, inner) },
    { .options = NULL },
};

enum { MOST_WORDS = 16 };

/* What one command line gave: the struct, the operands, or the error. */
struct fixture {
    struct outer options;
    struct option_result result;
    struct error error;
    int status;
};

static void parse_style(struct fixture *fixture, enum operand_style style, const char *const *words)
{
    int count = 0;
    while (words[count])
        count++;
    *fixture = (struct fixture){ 0 };
    fixture->status = options_parse(groups, style, count, (char *const *)words, &fixture->options,
                                    &fixture->result, &fixture->error);
}

static void free_fixture(struct fixture *fixture)
{
    options_free(groups, &fixture->options, &fixture->result);
    error_clear(&fixture->error);
}

#define AUTO_FIXTURE __attribute__((cleanup(free_fixture)))
#define PARSE_STYLE(name, style, ...)                                                              \
    AUTO_FIXTURE struct fixture name;                                                              \
    parse_style(&(name), style, (const char *const[MOST_WORDS]){ __VA_ARGS__ })
#define PARSE(name, ...) PARSE_STYLE(name, OPERANDS_ANYWHERE, __VA_ARGS__)

static void what_is_not_given_is_zero(void **state)
{
    (void)state;
    PARSE(f, "web");
    assert_int_equal(f.status, 0);
    assert_false(f.options.terminal);
    assert_false(f.options.count.set);
    assert_int_equal(f.options.colour, 0);
    assert_null(f.options.inner.name);
    assert_int_equal(f.options.env.count, 0);
}

static void short_flags_stand_together(void **state)
{
    (void)state;
    PARSE(f, "-itb", "/bundle", "-fn7");
    assert_int_equal(f.status, 0);
    assert_true(f.options.terminal && f.options.interactive && f.options.inner.force);
    assert_string_equal(f.options.inner.name, "/bundle");
    assert_true(f.options.count.set && f.options.count.value == 7);
}

static void a_value_follows_or_is_attached(void **state)
{
    (void)state;
    const char *const forms[][3] = {
        { "-b", "/x" }, { "-b/x" }, { "--bundle", "/x" }, { "--bundle=/x" }
    };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        PARSE(f, forms[i][0], forms[i][1]);
        assert_int_equal(f.status, 0);
        assert_string_equal(f.options.inner.name, "/x");
        assert_int_equal(f.result.operand_count, 0);
    }
}

static void a_value_may_look_like_an_option_or_be_empty(void **state)
{
    (void)state;
    PARSE(f, "--memory", "-1", "--quota", "-5", "--bundle=", "-e", "--");
    assert_int_equal(f.status, 0);
    assert_true(f.options.memory.set && f.options.memory.value == -1);
    assert_int_equal(f.options.quota.value, -5);
    assert_string_equal(f.options.inner.name, "");
    assert_string_equal(f.options.env.items[0], "--");
    assert_false(f.result.dashes);
}

static void a_list_keeps_all_and_their_order(void **state)
{
    (void)state;
    PARSE(f, "-e", "A=1", "--env=B=2", "-eC");
    assert_int_equal(f.options.env.count, 3);
    assert_string_equal(f.options.env.items[0], "A=1");
    assert_string_equal(f.options.env.items[1], "B=2");
    assert_string_equal(f.options.env.items[2], "C");
}

static void the_last_of_several_wins(void **state)
{
    (void)state;
    PARSE(f, "-b", "/a", "-b", "/b", "--tty", "--tty=false");
    assert_string_equal(f.options.inner.name, "/b");
    assert_false(f.options.terminal);
}

static void options_stand_before_and_after_operands(void **state)
{
    (void)state;
    PARSE(f, "web", "--force", "9", "-t");
    assert_int_equal(f.status, 0);
    assert_true(f.options.inner.force && f.options.terminal);
    assert_int_equal(f.result.operand_count, 2);
    assert_string_equal(f.result.operands[0], "web");
    assert_string_equal(f.result.operands[1], "9");
    assert_null(f.result.operands[2]);
}

static void nothing_behind_the_dashes_is_an_option(void **state)
{
    (void)state;
    PARSE(f, "-t", "web", "--", "-f", "--", "--nope");
    assert_int_equal(f.status, 0);
    assert_false(f.options.inner.force);
    assert_int_equal(f.result.operand_count, 4);
    assert_true(f.result.dashes);
    assert_int_equal(f.result.operands_before_dashes, 1);
    assert_string_equal(f.result.operands[2], "--");
}

static void a_command_keeps_its_own_options(void **state)
{
    (void)state;
    PARSE_STYLE(f, OPERANDS_THEN_COMMAND, "-t", "web", "ls", "-f", "--", "--nope");
    assert_int_equal(f.status, 0);
    assert_false(f.options.inner.force);
    assert_int_equal(f.result.operand_count, 5);
    assert_string_equal(f.result.operands[3], "--");
}

static void dashes_before_a_command_are_no_part_of_it(void **state)
{
    (void)state;
    PARSE_STYLE(f, OPERANDS_THEN_COMMAND, "web", "--", "-ls", "--");
    assert_int_equal(f.result.operand_count, 3);
    assert_int_equal(f.result.operands_before_dashes, 1);
    assert_string_equal(f.result.operands[1], "-ls");
    assert_string_equal(f.result.operands[2], "--");

    /* The words in front of a verb leave the verb's own "--" to the verb. */
    PARSE_STYLE(global, OPERANDS_FIRST_ENDS, "exec", "--", "web");
    assert_int_equal(global.result.operand_count, 3);
    assert_string_equal(global.result.operands[1], "--");
}

static void a_single_dash_is_an_operand(void **state)
{
    (void)state;
    PARSE(f, "-");
    assert_int_equal(f.status, 0);
    assert_string_equal(f.result.operands[0], "-");
}

static void ignored_options_take_their_values_along(void **state)
{
    (void)state;
    PARSE(f, "--quiet", "--log-driver", "k8s", "web");
    assert_int_equal(f.status, 0);
    assert_int_equal(f.result.operand_count, 1);
}

static void help_ends_the_parse(void **state)
{
    (void)state;
    PARSE(f, "-th", "--nope");
    assert_int_equal(f.status, 0);
    assert_true(f.result.help);
    PARSE(g, "--help");
    assert_true(g.result.help);
}

static void values_of_a_choice_are_positions_from_one(void **state)
{
    (void)state;
    PARSE(f, "--colour", "green");
    assert_int_equal(f.options.colour, 2);
    PARSE(g, "--colour", "blue");
    assert_int_equal(g.status, -1);
    assert_string_equal(g.error.message, "--colour: \"blue\" is none of red, green");
}

static void sizes_and_times_have_units(void **state)
{
    (void)state;
    PARSE(f, "-m", "2g", "--timeout", "1m30s");
    assert_true(f.options.memory.value == INT64_C(2) << 30);
    assert_int_equal(f.options.timeout.value, 90000);
}

static void what_is_no_value_of_the_kind_is_refused(void **state)
{
    (void)state;
    const char *const wrong[][2] = {
        { "--count", "101" },      { "--count", "-1" },     { "--count", "" },
        { "--count", "1x" },       { "--memory", "-2" },    { "--memory", "9999999999999999999" },
        { "--memory", "12q" },     { "--quota", "1.5" },    { "--timeout", "5parsec" },
        { "--timeout", "-1s" },    { "--timeout", "" },     { "--timeout", "s" },
        { "--timeout", "5s6h7x" }, { "--tty=maybe", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        PARSE(f, wrong[i][0], wrong[i][1]);
        assert_int_equal(f.status, -1);
        assert_non_null(strstr(f.error.message, " is not "));
    }
}

/* podman asks `restore --lsm-mount-context` and looks for these words. */
static void a_missing_value_is_said_in_the_words_that_podman_looks_for(void **state)
{
    (void)state;
    PARSE(f, "--bundle");
    assert_int_equal(f.status, -1);
    assert_string_equal(f.error.message, "flag needs an argument: --bundle DIR");
    PARSE(g, "-tb");
    assert_int_equal(g.status, -1);
}

static void an_unknown_option_names_the_nearest(void **state)
{
    (void)state;
    PARSE(f, "--bundel=/x");
    assert_string_equal(f.error.message, "unknown option --bundel, did you mean --bundle?");
    PARSE(g, "--frobnicate");
    assert_string_equal(g.error.message, "unknown option --frobnicate");
    PARSE(h, "-tx");
    assert_string_equal(h.error.message, "unknown option -x");
    PARSE(i, "--bund");
    assert_int_equal(i.status, -1); /* no abbreviations: they would break with the next option */
}

static void the_nearest_word_is_near(void **state)
{
    (void)state;
    static const char *const words[] = { "start", "state", "stats", "list", "kill" };
    static const struct {
        const char *typed, *nearest;
    } cases[] = {
        { "strat", "start" }, { "stae", "state" }, { "lits", "list" },
        { "kil", "kill" },    { "x", NULL },       { "frobnicate", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct nearest nearest = nearest_to(cases[i].typed);
        for (size_t j = 0; j < ARRAY_LENGTH(words); j++)
            nearest_offer(&nearest, words[j]);
        if (cases[i].nearest)
            assert_string_equal(nearest.word, cases[i].nearest);
        else
            assert_null(nearest.word);
    }
}

static void a_word_of_any_length_can_be_mistyped(void **state)
{
    (void)state;
    char typed[4096];
    memset(typed, 'a', sizeof(typed) - 1);
    typed[sizeof(typed) - 1] = 0;
    struct nearest nearest = nearest_to(typed);
    nearest_offer(&nearest, "start");
    assert_null(nearest.word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_is_zero),
        cmocka_unit_test(short_flags_stand_together),
        cmocka_unit_test(a_value_follows_or_is_attached),
        cmocka_unit_test(a_value_may_look_like_an_option_or_be_empty),
        cmocka_unit_test(a_list_keeps_all_and_their_order),
        cmocka_unit_test(the_last_of_several_wins),
        cmocka_unit_test(options_stand_before_and_after_operands),
        cmocka_unit_test(nothing_behind_the_dashes_is_an_option),
        cmocka_unit_test(a_command_keeps_its_own_options),
        cmocka_unit_test(dashes_before_a_command_are_no_part_of_it),
        cmocka_unit_test(a_single_dash_is_an_operand),
        cmocka_unit_test(ignored_options_take_their_values_along),
        cmocka_unit_test(help_ends_the_parse),
        cmocka_unit_test(values_of_a_choice_are_positions_from_one),
        cmocka_unit_test(sizes_and_times_have_units),
        cmocka_unit_test(what_is_no_value_of_the_kind_is_refused),
        cmocka_unit_test(a_missing_value_is_said_in_the_words_that_podman_looks_for),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(the_nearest_word_is_near),
        cmocka_unit_test(a_word_of_any_length_can_be_mistyped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
