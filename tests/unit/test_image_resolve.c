// SPDX-License-Identifier: Apache-2.0
/* From a name to directories that overlayfs can stack, through real archives and the cache. */
#include "image_layout.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/process.h"
#include "image/image.h"

#define ORDINARY_UID 1 /* Debian's "daemon": newuidmap needs a user that has a name */

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

struct place {
    char *root, *layout, *cache, *name;
};

static int set_up(void **state)
{
    struct place *place = allocate(1, sizeof(*place));
    place->root = temporary_directory();
    assert_int_equal(chmod(place->root, 0755), 0);
    place->layout = string_format("%s/layout", place->root);
    place->cache = string_format("%s/cache", place->root);
    place->name = string_format("oci:%s:t", place->layout);
    assert_int_equal(mkdir(place->layout, 0755) + mkdir(place->cache, 0700), 0);
    *state = place;
    return setenv("XDG_CACHE_HOME", place->cache, 1);
}

static int tear_down(void **state)
{
    struct place *place = *state;
    remove_directory(&place->root);
    free(place->layout);
    free(place->cache);
    free(place->name);
    free(place);
    return 0;
}

static struct bytes compressed(const struct bytes *plain, enum layer_compression compression)
{
    void *library = dlopen("libarchive.so.13", RTLD_NOW);
    assert_non_null(library);
#define FUNCTION(name) __typeof__(name) *name##_ = (__typeof__(name) *)dlsym(library, #name)
    FUNCTION(archive_write_new);
    FUNCTION(archive_write_add_filter_gzip);
    FUNCTION(archive_write_add_filter_zstd);
    FUNCTION(archive_write_set_format_raw);
    FUNCTION(archive_write_set_bytes_in_last_block);
    FUNCTION(archive_write_open_memory);
    FUNCTION(archive_write_header);
    FUNCTION(archive_write_data);
    FUNCTION(archive_write_free);
    FUNCTION(archive_entry_new);
    FUNCTION(archive_entry_free);
    FUNCTION(archive_entry_set_filetype);
    struct bytes result = { .data = allocate(plain->length + 4096, 1) };
    struct archive *writer = archive_write_new_();
    struct archive_entry *entry = archive_entry_new_();
    archive_entry_set_filetype_(entry, AE_IFREG);
    if (compression == LAYER_GZIP)
        archive_write_add_filter_gzip_(writer);
    else
        archive_write_add_filter_zstd_(writer);
    archive_write_set_format_raw_(writer);
    archive_write_set_bytes_in_last_block_(writer, 1);
    archive_write_open_memory_(writer, result.data, plain->length + 4096, &result.length);
    archive_write_header_(writer, entry);
    archive_write_data_(writer, plain->data, plain->length);
    archive_entry_free_(entry);
    archive_write_free_(writer);
    return result;
}

static void write_layout(const struct place *place, const struct layout_image *image)
{
    struct layout layout = layout_begin(place->layout);
    layout_add(&layout, layout_image(&layout, image), "t", NULL);
    layout_finish(&layout);
}

static size_t count_entries(const char *directory, const char *name)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    AUTO_CLOSEDIR DIR *entries = opendir(path);
    size_t count = 0;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries))
        count += entry->d_name[0] != '.';
    return count;
}

