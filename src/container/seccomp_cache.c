// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/string.h"
#include "container/seccomp_entry.h"

static int open_directory(const char *path, struct error *error)
{
    struct stat status;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "open %s", path);
    if (status.st_uid != geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)))
        return error_set(error, EPERM, "%s is not ours alone", path);
    return take_fd(&fd);
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Count the files; the oldest one's name goes to `oldest`. */
static size_t look_through(DIR *directory, char oldest[NAME_MAX + 1])
{
    size_t count = 0;
    struct stat status;
    struct timespec time = { 0 };
    rewinddir(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            S_ISDIR(status.st_mode))
            continue;
        if (count++ && !is_older(&status.st_mtim, &time))
            continue;
        time = status.st_mtim;
        strcpy(oldest, entry->d_name);
    }
    return count;
}

/* Also what a killed writer left goes that way. */
static void remove_surplus(int directory_fd)
{
    char oldest[NAME_MAX + 1];
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    while (directory && look_through(directory, oldest) > SECCOMP_CACHE_ENTRIES)
        if (unlinkat(directory_fd, oldest, 0) < 0)
            return;
}

static int load(const char *directory, const struct seccomp_key *key,
                struct seccomp_compiled *compiled, struct error *error)
{
    AUTO_CLOSE int fd = open_directory(directory, error);
    return fd < 0 ? -1 : seccomp_entry_read(fd, key, compiled, error);
}

static int store(const char *directory, const struct seccomp_key *key,
                 const struct seccomp_compiled *compiled, struct error *error)
{
    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "create %s", directory);
    AUTO_CLOSE int fd = open_directory(directory, error);
    if (fd < 0 || seccomp_entry_write(fd, key, compiled, error) < 0)
        return -1;
    remove_surplus(fd);
    return 0;
}

int seccomp_cache_compile(const char *directory, const struct spec_seccomp *seccomp,
                          struct seccomp_program *program, const struct log *log,
                          struct error *error)
{
    AUTO_ERROR struct error reason = { 0 };
    AUTO_SECCOMP_KEY struct seccomp_key key = { 0 };
    bool cached = seccomp_key_make(seccomp, &key, &reason) == 0;
    if (cached && load(directory, &key, program->compiled, &reason) == 0)
        return 0;
    log_debug(log, "linux.seccomp: the filter is compiled: %s", reason.message);
    if (seccomp_compile(seccomp, program, log, error) < 0)
        return -1;
    error_clear(&reason);
    if (cached && store(directory, &key, program->compiled, &reason) < 0)
        log_debug(log, "linux.seccomp: the filter is not kept: %s", reason.message);
    return 0;
}
