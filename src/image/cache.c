// SPDX-License-Identifier: Apache-2.0
#include "image/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/image.h"
#include "image/user_namespace.h"

#define PARTIAL_SUFFIX ".partial"

static const char *home_directory(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return home;
    const struct passwd *user = getpwuid(geteuid());
    return user ? user->pw_dir : NULL;
}

char *image_cache_directory(struct error *error)
{
    /* A relative path in the variable is to be ignored (XDG base directory specification 0.8). */
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache && cache[0] == '/')
        return string_format("%s/openvirt", cache);
    const char *home = home_directory();
    if (!home) {
        error_set(error, 0, "no cache directory: neither XDG_CACHE_HOME nor HOME is set");
        return NULL;
    }
    return string_format("%s/.cache/openvirt", home);
}

/* What lies in the cache becomes somebody's root file system: it must be ours alone. */
static int check_owner(int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set(error, errno, "look at %s", path);
    if (status.st_uid != geteuid())
        return error_set(
            error, 0, "cache directory %s belongs to user %u, not to you (%u); set XDG_CACHE_HOME",
            path, status.st_uid, geteuid());
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(error, 0, "cache directory %s can be written by others: chmod 0700 it",
                         path);
    return 0;
}

int cache_open_kind(const char *kind, char **path, struct error *error)
{
    AUTO_FREE char *cache = image_cache_directory(error);
    if (!cache || make_directories(cache, 0700, error) < 0)
        return -1;
    AUTO_CLOSE int cache_fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cache_fd < 0)
        return error_set(error, errno, "open the cache directory %s", cache);
    if (check_owner(cache_fd, cache, error) < 0)
        return -1;
    if (mkdirat(cache_fd, kind, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "create %s/%s", cache, kind);
    AUTO_CLOSE int fd = openat(cache_fd, kind, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open %s/%s", cache, kind);
    *path = string_format("%s/%s", cache, kind);
    return take_fd(&fd);
}

/* Whether the name still leads to the file that is locked: its last holder may have removed it. */
static bool lock_is_current(int kind_fd, const char *name, int fd)
{
    struct stat named, locked;
    return fstat(fd, &locked) == 0 && fstatat(kind_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == locked.st_ino && named.st_dev == locked.st_dev;
}

/* The locked file's descriptor; -1 with errno EWOULDBLOCK when another holds it (without `wait`).
 */
static int take_lock(int kind_fd, const char *name, bool wait)
{
    for (;;) {
        AUTO_CLOSE int fd = openat(kind_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
            return -1;
        if (lock_is_current(kind_fd, name, fd))
            return take_fd(&fd);
    }
}

static int lock_entry(struct cache_entry *entry, struct error *error)
{
    AUTO_FREE char *lock = string_format("%s.lock", entry->name);
    entry->lock_fd = take_lock(entry->kind_fd, lock, false);
    if (entry->lock_fd < 0 && errno == EWOULDBLOCK) {
        fprintf(stderr, "openvirt: waiting for another openvirt that is making %s\n", entry->path);
        entry->lock_fd = take_lock(entry->kind_fd, lock, true);
    }
    if (entry->lock_fd < 0)
        return error_set(error, errno, "lock %s.lock", entry->path);
    return 0;
}

static void unlock_entry(struct cache_entry *entry)
{
    if (entry->lock_fd < 0)
        return;
    /* Removed while it is held, so that nobody who waits for it takes the old file for current. */
    AUTO_FREE char *lock = string_format("%s.lock", entry->name);
    unlinkat(entry->kind_fd, lock, 0);
    close(take_fd(&entry->lock_fd));
}

static int remove_partial(int kind_fd, const char *name, struct error *error)
{
    if (!path_exists_at(kind_fd, name))
        return 0;
    return user_namespace_remove_tree(kind_fd, name, error);
}

/* Remove what killed processes left half made: the partial directories whose lock is free. */
static void sweep(int kind_fd)
{
    AUTO_CLOSE int copy = openat(kind_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSEDIR DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (!directory)
        return;
    copy = -1;
    for (struct dirent *item = readdir(directory); item; item = readdir(directory)) {
        if (!string_ends_with(item->d_name, PARTIAL_SUFFIX))
            continue;
        size_t length = strlen(item->d_name) - strlen(PARTIAL_SUFFIX);
        AUTO_FREE char *lock = string_format("%.*s.lock", (int)length, item->d_name);
        AUTO_CLOSE int lock_fd = take_lock(kind_fd, lock, false);
        AUTO_ERROR struct error ignored = { 0 }; /* it stays a left-over; the next sweep retries */
        if (lock_fd < 0 || remove_partial(kind_fd, item->d_name, &ignored) < 0)
            continue;
        unlinkat(kind_fd, lock, 0);
    }
}

static int make_partial(struct cache_entry *entry, struct error *error)
{
    interrupt_block(&entry->interrupt);
    if (remove_partial(entry->kind_fd, entry->partial_name, error) < 0)
        return -1;
    if (mkdirat(entry->kind_fd, entry->partial_name, 0755) < 0 ||
        fchmodat(entry->kind_fd, entry->partial_name, 0755, 0) < 0)
        return error_set(error, errno, "create %s", entry->partial_path);
    return 0;
}

int cache_begin(const char *kind, const char *name, struct cache_entry *entry, struct error *error)
{
    AUTO_FREE char *kind_path = NULL;
    *entry = CACHE_ENTRY_NONE;
    entry->kind_fd = cache_open_kind(kind, &kind_path, error);
    if (entry->kind_fd < 0)
        return -1;
    entry->name = string_copy(name);
    entry->path = string_format("%s/%s", kind_path, name);
    entry->partial_name = string_format("%s" PARTIAL_SUFFIX, name);
    entry->partial_path = string_format("%s/%s", kind_path, entry->partial_name);
    entry->complete = path_exists_at(entry->kind_fd, name);
    if (entry->complete)
        return 0;
    sweep(entry->kind_fd);
    if (lock_entry(entry, error) < 0)
        return -1;
    entry->complete = path_exists_at(entry->kind_fd, name);
    return entry->complete ? 0 : make_partial(entry, error);
}

int cache_commit(struct cache_entry *entry, struct error *error)
{
    /* The name must not reach the disk before what it names. */
    if (syncfs(entry->kind_fd) < 0)
        return error_set(error, errno, "sync %s", entry->partial_path);
    if (renameat2(entry->kind_fd, entry->partial_name, entry->kind_fd, entry->name,
                  RENAME_NOREPLACE) < 0)
        return error_set(error, errno, "rename %s to %s", entry->partial_path, entry->name);
    entry->complete = true;
    if (fsync(entry->kind_fd) < 0)
        return error_set(error, errno, "sync the directory of %s", entry->path);
    return 0;
}

int cache_remove(const char *kind, const char *name, struct error *error)
{
    AUTO_FREE char *path = NULL;
    AUTO_CLOSE int kind_fd = cache_open_kind(kind, &path, error);
    if (kind_fd < 0)
        return -1;
    AUTO_FREE char *lock = string_format("%s.lock", name);
    AUTO_FREE char *partial = string_format("%s" PARTIAL_SUFFIX, name);
    AUTO_CLOSE int lock_fd = take_lock(kind_fd, lock, true);
    if (lock_fd < 0)
        return error_set(error, errno, "lock %s/%s", path, lock);
    /* Under its partial name it is a left-over for everybody, should we be killed now. */
    int result = 0;
    if (renameat(kind_fd, name, kind_fd, partial) < 0)
        result = error_set(error, errno, "remove %s/%s", path, name);
    else
        result = remove_partial(kind_fd, partial, error);
    unlinkat(kind_fd, lock, 0);
    return result;
}

void cache_release(struct cache_entry *entry)
{
    AUTO_ERROR struct error ignored = { 0 }; /* what stays is swept by the next use */
    if (entry->lock_fd >= 0 && !entry->complete)
        remove_partial(entry->kind_fd, entry->partial_name, &ignored);
    unlock_entry(entry);
    interrupt_restore(&entry->interrupt);
    if (entry->kind_fd >= 0)
        close(entry->kind_fd);
    free(entry->name);
    free(entry->path);
    free(entry->partial_name);
    free(entry->partial_path);
    *entry = CACHE_ENTRY_NONE;
}