static void layers_of_each_compression_are_stacked(void **state)
{
    static const struct {
        enum layer_compression compression;
        const char *type;
    } kinds[] = {
        { LAYER_GZIP, "application/vnd.oci.image.layer.v1.tar+gzip" },
        { LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip" },
        { LAYER_ZSTD, "application/vnd.oci.image.layer.v1.tar+zstd" },
    };
    const struct place *place = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_IMAGE struct image *image = NULL;
        AUTO_FREE char *mark = string_format("%zu", i);
        struct bytes low = TAR({ .name = "low", .data = "low" }, { .name = "mark", .data = mark });
        struct bytes high = TAR({ .name = "high", .data = "high" }, { .name = ".wh.low" });
        struct layout_image written = {
            .layers = { compressed(&low, kinds[i].compression),
                        compressed(&high, kinds[i].compression) },
            .plain = { low, high },
            .layer_type = kinds[i].type,
        };
        write_layout(place, &written);
        assert_ok(image_resolve(place->name, &quiet, &image, &error), error);
        assert_null(image->directory);
        assert_int_equal(image->layers.count, 2);
        assert_text(image->layers.items[0], "high", "high");
        assert_true(S_ISCHR(status_of(image->layers.items[0], "low").st_mode));
        assert_text(image->layers.items[1], "low", "low");
        for (size_t j = 0; j < 2; j++)
            bytes_free(&written.layers[j]);
        bytes_free(&low);
        bytes_free(&high);
    }
}

static void a_layer_is_unpacked_once_for_all_images_on_the_same_ones(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *first = NULL, *second = NULL;
    struct bytes base = TAR({ .name = "base", .data = "x" });
    struct bytes top = TAR({ .name = "top", .data = "x" });
    write_layout(place, &(struct layout_image){ .layers = { base } });
    assert_ok(image_resolve(place->name, &quiet, &first, &error), error);
    ino_t inode = status_of(first->layers.items[0], "base").st_ino;
    write_layout(place, &(struct layout_image){ .layers = { base, top } });
    assert_ok(image_resolve(place->name, &quiet, &second, &error), error);
    assert_string_equal(second->layers.items[1], first->layers.items[0]);
    assert_int_equal(status_of(second->layers.items[1], "base").st_ino, inode);
    assert_int_equal(count_entries(place->cache, "openvirt/layers"), 2);
    bytes_free(&base);
    bytes_free(&top);
}

/* Change one byte of the only layer of the layout, by its size. */
static void damage_blob(const struct place *place, const struct bytes *layer, off_t offset)
{
    char digest[DIGEST_TEXT_SIZE];
    digest_of(layer, digest);
    AUTO_FREE char *path = string_format("%s/blobs/sha256/%s", place->layout, digest_hex(digest));
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "!", 1, offset), 1);
}

static void a_damaged_layer_leaves_nothing(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    struct bytes layer = TAR({ .name = "file", .data = "content" });
    write_layout(place, &(struct layout_image){ .layers = { layer } });
    damage_blob(place, &layer, 512); /* the file's first byte: the archive stays readable */
    assert_int_equal(image_resolve(place->name, &quiet, &image, &error), -1);
    assert_error_contains(error, "is damaged");
    assert_int_equal(count_entries(place->cache, "openvirt/layers"), 0);
    bytes_free(&layer);
}

static void another_layer_than_the_diff_id_says_is_refused(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    struct bytes layer = TAR({ .name = "file", .data = "content" });
    struct bytes other = TAR({ .name = "file", .data = "another" });
    write_layout(place, &(struct layout_image){ .layers = { layer }, .plain = { other } });
    assert_int_equal(image_resolve(place->name, &quiet, &image, &error), -1);
    assert_error_contains(error, "its uncompressed form is damaged");
    assert_int_equal(count_entries(place->cache, "openvirt/layers"), 0);
    bytes_free(&layer);
    bytes_free(&other);
}

static void a_damaged_manifest_is_refused(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    struct bytes layer = TAR({ .name = "file", .data = "content" });
    struct layout layout = layout_begin(place->layout);
    char *descriptor = layout_image(&layout, &(struct layout_image){ .layers = { layer } });
    /* Replace the blob by JSON of the same size that says something else. */
    AUTO_FREE char *digest = string_copy_n(strstr(descriptor, "sha256:") + 7, 64);
    AUTO_FREE char *path = string_format("blobs/sha256/%s", digest);
    AUTO_FREE char *text = read_text(place->layout, path);
    char *version = strstr(text, "\"schemaVersion\":2");
    assert_non_null(version);
    version[strlen("\"schemaVersion\":")] = '1';
    write_text(place->layout, path, text);
    layout_add(&layout, descriptor, "t", NULL);
    layout_finish(&layout);
    assert_int_equal(image_resolve(place->name, &quiet, &image, &error), -1);
    assert_error_contains(error, "blob is damaged: its digest is");
    bytes_free(&layer);
}

