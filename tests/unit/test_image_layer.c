// SPDX-License-Identifier: Apache-2.0
#include "image_fixture.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "image/interrupt.h"

/* A stack of layers in one temporary directory: "0" is the lowest. */
struct stack {
    char *directory;
    int fds[8]; /* topmost first */
    size_t count;
    struct layer_limits limits;
};

static int set_up(void **state)
{
    struct stack *stack = allocate(1, sizeof(*stack));
    stack->directory = temporary_directory();
    stack->limits = LAYER_LIMITS_DEFAULT;
    write_text(stack->directory, "outside", "untouched");
    *state = stack;
    return 0;
}

static int tear_down(void **state)
{
    struct stack *stack = *state;
    for (size_t i = 0; i < stack->count; i++)
        close(stack->fds[i]);
    remove_directory(&stack->directory);
    free(stack);
    return 0;
}

static char *layer_directory(const struct stack *stack, size_t number)
{
    return string_format("%s/%zu", stack->directory, number);
}

static int apply_source(struct stack *stack, const struct layer_source *source, struct error *error)
{
    static const struct log log = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };
    AUTO_FREE char *path = layer_directory(stack, stack->count);
    assert_int_equal(mkdir(path, 0755), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct layer_target target = { .fd = fd,
                                         .lower_fds = stack->fds,
                                         .lower_count = stack->count,
                                         .limits = stack->limits,
                                         .log = &log };
    int result = layer_unpack(source, &target, error);
    memmove(stack->fds + 1, stack->fds, stack->count * sizeof(int));
    stack->fds[0] = fd;
    stack->count++;
    return result;
}

static int apply_bytes(struct stack *stack, struct bytes tar, enum layer_compression compression,
                       struct error *error)
{
    AUTO_CLOSE int fd = bytes_fd(&tar);
    const struct layer_source source = { .fd = fd, .name = "it", .compression = compression };
    int result = apply_source(stack, &source, error);
    bytes_free(&tar);
    return result;
}

#define apply(stack, ...) apply_bytes(stack, TAR(__VA_ARGS__), LAYER_PLAIN, &error)

static bool is_whiteout(const char *directory, const char *name)
{
    struct stat status = status_of(directory, name);
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

static bool is_opaque(const char *directory, const char *name, const char *attribute)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    char value = 0;
    return lgetxattr(path, attribute, &value, 1) == 1 && value == 'y';
}

static void files_keep_owner_mode_time_and_links(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(
        apply(stack, { .name = "./", .type = '5', .mode = 0700, .uid = 7 },
              { .name = "./d/", .type = '5', .mode = 01777, .uid = 3, .gid = 4, .mtime = 77 },
              { .name = "./d/f", .data = "text", .mode = 04755, .uid = 1, .gid = 2, .mtime = 99 },
              { .name = "./d/hard", .type = '1', .link = "./d/f" },
              { .name = "./d/soft", .type = '2', .link = "/no/where", .uid = 9 },
              { .name = "./null", .type = '3', .major = 1, .minor = 3, .mode = 0666 },
              { .name = "./fifo", .type = '6', .mode = 0620 }),
        error);
    AUTO_FREE char *layer = layer_directory(stack, 0);
    struct stat root = status_of(layer, "."), directory = status_of(layer, "d");
    struct stat file = status_of(layer, "d/f"), hard = status_of(layer, "d/hard");
    struct stat soft = status_of(layer, "d/soft"), device = status_of(layer, "null");
    assert_int_equal(root.st_mode, S_IFDIR | 0700);
    assert_int_equal(root.st_uid, 7);
    assert_int_equal(directory.st_mode, S_IFDIR | 01777);
    assert_int_equal(directory.st_gid, 4);
    assert_int_equal(directory.st_mtim.tv_sec, 77);
    assert_int_equal(file.st_mode, S_IFREG | 04755);
    assert_int_equal(file.st_uid, 1);
    assert_int_equal(file.st_mtim.tv_sec, 99);
    assert_int_equal(file.st_ino, hard.st_ino);
    assert_int_equal(soft.st_mode & S_IFMT, S_IFLNK);
    assert_int_equal(soft.st_uid, 9);
    assert_int_equal(device.st_mode, S_IFCHR | 0666);
    assert_int_equal(device.st_rdev, makedev(1, 3));
    assert_int_equal(status_of(layer, "fifo").st_mode, S_IFIFO | 0620);
    assert_text(layer, "d/f", "text");
}

