// SPDX-License-Identifier: Apache-2.0
/* Which cgroups a container gets: decided before anything is made. */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/io.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/systemd.h"

struct cgroup *cgroup_new(enum cgroup_manager manager, const struct log *log)
{
    struct cgroup *cgroup = allocate(1, sizeof(*cgroup));
    cgroup->manager = manager;
    cgroup->log = log ? *log : LOG_TO_STDERR;
    cgroup->oom_kills_seen = allocate(1, sizeof(*cgroup->oom_kills_seen));
    return cgroup;
}

static void directory_free(struct cgroup_directory *directory)
{
    cleanup_close(&directory->fd);
    free(directory->name);
    free(directory->mount_point);
    free(directory->controllers);
    free(directory->path);
}

void cgroup_free(struct cgroup *cgroup)
{
    if (!cgroup)
        return;
    for (size_t i = 0; i < cgroup->count; i++)
        directory_free(&cgroup->directories[i]);
    for (size_t i = 0; i < cgroup->join_fd_count; i++)
        close(cgroup->join_fds[i]);
    free(cgroup->join_fds);
    free(cgroup->directories);
    free(cgroup->path);
    free(cgroup->systemd.unit);
    free(cgroup->systemd.slice);
    string_list_free(&cgroup->systemd.properties);
    free(cgroup->oom_kills_seen);
    free(cgroup);
}

/*
 * "/a/b": below the root, without "." and "..". The root itself is refused: its processes would be
 * the container's, to be killed with it.
 */
bool cgroup_path_is_safe(const char *path)
{
    if (path[0] != '/' || strlen(path) >= PATH_MAX / 2 || strpbrk(path, "\n"))
        return false;
    AUTO_STRINGS char **parts = string_split(path, "/");
    for (char **part = parts; *part; part++) {
        if (string_equal(*part, ".") || string_equal(*part, ".."))
            return false;
    }
    return parts[0] != NULL;
}

/* Without doubled or trailing slashes, so that it can be put behind a mount point. */
static char *tidy_path(const char *path)
{
    AUTO_STRINGS char **parts = string_split(path, "/");
    char *tidy = NULL;
    for (char **part = parts; *part; part++)
        string_append(&tidy, "/%s", *part);
    return tidy;
}

int cgroup_set_path(struct cgroup *cgroup, const char *path, struct error *error)
{
    if (!cgroup_path_is_safe(path))
        return error_set_code(
            error, EINVAL, "linux.cgroupsPath: \"%s\" does not name a cgroup below the root", path);
    free(cgroup->path);
    cgroup->path = tidy_path(path);
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        const char *mount_point = directory->mount_point;
        free(directory->path);
        cleanup_close(&directory->fd);
        directory->fd = -1;
        directory->path =
            string_format("%s%s", string_equal(mount_point, "/") ? "" : mount_point, cgroup->path);
    }
    return 0;
}

void cgroup_add_directory(struct cgroup *cgroup, const struct hierarchy *hierarchy)
{
    cgroup->directories =
        reallocate(cgroup->directories, cgroup->count + 1, sizeof(*cgroup->directories));
    cgroup->directories[cgroup->count++] = (struct cgroup_directory){
        .name = string_copy(hierarchy->name),
        .mount_point = string_copy(hierarchy->mount_point),
        .controllers = hierarchy->controllers ? string_copy(hierarchy->controllers) : NULL,
        .present = true,
        .fd = -1,
    };
}

/*
 * A relative or missing cgroupsPath leaves the place to us: the root of each hierarchy, and for a
 * user without privileges, who can make cgroups only below his own, the one we run in.
 */
static char *choose_path(const struct cgroup_request *request, const char *own_cgroup)
{
    const char *asked = request->spec->cgroups_path;
    if (asked && asked[0] == '/')
        return string_copy(asked);
    const char *base = request->rootless && own_cgroup ? own_cgroup : "";
    if (asked && asked[0])
        return string_format("%s/%s", base, asked);
    return string_format("%s/openvirt-%s", base, request->container_id);
}

/* Before anything is made, so that a refused container leaves others' cgroups alone. */
static int check_unused(const struct cgroup *cgroup, struct error *error)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        const struct cgroup_directory *directory = &cgroup->directories[i];
        if (path_exists_at(AT_FDCWD, directory->path) &&
            directory_check_unused(directory, error) < 0)
            return -1;
    }
    return 0;
}

static int check_limits(struct cgroup *cgroup, const struct spec_resources *resources,
                        struct error *error)
{
    AUTO_LIMITS struct limit_list limits = { 0 };
    return limits_collect(cgroup, resources, &limits, error);
}

int cgroup_plan_in(const struct cgroup_request *request, const struct hierarchies *hierarchies,
                   const char *own_cgroup, struct cgroup **cgroup, struct error *error)
{
    AUTO_CGROUP struct cgroup *plan = cgroup_new(request->manager, request->log);
    plan->rootless = request->rootless;
    for (size_t i = 0; i < hierarchies->count; i++)
        cgroup_add_directory(plan, &hierarchies->entries[i]);
    if (request->manager == CGROUP_MANAGER_SYSTEMD) {
        if (systemd_plan(plan, request, error) < 0)
            return -1;
    } else {
        AUTO_FREE char *path = choose_path(request, own_cgroup);
        if (cgroup_set_path(plan, path, error) < 0)
            return -1;
    }
    if (check_limits(plan, request->spec->resources, error) < 0 || check_unused(plan, error) < 0)
        return -1;
    *cgroup = take_pointer(plan);
    return 0;
}

static char *read_own_cgroup(const struct hierarchies *hierarchies)
{
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *text = read_file_at(AT_FDCWD, "/proc/self/cgroup", 1 << 20, NULL, &ignored);
    if (!text)
        return NULL;
    char *path = NULL;
    for (size_t i = 0; i < hierarchies->count && !path; i++) {
        if (!hierarchies->entries[i].controllers)
            path = membership_find(text, NULL);
    }
    if (path && string_equal(path, "/"))
        path[0] = '\0';
    return path;
}

int cgroup_plan(const struct cgroup_request *request, struct cgroup **cgroup, struct error *error)
{
    if (request->manager == CGROUP_MANAGER_DISABLED) {
        *cgroup = cgroup_new(request->manager, request->log);
        return 0;
    }
    AUTO_HIERARCHIES struct hierarchies hierarchies = { 0 };
    if (hierarchies_discover(&hierarchies, error) < 0)
        return -1;
    AUTO_FREE char *own_cgroup = request->rootless ? read_own_cgroup(&hierarchies) : NULL;
    return cgroup_plan_in(request, &hierarchies, own_cgroup, cgroup, error);
}

const char *cgroup_display_path(const struct cgroup *cgroup)
{
    struct cgroup_directory *directory = directory_v1(cgroup, "memory");
    if (!directory)
        directory = directory_main(cgroup);
    return directory ? directory->path : NULL;
}
