// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"

static struct json_object *parse(const char *text)
{
    AUTO_ERROR struct error error = { 0 };
    return json_parse(text, strlen(text), &error);
}

static void assert_refused(const char *text, size_t length, const char *reason)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_JSON struct json_object *document = json_parse(text, length, &error);
    if (document)
        fail_msg("accepted: %s", text);
    assert_non_null(error.message);
    if (reason && !strstr(error.message, reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error.message, reason);
}

static void numbers_keep_all_64_bits(void **state)
{
    (void)state;
    AUTO_JSON struct json_object *document =
        parse("[18446744073709551615, -9223372036854775808, 9223372036854775808, 0]");
    assert_non_null(document);
    assert_true(json_object_get_uint64(json_object_array_get_idx(document, 0)) == UINT64_MAX);
    assert_true(json_object_get_int64(json_object_array_get_idx(document, 1)) == INT64_MIN);
    assert_true(json_object_get_uint64(json_object_array_get_idx(document, 2)) == 1ULL << 63);
    AUTO_FREE char *text = json_text(document);
    assert_string_equal(text, "[18446744073709551615,-9223372036854775808,9223372036854775808,0]");
}

static void what_json_c_would_forgive_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "[18446744073709551616]", "64 bits" },
        { "[-9223372036854775809]", "64 bits" },
        { "[1e999]", "64 bits" },
        { "[1000000000000000000000000000000000000000000000000000000000000000000]", "64 bits" },
        { "[01]", "not a number" },
        { "[1.]", "not a number" },
        { "[-]", "not a number" },
        { "[.5]", "unexpected" },
        { "[+1]", "unexpected" },
        { "[0x10]", "not a number" },
        { "[1e]", "not a number" },
        { "[NaN]", "unexpected" },
        { "[-Infinity]", "not a number" },
        { "[Infinity]", "unexpected" },
        { "[True]", "unexpected" },
        { "[nul]", "unexpected" },
        { "{\"a\":1,\"a\":2}", "\"a\" is there twice" },
        { "{\"x\":[{\"abc\":1,\"\\u0061bc\":2}]}", "\"abc\" is there twice" },
        { "/* comment */ {}", "unexpected" },
        { "{} // comment", "unexpected" },
        { "{} {}", NULL },
        { "{}]", "nothing is open" },
        { "[1,]", NULL },
        { "{\"a\":1,}", NULL },
        { "[,1]", NULL },
        { "{,}", NULL },
        { "[1 2]", NULL },
        { "{\"a\" 1}", NULL },
        { "{\"a\":}", NULL },
        { "{a:1}", "unexpected" },
        { "{'a':1}", "unexpected" },
        { "[\"a]", "unterminated" },
        { "[\"a\\", "unterminated" },
        { "[\"\\x\"]", NULL },
        { "[\"\\u12g4\"]", NULL },
        { "[\"a\nb\"]", "control character" },
        { "[\"a\\u0000b\"]", "NUL" },
        { "[\f1]", "unexpected" },
        { "[", "too early" },
        { "{\"a\":[1", "too early" },
        { "[}", NULL },
        { "{\"a\":1]", NULL },
        { "", "too early" },
        { "   ", "too early" },
        { "null", "null" },
        { "\xef\xbb\xbf{}", "unexpected" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].reason);
    assert_refused("[1]\0[2]", 7, "unexpected");
    assert_refused("[\"a\0b\"]", 7, "control character");
}

static void only_well_formed_utf_8_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = { "[\"\xc3\xa4\"]", "[\"\xe2\x82\xac\"]",
                                        "[\"\xf0\x9f\x90\x8b\"]", "[\"\xed\x9f\xbf\"]",
                                        "[\"\xf4\x8f\xbf\xbf\"]" };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        AUTO_JSON struct json_object *document = parse(good[i]);
        assert_non_null(document);
    }
    static const char *const bad[] = {
        "[\"\x80\"]",             /* continuation without a lead */
        "[\"\xc3\"]",             /* lead without a continuation */
        "[\"\xc0\xaf\"]",         /* overlong '/' */
        "[\"\xe0\x80\xaf\"]",     /* overlong '/' in three bytes */
        "[\"\xed\xa0\x80\"]",     /* a surrogate */
        "[\"\xf4\x90\x80\x80\"]", /* above U+10FFFF */
        "[\"\xe2\x82\"]",         /* cut short */
        "[\"\xf0\x9f\x90",        /* cut short by the end of the text */
        "[\"\xff\"]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_refused(bad[i], strlen(bad[i]), "UTF-8");
}

static void equal_keys_in_different_objects_are_fine(void **state)
{
    (void)state;
    AUTO_JSON struct json_object *document =
        parse("{\"a\":{\"a\":[{\"a\":1},{\"a\":\":{\"}]},\"b\":{\"a\":2}}");
    assert_non_null(document);
}

static void nesting_is_limited_to_64(void **state)
{
    (void)state;
    char text[200];
    for (size_t depth = 63; depth <= 65; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        AUTO_JSON struct json_object *document = parse(text);
        assert_int_equal(document != NULL, depth <= 64);
        if (depth > 64)
            assert_refused(text, 2 * depth, "deeper than 64");
    }
}

static void any_value_may_be_a_document(void **state)
{
    (void)state;
    static const char *const good[] = {
        "1", "-0", "1.5e+3", "\"x\"", "true", " [ ] ", "{\"\":0}\n"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        AUTO_JSON struct json_object *document = parse(good[i]);
        if (!document)
            fail_msg("refused: %s", good[i]);
    }
}

static void an_error_says_where(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": nope\n}", 14, "line 2 column 8");
}

static void a_file_is_named_in_its_error(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char path[] = "/tmp/openvirt-test-json-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, "{]", 2), 0);
    assert_null(json_parse_file(AT_FDCWD, path, &error));
    assert_non_null(strstr(error.message, path));
    assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
    assert_null(json_parse_file(AT_FDCWD, path, &error));
    unlink(path);
}

static void text_has_no_blanks_and_no_escaped_slashes(void **state)
{
    (void)state;
    AUTO_JSON struct json_object *document = parse("{ \"a\" : [ \"/b\" ] }");
    AUTO_FREE char *text = json_text(document);
    assert_string_equal(text, "{\"a\":[\"/b\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_all_64_bits),
        cmocka_unit_test(what_json_c_would_forgive_is_refused),
        cmocka_unit_test(only_well_formed_utf_8_is_taken),
        cmocka_unit_test(equal_keys_in_different_objects_are_fine),
        cmocka_unit_test(nesting_is_limited_to_64),
        cmocka_unit_test(any_value_may_be_a_document),
        cmocka_unit_test(an_error_says_where),
        cmocka_unit_test(a_file_is_named_in_its_error),
        cmocka_unit_test(text_has_no_blanks_and_no_escaped_slashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