static void a_whiteout_hides_what_is_below(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "a/gone", .data = "1" }, { .name = "a/stays", .data = "2" }),
              error);
    assert_ok(apply(stack, { .name = "a/.wh.gone" }, { .name = "a/.wh.never-was" }), error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    assert_true(is_whiteout(layer, "a/gone"));
    assert_false(is_there(layer, "a/never-was"));
    assert_false(is_there(layer, "a/.wh.gone"));
}

static void a_whiteout_spares_what_its_own_layer_brings(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "f", .data = "old" }, { .name = "before/old", .data = "old" },
                    { .name = "after/old", .data = "old" }, { .name = "way/old", .data = "old" }),
              error);
    assert_ok(apply(stack, { .name = "f", .data = "new" }, { .name = ".wh.f" },
                    { .name = ".wh.before" }, { .name = "before/", .type = '5' },
                    { .name = "after/", .type = '5' }, { .name = ".wh.after" },
                    { .name = ".wh.way" }, { .name = "way/new", .data = "new" }),
              error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    assert_text(layer, "f", "new");
    assert_text(layer, "way/new", "new");
    assert_true(is_opaque(layer, "before", "trusted.overlay.opaque"));
    assert_true(is_opaque(layer, "after", "trusted.overlay.opaque"));
    assert_true(is_opaque(layer, "way", "trusted.overlay.opaque"));
}

static void an_opaque_directory_is_marked_for_both_kinds_of_mount(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "d/old", .data = "1" }), error);
    assert_ok(apply(stack, { .name = "d/new", .data = "2" }, { .name = "d/.wh..wh..opq" }), error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    assert_true(is_opaque(layer, "d", "trusted.overlay.opaque"));
    assert_true(is_opaque(layer, "d", "user.overlay.opaque"));
    assert_text(layer, "d/new", "2");
    assert_false(is_there(layer, "d/.wh..wh..opq"));
}

static void look_at_the_overlay(const struct stack *stack)
{
    AUTO_FREE char *merged = string_format("%s/merged", stack->directory);
    AUTO_FREE char *options = string_format("lowerdir=%s/2:%s/1:%s/0", stack->directory,
                                            stack->directory, stack->directory);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mkdir(merged, 0755) < 0 || mount("overlay", merged, "overlay", 0, options) < 0)
        _exit(2);
    const char *const there[] = { "usr/lib/one", "lib/two", "d/fresh", "copy" };
    const char *const gone[] = { "d/old", "gone", "d/sub" };
    for (size_t i = 0; i < ARRAY_LENGTH(there); i++)
        if (!is_there(merged, there[i]))
            _exit(10 + (int)i);
    for (size_t i = 0; i < ARRAY_LENGTH(gone); i++)
        if (is_there(merged, gone[i]))
            _exit(20 + (int)i);
    _exit(S_ISLNK(status_of(merged, "lib").st_mode) ? 0 : 30);
}

static void the_kernel_shows_the_stack_as_the_image_means_it(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "usr/lib/one", .data = "1" },
                    { .name = "lib", .type = '2', .link = "usr/lib" },
                    { .name = "d/old", .data = "1" }, { .name = "d/sub/x", .data = "1" },
                    { .name = "gone", .data = "1" }),
              error);
    assert_ok(apply(stack, { .name = ".wh.gone" }, { .name = "lib/two", .data = "2" },
                    { .name = "copy", .type = '1', .link = "lib/one" }),
              error);
    assert_ok(apply(stack, { .name = "d/.wh..wh..opq" }, { .name = "d/fresh", .data = "3" }),
              error);
    pid_t child = fork();
    if (child == 0)
        look_at_the_overlay(stack);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_directory_on_the_way_keeps_what_it_has_below(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "./", .type = '5', .mode = 0711 },
                    { .name = "tmp/", .type = '5', .mode = 01777, .uid = 5, .mtime = 55 }),
              error);
    assert_ok(apply(stack, { .name = "tmp/file", .data = "x" }), error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    struct stat status = status_of(layer, "tmp");
    assert_int_equal(status.st_mode, S_IFDIR | 01777);
    assert_int_equal(status.st_uid, 5);
    assert_int_equal(status.st_mtim.tv_sec, 55);
    assert_int_equal(status_of(layer, ".").st_mode, S_IFDIR | 0711);
}

static void an_entry_goes_through_a_link_of_a_lower_layer(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "usr/lib/", .type = '5' },
                    { .name = "lib", .type = '2', .link = "usr/lib" }),
              error);
    assert_ok(apply(stack, { .name = "lib/x", .data = "x" }), error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    assert_text(layer, "usr/lib/x", "x");
    assert_false(is_there(layer, "lib"));
}

