// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "instance/identity.h"

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/bash\n"
                                  "broken line\n"
                                  "short:x:1\n"
                                  "web:x:33:34:web:/srv/web:/bin/sh\n"
                                  "negative:x:-5:0::/:/bin/sh\n"
                                  "trailing:x:0x7:0::/:/bin/sh\n"
                                  "nobody:x:4294967295:0::/:/bin/sh\n"
                                  "relative:x:50:50::home:/bin/sh\n"
                                  "42:x:0:0:a name that is a number:/root:/bin/sh\n";
static const char group_text[] = "root:x:0:\n"
                                 "web:x:34:\n"
                                 "logs:x:104:other,web\n"
                                 "almost:x:105:webmaster\n"
                                 "mail:x:8:web\n";

/* A root file system of two files. */
struct root {
    char path[64];
    int fd;
};

static void put(const struct root *root, const char *name, const char *text)
{
    AUTO_CLOSE int fd = openat(root->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static struct root make_root(const char *passwd, const char *groups)
{
    struct root root = { .path = "/tmp/openvirt-identity-XXXXXX" };
    assert_non_null(mkdtemp(root.path));
    root.fd = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(root.fd, "etc", 0755), 0);
    if (passwd)
        put(&root, "etc/passwd", passwd);
    if (groups)
        put(&root, "etc/group", groups);
    return root;
}

static void drop_root(struct root *root)
{
    AUTO_ERROR struct error error = { 0 };
    remove_tree_at(AT_FDCWD, root->path, &error);
    close(root->fd);
}

static int resolve(const char *words, struct identity *identity)
{
    AUTO_ERROR struct error error = { 0 };
    struct root root = make_root(passwd_text, group_text);
    int result = identity_resolve(&root.fd, 1, words, identity, &error);
    drop_root(&root);
    return result;
}

static void a_name_gives_its_ids_groups_and_home(void **state)
{
    (void)state;
    AUTO_IDENTITY struct identity identity = { 0 };
    assert_int_equal(resolve("web", &identity), 0);
    assert_int_equal(identity.uid, 33);
    assert_int_equal(identity.gid, 34);
    assert_string_equal(identity.home, "/srv/web");
    assert_int_equal(identity.additional_gid_count, 2);
    assert_int_equal(identity.additional_gids[0], 104);
    assert_int_equal(identity.additional_gids[1], 8);
}

static void a_group_that_is_given_is_the_only_one(void **state)
{
    (void)state;
    AUTO_IDENTITY struct identity identity = { 0 };
    assert_int_equal(resolve("web:mail", &identity), 0);
    assert_int_equal(identity.uid, 33);
    assert_int_equal(identity.gid, 8);
    assert_int_equal(identity.additional_gid_count, 0);
}

static void a_number_needs_no_entry(void **state)
{
    (void)state;
    AUTO_IDENTITY struct identity identity = { 0 };
    assert_int_equal(resolve("1234:5678", &identity), 0);
    assert_int_equal(identity.uid, 1234);
    assert_int_equal(identity.gid, 5678);
    assert_string_equal(identity.home, "/");
}

static void digits_are_a_number_even_where_a_user_is_called_so(void **state)
{
    (void)state;
    AUTO_IDENTITY struct identity identity = { 0 };
    assert_int_equal(resolve("42", &identity), 0);
    assert_int_equal(identity.uid, 42);
}

static void nothing_may_trail_a_number(void **state)
{
    (void)state;
    static const char *const wrong[] = { "0x",         "1000 ", "1000;0", "12:34x", "4294967295",
                                         "4294967296", ":5",    "web:",   ":",      "-1" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_IDENTITY struct identity identity = { 0 };
        assert_int_equal(resolve(wrong[i], &identity), -1);
    }
}

static void a_malformed_entry_is_nobody(void **state)
{
    (void)state;
    static const char *const wrong[] = { "broken line", "short",  "negative",
                                         "trailing",    "nobody", "missing" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_IDENTITY struct identity identity = { 0 };
        assert_int_equal(resolve(wrong[i], &identity), -1);
    }
}

static void no_words_and_no_files_are_root(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root root = make_root(NULL, NULL);
    assert_int_equal(identity_resolve(&root.fd, 1, NULL, &identity, &error), 0);
    assert_int_equal(identity.uid, 0);
    drop_root(&root);
}

static void a_home_that_is_no_path_is_the_root(void **state)
{
    (void)state;
    AUTO_IDENTITY struct identity identity = { 0 };
    assert_int_equal(resolve("relative", &identity), 0);
    assert_string_equal(identity.home, "/");
}

static void a_link_leads_nowhere_but_into_the_root(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root outside = make_root("spy:x:77:77::/:/bin/sh\n", NULL);
    struct root root = make_root(NULL, NULL);
    AUTO_FREE char *target = string_format("%s/etc/passwd", outside.path);
    assert_int_equal(symlinkat(target, root.fd, "etc/passwd"), 0);
    assert_int_equal(identity_resolve(&root.fd, 1, "spy", &identity, &error), -1);
    drop_root(&root);
    drop_root(&outside);
}

static void a_fifo_in_place_of_the_file_holds_nobody_up(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root root = make_root(NULL, NULL);
    assert_int_equal(mkfifoat(root.fd, "etc/passwd", 0644), 0);
    /* Nor is it opened at all: it might be a device, which does something then. */
    AUTO_FREE char *path = string_format("/proc/self/fd/%d/etc/passwd", root.fd);
    AUTO_CLOSE int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    assert_int_equal(identity_resolve(&root.fd, 1, "web", &identity, &error), -1);
    char event[4096];
    assert_int_equal(read(watch, event, sizeof(event)), -1);
    assert_int_equal(errno, EAGAIN);
    drop_root(&root);
}

static void a_file_too_large_is_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root root = make_root("", NULL);
    AUTO_CLOSE int fd = openat(root.fd, "etc/passwd", O_WRONLY);
    assert_int_equal(ftruncate(fd, 64 << 20), 0);
    assert_int_equal(identity_resolve(&root.fd, 1, "0", &identity, &error), -1);
    assert_non_null(strstr(error.message, "etc/passwd"));
    drop_root(&root);
}

