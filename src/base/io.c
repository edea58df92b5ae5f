// SPDX-License-Identifier: Apache-2.0
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/string.h"
#include "base/system_call.h"

int write_all(int fd, const void *data, size_t length)
{
    const char *next = data;
    while (length > 0) {
        ssize_t written = write(fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        next += written;
        length -= (size_t)written;
    }
    return 0;
}

ssize_t read_all(int fd, void *data, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = read(fd, (char *)data + done, length - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

char *read_fd(int fd, const char *name, size_t limit, size_t *length, struct error *error)
{
    size_t used = 0, capacity = 4096;
    AUTO_FREE char *buffer = allocate(capacity, 1);
    for (;;) {
        ssize_t count = read_all(fd, buffer + used, capacity - used - 1);
        if (count < 0) {
            error_set(error, errno, "read %s", name);
            return NULL;
        }
        used += (size_t)count;
        if (used < capacity - 1)
            break;
        if (used > limit)
            break;
        capacity *= 2;
        buffer = reallocate(buffer, capacity, 1);
    }
    if (used > limit) {
        error_set_code(error, EFBIG, "read %s: more than %zu bytes", name, limit);
        return NULL;
    }
    buffer[used] = '\0';
    if (length)
        *length = used;
    return take_pointer(buffer);
}

char *read_file_at(int dirfd, const char *path, size_t limit, size_t *length, struct error *error)
{
    AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(error, errno, "open %s", path);
        return NULL;
    }
    return read_fd(fd, path, limit, length, error);
}

int write_file_at(int dirfd, const char *path, const char *text, struct error *error)
{
    AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open %s", path);
    if (write_all(fd, text, strlen(text)) < 0)
        return error_set(error, errno, "write \"%s\" to %s", text, path);
    return 0;
}

static int write_new_file(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                          bool durable, struct error *error)
{
    AUTO_CLOSE int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set(error, errno, "create %s", name);
    if (write_all(fd, data, length) < 0 || (durable && fsync(fd) < 0))
        return error_set(error, errno, "write %s", name);
    return 0;
}

int replace_file_at(int dirfd, const char *name, const void *data, size_t length, mode_t mode,
                    bool durable, struct error *error)
{
    AUTO_FREE char *temporary = string_format(".%s.new", name);
    if (write_new_file(dirfd, temporary, data, length, mode, durable, error) < 0 ||
        (renameat(dirfd, temporary, dirfd, name) < 0 &&
         error_set(error, errno, "rename %s to %s", temporary, name) < 0)) {
        unlinkat(dirfd, temporary, 0);
        return -1;
    }
    if (durable && fsync(dirfd) < 0)
        return error_set(error, errno, "fsync the directory of %s", name);
    return 0;
}

int make_directories(const char *path, mode_t mode, struct error *error)
{
    AUTO_FREE char *partial = string_copy(path);
    for (char *slash = partial + 1;; slash++) {
        slash = strchrnul(slash, '/');
        char separator = *slash;
        *slash = '\0';
        if (mkdir(partial, mode) < 0 && errno != EEXIST)
            return error_set(error, errno, "create directory %s", partial);
        *slash = separator;
        if (!separator)
            return 0;
    }
}

/*
 * A container can make directories in each other without end, while our descriptors and our stack
 * have one. What lies deeper than this is moved up to the top, and removed from there.
 */
enum { DEEPEST_REMOVAL = 16 };

struct removal {
    int top_fd;
    dev_t device;
    uint64_t moved;
};

static int remove_children(struct removal *removal, int directory_fd, int depth,
                           struct error *error);

static int move_to_top(struct removal *removal, int parent, const char *name, struct error *error)
{
    for (;;) {
        char new_name[32];
        snprintf(new_name, sizeof(new_name), ".deep-%" PRIu64, removal->moved++);
        if (renameat2(parent, name, removal->top_fd, new_name, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST)
            return error_set(error, errno, "move directory %s to remove it", name);
    }
}

static int remove_directory(struct removal *removal, int parent, const char *name, int depth,
                            struct error *error)
{
    if (depth > DEEPEST_REMOVAL)
        return move_to_top(removal, parent, name, error);
    AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "open directory %s", name);
    if (status.st_dev != removal->device)
        return error_set_code(error, EXDEV, "remove %s: another file system is mounted there",
                              name);
    if (remove_children(removal, take_fd(&fd), depth, error) < 0)
        return -1;
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return error_set(error, errno, "remove directory %s", name);
    return 0;
}

static int remove_entry(struct removal *removal, int parent, const char *name, int depth,
                        struct error *error)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return error_set(error, errno, "remove %s", name);
    return remove_directory(removal, parent, name, depth, error);
}

/* Takes the descriptor. The topmost directory is read again while anything is moved into it. */
static int remove_children(struct removal *removal, int directory_fd, int depth,
                           struct error *error)
{
    AUTO_CLOSEDIR DIR *directory = fdopendir(directory_fd);
    if (!directory) {
        error_set(error, errno, "read directory");
        close(directory_fd);
        return -1;
    }
    if (depth == 0)
        removal->top_fd = directory_fd;
    uint64_t moved_before;
    do {
        moved_before = removal->moved;
        rewinddir(directory);
        for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
            if (string_equal(entry->d_name, ".") || string_equal(entry->d_name, ".."))
                continue;
            if (remove_entry(removal, directory_fd, entry->d_name, depth + 1, error) < 0)
                return -1;
        }
    } while (depth == 0 && removal->moved != moved_before);
    return 0;
}

int remove_tree_at(int dirfd, const char *name, struct error *error)
{
    struct stat status;
    if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set(error, errno, "remove %s", name);
    struct removal removal = { .top_fd = -1, .device = status.st_dev };
    return remove_entry(&removal, dirfd, name, 0, error);
}

int open_regular_file(int dirfd, const char *path, uint64_t resolve)
{
    char again[32];
    struct stat status;
    AUTO_CLOSE int found = sys_openat2(dirfd, path, O_PATH | O_CLOEXEC, 0, resolve);
    if (found < 0 || fstat(found, &status) < 0)
        return -1;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    snprintf(again, sizeof(again), "/proc/self/fd/%d", found);
    return open(again, O_RDONLY | O_CLOEXEC);
}

bool path_exists_at(int dirfd, const char *path)
{
    return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
