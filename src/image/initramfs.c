// SPDX-License-Identifier: Apache-2.0
/* In the cache as CACHE/initramfs/KEY/initramfs; the key is the digest of all that goes in. */
#include "image/initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "guest/program.h"
#include "image/archive.h"
#include "image/cache.h"
#include "image/digest.h"
#include "image/modules.h"

enum { MODULE_LIMIT = 64 << 20, KEY_LENGTH = 32, MEMBER_MODE = 0755 };

struct writer {
    struct archive_functions archive;
    struct archive *output;
};

static void clear(struct writer *writer)
{
    if (writer->output)
        writer->archive.write_free(writer->output);
}
#define AUTO_WRITER __attribute__((cleanup(clear)))

static int failure(const struct writer *writer, struct error *error)
{
    const char *reason = writer->output ? writer->archive.error_string(writer->output) : NULL;
    return error_set(error, 0, "write the initramfs: %s",
                     reason ? reason : "libarchive gave no reason");
}

/* A regular file, or with a mode that says so a directory (no data). */
static int add(const struct writer *writer, const char *name, mode_t mode, const void *data,
               size_t length, struct error *error)
{
    const struct archive_functions *archive = &writer->archive;
    struct archive_entry *entry = archive->entry_new();
    archive->set_pathname(entry, name);
    archive->set_mode(entry, mode);
    archive->set_link_count(entry, 1);
    archive->set_size(entry, (int64_t)length);
    int result = archive->write_header(writer->output, entry);
    archive->entry_free(entry);
    if (result != ARCHIVE_OK ||
        (length && archive->write_data(writer->output, data, length) != (la_ssize_t)length))
        return failure(writer, error);
    return 0;
}

/* The console is what a kernel opens before /init runs; it says so loudly where it is missing. */
static int add_console(const struct writer *writer, struct error *error)
{
    struct archive_entry *entry = writer->archive.entry_new();
    writer->archive.set_pathname(entry, "dev/console");
    writer->archive.set_mode(entry, S_IFCHR | 0600);
    writer->archive.set_link_count(entry, 1);
    writer->archive.set_size(entry, 0);
    writer->archive.set_rdev_major(entry, 5);
    writer->archive.set_rdev_minor(entry, 1);
    int result = writer->archive.write_header(writer->output, entry);
    writer->archive.entry_free(entry);
    return result == ARCHIVE_OK ? 0 : failure(writer, error);
}

static int add_module(const struct writer *writer, const char *path, struct error *error)
{
    size_t length;
    AUTO_FREE char *data = read_file_at(AT_FDCWD, path, MODULE_LIMIT, &length, error);
    AUTO_FREE char *name = string_format("modules/%s", strrchr(path, '/') + 1);
    if (!data)
        return -1;
    return add(writer, name, S_IFREG | 0644, data, module_length_without_signature(data, length),
               error);
}

/* The files, and a list of their names. */
static int add_modules(const struct writer *writer, const struct string_list *paths,
                       const char *list, struct error *error)
{
    AUTO_FREE char *names = string_copy("");
    for (size_t i = 0; i < paths->count; i++) {
        if (add_module(writer, paths->items[i], error) < 0)
            return -1;
        string_append(&names, "%s\n", strrchr(paths->items[i], '/') + 1);
    }
    return add(writer, list, S_IFREG | 0644, names, strlen(names), error);
}

static int add_all(const struct writer *writer, const struct guest_program *init,
                   const struct modules *modules, struct error *error)
{
    static const char *const directories[] = { "dev", "proc", "sys", "root", "modules" };
    for (size_t i = 0; i < ARRAY_LENGTH(directories); i++)
        if (add(writer, directories[i], S_IFDIR | MEMBER_MODE, NULL, 0, error) < 0)
            return -1;
    if (add_console(writer, error) < 0 ||
        add(writer, "init", S_IFREG | MEMBER_MODE, init->bytes, init->size, error) < 0 ||
        add_modules(writer, &modules->first, "modules/order", error) < 0 ||
        add_modules(writer, &modules->later, "modules/later", error) < 0)
        return -1;
    return writer->archive.write_close(writer->output) == ARCHIVE_OK ? 0 : failure(writer, error);
}

static int write_archive(const struct cache_entry *entry, const struct guest_program *init,
                         const struct modules *modules, struct error *error)
{
    AUTO_WRITER struct writer writer = { 0 };
    AUTO_FREE char *path = string_format("%s/initramfs", entry->partial_path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(error, errno, "create %s", path);
    if (archive_library_open(&writer.archive, error) < 0)
        return -1;
    writer.output = writer.archive.write_new();
    if (!writer.output || writer.archive.write_format_cpio_newc(writer.output) != ARCHIVE_OK ||
        writer.archive.write_bytes_in_last_block(writer.output, 1) != ARCHIVE_OK ||
        writer.archive.write_open_fd(writer.output, fd) != ARCHIVE_OK)
        return failure(&writer, error);
    return add_all(&writer, init, modules, error);
}

static int digest_list(struct digest *digest, const struct string_list *paths, struct error *error)
{
    struct stat status;
    for (size_t i = 0; i < paths->count; i++) {
        if (stat(paths->items[i], &status) < 0)
            return error_set(error, errno, "look at %s", paths->items[i]);
        const int64_t form[] = { status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec };
        if (digest_update(digest, paths->items[i], strlen(paths->items[i]) + 1, error) < 0 ||
            digest_update(digest, form, sizeof(form), error) < 0)
            return -1;
    }
    return digest_update(digest, "", 1, error);
}

/* Path, size and time of a module stand for what is in it. */
static char *make_key(const struct guest_program *init, const struct modules *modules,
                      struct error *error)
{
    char text[DIGEST_TEXT_SIZE];
    static const char form[] = "initramfs 1";
    AUTO_DIGEST struct digest *digest = digest_new("sha256", error);
    if (!digest || digest_update(digest, form, sizeof(form), error) < 0 ||
        digest_update(digest, init->bytes, init->size, error) < 0 ||
        digest_list(digest, &modules->first, error) < 0 ||
        digest_list(digest, &modules->later, error) < 0 || digest_finish(digest, text, error) < 0)
        return NULL;
    return string_copy_n(digest_hex(text), KEY_LENGTH);
}

char *initramfs_get(const struct kernel *kernel, enum boot_machine machine, bool *has_9p,
                    struct error *error)
{
    AUTO_MODULES struct modules modules = { 0 };
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    const struct guest_program *init = kernel->has_64_bits ? &guest_program_64 : &guest_program_32;
    if (modules_choose(kernel, machine, &modules, error) < 0)
        return NULL;
    *has_9p = modules.has_9p;
    AUTO_FREE char *key = make_key(init, &modules, error);
    if (!key || cache_begin("initramfs", key, &entry, error) < 0)
        return NULL;
    if (!entry.complete &&
        (write_archive(&entry, init, &modules, error) < 0 || cache_commit(&entry, error) < 0))
        return NULL;
    return string_format("%s/initramfs", entry.path);
}
