// SPDX-License-Identifier: Apache-2.0
#include "container/copy_up.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/string.h"

enum { LARGEST_CHUNK = 16 << 20, DEEPEST = 256 };

static int copy_directory(int from_fd, int to_fd, int depth, struct error *error);

static int copy_data(int from, int to)
{
    for (;;) {
        ssize_t count = sendfile(to, from, NULL, LARGEST_CHUNK);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return (int)count;
    }
}

/* What the new file system does not keep (another namespace of attributes) is left out. */
static void copy_attributes(int from, int to)
{
    char names[4096], value[4096];
    ssize_t length = flistxattr(from, names, sizeof(names));
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t size = fgetxattr(from, names + at, value, sizeof(value));
        if (size >= 0)
            (void)fsetxattr(to, names + at, value, (size_t)size, 0);
    }
}

/* Owner before mode: chown(2) clears set-id bits. */
static int copy_status(int to, const char *name, const struct stat *status)
{
    const struct timespec times[] = { status->st_atim, status->st_mtim };
    if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (!S_ISLNK(status->st_mode) && fchmodat(to, name, status->st_mode & 07777u, 0) < 0)
        return -1;
    return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_file(int from, int to, const char *name, const struct stat *status)
{
    AUTO_CLOSE int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    AUTO_CLOSE int copy = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (source < 0 || copy < 0 || copy_data(source, copy) < 0 || copy_status(to, name, status) < 0)
        return -1;
    copy_attributes(source, copy);
    return 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *status)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
    if (length < 0)
        return -1;
    target[length] = '\0';
    return symlinkat(target, to, name) < 0 ? -1 : copy_status(to, name, status);
}

static int copy_special(int to, const char *name, const struct stat *status)
{
    if (mknodat(to, name, status->st_mode, status->st_rdev) < 0)
        return -1;
    return copy_status(to, name, status);
}

static int copy_subdirectory(int from, int to, const char *name, const struct stat *status,
                             int depth, struct error *error)
{
    AUTO_CLOSE int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || mkdirat(to, name, 0700) < 0)
        return error_set(error, errno, "copy directory %s", name);
    AUTO_CLOSE int copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (copy < 0)
        return error_set(error, errno, "copy directory %s", name);
    if (copy_directory(source, copy, depth + 1, error) < 0)
        return -1;
    copy_attributes(source, copy);
    /* Last, since what was made in it changed its times. */
    return copy_status(to, name, status) < 0 ? error_set(error, errno, "copy directory %s", name)
                                             : 0;
}

static int copy_entry(int from, int to, const char *name, int depth, struct error *error)
{
    struct stat status;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "copy %s", name);
    if (S_ISDIR(status.st_mode))
        return copy_subdirectory(from, to, name, &status, depth, error);
    int result = S_ISREG(status.st_mode)   ? copy_file(from, to, name, &status)
                 : S_ISLNK(status.st_mode) ? copy_link(from, to, name, &status)
                                           : copy_special(to, name, &status);
    return result < 0 ? error_set(error, errno, "copy %s", name) : 0;
}

static int copy_directory(int from_fd, int to_fd, int depth, struct error *error)
{
    if (depth > DEEPEST)
        return error_set_code(error, ELOOP, "copy directories deeper than %d", DEEPEST);
    int readable = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *directory = readable < 0 ? NULL : fdopendir(readable);
    if (!directory)
        return error_set(error, errno, "read directory");
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (string_equal(entry->d_name, ".") || string_equal(entry->d_name, ".."))
            continue;
        if (copy_entry(from_fd, to_fd, entry->d_name, depth, error) < 0)
            return -1;
    }
    return 0;
}

int copy_up(int from_fd, int to_fd, struct error *error)
{
    return copy_directory(from_fd, to_fd, 0, error);
}
