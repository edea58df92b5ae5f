// SPDX-License-Identifier: Apache-2.0
/*
 * overlayfs knows no link from one layer into another. So a link to a file that only a lower layer
 * has does what a write would: the file is copied up into this layer, under its own name, and the
 * new name is linked to the copy.
 */
#include "image/layer_link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sendfile.h>

#include "base/string.h"

static int copy_contents(int from, int to, const struct stat *status, struct error *error)
{
    off_t left = status->st_size;
    while (left > 0) {
        ssize_t count = sendfile(to, from, NULL, (size_t)left);
        if (count <= 0)
            return error_set(error, count < 0 ? errno : EIO, "copy");
        left -= count;
    }
    return 0;
}

static int copy_file(int lower_fd, const struct stat *status, int directory_fd, const char *name,
                     struct error *error)
{
    char from_path[32], to_path[32];
    snprintf(from_path, sizeof(from_path), "/proc/self/fd/%d", lower_fd);
    AUTO_CLOSE int from = open(from_path, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int to =
        openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (from < 0 || to < 0)
        return error_set(error, errno, "open");
    const struct layer_attributes attributes = { .uid = status->st_uid,
                                                 .gid = status->st_gid,
                                                 .mode = status->st_mode & 07777 };
    const struct timespec times[2] = { status->st_mtim, status->st_mtim };
    snprintf(to_path, sizeof(to_path), "/proc/self/fd/%d", to);
    if (copy_contents(from, to, status, error) < 0 ||
        layer_apply_attributes(to, name, &attributes, error) < 0 ||
        layer_copy_xattrs(from_path, to_path, error) < 0)
        return -1;
    return futimens(to, times) < 0 ? error_set(error, errno, "set the time") : 0;
}

static int copy_symbolic_link(int lower_fd, const struct stat *status, int directory_fd,
                              const char *name, struct error *error)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(lower_fd, "", target, sizeof(target) - 1);
    if (length < 0)
        return error_set(error, errno, "read the link");
    target[length] = '\0';
    const struct timespec times[2] = { status->st_mtim, status->st_mtim };
    if (symlinkat(target, directory_fd, name) < 0 ||
        fchownat(directory_fd, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(directory_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "create the link");
    return 0;
}

static int copy_up(struct layer_work *work, const char *directory, const char *name,
                   struct error *error)
{
    AUTO_FREE char *path = layer_path(directory, name);
    AUTO_CLOSE int lower_fd = layer_view_open_lower(&work->view, path, error);
    struct stat status;
    if (lower_fd < 0)
        return error->message ? -1 : error_set(error, ENOENT, "%s", path);
    if (fstat(lower_fd, &status) < 0)
        return error_set(error, errno, "look at %s", path);
    if ((uint64_t)status.st_size > work->target->limits.bytes - work->bytes)
        return error_set(error, EFBIG, "copy %s from a layer below", path);
    AUTO_CLOSE int directory_fd = layer_directory_open(work, directory, error);
    if (directory_fd < 0)
        return -1;
    work->bytes += (uint64_t)status.st_size;
    int result = -1;
    if (S_ISREG(status.st_mode))
        result = copy_file(lower_fd, &status, directory_fd, name, error);
    else if (S_ISLNK(status.st_mode))
        result = copy_symbolic_link(lower_fd, &status, directory_fd, name, error);
    else
        error_set(error, 0, "neither a file nor a symbolic link");
    return result < 0 ? error_wrap(error, "copy %s from a layer below", path) : 0;
}

/* Make sure that this layer has the target, and open its directory. */
static int open_target(struct layer_work *work, const char *directory, const char *name,
                       struct error *error)
{
    AUTO_FREE char *path = layer_path(directory, name);
    AUTO_CLOSE int fd = layer_open(work->view.fd, path, O_PATH);
    struct stat status;
    if (fd < 0) {
        if (copy_up(work, directory, name, error) < 0)
            return -1;
    } else if (fstat(fd, &status) < 0) {
        return error_set(error, errno, "look at %s", path);
    } else if (layer_is_whiteout(&status)) {
        return error_set(error, ENOENT, "%s", path);
    } else if (S_ISDIR(status.st_mode)) {
        return error_set(error, 0, "%s is a directory", path);
    }
    int directory_fd = layer_open(work->view.fd, directory, O_PATH | O_DIRECTORY);
    return directory_fd < 0 ? error_set(error, errno, "open directory %s", directory)
                            : directory_fd;
}

int layer_link_make(struct layer_work *work, const struct layer_place *place, const char *target,
                    struct error *error)
{
    AUTO_FREE char *directory = NULL, *name = NULL;
    if (layer_view_resolve(&work->view, target, &directory, &name, error) < 0)
        return error_wrap(error, "hard link %s", place->name);
    if (!place->name[0] || !name[0])
        return error_set(error, 0, "hard link \"%s\" to \"%s\": one of them is the root directory",
                         place->name, target);
    if (string_equal(directory, place->directory) && string_equal(name, place->name))
        return error_set(error, 0, "hard link %s leads to itself", place->name);
    AUTO_CLOSE int target_fd = open_target(work, directory, name, error);
    bool whiteout;
    if (target_fd < 0 || layer_place_empty(place, false, &whiteout, error) < 0)
        return error_wrap(error, "hard link %s to %s", place->name, target);
    if (linkat(target_fd, name, place->directory_fd, place->name, 0) < 0)
        return error_set(error, errno, "hard link %s to %s", place->name, target);
    return 0;
}
