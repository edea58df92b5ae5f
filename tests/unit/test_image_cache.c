// SPDX-License-Identifier: Apache-2.0
#include "image_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "image/cache.h"
#include "image/image.h"
#include "image/progress.h"
#include "image/reference.h"

static int set_up(void **state)
{
    *state = temporary_directory();
    return setenv("XDG_CACHE_HOME", *state, 1);
}

static int tear_down(void **state)
{
    char *directory = *state;
    remove_directory(&directory);
    return unsetenv("XDG_CACHE_HOME");
}

/* Begin an entry and put a file in it. */
static void begin_with_file(struct cache_entry *entry, const char *name)
{
    AUTO_ERROR struct error error = { 0 };
    assert_ok(cache_begin("layers", name, entry, &error), error);
    assert_false(entry->complete);
    write_text(entry->partial_path, "file", "content");
}

static void an_entry_appears_when_it_is_committed(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    begin_with_file(&entry, "a");
    assert_false(is_there(*state, "openvirt/layers/a"));
    assert_ok(cache_commit(&entry, &error), error);
    cache_release(&entry);
    assert_text(*state, "openvirt/layers/a/file", "content");
    assert_false(is_there(*state, "openvirt/layers/a.partial"));
    assert_false(is_there(*state, "openvirt/layers/a.lock"));

    assert_ok(cache_begin("layers", "a", &entry, &error), error);
    assert_true(entry.complete);
    assert_int_equal(entry.lock_fd, -1);
}

static void an_entry_that_is_not_committed_goes(void **state)
{
    struct cache_entry entry = CACHE_ENTRY_NONE;
    begin_with_file(&entry, "a");
    cache_release(&entry);
    assert_false(is_there(*state, "openvirt/layers/a"));
    assert_false(is_there(*state, "openvirt/layers/a.partial"));
    assert_false(is_there(*state, "openvirt/layers/a.lock"));
}

static void what_a_killed_process_left_is_swept_by_the_next(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        struct cache_entry entry = CACHE_ENTRY_NONE;
        begin_with_file(&entry, "a");
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(is_there(*state, "openvirt/layers/a.partial/file"));
    assert_false(is_there(*state, "openvirt/layers/a"));

    AUTO_CACHE_ENTRY struct cache_entry other = CACHE_ENTRY_NONE;
    begin_with_file(&other, "b");
    assert_false(is_there(*state, "openvirt/layers/a.partial"));
    assert_false(is_there(*state, "openvirt/layers/a.lock"));
}

