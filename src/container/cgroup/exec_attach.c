// SPDX-License-Identifier: Apache-2.0
/* A further process joins the container's cgroup, or one below it (`exec --cgroup`). */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "container/cgroup/systemd.h"

/* "PATH" or "CONTROLLER[,CONTROLLER]:PATH": does the word speak of this directory? Its path, or
 * NULL. */
static const char *sub_path(const char *word, const struct cgroup_directory *directory)
{
    const char *colon = strchr(word, ':');
    if (!colon)
        return word;
    if (directory_is_v2(directory))
        return NULL;
    AUTO_FREE char *controllers = string_copy_n(word, (size_t)(colon - word));
    AUTO_STRINGS char **parts = string_split(controllers, ",");
    for (char **part = parts; *part; part++) {
        AUTO_FREE char *named = string_format("name=%s", *part);
        if (word_list_has(directory->controllers, *part) ||
            word_list_has(directory->controllers, named))
            return colon + 1;
    }
    return NULL;
}

static bool is_below(const char *path)
{
    AUTO_STRINGS char **parts = string_split(path, "/");
    for (char **part = parts; *part; part++) {
        if (string_equal(*part, "..") || string_equal(*part, "."))
            return false;
    }
    return true;
}

static int check_words(const struct cgroup *cgroup, const char *const *words, struct error *error)
{
    for (; words && *words; words++) {
        bool used = false;
        for (size_t i = 0; i < cgroup->count && !used; i++)
            used = sub_path(*words, &cgroup->directories[i]) != NULL;
        if (!used)
            return error_set_code(error, EINVAL, "--cgroup %s: this host has no such controller",
                                  *words);
        const char *colon = strchr(*words, ':');
        if (!is_below(colon ? colon + 1 : *words))
            return error_set_code(error, EINVAL,
                                  "--cgroup %s: must stay below the container's cgroup", *words);
    }
    return 0;
}

static char *target_path(const struct cgroup_directory *directory, const char *const *words)
{
    const char *below = NULL;
    for (; words && *words; words++) {
        const char *path = sub_path(*words, directory);
        below = path ? path : below;
    }
    if (below)
        below += strspn(below, "/");
    if (!below || !below[0])
        return string_copy(directory->path);
    return string_format("%s/%s", directory->path, below);
}

static int attach_below(const char *path, pid_t pid, struct error *error)
{
    AUTO_FREE char *file = string_format("%s/cgroup.procs", path);
    AUTO_FREE char *text = string_format("%d", pid);
    AUTO_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open %s", file);
    if (write_all(fd, text, strlen(text)) < 0)
        return error_set(error, errno, "move process %d into cgroup %s", pid, path);
    return 0;
}

/*
 * A v2 cgroup whose controllers are handed to children takes no processes itself: the container's
 * first process has moved on (systemd as init does), and we go where it is (cgroups(7), "no
 * internal processes").
 */
static int attach_beside_others(const struct cgroup_directory *directory, pid_t pid,
                                struct error *error)
{
    AUTO_FREE pid_t *pids = NULL;
    size_t count = 0;
    if (tree_processes(directory->path, &pids, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        AUTO_ERROR struct error ignored = { 0 };
        AUTO_FREE char *file = string_format("/proc/%d/cgroup", pids[i]);
        AUTO_FREE char *text = read_file_at(AT_FDCWD, file, 1 << 20, NULL, &ignored);
        AUTO_FREE char *member = text ? membership_find(text, NULL) : NULL;
        AUTO_FREE char *path =
            member ? string_format("%s%s", directory->mount_point, member) : NULL;
        if (path && string_starts_with(path, directory->path) &&
            attach_below(path, pid, &ignored) == 0)
            return 0;
    }
    return error_set_code(error, EBUSY,
                          "cgroup %s takes no processes, and none of those below it does",
                          directory->path);
}

int cgroup_attach_exec(struct cgroup *cgroup, pid_t pid, const char *const *sub_cgroups,
                       struct error *error)
{
    if (check_words(cgroup, sub_cgroups, error) < 0)
        return -1;
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        if (!directory->present)
            continue;
        AUTO_FREE char *path = target_path(directory, sub_cgroups);
        bool chosen = !string_equal(path, directory->path);
        AUTO_ERROR struct error failure = { 0 };
        if (attach_below(path, pid, &failure) == 0)
            continue;
        if (failure.code == ENOENT && cgroup->rootless && !chosen)
            continue;
        if (failure.code == EACCES && cgroup->systemd.unit && directory_is_v2(directory)) {
            if (systemd_attach(cgroup, pid, path + strlen(directory->path), error) < 0)
                return -1;
            continue;
        }
        if (failure.code != EBUSY || chosen || !directory_is_v2(directory))
            return error_move(error, &failure);
        if (attach_beside_others(directory, pid, error) < 0)
            return -1;
    }
    return 0;
}
