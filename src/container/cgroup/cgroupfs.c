// SPDX-License-Identifier: Apache-2.0
/* Making the directories and putting processes into them. */
#include "container/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "container/cgroup/devices.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/systemd.h"

static bool is_denied(int errno_value)
{
    return errno_value == EACCES || errno_value == EPERM || errno_value == EROFS;
}

static bool has_limit(const struct limit_list *limits, const struct cgroup_directory *directory)
{
    for (size_t i = 0; i < limits->count; i++) {
        if (limits->items[i].directory == directory)
            return true;
    }
    return false;
}

/* Somebody else's processes are in it: give back what was made so far, and never touch it again. */
static void leave_to_others(struct cgroup *cgroup)
{
    cgroup->foreign = true;
    for (size_t i = 0; i < cgroup->count; i++) {
        if (cgroup->directories[i].created)
            rmdir(cgroup->directories[i].path);
    }
}

static int make_directory(struct cgroup *cgroup, struct cgroup_directory *directory,
                          const struct limit_list *limits, struct error *error)
{
    AUTO_ERROR struct error failure = { 0 };
    if (directory_make(directory, &failure) == 0)
        return 0;
    if (cgroup->rootless && is_denied(failure.code) && !has_limit(limits, directory)) {
        directory->present = false;
        return 1;
    }
    if (failure.code == EBUSY)
        leave_to_others(cgroup);
    if (is_denied(failure.code))
        return error_set(error, 0, "%s; %s", failure.message,
                         cgroup->rootless ? "without it, the limits asked for cannot be set"
                                          : "--cgroup-manager disabled does without cgroups");
    return error_move(error, &failure);
}

/* Beside v1, v2 hands down only what a limit needs: each controller costs every fork and exit. */
static void enable_controllers(const struct cgroup *cgroup,
                               const struct cgroup_directory *directory,
                               const struct limit_list *limits)
{
    if (!directory_is_v2(directory))
        return;
    if (cgroup->count == 1)
        directory_enable_controllers(directory, NULL);
    else if (has_limit(limits, directory))
        directory_enable_controllers(directory, "hugetlb,rdma,misc,io,cpu,memory,pids");
}

static int make_directories_for(struct cgroup *cgroup, const struct limit_list *limits,
                                struct error *error)
{
    size_t missing = 0;
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        int result = make_directory(cgroup, directory, limits, error);
        if (result < 0)
            return -1;
        missing += (size_t)result;
        if (result == 0)
            enable_controllers(cgroup, directory, limits);
    }
    if (missing > 0)
        log_info(&cgroup->log,
                 "the container is in no cgroup of its own in %zu of %zu hierarchies: "
                 "no right to make one below %s",
                 missing, cgroup->count, cgroup->directories[0].mount_point);
    return 0;
}

static int open_join_fd(struct cgroup *cgroup, const char *path, struct error *error)
{
    AUTO_FREE char *file = string_format("%s/tasks", path);
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open %s", file);
    if (!cgroup->join_fds)
        cgroup->join_fds = allocate(cgroup->count, sizeof(*cgroup->join_fds));
    cgroup->join_fds[cgroup->join_fd_count++] = fd;
    return 0;
}

static int open_join_fds(struct cgroup *cgroup, struct error *error)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        if (!directory->present)
            continue;
        if (directory_is_v2(directory) && directory_open(directory) < 0)
            return error_set(error, errno, "open cgroup %s", directory->path);
        if (!directory_is_v2(directory) && open_join_fd(cgroup, directory->path, error) < 0)
            return -1;
    }
    cgroup->joinable = true;
    return 0;
}

int cgroup_make_directories(struct cgroup *cgroup, const struct spec_resources *resources,
                            struct error *error)
{
    AUTO_LIMITS struct limit_list limits = { 0 };
    if (limits_collect(cgroup, resources, &limits, error) < 0)
        return -1;
    if (make_directories_for(cgroup, &limits, error) < 0 || limits_apply(&limits, error) < 0)
        return -1;
    return devices_apply(cgroup, resources, true, error);
}

int cgroup_make(struct cgroup *cgroup, const struct spec_resources *resources, struct error *error)
{
    if (cgroup->manager != CGROUP_MANAGER_CGROUPFS)
        return 0;
    if (cgroup_make_directories(cgroup, resources, error) < 0)
        return -1;
    return open_join_fds(cgroup, error);
}

int cgroup_prepare_exec(struct cgroup *cgroup, struct error *error)
{
    return open_join_fds(cgroup, error);
}

int cgroup_clone_fd(const struct cgroup *cgroup)
{
    struct cgroup_directory *directory = directory_v2(cgroup);
    return directory && cgroup->joinable ? directory->fd : -1;
}

size_t cgroup_self_attach_fds(const struct cgroup *cgroup, const int **fds)
{
    *fds = cgroup->join_fds;
    return cgroup->join_fd_count;
}

int cgroup_join_self(const struct cgroup *cgroup, struct error *error)
{
    for (size_t i = 0; i < cgroup->join_fd_count; i++) {
        if (write(cgroup->join_fds[i], "0", 1) != 1)
            return error_set(error, errno, "join the container's cgroup");
    }
    return 0;
}

static int attach_to(const char *path, pid_t pid, struct error *error)
{
    AUTO_FREE char *file = string_format("%s/cgroup.procs", path);
    AUTO_FREE char *text = string_format("%d", pid);
    if (write_file_at(AT_FDCWD, file, text, error) < 0)
        return error_wrap(error, "move process %d into its cgroup", pid);
    return 0;
}

int cgroup_attach_directories(struct cgroup *cgroup, pid_t pid, struct error *error)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        if (cgroup->directories[i].present &&
            attach_to(cgroup->directories[i].path, pid, error) < 0)
            return -1;
    }
    return 0;
}

int cgroup_attach(struct cgroup *cgroup, pid_t pid, const struct spec_resources *resources,
                  struct error *error)
{
    if (cgroup->manager == CGROUP_MANAGER_SYSTEMD)
        return systemd_start(cgroup, pid, resources, error);
    return cgroup_attach_directories(cgroup, pid, error);
}

int cgroup_delegate(struct cgroup *cgroup, uid_t uid, struct error *error)
{
    struct cgroup_directory *directory = directory_v2(cgroup);
    if (!directory || cgroup->count != 1)
        return 0;
    int fd = directory_open(directory);
    if (fd < 0 || fchown(fd, uid, (gid_t)-1) < 0)
        return error_set(error, errno, "hand cgroup %s to user %u", directory->path, uid);
    /* The kernel's own list (cgroup v2, "Delegation"); the fallback is what it said at first. */
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *listed =
        read_file_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", 1 << 16, NULL, &ignored);
    AUTO_STRINGS char **files = string_split(
        listed ? listed : "cgroup.procs\ncgroup.threads\ncgroup.subtree_control", "\n");
    for (char **file = files; *file; file++) {
        if (strchr(*file, '/') || fchownat(fd, *file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0 ||
            errno == ENOENT)
            continue;
        return error_set(error, errno, "hand %s/%s to user %u", directory->path, *file, uid);
    }
    return 0;
}