/* The layer is large enough to be killed within. */
static void a_killed_unpacking_leaves_nothing_that_looks_complete(void **state)
{
    const struct place *place = *state;
    struct bytes tar = { 0 };
    AUTO_FREE char *data = allocate(1 << 20, 1);
    memset(data, 'x', (1 << 20) - 1);
    char name[16];
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        tar_member(&tar, &(struct member){ .name = name, .data = data });
    }
    tar_end(&tar);
    write_layout(place, &(struct layout_image){ .layers = { tar } });
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            AUTO_ERROR struct error error = { 0 };
            AUTO_IMAGE struct image *image = NULL;
            _exit(image_resolve(place->name, &quiet, &image, &error) < 0);
        }
        while (count_entries(place->cache, "openvirt/layers") == 0)
            assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
        usleep(1000u * (unsigned int)i);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        AUTO_FREE char *path = string_format("%s/openvirt/layers", place->cache);
        AUTO_CLOSEDIR DIR *entries = opendir(path);
        for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
            assert_true(entry->d_name[0] == '.' || string_ends_with(entry->d_name, ".partial") ||
                        string_ends_with(entry->d_name, ".lock"));
    }
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    assert_ok(image_resolve(place->name, &quiet, &image, &error), error);
    assert_int_equal(count_entries(place->cache, "openvirt/layers"), 1);
    assert_int_equal(status_of(image->layers.items[0], "f63").st_size, (1 << 20) - 1);
    bytes_free(&tar);
}

/* Resolve as another user; exits with 0 and the first layer's path in the pipe, else the error. */
static _Noreturn void resolve_as_user(const struct place *place, int output)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    if (setresgid(ORDINARY_UID, ORDINARY_UID, ORDINARY_UID) < 0 ||
        setresuid(ORDINARY_UID, ORDINARY_UID, ORDINARY_UID) < 0)
        _exit(9);
    bool failed = image_resolve(place->name, &quiet, &image, &error) < 0;
    const char *text = failed ? error.message : image->layers.items[0];
    _exit(write_all(output, text, strlen(text)) < 0 ? 8 : failed);
}

/* subuid(5) and subgid(5) for this process alone; NULL: no lines. */
static void give_subordinate_ids(const struct place *place, const char *line)
{
    AUTO_FREE char *path = string_format("%s/subid", place->root);
    write_text(place->root, "subid", line);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(path, "/etc/subuid", NULL, MS_BIND, NULL) < 0 ||
        mount(path, "/etc/subgid", NULL, MS_BIND, NULL) < 0)
        _exit(7);
}

static char *resolve_unprivileged(const struct place *place, const char *subordinate, int *status)
{
    AUTO_ERROR struct error error = { 0 };
    int ends[2];
    assert_int_equal(chown(place->cache, ORDINARY_UID, ORDINARY_UID), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        give_subordinate_ids(place, subordinate);
        resolve_as_user(place, ends[1]);
    }
    close(ends[1]);
    char *text = read_fd(ends[0], "pipe", 4096, NULL, &error);
    close(ends[0]);
    assert_int_equal(waitpid(child, status, 0), child);
    return text;
}

static void write_layers_with_owners(const struct place *place)
{
    struct bytes low = TAR({ .name = "d/gone", .data = "x" }, { .name = "e/old", .data = "x" });
    struct bytes high = TAR({ .name = "mine", .data = "x" },
                            { .name = "yours", .data = "x", .uid = 1000, .gid = 50 },
                            { .name = "null", .type = '3', .major = 1, .minor = 3 },
                            { .name = "d/.wh.gone" }, { .name = "e/.wh..wh..opq" });
    write_layout(place, &(struct layout_image){ .layers = { low, high } });
    bytes_free(&low);
    bytes_free(&high);
}

