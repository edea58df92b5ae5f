// SPDX-License-Identifier: Apache-2.0
/*
 *   file -> ar -> data.tar.{xz,zst,gz} -> tar -> files
 *
 * Two readers of libarchive: the outer one finds the member data.tar.*, whose bytes feed the inner
 * one. A member of the archive names no place of its own: it is taken when its path is of the form
 * that is looked for, and goes where the table says.
 */
#include "image/deb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/archive.h"
#include "image/interrupt.h"

#define BUFFER_SIZE (128 << 10)

/* Bounds of one file and of all that is written: a kernel's package has 400 MiB of modules. */
#define FILE_LIMIT  (512ULL << 20)
#define TOTAL_LIMIT (4ULL << 30)

struct unpacking {
    struct archive_functions archive;
    struct archive *outer, *inner;
    const char *path; /* of the package */
    int fd, target_fd;
    uint64_t read, size, written;
    bool has_kernel;
    struct progress *progress;
    char *file_buffer, *member_buffer;
    struct error failure; /* born inside of a callback, and so the true reason */
};

static void clear(struct unpacking *unpacking)
{
    if (unpacking->inner)
        unpacking->archive.read_free(unpacking->inner);
    if (unpacking->outer)
        unpacking->archive.read_free(unpacking->outer);
    cleanup_close(&unpacking->fd);
    free(unpacking->file_buffer);
    free(unpacking->member_buffer);
    error_clear(&unpacking->failure);
}
#define AUTO_UNPACKING __attribute__((cleanup(clear)))

/* Where the members go: the first prefix that fits. `name` NULL: not taken. A name that ends in a
 * slash gets the rest of the path behind the kernel's release. */
static const struct {
    const char *prefix, *name;
} places[] = {
    { "boot/vmlinuz-", "vmlinuz" },
    { "boot/config-", "config" },
    { "lib/modules/", "modules/" },
    { "usr/lib/modules/", "modules/" },
};

/* Directories of modules that drive what no virtual machine of ours has. They are two thirds of
 * the package. */
static const char *const left_out[] = {
    "kernel/arch/x86/kvm/",
    "kernel/drivers/accel/",
    "kernel/drivers/bluetooth/",
    "kernel/drivers/comedi/",
    "kernel/drivers/gpu/",
    "kernel/drivers/hwmon/",
    "kernel/drivers/iio/",
    "kernel/drivers/infiniband/",
    "kernel/drivers/isdn/",
    "kernel/drivers/media/",
    "kernel/drivers/mfd/",
    "kernel/drivers/net/wireless/",
    "kernel/drivers/platform/",
    "kernel/drivers/staging/",
    "kernel/drivers/thunderbolt/",
    "kernel/drivers/usb/",
    "kernel/sound/",
};

/* "a/../b", "/a" and "" lead astray. */
static bool is_plain_path(const char *path)
{
    for (const char *part = path;; part = strchr(part, '/') + 1) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (!part[length])
            return true;
    }
}

static bool is_left_out(const char *module)
{
    for (size_t i = 0; i < ARRAY_LENGTH(left_out); i++)
        if (string_starts_with(module, left_out[i]))
            return true;
    return false;
}

/* The name below the target, allocated; NULL: the member is not taken. */
static char *place_of(const char *path)
{
    const char *member = string_starts_with(path, "./") ? path + 2 : path;
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        if (!string_starts_with(member, places[i].prefix))
            continue;
        if (!string_ends_with(places[i].name, "/"))
            return string_copy(places[i].name);
        const char *rest = strchr(member + strlen(places[i].prefix), '/');
        if (!rest || !is_plain_path(rest + 1) || is_left_out(rest + 1))
            return NULL;
        return string_format("%s%s", places[i].name, rest + 1);
    }
    return NULL;
}

static la_ssize_t feed_outer(struct archive *outer, void *context, const void **buffer)
{
    struct unpacking *unpacking = context;
    *buffer = unpacking->file_buffer;
    ssize_t count = -1;
    if (interrupt_check(&unpacking->failure) == 0) {
        count = read_all(unpacking->fd, unpacking->file_buffer, BUFFER_SIZE);
        if (count < 0)
            error_set(&unpacking->failure, errno, "read %s", unpacking->path);
    }
    if (count < 0) {
        unpacking->archive.set_error(outer, EIO, "%s", unpacking->failure.message);
        return -1;
    }
    unpacking->read += (uint64_t)count;
    progress_bytes(unpacking->progress, unpacking->read, unpacking->size);
    return count;
}

static la_ssize_t feed_inner(struct archive *inner, void *context, const void **buffer)
{
    struct unpacking *unpacking = context;
    *buffer = unpacking->member_buffer;
    la_ssize_t count =
        unpacking->archive.read_data(unpacking->outer, unpacking->member_buffer, BUFFER_SIZE);
    if (count < 0)
        unpacking->archive.set_error(inner, EIO, "%s",
                                     unpacking->archive.error_string(unpacking->outer));
    return count;
}

static int archive_failure(struct unpacking *unpacking, struct archive *archive,
                           struct error *error)
{
    if (unpacking->failure.message)
        return error_move(error, &unpacking->failure);
    const char *reason = archive ? unpacking->archive.error_string(archive) : NULL;
    return error_set(error, 0, "unpack %s: %s", unpacking->path,
                     reason ? reason : "libarchive gave no reason");
}

