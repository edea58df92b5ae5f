// SPDX-License-Identifier: Apache-2.0
/*
 * A cgroup with all the cgroups below it. A container may have been given the right to make
 * cgroups of its own, so that what is below is hostile in number and depth: the walk keeps a list
 * of paths instead of recursing, and a path that exceeds PATH_MAX is an error.
 */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>

#include "base/io.h"

#define PROCESS_LIST_LIMIT (64 << 20)

static int add_children(int root_fd, const char *parent, struct string_list *list,
                        struct error *error)
{
    int fd = openat(root_fd, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    AUTO_CLOSEDIR DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory)
        return error_set(error, errno, "read cgroup directory %s", parent);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_type == DT_DIR && !string_equal(entry->d_name, ".") &&
            !string_equal(entry->d_name, ".."))
            string_list_take(list, string_format("%s/%s", parent, entry->d_name));
    }
    return 0;
}

static int list_below(int root_fd, struct string_list *list, struct error *error)
{
    string_list_add(list, ".");
    for (size_t i = 0; i < list->count; i++) {
        if (add_children(root_fd, list->items[i], list, error) < 0)
            return -1;
    }
    return 0;
}

/* The directory's descriptor; -1 with `error` untouched when it does not exist. */
static int open_root(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        error_set(error, errno, "open cgroup %s", path);
    return fd;
}

/* 0 stands for a process that our pid namespace does not see. */
static void add_pid(pid_t pid, pid_t **pids, size_t *count)
{
    if (pid <= 0)
        return;
    if ((*count & (*count - 1)) == 0)
        *pids = reallocate(*pids, *count ? *count * 2 : 1, sizeof(**pids));
    (*pids)[(*count)++] = pid;
}

static int read_processes(int root_fd, const char *relative, pid_t **pids, size_t *count,
                          struct error *error)
{
    AUTO_FREE char *file = string_format("%s/cgroup.procs", relative);
    AUTO_ERROR struct error read_error = { 0 };
    AUTO_FREE char *text = read_file_at(root_fd, file, PROCESS_LIST_LIMIT, NULL, &read_error);
    /* EOPNOTSUPP: a threaded cgroup; its processes are listed in the one above (cgroups(7)). */
    if (!text &&
        (read_error.code == ENOENT || read_error.code == ENODEV || read_error.code == EOPNOTSUPP))
        return 0;
    if (!text)
        return error_move(error, &read_error);
    char *next = NULL;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
        add_pid((pid_t)strtol(line, NULL, 10), pids, count);
    return 0;
}

int tree_processes(const char *path, pid_t **pids, size_t *count, struct error *error)
{
    AUTO_CLOSE int root_fd = open_root(path, error);
    if (root_fd < 0)
        return error->message ? -1 : 0;
    AUTO_STRING_LIST struct string_list list = { 0 };
    if (list_below(root_fd, &list, error) < 0)
        return error_wrap(error, "cgroup %s", path);
    for (size_t i = 0; i < list.count; i++) {
        if (read_processes(root_fd, list.items[i], pids, count, error) < 0)
            return error_wrap(error, "cgroup %s", path);
    }
    return 0;
}

static int remove_below(int root_fd, struct error *error)
{
    AUTO_STRING_LIST struct string_list list = { 0 };
    if (list_below(root_fd, &list, error) < 0)
        return -1;
    for (size_t i = list.count; i-- > 1;) {
        if (unlinkat(root_fd, list.items[i], AT_REMOVEDIR) < 0 && errno != ENOENT)
            return error_set(error, errno, "remove %s", list.items[i]);
    }
    return 0;
}

int tree_remove(const char *path, struct error *error)
{
    if (rmdir(path) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY && errno != ENOTEMPTY)
        return error_set(error, errno, "remove cgroup %s", path);
    AUTO_CLOSE int root_fd = open_root(path, error);
    if (root_fd < 0)
        return error->message ? -1 : 0;
    if (remove_below(root_fd, error) < 0)
        return error_wrap(error, "cgroup %s", path);
    if (rmdir(path) < 0 && errno != ENOENT)
        return error_set(error, errno, "remove cgroup %s", path);
    return 0;
}