static void the_topmost_layer_counts(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root lower = make_root("web:x:1:1::/:/bin/sh\nold:x:2:2::/:/bin/sh\n", NULL);
    struct root upper = make_root("web:x:3:3::/:/bin/sh\n", NULL);
    int fds[] = { upper.fd, lower.fd };
    assert_int_equal(identity_resolve(fds, 2, "web", &identity, &error), 0);
    assert_int_equal(identity.uid, 3);
    identity_free(&identity);
    assert_int_equal(identity_resolve(fds, 2, "old", &identity, &error), -1);
    drop_root(&upper);
    drop_root(&lower);
}

static void what_a_layer_has_deleted_is_not_found_below(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("making a whiteout needs CAP_MKNOD\n");
        skip();
    }
    AUTO_ERROR struct error error = { 0 };
    AUTO_IDENTITY struct identity identity = { 0 };
    struct root lower = make_root("old:x:2:2::/:/bin/sh\n", NULL);
    struct root upper = make_root(NULL, NULL);
    assert_int_equal(mknodat(upper.fd, "etc/passwd", S_IFCHR, 0), 0);
    int fds[] = { upper.fd, lower.fd };
    assert_int_equal(identity_resolve(fds, 2, "old", &identity, &error), -1);
    drop_root(&upper);
    drop_root(&lower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gives_its_ids_groups_and_home),
        cmocka_unit_test(a_group_that_is_given_is_the_only_one),
        cmocka_unit_test(a_number_needs_no_entry),
        cmocka_unit_test(digits_are_a_number_even_where_a_user_is_called_so),
        cmocka_unit_test(nothing_may_trail_a_number),
        cmocka_unit_test(a_malformed_entry_is_nobody),
        cmocka_unit_test(no_words_and_no_files_are_root),
        cmocka_unit_test(a_home_that_is_no_path_is_the_root),
        cmocka_unit_test(a_link_leads_nowhere_but_into_the_root),
        cmocka_unit_test(a_fifo_in_place_of_the_file_holds_nobody_up),
        cmocka_unit_test(a_file_too_large_is_refused),
        cmocka_unit_test(the_topmost_layer_counts),
        cmocka_unit_test(what_a_layer_has_deleted_is_not_found_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