static void check_unprivileged_layer(const char *layer)
{
    char value;
    AUTO_FREE char *opaque = string_format("%s/e", layer);
    struct stat whiteout = status_of(layer, "d/gone");
    assert_true(S_ISCHR(whiteout.st_mode) && whiteout.st_rdev == makedev(0, 0));
    assert_int_equal(getxattr(opaque, "user.overlay.opaque", &value, 1), 1);
    assert_false(is_there(layer, "null")); /* no devices without privilege */
    assert_int_equal(status_of(layer, "mine").st_uid, ORDINARY_UID);
}

static void an_ordinary_user_gets_owners_by_subordinate_ids(void **state)
{
    const struct place *place = *state;
    int status;
    write_layers_with_owners(place);
    AUTO_FREE char *layer =
        resolve_unprivileged(place, "daemon:300000:500\n2:1:1\ndaemon:400000:65536\n", &status);
    if (status != 0)
        fail_msg("%d: %s", status, layer);
    check_unprivileged_layer(layer);
    assert_int_equal(status_of(layer, "yours").st_uid, 400000 + 1000 - 501);
    assert_int_equal(status_of(layer, "yours").st_gid, 300000 + 50 - 1);
}

static void without_subordinate_ids_all_belongs_to_the_user(void **state)
{
    const struct place *place = *state;
    int status;
    write_layers_with_owners(place);
    AUTO_FREE char *layer = resolve_unprivileged(place, "", &status);
    if (status != 0)
        fail_msg("%d: %s", status, layer);
    check_unprivileged_layer(layer);
    assert_int_equal(status_of(layer, "yours").st_uid, ORDINARY_UID);
}

static void an_owner_beyond_the_subordinate_ids_is_named(void **state)
{
    const struct place *place = *state;
    int status;
    write_layers_with_owners(place);
    AUTO_FREE char *message = resolve_unprivileged(place, "1:300000:100\n", &status);
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(message, "yours belongs to 1000:50"));
    assert_non_null(strstr(message, "/etc/subuid"));
    assert_int_equal(count_entries(place->cache, "openvirt/layers"), 1); /* the lower one */
}

static void a_directory_is_used_as_it_is(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_IMAGE struct image *image = NULL;
    AUTO_FREE char *name = string_format("%s/../cache/", place->layout);
    assert_ok(image_resolve(name, &quiet, &image, &error), error);
    assert_string_equal(image->directory, place->cache);
    assert_int_equal(image->layers.count, 0);
    image_free(take_pointer(image));
    assert_int_equal(image_resolve("/etc/passwd", &quiet, &image, &error), -1);
    assert_error_contains(error, "Not a directory");
    error_clear(&error);
    assert_int_equal(image_resolve("./nowhere", &quiet, &image, &error), -1);
    assert_error_contains(error, "open the root directory ./nowhere: No such file");
}

static int resolve_debian(const char *name, struct error *error)
{
    AUTO_IMAGE struct image *image = NULL;
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    int result = image_resolve(name, &quiet, &image, error);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    return result;
}

/* A program in place of mmdebstrap that does what `script` says. */
static void put_mmdebstrap(const struct place *place, const char *script)
{
    AUTO_FREE char *path = string_format("%s/mmdebstrap", place->root);
    AUTO_FREE char *text = string_format("#!/bin/sh\n%s\n", script);
    write_text(place->root, "mmdebstrap", text);
    assert_int_equal(chmod(path, 0755), 0);
    AUTO_FREE char *search = string_format("%s:/usr/bin:/bin", place->root);
    setenv("PATH", search, 1);
}