/* The directory of a name below the target, made; and the name's last part. */
static int open_parent(int target_fd, const char *name, const char **last, struct error *error)
{
    AUTO_CLOSE int parent = openat(target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *last = name;
    for (const char *slash; parent >= 0 && (slash = strchr(*last, '/')); *last = slash + 1) {
        AUTO_FREE char *part = string_copy_n(*last, (size_t)(slash - *last));
        if (mkdirat(parent, part, 0755) < 0 && errno != EEXIST)
            return error_set(error, errno, "create %s", name);
        int child = openat(parent, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int failure = errno;
        close(parent);
        parent = child;
        errno = failure;
    }
    if (parent < 0)
        return error_set(error, errno, "open the directory of %s", name);
    return take_fd(&parent);
}

static int copy_data(struct unpacking *unpacking, int fd, const char *name, struct error *error)
{
    AUTO_FREE char *buffer = allocate(BUFFER_SIZE, 1);
    for (uint64_t length = 0;;) {
        la_ssize_t count = unpacking->archive.read_data(unpacking->inner, buffer, BUFFER_SIZE);
        if (count < 0)
            return archive_failure(unpacking, unpacking->inner, error);
        if (count == 0)
            return 0;
        length += (uint64_t)count;
        unpacking->written += (uint64_t)count;
        if (length > FILE_LIMIT || unpacking->written > TOTAL_LIMIT)
            return error_set(error, EFBIG, "unpack %s: %s", unpacking->path, name);
        if (write_all(fd, buffer, (size_t)count) < 0)
            return error_set(error, errno, "write %s", name);
    }
}

static int take_file(struct unpacking *unpacking, const char *name, struct error *error)
{
    const char *last;
    AUTO_CLOSE int parent = open_parent(unpacking->target_fd, name, &last, error);
    if (parent < 0)
        return -1;
    AUTO_CLOSE int fd =
        openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(error, errno, "create %s", name);
    unpacking->has_kernel = unpacking->has_kernel || string_equal(name, "vmlinuz");
    return copy_data(unpacking, fd, name, error);
}

static int take_members(struct unpacking *unpacking, struct error *error)
{
    const struct archive_functions *archive = &unpacking->archive;
    struct archive_entry *entry;
    int result;
    while ((result = archive->read_next_header(unpacking->inner, &entry)) == ARCHIVE_OK ||
           result == ARCHIVE_WARN) {
        const char *path = archive->pathname(entry);
        AUTO_FREE char *name = path && archive->filetype(entry) == S_IFREG ? place_of(path) : NULL;
        if (name && take_file(unpacking, name, error) < 0)
            return -1;
    }
    return result == ARCHIVE_EOF ? 0 : archive_failure(unpacking, unpacking->inner, error);
}

static int open_inner(struct unpacking *unpacking, struct error *error)
{
    const struct archive_functions *archive = &unpacking->archive;
    unpacking->inner = archive->read_new();
    if (!unpacking->inner || archive->support_filter_gzip(unpacking->inner) != ARCHIVE_OK ||
        archive->support_filter_xz(unpacking->inner) != ARCHIVE_OK ||
        archive->support_filter_zstd(unpacking->inner) != ARCHIVE_OK ||
        archive->support_format_tar(unpacking->inner) != ARCHIVE_OK ||
        archive->read_open(unpacking->inner, unpacking, NULL, feed_inner, NULL) != ARCHIVE_OK)
        return archive_failure(unpacking, unpacking->inner, error);
    return 0;
}

/* Up to the member that holds the files. */
static int find_data(struct unpacking *unpacking, struct error *error)
{
    const struct archive_functions *archive = &unpacking->archive;
    struct archive_entry *entry;
    unpacking->outer = archive->read_new();
    if (!unpacking->outer || archive->support_filter_none(unpacking->outer) != ARCHIVE_OK ||
        archive->support_format_ar(unpacking->outer) != ARCHIVE_OK ||
        archive->read_open(unpacking->outer, unpacking, NULL, feed_outer, NULL) != ARCHIVE_OK)
        return archive_failure(unpacking, unpacking->outer, error);
    int result;
    while ((result = archive->read_next_header(unpacking->outer, &entry)) == ARCHIVE_OK) {
        const char *name = archive->pathname(entry);
        if (name && string_starts_with(name, "data.tar"))
            return 0;
    }
    if (result != ARCHIVE_EOF)
        return archive_failure(unpacking, unpacking->outer, error);
    return error_set(error, 0, "%s is no Debian package: it has no data.tar", unpacking->path);
}

int deb_unpack_kernel(const char *path, int target_fd, struct progress *progress,
                      struct error *error)
{
    struct stat status;
    AUTO_UNPACKING struct unpacking unpacking = { .path = path,
                                                  .target_fd = target_fd,
                                                  .progress = progress,
                                                  .fd = open(path, O_RDONLY | O_CLOEXEC) };
    if (unpacking.fd < 0 || fstat(unpacking.fd, &status) < 0)
        return error_set(error, errno, "open the package %s", path);
    unpacking.size = (uint64_t)status.st_size;
    unpacking.file_buffer = allocate(BUFFER_SIZE, 1);
    unpacking.member_buffer = allocate(BUFFER_SIZE, 1);
    if (archive_library_open(&unpacking.archive, error) < 0 || find_data(&unpacking, error) < 0 ||
        open_inner(&unpacking, error) < 0 || take_members(&unpacking, error) < 0)
        return -1;
    if (!unpacking.has_kernel)
        return error_set(error, 0, "%s holds no kernel: there is no boot/vmlinuz in it", path);
    return 0;
}
