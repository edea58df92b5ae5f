// SPDX-License-Identifier: Apache-2.0
/* How a kernel gets into the cache. */
#include "image/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "image/apt.h"
#include "image/bzimage.h"
#include "image/cache.h"
#include "image/deb.h"
#include "image/digest.h"
#include "image/interrupt.h"
#include "image/kernel_name.h"

#define KIND           "kernels"
#define CURRENT_SUFFIX ".current"

enum { CURRENT_LIMIT = 256, HASH_LENGTH = 16, BUFFER_SIZE = 128 << 10 };

void kernel_clear(struct kernel *kernel)
{
    free(kernel->name);
    free(kernel->directory);
    *kernel = (struct kernel){ 0 };
}

/* Read from the entry what callers want to know. */
static int describe(const char *name, const char *directory, struct kernel *kernel,
                    struct error *error)
{
    struct bzimage image;
    AUTO_FREE char *path = string_format("%s/vmlinuz", directory);
    AUTO_FREE char *vmlinux = string_format("%s/vmlinux", directory);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open the kernel %s", path);
    if (bzimage_read(fd, path, &image, error) < 0)
        return -1;
    *kernel = (struct kernel){ .name = string_copy(name),
                               .directory = string_copy(directory),
                               .has_64_bits = image.has_64_bits,
                               .has_vmlinux = path_exists_at(AT_FDCWD, vmlinux) };
    memcpy(kernel->version, image.version, sizeof(kernel->version));
    return 0;
}

/* vmlinuz of the entry -> vmlinux beside it, where that is possible. */
static int make_vmlinux(const struct cache_entry *entry, const char *name, struct error *error)
{
    struct bzimage image;
    AUTO_FREE char *from = string_format("%s/vmlinuz", entry->partial_path);
    AUTO_FREE char *to = string_format("%s/vmlinux", entry->partial_path);
    AUTO_CLOSE int from_fd = open(from, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (from_fd < 0 || to_fd < 0)
        return error_set(error, errno, "unpack the kernel %s", name);
    if (bzimage_read(from_fd, name, &image, error) < 0)
        return -1;
    int result = bzimage_extract(from_fd, name, &image, to_fd, error);
    if (result == 1)
        unlink(to);
    return result < 0 ? -1 : 0;
}

static int fill_from_deb(const struct cache_entry *entry, const char *deb, const char *name,
                         struct progress *progress, struct error *error)
{
    AUTO_CLOSE int target_fd = open(entry->partial_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target_fd < 0)
        return error_set(error, errno, "open %s", entry->partial_path);
    progress_phase(progress, 0, "unpacking");
    if (deb_unpack_kernel(deb, target_fd, progress, error) < 0)
        return -1;
    progress_phase(progress, 100, "unpacking the kernel itself");
    return make_vmlinux(entry, name, error);
}

static int copy_kernel(const struct cache_entry *entry, const char *path, struct error *error)
{
    AUTO_FREE char *to = string_format("%s/vmlinuz", entry->partial_path);
    AUTO_CLOSE int from_fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    AUTO_FREE char *buffer = allocate(BUFFER_SIZE, 1);
    if (from_fd < 0 || to_fd < 0)
        return error_set(error, errno, "copy the kernel %s", path);
    for (;;) {
        ssize_t count = read_all(from_fd, buffer, BUFFER_SIZE);
        if (count < 0 || write_all(to_fd, buffer, (size_t)count) < 0)
            return error_set(error, errno, "copy the kernel %s", path);
        if (count == 0)
            return make_vmlinux(entry, path, error);
    }
}

/* The first digits of the SHA-256 of a file that a person named: its name in the cache. */
static char *hash_file(const char *path, const char *prefix, struct error *error)
{
    char text[DIGEST_TEXT_SIZE];
    AUTO_FREE char *buffer = allocate(BUFFER_SIZE, 1);
    AUTO_DIGEST struct digest *digest = digest_new("sha256", error);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!digest)
        return NULL;
    ssize_t count = 1;
    while (fd >= 0 && (count = read_all(fd, buffer, BUFFER_SIZE)) > 0)
        if (digest_update(digest, buffer, (size_t)count, error) < 0)
            return NULL;
    if (fd < 0 || count < 0) {
        error_set(error, errno, "read the kernel %s", path);
        return NULL;
    }
    if (digest_finish(digest, text, error) < 0)
        return NULL;
    return string_format("%s-%.*s", prefix, HASH_LENGTH, digest_hex(text));
}

static int get_from_file(const char *path, enum kernel_source source, struct kernel *kernel,
                         struct error *error)
{
    AUTO_FREE char *name = hash_file(path, source == KERNEL_DEB ? "deb" : "file", error);
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    AUTO_PROGRESS struct progress progress = { 0 };
    if (!name || cache_begin(KIND, name, &entry, error) < 0)
        return -1;
    if (!entry.complete) {
        progress_begin(&progress, path);
        int result = source == KERNEL_DEB ? fill_from_deb(&entry, path, path, &progress, error)
                                          : copy_kernel(&entry, path, error);
        if (result < 0 || cache_commit(&entry, error) < 0)
            return -1;
    }
    return describe(name, entry.path, kernel, error);
}

