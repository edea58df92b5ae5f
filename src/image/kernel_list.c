// SPDX-License-Identifier: Apache-2.0
/* What kernels the cache has, and how one leaves it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "image/cache.h"
#include "image/kernel.h"
#include "image/kernel_name.h"

#define KIND           "kernels"
#define CURRENT_SUFFIX ".current"

enum { CURRENT_LIMIT = 256 };

static uint64_t tree_bytes(int parent, const char *name)
{
    AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    uint64_t bytes = 0;
    if (!directory)
        return 0;
    int open_fd = take_fd(&fd); /* the directory's now */
    for (struct dirent *item = readdir(directory); item; item = readdir(directory)) {
        struct stat status;
        if (string_equal(item->d_name, ".") || string_equal(item->d_name, "..") ||
            fstatat(open_fd, item->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        bytes += (uint64_t)status.st_blocks * 512;
        if (S_ISDIR(status.st_mode))
            bytes += tree_bytes(open_fd, item->d_name);
    }
    return bytes;
}

static void add(struct kernel_list *list, int kind_fd, const char *name)
{
    struct stat status;
    if (fstatat(kind_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode) ||
        string_ends_with(name, ".partial"))
        return;
    list->kernels = reallocate(list->kernels, list->count + 1, sizeof(*list->kernels));
    list->kernels[list->count++] = (struct kernel_listed){ .name = string_copy(name),
                                                           .bytes = tree_bytes(kind_fd, name),
                                                           .made = status.st_mtime };
}

/* A short name, where there are several: linux-image-amd64 rather than its own package's. */
static void add_current(struct kernel_list *list, int kind_fd, const char *file)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *package = string_copy_n(file, strlen(file) - strlen(CURRENT_SUFFIX));
    AUTO_FREE char *name = read_file_at(kind_fd, file, CURRENT_LIMIT, NULL, &ignored);
    for (size_t i = 0; name && i < list->count; i++) {
        struct kernel_listed *kernel = &list->kernels[i];
        if (!string_equal(kernel->name, name) || !kernel_is_meta_package(package))
            continue;
        free(kernel->current_of);
        kernel->current_of = take_pointer(package);
        return;
    }
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct kernel_listed *)left)->name,
                  ((const struct kernel_listed *)right)->name);
}

static void for_each(DIR *directory, struct kernel_list *list, int kind_fd, bool current)
{
    rewinddir(directory);
    for (struct dirent *item = readdir(directory); item; item = readdir(directory)) {
        if (item->d_name[0] == '.')
            continue;
        if (string_ends_with(item->d_name, CURRENT_SUFFIX)) {
            if (current)
                add_current(list, kind_fd, item->d_name);
        } else if (!current) {
            add(list, kind_fd, item->d_name);
        }
    }
}

int kernel_list(struct kernel_list *list, struct error *error)
{
    AUTO_FREE char *path = NULL;
    *list = (struct kernel_list){ 0 };
    AUTO_CLOSE int fd = cache_open_kind(KIND, &path, error);
    if (fd < 0)
        return -1;
    AUTO_CLOSEDIR DIR *directory = fdopendir(fd);
    if (!directory)
        return error_set(error, errno, "read %s", path);
    int kind_fd = take_fd(&fd); /* the directory's now */
    for_each(directory, list, kind_fd, false);
    for_each(directory, list, kind_fd, true);
    if (list->count)
        qsort(list->kernels, list->count, sizeof(*list->kernels), compare);
    return 0;
}

void kernel_list_clear(struct kernel_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->kernels[i].name);
        free(list->kernels[i].current_of);
    }
    free(list->kernels);
    *list = (struct kernel_list){ 0 };
}

/* The names of packages that stood for an entry which is gone. */
static void forget(const char *entry)
{
    AUTO_ERROR struct error ignored = { 0 }; /* a name that leads nowhere is looked up again */
    AUTO_FREE char *path = NULL;
    AUTO_CLOSE int kind_fd = cache_open_kind(KIND, &path, &ignored);
    AUTO_CLOSEDIR DIR *directory = kind_fd < 0 ? NULL : opendir(path);
    if (!directory)
        return;
    for (struct dirent *item = readdir(directory); item; item = readdir(directory)) {
        if (!string_ends_with(item->d_name, CURRENT_SUFFIX))
            continue;
        AUTO_FREE char *name = read_file_at(kind_fd, item->d_name, CURRENT_LIMIT, NULL, &ignored);
        if (name && string_equal(name, entry))
            unlinkat(kind_fd, item->d_name, 0);
        error_clear(&ignored);
    }
}

/* The entry that a name means; NULL where there is none. */
static const char *entry_of(const struct kernel_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct kernel_listed *kernel = &list->kernels[i];
        size_t length = strlen(name);
        if (string_equal(kernel->name, name) ||
            (kernel->current_of && string_equal(kernel->current_of, name)) ||
            (strncmp(kernel->name, name, length) == 0 && kernel->name[length] == '_'))
            return kernel->name;
    }
    return NULL;
}

int kernel_remove(const char *name, struct error *error)
{
    AUTO_KERNEL_LIST struct kernel_list list = { 0 };
    if (kernel_list(&list, error) < 0)
        return -1;
    const char *entry = entry_of(&list, name);
    if (!entry)
        return error_set_code(error, ENOENT, "there is no kernel %s in the cache", name);
    if (cache_remove(KIND, entry, error) < 0)
        return -1;
    forget(entry);
    return 0;
}