static void a_hard_link_into_a_lower_layer_copies_the_file_up(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "a/f", .data = "text", .mode = 0640, .uid = 3, .mtime = 9 }),
              error);
    assert_ok(apply(stack, { .name = "b/g", .type = '1', .link = "a/f" }), error);
    AUTO_FREE char *layer = layer_directory(stack, 1);
    struct stat first = status_of(layer, "a/f"), second = status_of(layer, "b/g");
    assert_int_equal(first.st_ino, second.st_ino);
    assert_int_equal(first.st_mode, S_IFREG | 0640);
    assert_int_equal(first.st_uid, 3);
    assert_int_equal(first.st_mtim.tv_sec, 9);
    assert_text(layer, "b/g", "text");
}

static void a_hard_link_to_what_a_layer_between_removed_is_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "d/f", .data = "text" }, { .name = "e/f", .data = "text" }),
              error);
    assert_ok(apply(stack, { .name = "d/.wh.f" }, { .name = "e/.wh..wh..opq" }), error);
    assert_int_equal(apply(stack, { .name = "g", .type = '1', .link = "d/f" }), -1);
    assert_error_contains(error, "No such file");
    error_clear(&error);
    assert_int_equal(apply(stack, { .name = "g", .type = '1', .link = "e/f" }), -1);
    assert_error_contains(error, "No such file");
}

static void the_later_of_two_entries_wins(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_ok(apply(stack, { .name = "a", .data = "1" }, { .name = "a", .data = "2" },
                    { .name = "d/x", .data = "1" }, { .name = "d", .data = "file" },
                    { .name = "l", .type = '2', .link = "a" }, { .name = "l", .data = "own" }),
              error);
    AUTO_FREE char *layer = layer_directory(stack, 0);
    assert_text(layer, "a", "2");
    assert_text(layer, "d", "file");
    assert_text(layer, "l", "own");
}

/* Each tries to write "outside", which lies beside the layer's directory. */
static void no_name_leads_out_of_the_layer(void **state)
{
    struct stack *stack = *state;
    AUTO_FREE char *outside = string_format("%s/outside", stack->directory);
    const struct {
        struct member members[3];
        bool refused;
    } tries[] = {
        { { { .name = "../outside", .data = "x" } }, true },
        { { { .name = "a/../../outside", .data = "x" } }, true },
        { { { .name = outside, .data = "x" } }, false },
        { { { .name = "up", .type = '2', .link = ".." }, { .name = "up/outside", .data = "x" } },
          false },
        { { { .name = "up", .type = '2', .link = "../../../.." },
            { .name = "up/outside", .data = "x" } },
          false },
        { { { .name = "abs", .type = '2', .link = stack->directory },
            { .name = "abs/outside", .data = "x" } },
          false },
        { { { .name = "file", .type = '2', .link = outside }, { .name = "file", .data = "x" } },
          false },
        { { { .name = "h", .type = '1', .link = outside }, { .name = "h", .data = "x" } }, true },
        { { { .name = "h", .type = '1', .link = "../outside" } }, true },
        { { { .name = "up", .type = '2', .link = ".." },
            { .name = "h", .type = '1', .link = "up/outside" } },
          true },
        { { { .name = "up", .type = '2', .link = "/proc/self/cwd" },
            { .name = "up/outside", .data = "x" } },
          false },
        { { { .name = "up", .type = '2', .link = ".." }, { .name = "up/.wh.outside" } }, false },
        { { { .name = ".wh..." } }, true },
        { { { .name = ".wh.." } }, true },
        { { { .name = ".wh." } }, true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        AUTO_ERROR struct error error = { 0 };
        size_t count = 0;
        while (count < 3 && tries[i].members[count].name)
            count++;
        int result = apply_bytes(stack, tar_of(tries[i].members, count), LAYER_PLAIN, &error);
        if ((result < 0) != tries[i].refused)
            fail_msg("try %zu: %s", i, error.message ? error.message : "was accepted");
        assert_text(stack->directory, "outside", "untouched");
        assert_int_equal(status_of(stack->directory, "outside").st_nlink, 1);
        /* Only the layer's own directory was made beside it. */
        AUTO_FREE char *layer = layer_directory(stack, 0);
        remove_directory(&layer);
        close(stack->fds[0]);
        stack->count = 0;
    }
}

static void links_that_go_in_circles_are_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(apply(stack, { .name = "a", .type = '2', .link = "b" },
                           { .name = "b", .type = '2', .link = "a" },
                           { .name = "a/x", .data = "x" }),
                     -1);
    assert_error_contains(error, "Too many levels of symbolic links");
}

static void a_file_is_no_directory(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(apply(stack, { .name = "f", .data = "x" }, { .name = "f/x", .data = "x" }),
                     -1);
    assert_error_contains(error, "Not a directory");
}