static void what_another_is_making_is_not_swept(void **state)
{
    int ready[2], go_on[2];
    char byte = 0;
    assert_int_equal(pipe(ready) + pipe(go_on), 0);
    pid_t child = fork();
    if (child == 0) {
        struct cache_entry entry = CACHE_ENTRY_NONE;
        begin_with_file(&entry, "a");
        _exit(write(ready[1], "", 1) == 1 && read(go_on[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    AUTO_CACHE_ENTRY struct cache_entry other = CACHE_ENTRY_NONE;
    begin_with_file(&other, "b");
    assert_true(is_there(*state, "openvirt/layers/a.partial/file"));
    assert_int_equal(write(go_on[1], "", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go_on[i]);
    }
}

/* Each child makes the entry unless it is there; the file counts who made it. */
static void of_many_at_once_one_makes_it(void **state)
{
    enum { CHILDREN = 8 };
    for (int i = 0; i < CHILDREN; i++) {
        if (fork() != 0)
            continue;
        AUTO_ERROR struct error error = { 0 };
        struct cache_entry entry = CACHE_ENTRY_NONE;
        if (!freopen("/dev/null", "w", stderr) || cache_begin("layers", "a", &entry, &error) < 0)
            _exit(2);
        bool made = !entry.complete;
        if (made && cache_commit(&entry, &error) < 0)
            _exit(3);
        cache_release(&entry);
        _exit(made ? 1 : 0);
    }
    int makers = 0;
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        makers += WEXITSTATUS(status);
    }
    assert_int_equal(makers, 1);
    assert_true(is_there(*state, "openvirt/layers/a"));
    assert_false(is_there(*state, "openvirt/layers/a.lock"));
}

static void a_signal_waits_until_nothing_half_made_is_left(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        struct cache_entry entry = CACHE_ENTRY_NONE;
        begin_with_file(&entry, "a");
        raise(SIGTERM);
        cache_release(&entry);
        _exit(0); /* not reached: the signal is delivered by the release */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    assert_false(is_there(*state, "openvirt/layers/a.partial"));
}

static void the_directory_is_for_its_owner_alone(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *path = NULL;
    umask(0);
    AUTO_CLOSE int fd = cache_open_kind("layers", &path, &error);
    umask(022);
    assert_true(fd >= 0);
    assert_int_equal(status_of(*state, "openvirt").st_mode, S_IFDIR | 0700);
    assert_int_equal(status_of(*state, "openvirt/layers").st_mode, S_IFDIR | 0700);
}

static void a_directory_of_somebody_else_is_refused(void **state)
{
    AUTO_FREE char *directory = string_format("%s/openvirt", (char *)*state), *path = NULL;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(mkdir(directory, 0700), 0);
    assert_int_equal(chown(directory, 1234, 0), 0);
    assert_int_equal(cache_open_kind("layers", &path, &error), -1);
    assert_error_contains(error, "belongs to user 1234");
    error_clear(&error);
    assert_int_equal(chown(directory, 0, 0), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(cache_open_kind("layers", &path, &error), -1);
    assert_error_contains(error, "can be written by others");
}

static void the_environment_says_where_the_cache_is(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    setenv("XDG_CACHE_HOME", "/x", 1);
    AUTO_FREE char *given = image_cache_directory(&error);
    assert_string_equal(given, "/x/openvirt");
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says the XDG specification */
    setenv("HOME", "/home/me", 1);
    AUTO_FREE char *home = image_cache_directory(&error);
    assert_string_equal(home, "/home/me/.cache/openvirt");
}

static void each_form_of_a_name_is_known(void **state)
{
    AUTO_FREE char *layout = string_format("oci:%s", (char *)*state);
    AUTO_FREE char *tagged = string_format("oci:%s:docker.io/x:1", (char *)*state);
    const struct {
        const char *name;
        enum reference_kind kind;
        const char *path, *tag;
    } right[] = {
        { "debian", REFERENCE_DEBIAN, NULL, NULL },
        { "debian:trixie", REFERENCE_DEBIAN, NULL, "trixie" },
        { "./rootfs", REFERENCE_DIRECTORY, "./rootfs", NULL },
        { "/", REFERENCE_DIRECTORY, "/", NULL },
        { "debian/", REFERENCE_DIRECTORY, "debian/", NULL },
        { "oci:nowhere:tag", REFERENCE_OCI, "nowhere", "tag" },
        { layout, REFERENCE_OCI, *state, NULL },
        { tagged, REFERENCE_OCI, *state, "docker.io/x:1" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_REFERENCE struct reference reference = { 0 };
        assert_ok(reference_parse(right[i].name, &reference, &error), error);
        assert_int_equal(reference.kind, right[i].kind);
        assert_true(!reference.path == !right[i].path);
        assert_true(!reference.tag == !right[i].tag);
        if (right[i].path)
            assert_string_equal(reference.path, right[i].path);
        if (right[i].tag)
            assert_string_equal(reference.tag, right[i].tag);
    }
}

static void the_colon_of_a_directory_is_not_the_one_of_the_tag(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_REFERENCE struct reference reference = { 0 };
    AUTO_FREE char *directory = string_format("%s/a:b", (char *)*state);
    AUTO_FREE char *name = string_format("oci:%s:c", directory);
    assert_int_equal(mkdir(directory, 0755), 0);
    assert_ok(reference_parse(name, &reference, &error), error);
    assert_string_equal(reference.path, directory);
    assert_string_equal(reference.tag, "c");
}

static void an_unknown_name_lists_what_there_is(void **state)
{
    const char *const wrong[] = { "", "ubuntu", "rootfs", "Debian", "docker:x", "oci", "debianx" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_REFERENCE struct reference reference = { 0 };
        assert_int_equal(reference_parse(wrong[i], &reference, &error), -1);
        assert_error_contains(error, "debian[:SUITE], oci:DIR[:TAG]");
    }
    AUTO_ERROR struct error error = { 0 };
    AUTO_REFERENCE struct reference reference = { 0 };
    assert_int_equal(reference_parse("src", &reference, &error), -1); /* in the source's root */
    assert_error_contains(error, "write ./src");
    assert_int_equal(reference_parse("oci:", &reference, &error), -1);
    assert_int_equal(reference_parse("oci:x:", &reference, &error), -1);
}

static void a_digest_is_written_in_full(void **state)
{
    (void)state;
    static const char zeros[] =
        "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    assert_true(digest_is_valid(zeros));
    const char *const wrong[] = { "",           "sha256",  "sha256:",
                                  "sha256:00",  "md5:00",  zeros + 1,
                                  "sha512:000", "sha256/", "sha256:../../../../../../etc/passwd" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(digest_is_valid(wrong[i]));
    AUTO_FREE char *longer = string_format("%s0", zeros), *upper = string_copy(zeros);
    upper[70] = 'A';
    assert_false(digest_is_valid(longer));
    assert_false(digest_is_valid(upper));
}

/* FIPS 180-4, the examples of one block: "abc". */
static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    const char *const expected[] = {
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_DIGEST struct digest *digest = digest_new(expected[i], &error);
        assert_non_null(digest);
        assert_ok(digest_update(digest, "abc", 3, &error), error);
        assert_ok(digest_verify(digest, expected[i], "abc", &error), error);
    }
}

static void progress_without_a_terminal_is_lines(void **state)
{
    AUTO_FREE char *path = string_format("%s/err", (char *)*state);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    struct progress progress;
    progress_begin(&progress, "title");
    progress_phase(&progress, 7, "working");
    progress_bytes(&progress, 1, 2);
    progress_end(&progress);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    assert_text(*state, "err", "title:   7%  working\n");
}

#define cache_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cache_test(an_entry_appears_when_it_is_committed),
        cache_test(an_entry_that_is_not_committed_goes),
        cache_test(what_a_killed_process_left_is_swept_by_the_next),
        cache_test(what_another_is_making_is_not_swept),
        cache_test(of_many_at_once_one_makes_it),
        cache_test(a_signal_waits_until_nothing_half_made_is_left),
        cache_test(the_directory_is_for_its_owner_alone),
        cache_test(a_directory_of_somebody_else_is_refused),
        cache_test(the_environment_says_where_the_cache_is),
        cache_test(each_form_of_a_name_is_known),
        cache_test(the_colon_of_a_directory_is_not_the_one_of_the_tag),
        cache_test(an_unknown_name_lists_what_there_is),
        cache_test(a_digest_is_written_in_full),
        cache_test(digests_are_those_of_the_standard),
        cache_test(progress_without_a_terminal_is_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
