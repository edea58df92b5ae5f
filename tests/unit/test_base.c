// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "base/string.h"

static void an_error_reads_from_the_outside_in(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(error_set(&error, ENOENT, "open %s", "/x"), -1);
    error_wrap(&error, "create container %s", "web");
    assert_string_equal(error.message, "create container web: open /x: No such file or directory");
    assert_int_equal(error.code, ENOENT);
}

static void a_number_is_the_whole_text(void **state)
{
    (void)state;
    uint64_t value;
    assert_int_equal(parse_uint64("18446744073709551615", &value), 0);
    assert_true(value == UINT64_MAX);
    const char *const wrong[] = {
        "", " 1", "1 ", "+1", "-1", "0x10", "1e3", "18446744073709551616"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(parse_uint64(wrong[i], &value), -1);
    int64_t signed_value;
    assert_int_equal(parse_int64("-9223372036854775808", &signed_value), 0);
    assert_true(signed_value == INT64_MIN);
    assert_int_equal(parse_int64("9223372036854775808", &signed_value), -1);
}

static void a_size_takes_a_unit(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(parse_size("512m", &bytes), 0);
    assert_true(bytes == 512ULL << 20);
    assert_int_equal(parse_size("2GiB", &bytes), 0);
    assert_true(bytes == 2ULL << 30);
    assert_int_equal(parse_size("7b", &bytes), 0);
    assert_true(bytes == 7);
    const char *const wrong[] = { "m", "1x", "1mm", "1 m", "99999999999999999g" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(parse_size(wrong[i], &bytes), -1);
}

static void a_signal_has_a_number_and_names(void **state)
{
    (void)state;
    assert_int_equal(parse_signal("15"), SIGTERM);
    assert_int_equal(parse_signal("TERM"), SIGTERM);
    assert_int_equal(parse_signal("SIGTERM"), SIGTERM);
    assert_int_equal(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
    assert_int_equal(parse_signal("RTMAX-1"), SIGRTMAX - 1);
    const char *const wrong[] = { "", "SIG", "NOPE", "99", "RTMIN-1", "RTMIN+99", "TERM " };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(parse_signal(wrong[i]), -1);
}

static void splitting_drops_empty_parts(void **state)
{
    (void)state;
    AUTO_STRINGS char **parts = string_split(",,rw,,nosuid,", ",");
    assert_string_equal(parts[0], "rw");
    assert_string_equal(parts[1], "nosuid");
    assert_null(parts[2]);
}

/* More levels than descriptors, and than a path can name. */
static void a_tree_deeper_than_we_have_descriptors_is_removed(void **state)
{
    (void)state;
    enum { LEVELS = 3000 };
    struct rlimit before, few = { 64, 64 };
    AUTO_ERROR struct error error = { 0 };
    char top[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(top));
    AUTO_CLOSE int start = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(top), 0);
    for (int level = 0; level < LEVELS; level++) {
        assert_int_equal(mkdir("directory", 0755), 0);
        assert_int_equal(close(open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        assert_int_equal(chdir("directory"), 0);
    }
    assert_int_equal(fchdir(start), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    few.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    int result = remove_tree_at(AT_FDCWD, top, &error);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(result, 0);
    assert_false(path_exists_at(AT_FDCWD, top));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_reads_from_the_outside_in),
        cmocka_unit_test(a_number_is_the_whole_text),
        cmocka_unit_test(a_size_takes_a_unit),
        cmocka_unit_test(a_signal_has_a_number_and_names),
        cmocka_unit_test(splitting_drops_empty_parts),
        cmocka_unit_test(a_tree_deeper_than_we_have_descriptors_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