static void a_layer_may_not_replace_its_root_by_a_file(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(apply(stack, { .name = "./", .type = '2', .link = "/etc" }), -1);
    assert_error_contains(error, "root directory");
}

static void attributes_of_overlayfs_do_not_come_from_an_image(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes tar = { 0 };
    tar_pax(&tar, "SCHILY.xattr.trusted.overlay.redirect=/etc");
    tar_member(&tar, &(struct member){ .name = "d/", .type = '5' });
    tar_pax(&tar, "SCHILY.xattr.user.overlay.opaque=y");
    tar_member(&tar, &(struct member){ .name = "e/", .type = '5' });
    tar_pax(&tar, "SCHILY.xattr.security.selinux=system_u:object_r:etc_t:s0");
    tar_member(&tar, &(struct member){ .name = "s", .data = "x" });
    tar_pax(&tar, "SCHILY.xattr.user.mine=y");
    tar_member(&tar, &(struct member){ .name = "f", .data = "x" });
    tar_end(&tar);
    assert_ok(apply_bytes(stack, tar, LAYER_PLAIN, &error), error);
    AUTO_FREE char *layer = layer_directory(stack, 0);
    AUTO_FREE char *d = string_format("%s/d", layer), *s = string_format("%s/s", layer);
    char value[8];
    assert_int_equal(lgetxattr(d, "trusted.overlay.redirect", value, 8), -1);
    assert_int_equal(lgetxattr(s, "security.selinux", value, 8), -1);
    assert_false(is_opaque(layer, "e", "user.overlay.opaque"));
    assert_true(is_opaque(layer, "f", "user.mine"));
}

static void names_beyond_ascii_are_kept(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes tar = { 0 };
    tar_pax(&tar, "path=d/\xc3\xa9t\xc3\xa9");
    tar_member(&tar, &(struct member){ .name = "x", .data = "pax" });
    tar_member(&tar, &(struct member){ .name = "d/\xff\xfe", .data = "raw" });
    tar_end(&tar);
    assert_ok(apply_bytes(stack, tar, LAYER_PLAIN, &error), error);
    AUTO_FREE char *layer = layer_directory(stack, 0);
    assert_text(layer, "d/\xc3\xa9t\xc3\xa9", "pax");
    assert_text(layer, "d/\xff\xfe", "raw");
}

static void a_layer_that_grows_beyond_the_limits_is_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    stack->limits = (struct layer_limits){ .entries = 2, .bytes = 1 << 20 };
    assert_int_equal(apply(stack, { .name = "a" }, { .name = "b" }, { .name = "c" }), -1);
    assert_error_contains(error, "more than 2 entries");
    error_clear(&error);
    assert_int_equal(apply(stack, { .name = "a", .size = 077777777777 }), -1);
    assert_error_contains(error, "more than 1048576 bytes");
    error_clear(&error);
    /* Sparse: declared as 1 TiB, without any data. */
    struct bytes tar = { 0 };
    tar_pax(&tar, "GNU.sparse.size=1099511627776");
    tar_member(&tar, &(struct member){ .name = "sparse" });
    tar_end(&tar);
    assert_int_equal(apply_bytes(stack, tar, LAYER_PLAIN, &error), -1);
    assert_error_contains(error, "more than 1048576 bytes");
}

/* Each link leads 45 directories further down than the one before. */
static void a_path_that_is_nested_too_deep_is_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    char many[96] = "", path[200];
    for (int i = 0; i < 45; i++)
        strcat(many, "d/");
    struct bytes tar = { 0 };
    for (int level = 0; level < 6; level++) {
        if (level)
            snprintf(path, sizeof(path), "l%d/%s", level - 1, many);
        else
            snprintf(path, sizeof(path), "%s", many);
        tar_member(&tar, &(struct member){ .name = path, .type = '5' });
        path[strlen(path) - 1] = '\0';
        char name[8];
        snprintf(name, sizeof(name), "l%d", level);
        tar_member(&tar, &(struct member){ .name = name, .type = '2', .link = path });
    }
    tar_end(&tar);
    assert_int_equal(apply_bytes(stack, tar, LAYER_PLAIN, &error), -1);
    assert_error_contains(error, "more than 256 directories deep");
}

static void a_torn_archive_is_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes tar = TAR({ .name = "a", .data = "twelve bytes" });
    tar.length = 512 + 4;
    assert_int_equal(apply_bytes(stack, tar, LAYER_PLAIN, &error), -1);
    assert_error_contains(error, "unpack it: a: ");
}

