// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "base/string.h"

#define SHELL(script)                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        "sh", "-c", script, NULL                                                                   \
    }

static int run_shell(const char *script, const char *input, char **output, struct error *error)
{
    struct process_request request = {
        .path = "sh", .args = SHELL(script), .input = input, .output = output
    };
    return process_run(&request, error);
}

static void output_is_what_the_program_printed(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *output = NULL;
    assert_int_equal(run_shell("cat; echo end", "in\n", &output, &error), 0);
    assert_string_equal(output, "in\nend\n");
}

static void a_program_without_output_gives_an_empty_text(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *output = NULL;
    assert_int_equal(run_shell("true", NULL, &output, &error), 0);
    assert_string_equal(output, "");
}

static void too_much_output_is_an_error_and_not_a_truncation(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *output = NULL;
    assert_int_equal(run_shell("head -c 1048577 /dev/zero", NULL, &output, &error), -1);
    assert_int_equal(error.code, EFBIG);
    assert_null(output);
}

static void a_failure_names_status_and_last_line(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(
        run_shell("echo first >&2; echo last >&2; echo >&2; exit 7", NULL, NULL, &error), -1);
    assert_string_equal(error.message, "sh: exit status 7: last");
    assert_int_equal(run_shell("kill -TERM $$", NULL, NULL, &error), -1);
    assert_string_equal(error.message, "sh: killed by signal 15 (SIGTERM)");
}

static void only_the_tail_of_long_errors_is_kept(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(
        run_shell("head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo why >&2; exit 1", NULL,
                  NULL, &error),
        -1);
    assert_string_equal(error.message, "sh: exit status 1: why");
}

static void a_missing_program_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct process_request request = { .path = "/no/such/program",
                                       .args = (const char *const[]){ "x", NULL } };
    assert_int_equal(process_run(&request, &error), -1);
    assert_int_equal(error.code, ENOENT);
    assert_string_equal(error.message, "run /no/such/program: No such file or directory");
}

static void input_that_nobody_reads_is_no_error(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *input = allocate(300001, 1);
    memset(input, 'i', 300000);
    assert_int_equal(run_shell("exit 0", input, NULL, &error), 0);
    AUTO_FREE char *output = NULL;
    assert_int_equal(run_shell("wc -c", input, &output, &error), 0);
    assert_string_equal(output, "300000\n");
}

static void a_timeout_kills_the_whole_group(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char file[] = "/tmp/test_process.XXXXXX";
    AUTO_CLOSE int fd = mkstemp(file);
    assert_true(fd >= 0);
    AUTO_FREE char *script = string_format("sleep 60 & echo $! > %s; wait", file);
    struct process_request request = { .path = "sh", .args = SHELL(script), .timeout_ms = 300 };
    assert_int_equal(process_run(&request, &error), -1);
    assert_int_equal(error.code, ETIMEDOUT);
    assert_string_equal(error.message, "sh: killed after 300 ms");

    char text[32] = { 0 };
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    unlink(file);
    int alive = 0;
    for (int i = 0; i < 100; i++) {
        AUTO_FREE char *path = string_format("/proc/%d/cmdline", atoi(text));
        AUTO_FCLOSE FILE *stream = fopen(path, "r");
        alive = stream && fgetc(stream) != EOF;
        if (!alive)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    assert_false(alive);
}

static void what_stays_in_the_background_is_not_waited_for(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *output = NULL;
    time_t before = time(NULL);
    assert_int_equal(run_shell("sleep 20 & echo $!", NULL, &output, &error), 0);
    assert_true(time(NULL) - before < 10);
    kill(atoi(output), SIGKILL);
}

static void the_program_starts_with_nothing_of_ours(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    int leaked = dup2(1, 17);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGUSR2, SIG_IGN);
    struct process_request request = {
        .path = "sh",
        .args = SHELL("fd=$(test -e /proc/self/fd/17 && echo leaked); "
                      "blocked=$(grep SigBlk /proc/self/status | cut -f 2); "
                      "echo $A$HOME $fd $blocked >&2; kill -USR2 $$"),
        .env = (const char *const[]){ "A=b", "PATH=/usr/bin:/bin", NULL },
    };
    int result = process_run(&request, &error);
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(leaked);
    assert_int_equal(result, -1);
    assert_string_equal(error.message, "sh: killed by signal 12 (SIGUSR2): b 0000000000000000");
}

static void an_exit_status_is_what_a_shell_shows(void **state)
{
    (void)state;
    assert_int_equal(process_exit_status(W_EXITCODE(42, 0)), 42);
    assert_int_equal(process_exit_status(W_EXITCODE(0, SIGKILL)), 137);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_what_the_program_printed),
        cmocka_unit_test(a_program_without_output_gives_an_empty_text),
        cmocka_unit_test(too_much_output_is_an_error_and_not_a_truncation),
        cmocka_unit_test(a_failure_names_status_and_last_line),
        cmocka_unit_test(only_the_tail_of_long_errors_is_kept),
        cmocka_unit_test(a_missing_program_is_named),
        cmocka_unit_test(input_that_nobody_reads_is_no_error),
        cmocka_unit_test(a_timeout_kills_the_whole_group),
        cmocka_unit_test(what_stays_in_the_background_is_not_waited_for),
        cmocka_unit_test(the_program_starts_with_nothing_of_ours),
        cmocka_unit_test(an_exit_status_is_what_a_shell_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
