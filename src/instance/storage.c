// SPDX-License-Identifier: Apache-2.0
#include "instance/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/user_namespace.h"

void storage_close(struct storage *storage)
{
    free(storage->name);
    free(storage->path);
    cleanup_close(&storage->directory_fd);
    cleanup_close(&storage->lock_fd);
    *storage = STORAGE_CLOSED;
}

static char *data_directory(const struct host *host, struct error *error)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (!host->rootless)
        return string_copy("/var/lib/openvirt");
    if (xdg && xdg[0] == '/')
        return string_format("%s/openvirt", xdg);
    if (home && home[0] == '/')
        return string_format("%s/.local/share/openvirt", home);
    error_set(error, 0, "no place to keep instances: neither XDG_DATA_HOME nor HOME is set");
    return NULL;
}

static char *storage_root(const struct host *host, struct error *error)
{
    if (host->storage_root)
        return string_copy(host->storage_root);
    AUTO_FREE char *data = data_directory(host, error);
    return data ? string_format("%s/instances", data) : NULL;
}

static int check_name(const char *name, struct error *error)
{
    if (instance_id_is_valid(name))
        return 0;
    return error_set_code(error, EINVAL, "\"%s\" is not a name: up to 128 of A-Z a-z 0-9 _ + . -",
                          name);
}

char *storage_path(const struct host *host, const char *name, struct error *error)
{
    if (check_name(name, error) < 0)
        return NULL;
    AUTO_FREE char *root = storage_root(host, error);
    return root ? string_format("%s/%s", root, name) : NULL;
}

bool storage_exists(const struct host *host, const char *name)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *path = storage_path(host, name, &ignored);
    return path && path_exists_at(AT_FDCWD, path);
}

static int open_directory(const struct host *host, const char *name, struct storage *storage,
                          struct error *error)
{
    char *path = storage_path(host, name, error);
    if (!path)
        return -1;
    *storage = (struct storage){
        .name = string_copy(name), .path = path, .directory_fd = -1, .lock_fd = -1
    };
    storage->directory_fd = open(storage->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (storage->directory_fd >= 0)
        return 0;
    if (errno == ENOENT)
        error_set_code(error, ENOENT, "instance %s does not exist", name);
    else
        error_set(error, errno, "open %s", storage->path);
    storage_close(storage);
    return -1;
}

int storage_open(const struct host *host, const char *name, struct storage *storage,
                 struct error *error)
{
    return open_directory(host, name, storage, error);
}

/* Whether the directory is still the one at its path: it may have been removed meanwhile. */
static bool is_current(const struct storage *storage)
{
    struct stat ours, there;
    return fstat(storage->directory_fd, &ours) == 0 && stat(storage->path, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

int storage_lock(struct storage *storage, struct error *error)
{
    AUTO_CLOSE int fd =
        openat(storage->directory_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, errno, "open %s/lock", storage->path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? error_set_code(error, EBUSY, "instance %s is in use", storage->name)
                   : error_set(error, errno, "lock %s", storage->path);
    if (!is_current(storage)) {
        return error_set_code(error, ENOENT, "instance %s does not exist any more", storage->name);
    }
    storage->lock_fd = take_fd(&fd);
    return 0;
}

static int name_is_taken(const char *name, struct error *error)
{
    error_clear(error);
    return error_set_code(
        error, EEXIST,
        "the name %s is taken: take another, or remove that instance with `openvirt rm %s`", name,
        name);
}

/* What a process left that was killed while it made one. */
static int clear_remains(const struct storage *storage, struct error *error)
{
    static const char *const parts[] = { "config.json", "run.json", "hosts", "hostname", "rootfs",
                                         "upper",       "work",     "log",   "log.1" };
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
        if (path_exists_at(storage->directory_fd, parts[i]) &&
            user_namespace_remove_tree(storage->directory_fd, parts[i], error) < 0)
            return -1;
    return 0;
}

static int make_directory(const struct host *host, const char *name, struct error *error)
{
    AUTO_FREE char *root = storage_root(host, error);
    AUTO_FREE char *path = storage_path(host, name, error);
    if (!root || !path || make_directories(root, 0700, error) < 0)
        return -1;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, errno, "make %s", path);
    return 0;
}

static int claim(const struct host *host, const char *name, struct storage *storage,
                 struct error *error)
{
    if (make_directory(host, name, error) < 0 || open_directory(host, name, storage, error) < 0)
        return -1;
    if (storage_lock(storage, error) < 0)
        return error->code == EBUSY ? name_is_taken(name, error) : -1;
    if (path_exists_at(storage->directory_fd, "instance.json"))
        return name_is_taken(name, error);
    return clear_remains(storage, error);
}

int storage_create(const struct host *host, const char *name, struct storage *storage,
                   struct error *error)
{
    if (check_name(name, error) < 0)
        return -1;
    /* Again where a remover was faster; it can hardly be so for ever. */
    for (int attempt = 0; attempt < 8; attempt++) {
        error_clear(error);
        if (claim(host, name, storage, error) == 0)
            return 0;
        storage_close(storage);
        if (error->code != ENOENT)
            break;
    }
    return -1;
}

bool storage_is_kept(const struct storage *storage)
{
    if (storage->lock_fd >= 0)
        return true;
    AUTO_CLOSE int fd = openat(storage->directory_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool storage_wait_unlocked(const struct storage *storage, int timeout_ms)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_RUN struct storage_run run = { 0 };
    if (!storage_is_kept(storage))
        return true;
    if (storage_read_run(storage, &run, &ignored) < 0 || run.keeper <= 0)
        return false;
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, run.keeper, 0);
    struct pollfd keeper = { .fd = pidfd, .events = POLLIN };
    /* Only after the open does a lock that is held say that the pid is still the keeper's. */
    if (pidfd >= 0 && storage_is_kept(storage))
        poll(&keeper, 1, timeout_ms);
    return !storage_is_kept(storage);
}

int storage_remove(struct storage *storage, struct error *error)
{
    /* instance.json first: from here on it is a remnant, whatever happens. */
    if (unlinkat(storage->directory_fd, "instance.json", 0) < 0 && errno != ENOENT)
        return error_set(error, errno, "remove %s/instance.json", storage->path);
    /* For an ordinary user much of it belongs to the container's ids (and overlayfs's work/work to
     * nobody's eyes). */
    if (user_namespace_remove_tree(AT_FDCWD, storage->path, error) < 0)
        return error_wrap(error, "remove instance %s", storage->name);
    cleanup_close(&storage->lock_fd);
    storage->lock_fd = -1;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int storage_list(const struct host *host, struct string_list *names, struct error *error)
{
    AUTO_FREE char *root = storage_root(host, error);
    if (!root)
        return -1;
    AUTO_CLOSEDIR DIR *directory = opendir(root);
    if (!directory)
        return errno == ENOENT ? 0 : error_set(error, errno, "open %s", root);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (instance_id_is_valid(entry->d_name))
            string_list_add(names, entry->d_name);
    if (names->count)
        qsort(names->items, names->count, sizeof(char *), compare_names);
    return 0;
}
