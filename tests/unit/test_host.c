// SPDX-License-Identifier: Apache-2.0
/* The state directory and the log that the global options choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/process.h"
#include "base/string.h"
#include "cli/host.h"

/* Nobody's, so that /run/user has no directory of it. */
enum { USER = 64999 };
static const char fallback[] = "/tmp/openvirt-64999";

/* The table of verbs is not under test. */
const struct command *const commands[] = { NULL };

static char *opened_root(const struct global_options *options, struct error *error)
{
    struct host host = { 0 };
    char *root = host_open(&host, options, error) == 0 ? string_copy(host.state_root) : NULL;
    host_close(&host);
    return root;
}

static void a_relative_root_is_made_absolute(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *directory = getcwd(NULL, 0);
    AUTO_FREE char *expected = string_format("%s/below", directory);
    AUTO_FREE char *root = opened_root(&(struct global_options){ .root = "below" }, &error);
    assert_string_equal(root, expected);
}

static void an_empty_root_is_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_null(opened_root(&(struct global_options){ .root = "" }, &error));
    assert_string_equal(error.message, "--root: the path is empty");
}

/*
 * Run in a child that is an ordinary user: 0 where the state root is `expected`, 1 where it is
 * another one, 2 where there is an error instead.
 */
static int as_user(const char *runtime_directory, const char *expected)
{
    pid_t pid = fork();
    if (pid == 0) {
        AUTO_ERROR struct error error = { 0 };
        if (runtime_directory)
            setenv("XDG_RUNTIME_DIR", runtime_directory, 1);
        else
            unsetenv("XDG_RUNTIME_DIR");
        if (geteuid() == 0 && setresuid(USER, USER, USER) < 0)
            _exit(9);
        char *root = opened_root(&(struct global_options){ 0 }, &error);
        if (!root)
            _exit(2);
        _exit(string_equal(root, expected) ? 0 : 1);
    }
    int status = -1;
    assert_true(process_wait(pid, &status) >= 0);
    return process_exit_status(status);
}

static void need_root(void)
{
    if (geteuid() == 0)
        return;
    print_message("not root: cannot become another user\n");
    skip();
}

static void root_has_a_fixed_state_directory(void **state)
{
    (void)state;
    need_root();
    AUTO_ERROR struct error error = { 0 };
    setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    AUTO_FREE char *root = opened_root(&(struct global_options){ 0 }, &error);
    unsetenv("XDG_RUNTIME_DIR");
    assert_string_equal(root, "/run/openvirt");
}

static void a_user_has_one_in_the_runtime_directory(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(as_user("/run/user/7", "/run/user/7/openvirt"), 0);
}

static void without_a_runtime_directory_it_is_a_private_one_in_tmp(void **state)
{
    (void)state;
    need_root();
    struct stat status;
    rmdir(fallback);
    assert_int_equal(as_user(NULL, fallback), 0);
    assert_int_equal(lstat(fallback, &status), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0700);
    assert_int_equal(as_user(NULL, fallback), 0); /* and it is found again */
    /* The specification of the variable wants an absolute path; a relative one is ignored. */
    assert_int_equal(as_user("run", fallback), 0);
    rmdir(fallback);
}

static void a_directory_in_tmp_that_another_made_is_refused(void **state)
{
    (void)state;
    need_root();
    rmdir(fallback);
    assert_int_equal(mkdir(fallback, 0777), 0);
    assert_int_equal(as_user(NULL, fallback), 2);

    assert_int_equal(chown(fallback, USER, USER), 0);
    assert_int_equal(chmod(fallback, 0770), 0);
    assert_int_equal(as_user(NULL, fallback), 2);
    assert_int_equal(chmod(fallback, 0700), 0);
    assert_int_equal(as_user(NULL, fallback), 0);
    rmdir(fallback);

    assert_int_equal(symlink("/tmp", fallback), 0);
    int status = as_user(NULL, fallback);
    unlink(fallback);
    assert_int_equal(status, 2);
}

static enum cgroup_manager manager_of(const struct global_options *options)
{
    AUTO_ERROR struct error error = { 0 };
    struct host host = { 0 };
    assert_int_equal(host_open(&host, options, &error), 0);
    host_close(&host);
    return host.cgroup_manager;
}

static void a_named_cgroup_manager_goes_before_the_old_flag(void **state)
{
    (void)state;
    static const struct {
        struct global_options options;
        enum cgroup_manager manager;
    } cases[] = {
        { { .root = "/x" }, CGROUP_MANAGER_CGROUPFS },
        { { .root = "/x", .systemd_cgroup = true }, CGROUP_MANAGER_SYSTEMD },
        { { .root = "/x", .cgroup_manager = 2 }, CGROUP_MANAGER_SYSTEMD },
        { { .root = "/x", .cgroup_manager = 3 }, CGROUP_MANAGER_DISABLED },
        { { .root = "/x", .systemd_cgroup = true, .cgroup_manager = 3 }, CGROUP_MANAGER_DISABLED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_int_equal(manager_of(&cases[i].options), cases[i].manager);
}

static void the_log_has_a_level_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool debug;
        enum log_level level;
    } cases[] = {
        { NULL, false, LOG_LEVEL_WARNING },   { "error", false, LOG_LEVEL_ERROR },
        { "warn", false, LOG_LEVEL_WARNING }, { "trace", false, LOG_LEVEL_DEBUG },
        { "error", true, LOG_LEVEL_DEBUG },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        AUTO_ERROR struct error error = { 0 };
        struct host host = { 0 };
        const struct global_options options = { .log_level = cases[i].name,
                                                .debug = cases[i].debug };
        assert_int_equal(host_open_log(&host, &options, &error), 0);
        assert_int_equal(host.log.level, cases[i].level);
    }
    AUTO_ERROR struct error error = { 0 };
    struct host host = { 0 };
    const struct global_options wrong = { .log_level = "loud" };
    assert_int_equal(host_open_log(&host, &wrong, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relative_root_is_made_absolute),
        cmocka_unit_test(an_empty_root_is_refused),
        cmocka_unit_test(root_has_a_fixed_state_directory),
        cmocka_unit_test(a_user_has_one_in_the_runtime_directory),
        cmocka_unit_test(without_a_runtime_directory_it_is_a_private_one_in_tmp),
        cmocka_unit_test(a_directory_in_tmp_that_another_made_is_refused),
        cmocka_unit_test(a_named_cgroup_manager_goes_before_the_old_flag),
        cmocka_unit_test(the_log_has_a_level_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
