// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/hooks.h"

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct log to_stderr = { .level = LOG_LEVEL_WARNING, .fd = STDERR_FILENO };

static struct spec with_hooks(enum spec_hook_point point, const struct spec_hook *hooks,
                              size_t count)
{
    struct spec spec = { 0 };
    spec.hooks[point] = (struct spec_hook_list){ hooks, count };
    return spec;
}

static char *text_of(const char *path)
{
    AUTO_ERROR struct error error = { 0 };
    return read_file_at(AT_FDCWD, path, 65536, NULL, &error);
}

static void make_temporary(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void a_hook_has_the_state_and_its_own_environment_and_no_other(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char file[] = "/tmp/test_hooks.XXXXXX";
    make_temporary(file);
    AUTO_FREE char *variable = string_format("OUT=%s", file);
    const struct spec_hook hook = {
        .path = "/bin/sh",
        .args = WORDS("named", "-c",
                      "cat > $OUT; /usr/bin/env | grep -v ^PWD= | sort >> $OUT; "
                      "echo $0 >> $OUT"),
        .env = WORDS("A=b", variable),
    };
    const struct spec spec = with_hooks(SPEC_HOOK_CREATE_RUNTIME, &hook, 1);
    setenv("SECRET", "of the caller", 1);
    assert_int_equal(hooks_run(&spec, SPEC_HOOK_CREATE_RUNTIME, "{\"id\":\"c\"}", &error), 0);
    AUTO_FREE char *text = text_of(file);
    AUTO_FREE char *expected =
        string_format("{\"id\":\"c\"}A=b\nOUT=%s\n_=/usr/bin/env\nnamed\n", file);
    AUTO_FREE char *plain = string_format("{\"id\":\"c\"}A=b\nOUT=%s\nnamed\n", file);
    unlink(file);
    assert_true(string_equal(text, expected) || string_equal(text, plain));
}

static void a_hook_without_words_is_called_by_its_path(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_hook hook = { .path = "/bin/true" };
    const struct spec spec = with_hooks(SPEC_HOOK_POSTSTART, &hook, 1);
    assert_int_equal(hooks_run(&spec, SPEC_HOOK_POSTSTART, "{}", &error), 0);
}

static void the_first_hook_that_fails_ends_the_list_and_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char file[] = "/tmp/test_hooks.XXXXXX";
    make_temporary(file);
    AUTO_FREE char *variable = string_format("OUT=%s", file);
    const struct spec_hook hooks[] = {
        { .path = "/bin/sh",
          .args = WORDS("sh", "-c", "echo one >> $OUT"),
          .env = WORDS(variable) },
        { .path = "/bin/sh", .args = WORDS("sh", "-c", "echo because >&2; exit 3") },
        { .path = "/bin/sh",
          .args = WORDS("sh", "-c", "echo two >> $OUT"),
          .env = WORDS(variable) },
    };
    const struct spec spec = with_hooks(SPEC_HOOK_CREATE_CONTAINER, hooks, 3);
    assert_int_equal(hooks_run(&spec, SPEC_HOOK_CREATE_CONTAINER, "{}", &error), -1);
    assert_string_equal(error.message, "hooks.createContainer[1]: /bin/sh: exit status 3: because");
    AUTO_FREE char *text = text_of(file);
    assert_string_equal(text, "one\n");

    /* poststop: each has its turn. */
    const struct spec after = with_hooks(SPEC_HOOK_POSTSTOP, hooks, 3);
    hooks_run_all(&after, SPEC_HOOK_POSTSTOP, "{}", &to_stderr);
    AUTO_FREE char *all = text_of(file);
    unlink(file);
    assert_string_equal(all, "one\none\ntwo\n");
}

static void a_hook_that_takes_too_long_dies_with_all_that_it_started(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char file[] = "/tmp/test_hooks.XXXXXX";
    make_temporary(file);
    AUTO_FREE char *variable = string_format("OUT=%s", file);
    const struct spec_hook hook = { .path = "/bin/sh",
                                    .args = WORDS("sh", "-c",
                                                  "(/bin/sleep 3; echo alive >> $OUT) & "
                                                  "/bin/sleep 60"),
                                    .env = WORDS(variable),
                                    .timeout_s = { true, 1 } };
    const struct spec spec = with_hooks(SPEC_HOOK_PRESTART, &hook, 1);
    time_t before = time(NULL);
    assert_int_equal(hooks_run(&spec, SPEC_HOOK_PRESTART, "{}", &error), -1);
    assert_string_equal(error.message,
                        "hooks.prestart[0]: /bin/sh: killed, it took longer than its "
                        "timeout of 1 s");
    assert_true(time(NULL) - before < 20);
    nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
    AUTO_FREE char *text = text_of(file);
    unlink(file);
    assert_string_equal(text, "");
}

static void a_missing_hook_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_hook hook = { .path = "/no/such/hook" };
    const struct spec spec = with_hooks(SPEC_HOOK_START_CONTAINER, &hook, 1);
    assert_int_equal(hooks_run(&spec, SPEC_HOOK_START_CONTAINER, "{}", &error), -1);
    assert_string_equal(error.message,
                        "hooks.startContainer[0]: run /no/such/hook: No such file or "
                        "directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_has_the_state_and_its_own_environment_and_no_other),
        cmocka_unit_test(a_hook_without_words_is_called_by_its_path),
        cmocka_unit_test(the_first_hook_that_fails_ends_the_list_and_is_named),
        cmocka_unit_test(a_hook_that_takes_too_long_dies_with_all_that_it_started),
        cmocka_unit_test(a_missing_hook_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