/* As `umoci insert` 0.4 writes it. */
static void padding_may_be_missing_at_the_end_alone(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes tar = TAR({ .name = "a", .data = "twelve bytes" });
    tar.length = 512 + 12;
    assert_ok(apply_bytes(stack, tar, LAYER_PLAIN, &error), error);
    AUTO_FREE char *layer = layer_directory(stack, 0);
    assert_text(layer, "a", "twelve bytes");
    tar = TAR({ .name = "a", .data = "twelve bytes" });
    tar.length = 512 + 11;
    assert_int_equal(apply_bytes(stack, tar, LAYER_PLAIN, &error), -1);
    assert_error_contains(error, "unpack it: a: ");
}

static void what_is_no_archive_is_refused(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes junk = { 0 };
    bytes_append(&junk, "this is no archive", 18);
    assert_int_equal(apply_bytes(stack, junk, LAYER_PLAIN, &error), -1);
    assert_non_null(error.message);
}

static void an_empty_layer_is_a_layer(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    struct bytes tar = { 0 };
    tar_end(&tar);
    assert_ok(apply_bytes(stack, tar, LAYER_PLAIN, &error), error);
}

static int unpack_with(struct stack *stack, const struct bytes *bytes, const char *digest,
                       const char *diff_id, uint64_t size, struct error *error)
{
    AUTO_CLOSE int fd = bytes_fd(bytes);
    const struct layer_source source = {
        .fd = fd, .name = "it", .digest = digest, .diff_id = diff_id, .size = size
    };
    return apply_source(stack, &source, error);
}

static void every_byte_counts_for_the_digests(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    char digest[DIGEST_TEXT_SIZE];
    struct bytes tar = TAR({ .name = "a", .data = "x" });
    digest_of(&tar, digest);
    assert_ok(unpack_with(stack, &tar, digest, digest, tar.length, &error), error);

    /* Behind the end of the archive nothing is unpacked, but it is verified. */
    bytes_append(&tar, "junk", 4);
    assert_int_equal(unpack_with(stack, &tar, digest, NULL, tar.length, &error), -1);
    assert_error_contains(error, "is damaged: its digest is");
    error_clear(&error);
    assert_int_equal(unpack_with(stack, &tar, NULL, digest, 0, &error), -1);
    assert_error_contains(error, "uncompressed form is damaged");
    error_clear(&error);
    assert_int_equal(unpack_with(stack, &tar, digest, NULL, tar.length - 4, &error), -1);
    assert_error_contains(error, "it is damaged: 2052 bytes");
    bytes_free(&tar);
}

static void a_waiting_signal_ends_the_work(void **state)
{
    struct stack *stack = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_INTERRUPT struct interrupt interrupt = { 0 };
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    interrupt_block(&interrupt);
    raise(SIGINT);
    assert_int_equal(apply(stack, { .name = "a", .data = "x" }), -1);
    assert_error_contains(error, "stopped");
    /* Ignoring it takes it off the waiting ones, so that the test goes on. */
    sigaction(SIGINT, &ignore, &before);
    sigaction(SIGINT, &before, NULL);
}

#define layer_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        layer_test(files_keep_owner_mode_time_and_links),
        layer_test(a_whiteout_hides_what_is_below),
        layer_test(a_whiteout_spares_what_its_own_layer_brings),
        layer_test(an_opaque_directory_is_marked_for_both_kinds_of_mount),
        layer_test(the_kernel_shows_the_stack_as_the_image_means_it),
        layer_test(a_directory_on_the_way_keeps_what_it_has_below),
        layer_test(an_entry_goes_through_a_link_of_a_lower_layer),
        layer_test(a_hard_link_into_a_lower_layer_copies_the_file_up),
        layer_test(a_hard_link_to_what_a_layer_between_removed_is_refused),
        layer_test(the_later_of_two_entries_wins),
        layer_test(no_name_leads_out_of_the_layer),
        layer_test(links_that_go_in_circles_are_refused),
        layer_test(a_file_is_no_directory),
        layer_test(a_layer_may_not_replace_its_root_by_a_file),
        layer_test(attributes_of_overlayfs_do_not_come_from_an_image),
        layer_test(names_beyond_ascii_are_kept),
        layer_test(a_layer_that_grows_beyond_the_limits_is_refused),
        layer_test(a_path_that_is_nested_too_deep_is_refused),
        layer_test(a_torn_archive_is_refused),
        layer_test(padding_may_be_missing_at_the_end_alone),
        layer_test(what_is_no_archive_is_refused),
        layer_test(an_empty_layer_is_a_layer),
        layer_test(every_byte_counts_for_the_digests),
        layer_test(a_waiting_signal_ends_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