static void a_debian_root_is_made_once(void **state)
{
    const struct place *place = *state;
    AUTO_ERROR struct error error = { 0 };
    put_mmdebstrap(place, "for last; do :; done; mkdir $last/etc; echo \"$@\" >$last/etc/args");
    assert_ok(resolve_debian("debian:sid", &error), error);
    AUTO_FREE char *args = read_text(place->cache, "openvirt/templates/debian-sid/etc/args");
    assert_non_null(strstr(args, "--variant=minbase"));
    assert_non_null(strstr(args, " sid "));
    put_mmdebstrap(place, "echo E: must not be called >&2; exit 1");
    assert_ok(resolve_debian("debian:sid", &error), error);
}

static void what_mmdebstrap_says_first_is_the_error(void **state)
{
    static const struct {
        const char *script, *says;
    } failures[] = {
        { "echo 'E: The repository x does not have a Release file.' >&2; echo E: more >&2; exit 1",
          "mmdebstrap: The repository x does not have a Release file; there may be no such suite" },
        { "printf 'I: running\\r\\nE: Failed to fetch x' >&2; echo >&2; exit 25",
          "Failed to fetch x; is the network up, or a proxy needed (http_proxy)?" },
        { "exit 3", "mmdebstrap ended with status 3" },
        { "kill -9 $$", "mmdebstrap ended with status 137" },
    };
    const struct place *place = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        AUTO_ERROR struct error error = { 0 };
        put_mmdebstrap(place, failures[i].script);
        assert_int_equal(resolve_debian("debian:sid", &error), -1);
        assert_error_contains(error, failures[i].says);
        assert_int_equal(count_entries(place->cache, "openvirt/templates"), 0);
    }
}

static void a_missing_mmdebstrap_names_the_package(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    setenv("PATH", "/nowhere", 1);
    int result = resolve_debian("debian:sid", &error);
    setenv("PATH", "/usr/bin:/bin", 1);
    assert_int_equal(result, -1);
    assert_error_contains(error, "install the package mmdebstrap");
}

static void a_suite_is_a_word(void **state)
{
    (void)state;
    const char *const wrong[] = { "debian:", "debian:--help", "debian:../x", "debian:a b" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        assert_int_equal(resolve_debian(wrong[i], &error), -1);
        assert_error_contains(error, "is not the name of a Debian suite");
    }
}

/* As `kill PID` does it: only openvirt gets the signal, and passes it on. */
static void a_signal_ends_mmdebstrap_and_leaves_nothing(void **state)
{
    const struct place *place = *state;
    AUTO_FREE char *script =
        string_format("trap 'echo ended >%s/trapped; exit 1' TERM\necho >%s/ready\n"
                      "while :; do sleep 0.05; done",
                      place->root, place->root);
    put_mmdebstrap(place, script);
    pid_t child = fork();
    if (child == 0) {
        AUTO_ERROR struct error error = { 0 };
        resolve_debian("debian:sid", &error);
        _exit(0); /* not reached: the signal takes effect when the cache is clean */
    }
    while (!is_there(place->root, "ready"))
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    assert_int_equal(kill(child, SIGINT), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_true(is_there(place->root, "trapped"));
    assert_int_equal(count_entries(place->cache, "openvirt/templates"), 0);
}

#define resolve_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        resolve_test(layers_of_each_compression_are_stacked),
        resolve_test(a_layer_is_unpacked_once_for_all_images_on_the_same_ones),
        resolve_test(a_damaged_layer_leaves_nothing),
        resolve_test(another_layer_than_the_diff_id_says_is_refused),
        resolve_test(a_damaged_manifest_is_refused),
        resolve_test(a_killed_unpacking_leaves_nothing_that_looks_complete),
        resolve_test(an_ordinary_user_gets_owners_by_subordinate_ids),
        resolve_test(without_subordinate_ids_all_belongs_to_the_user),
        resolve_test(an_owner_beyond_the_subordinate_ids_is_named),
        resolve_test(a_directory_is_used_as_it_is),
        resolve_test(a_debian_root_is_made_once),
        resolve_test(what_mmdebstrap_says_first_is_the_error),
        resolve_test(a_missing_mmdebstrap_names_the_package),
        resolve_test(a_suite_is_a_word),
        resolve_test(a_signal_ends_mmdebstrap_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