/* What PACKAGE.current says, or an entry of exactly that package; allocated, NULL: none. */
static char *find_in_cache(int kind_fd, const char *package)
{
    AUTO_ERROR struct error ignored = { 0 }; /* what cannot be read is fetched again */
    AUTO_FREE char *file = string_format("%s" CURRENT_SUFFIX, package);
    if (path_exists_at(kind_fd, package))
        return string_copy(package);
    char *name = read_file_at(kind_fd, file, CURRENT_LIMIT, NULL, &ignored);
    AUTO_FREE char *owned = name;
    if (name && kernel_name_is_valid(name) && path_exists_at(kind_fd, name))
        return take_pointer(owned);
    return NULL;
}

static int remember(const struct cache_entry *entry, const char *package, struct error *error)
{
    AUTO_FREE char *file = string_format("%s" CURRENT_SUFFIX, package);
    return replace_file_at(entry->kind_fd, file, entry->name, strlen(entry->name), 0644, false,
                           error);
}

static int download(struct apt *apt, const char *package, const char *file,
                    const struct cache_entry *entry, struct error *error)
{
    AUTO_FREE char *deb = string_format("%s/%s", entry->partial_path, file);
    progress_phase(apt->progress, 0, "downloading");
    apt->phase = "downloading";
    apt->percent = 0;
    apt->span = 100;
    if (apt_download(apt, package, entry->partial_path, error) < 0 ||
        fill_from_deb(entry, deb, package, apt->progress, error) < 0)
        return -1;
    if (unlink(deb) < 0)
        return error_set(error, errno, "remove %s", deb);
    return 0;
}

/* What the package stands for, looked up with the lists of the host, else with lists of our own. */
static char *resolve(struct apt *apt, const char *package, struct cache_entry *lists,
                     struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 }; /* an index that is missing need not matter */
    AUTO_ERROR struct error first = { 0 };
    progress_phase(apt->progress, 0, "looking the package up");
    char *resolved = apt_resolve(apt, package, "linux-image-", &first);
    if (resolved || interrupt_check(error) < 0)
        return resolved;
    if (cache_begin("apt", apt->architecture, lists, error) < 0)
        return NULL;
    progress_phase(apt->progress, 0, "fetching package lists");
    apt->phase = "fetching package lists";
    apt->span = 100;
    apt_use_private_lists(apt, lists->partial_path, &ignored);
    resolved = interrupt_check(error) < 0 ? NULL : apt_resolve(apt, package, "linux-image-", error);
    return resolved;
}

static int fetch_with(struct apt *apt, const char *package, struct kernel *kernel,
                      struct error *error)
{
    /* Never committed: lists of our own are for this once. */
    AUTO_CACHE_ENTRY struct cache_entry lists = CACHE_ENTRY_NONE;
    AUTO_CACHE_ENTRY struct cache_entry entry = CACHE_ENTRY_NONE;
    AUTO_FREE char *resolved = resolve(apt, package, &lists, error);
    AUTO_FREE char *file = resolved ? apt_file_name(apt, resolved, error) : NULL;
    if (!file)
        return -1;
    if (!kernel_name_is_valid(file))
        return error_set(error, 0, "apt names a strange file: %s", file);
    AUTO_FREE char *name = string_copy_n(file, strlen(file) - strlen(".deb"));
    if (cache_begin(KIND, name, &entry, error) < 0)
        return -1;
    if (!entry.complete &&
        (download(apt, resolved, file, &entry, error) < 0 || cache_commit(&entry, error) < 0))
        return -1;
    if (remember(&entry, package, error) < 0 || remember(&entry, resolved, error) < 0)
        return -1;
    return describe(name, entry.path, kernel, error);
}

static int fetch_package(const char *package, struct kernel *kernel, struct error *error)
{
    AUTO_INTERRUPT struct interrupt interrupt = { 0 }; /* first: it is lifted last */
    AUTO_PROGRESS struct progress progress = { 0 };
    AUTO_APT struct apt apt = { .architecture = kernel_architecture_of(package),
                                .progress = &progress };
    if (!apt.architecture)
        return error_set(error, 0,
                         "\"%s\" is not the name of a kernel package, as %s, linux-image-amd64 and "
                         "linux-image-686 are, nor a file: those have a slash",
                         package, KERNEL_DEFAULT);
    interrupt_block(&interrupt);
    progress_begin(&progress, package);
    if (fetch_with(&apt, package, kernel, error) < 0)
        return error_wrap(error, "fetch the kernel %s", package);
    return 0;
}

int kernel_get(const char *name, bool newest, struct kernel *kernel, struct error *error)
{
    *kernel = (struct kernel){ 0 };
    enum kernel_source source = kernel_source_of(name);
    if (source != KERNEL_PACKAGE)
        return get_from_file(name, source, kernel, error);
    if (!kernel_name_is_valid(name))
        return error_set(error, 0, "\"%s\" is not the name of a kernel", name);
    AUTO_FREE char *kind = NULL;
    AUTO_CLOSE int kind_fd = cache_open_kind(KIND, &kind, error);
    if (kind_fd < 0)
        return -1;
    AUTO_FREE char *found =
        newest && kernel_is_meta_package(name) ? NULL : find_in_cache(kind_fd, name);
    if (!found)
        return fetch_package(name, kernel, error);
    AUTO_FREE char *directory = string_format("%s/%s", kind, found);
    return describe(found, directory, kernel, error);
}
