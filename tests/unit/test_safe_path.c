// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/safe_path.h"

/*
 * In the place of the C library's, for safe_path.c as well: what another process could do between
 * mkdirat() and the call after it happens each time, not once in many races.
 */
static char made_into_link_to[PATH_MAX]; /* "": the directories stay what they are */

int mkdirat(int directory_fd, const char *name, mode_t mode)
{
    int result = (int)syscall(SYS_mkdirat, directory_fd, name, mode);
    if (result == 0 && *made_into_link_to)
        result = unlinkat(directory_fd, name, AT_REMOVEDIR) == 0
                     ? symlinkat(made_into_link_to, directory_fd, name)
                     : -1;
    return result;
}

/* DIRECTORY/root is the root, DIRECTORY/outside is what must stay untouched. */
struct place {
    char directory[64];
    int directory_fd, root_fd;
};

static int set_up(void **state)
{
    struct place *place = allocate(1, sizeof(*place));
    strcpy(place->directory, "/tmp/openvirt-test-XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    place->directory_fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mkdirat(place->directory_fd, "root", 0755) < 0 ||
        mkdirat(place->directory_fd, "outside", 0755) < 0)
        return -1;
    place->root_fd = openat(place->directory_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *state = place;
    return place->root_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    int result = remove_tree_at(AT_FDCWD, place->directory, &error);
    close(place->root_fd);
    close(place->directory_fd);
    free(place);
    return result;
}

static char *path_of(int fd)
{
    char link[64], text[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, text, sizeof(text) - 1);
    assert_true(length > 0);
    return string_copy_n(text, (size_t)length);
}

/* The descriptor is of DIRECTORY/`expected`. */
static void assert_is_at(const struct place *place, int fd, const char *expected)
{
    AUTO_FREE char *path = path_of(fd);
    AUTO_FREE char *wanted = string_format("%s/%s", place->directory, expected);
    assert_string_equal(path, wanted);
}

static size_t entries_of(const struct place *place, const char *name)
{
    int fd = openat(place->directory_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *directory = fdopendir(fd);
    size_t count = 0;
    while (readdir(directory))
        count++;
    return count - 2;
}

static void parents_are_made_with_the_directory(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int fd = safe_make_directory(place->root_fd, "/a//b/./c/", &error);
    assert_true(fd >= 0);
    assert_is_at(place, fd, "root/a/b/c");
    AUTO_CLOSE int again = safe_make_directory(place->root_fd, "a/b/c", &error);
    assert_is_at(place, again, "root/a/b/c");
    AUTO_CLOSE int root = safe_make_directory(place->root_fd, "/", &error);
    assert_is_at(place, root, "root");
}

static void links_stay_inside_the_root(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    const char *const targets[] = { "/outside", "../outside", "../../../../../outside",
                                    place->directory };
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
        assert_int_equal(symlinkat(targets[i], place->root_fd, "link"), 0);
        AUTO_CLOSE int directory = safe_make_directory(place->root_fd, "/link/new", &error);
        AUTO_CLOSE int file = safe_make_file(place->root_fd, "/link/file", &error);
        assert_true(directory >= 0);
        assert_true(file >= 0);
        AUTO_FREE char *path = path_of(file);
        AUTO_FREE char *root = string_format("%s/root/", place->directory);
        assert_true(string_starts_with(path, root));
        assert_int_equal(unlinkat(place->root_fd, "link", 0), 0);
    }
    assert_int_equal(entries_of(place, "outside"), 0);
}

static void dots_at_the_beginning_lead_nowhere(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int fd = safe_make_directory(place->root_fd, "../../outside/x", &error);
    assert_is_at(place, fd, "root/outside/x");
    assert_int_equal(entries_of(place, "outside"), 0);
}

static void a_dangling_link_is_made_whole(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(mkdirat(place->root_fd, "var", 0755), 0);
    assert_int_equal(symlinkat("../run/deep", place->root_fd, "var/run"), 0);
    assert_int_equal(symlinkat("/etc/real", place->root_fd, "var/file"), 0);
    AUTO_CLOSE int directory = safe_make_directory(place->root_fd, "/var/run/x/y", &error);
    assert_is_at(place, directory, "root/run/deep/x/y");
    AUTO_CLOSE int file = safe_make_file(place->root_fd, "/var/file", &error);
    assert_is_at(place, file, "root/etc/real");
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    assert_true(S_ISREG(status.st_mode));
}

static void a_loop_of_links_is_an_error(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(symlinkat("b/x", place->root_fd, "a"), 0);
    assert_int_equal(symlinkat("a/x", place->root_fd, "b"), 0);
    assert_int_equal(safe_make_directory(place->root_fd, "/a/y", &error), -1);
    assert_int_equal(error.code, ELOOP);
    assert_int_equal(safe_make_file(place->root_fd, "/b", &error), -1);
    assert_int_equal(error.code, ELOOP);
}

/* "x" -> "x/x" is dangling again each time that it is expanded, and grows. */
static void a_link_that_grows_is_an_error(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(symlinkat("new/../x/x", place->root_fd, "x"), 0);
    assert_int_equal(safe_make_directory(place->root_fd, "/x", &error), -1);
    assert_int_equal(error.code, ELOOP);
}

/* Each is dangling until the one before has been expanded, so the kernel sees one at a time. */
static void a_long_chain_of_dangling_links_is_an_error(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    for (int i = 0; i < 60; i++) {
        AUTO_FREE char *name = string_format("link%d", i);
        AUTO_FREE char *target = string_format("made%d/../link%d", i, i + 1);
        assert_int_equal(symlinkat(target, place->root_fd, name), 0);
    }
    assert_int_equal(safe_make_directory(place->root_fd, "/link0", &error), -1);
    assert_int_equal(error.code, ELOOP);
    AUTO_CLOSE int fd = safe_make_directory(place->root_fd, "/link50", &error);
    assert_is_at(place, fd, "root/link60");
}

static void magic_links_are_not_followed(void **state)
{
    (void)state;
    AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(safe_open(root, "/proc/self/root/etc", O_PATH), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(safe_open(root, "/proc/self/fd/0", O_PATH), -1);
    assert_int_equal(errno, ELOOP);
}

/* CVE-2025-52565: what is there is neither opened nor truncated. */
static void a_file_that_is_there_is_left_alone(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int file = openat(place->root_fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write_all(file, "text", 4), 0);
    assert_int_equal(mkfifoat(place->root_fd, "fifo", 0600), 0);
    struct stat status;
    AUTO_CLOSE int made = safe_make_file(place->root_fd, "/file", &error);
    assert_int_equal(fstat(made, &status), 0);
    assert_int_equal(status.st_size, 4);
    /* Opening a FIFO that nobody writes to would hang. */
    AUTO_CLOSE int fifo = safe_make_file(place->root_fd, "/fifo", &error);
    assert_int_equal(fstat(fifo, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
}

static void a_file_in_the_way_is_an_error(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(mknodat(place->root_fd, "file", S_IFREG | 0600, 0), 0);
    assert_int_equal(safe_make_directory(place->root_fd, "/file/x", &error), -1);
    assert_int_equal(error.code, ENOTDIR);
    assert_int_equal(safe_make_file(place->root_fd, "/file/x", &error), -1);
    assert_int_equal(error.code, ENOTDIR);
}

static void a_parent_comes_with_the_last_name(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    char name[NAME_MAX + 1];
    AUTO_CLOSE int parent = safe_make_parent(place->root_fd, "/a/b/c/", name, &error);
    assert_is_at(place, parent, "root/a/b");
    assert_string_equal(name, "c");
    const char *const wrong[] = { "/", "", "/a/..", "/a/." };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(safe_make_parent(place->root_fd, wrong[i], name, &error), -1);
}

/* Another process that exchanges a directory and a link to the outside, as fast as it can. */
struct exchanger {
    const struct place *place;
    atomic_bool stop;
};

static void *exchange(void *context)
{
    struct exchanger *exchanger = context;
    int root = exchanger->place->root_fd;
    while (!atomic_load(&exchanger->stop))
        syscall(SYS_renameat2, root, "dir", root, "link", 2 /* RENAME_EXCHANGE */);
    return NULL;
}

static void an_exchange_while_we_walk_does_not_lead_outside(void **state)
{
    const struct place *place = *state;
    struct exchanger exchanger = { .place = place };
    AUTO_FREE char *outside = string_format("%s/outside", place->directory);
    assert_int_equal(mkdirat(place->root_fd, "dir", 0755), 0);
    assert_int_equal(symlinkat(outside, place->root_fd, "link"), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, exchange, &exchanger), 0);
    for (int i = 0; i < 3000; i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_FREE char *path = string_format("/dir/%d/x", i);
        AUTO_FREE char *name = string_format("/dir/file%d", i);
        close(safe_make_directory(place->root_fd, path, &error));
        close(safe_make_file(place->root_fd, name, &error));
    }
    atomic_store(&exchanger.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(entries_of(place, "outside"), 0);
}

/* CVE-2021-30465: the race of the test above, lost by the walk at every directory that it makes. */
static void a_new_directory_that_turns_into_a_link_is_not_entered(void **state)
{
    const struct place *place = *state;
    snprintf(made_into_link_to, sizeof(made_into_link_to), "%s/outside", place->directory);
    AUTO_ERROR struct error error = { 0 };
    char name[NAME_MAX + 1];
    int last = safe_make_directory(place->root_fd, "/last", &error);
    int deep = safe_make_directory(place->root_fd, "/first/second", &error);
    int file = safe_make_file(place->root_fd, "/parent/file", &error);
    int parent = safe_make_parent(place->root_fd, "/other/name", name, &error);
    *made_into_link_to = '\0';
    assert_int_equal(last, -1);
    assert_int_equal(deep, -1);
    assert_int_equal(file, -1);
    assert_int_equal(parent, -1);
    assert_int_equal(error.code, ENOTDIR);
    assert_int_equal(entries_of(place, "outside"), 0);
    struct stat status; /* the attack took place */
    assert_int_equal(fstatat(place->root_fd, "last", &status, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISLNK(status.st_mode));
}

#define PATH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PATH_TEST(parents_are_made_with_the_directory),
        PATH_TEST(links_stay_inside_the_root),
        PATH_TEST(dots_at_the_beginning_lead_nowhere),
        PATH_TEST(a_dangling_link_is_made_whole),
        PATH_TEST(a_loop_of_links_is_an_error),
        PATH_TEST(a_link_that_grows_is_an_error),
        PATH_TEST(a_long_chain_of_dangling_links_is_an_error),
        PATH_TEST(magic_links_are_not_followed),
        PATH_TEST(a_file_that_is_there_is_left_alone),
        PATH_TEST(a_file_in_the_way_is_an_error),
        PATH_TEST(a_parent_comes_with_the_last_name),
        PATH_TEST(an_exchange_while_we_walk_does_not_lead_outside),
        PATH_TEST(a_new_directory_that_turns_into_a_link_is_not_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
