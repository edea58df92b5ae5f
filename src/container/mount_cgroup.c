// SPDX-License-Identifier: Apache-2.0
/*
 * Mounts of type cgroup: the container's own control groups, wherever the host keeps them.
 *
 * v2: a cgroup2 file system in a cgroup namespace of the container's own shows its cgroup as "/";
 * without one its directory is bound. v1: a tmpfs with the container's directory of each hierarchy
 * bound below it, and links for controllers that share one. In a cgroup namespace such a bind shows
 * itself as "/" too, so no second kind of mount is needed.
 *
 * v1 is read-only always: whoever can write release_agent runs programs on the host
 * (CVE-2022-0492). The exception is a container with user and cgroup namespaces of its own, whose
 * root is nobody on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/string.h"
#include "container/filesystem.h"
#include "container/mount_attributes.h"
#include "container/rootfs_state.h"

static const uint64_t safe_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

static bool has_own_cgroup_namespace(const struct rootfs *rootfs)
{
    const struct spec_namespace *namespace =
        &rootfs->request.spec->namespaces[SPEC_NAMESPACE_CGROUP];
    return namespace->wanted && !namespace->path;
}

static int clone_directory(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

/* The detached mount that v2 shows. */
static int unified_mount(const struct rootfs *rootfs, const struct spec_mount *mount,
                         struct error *error)
{
    const char *host_path = rootfs->request.cgroups->entries[0].host_path;
    if (has_own_cgroup_namespace(rootfs)) {
        struct filesystem_request request = {
            .type = "cgroup2",
            .source = mount->source,
            .attributes = mount->attributes_set,
        };
        int fd = filesystem_mount(&request, error);
        if (fd >= 0 || (error->code != EPERM && error->code != EBUSY))
            return fd;
        error_clear(error);
    }
    AUTO_CLOSE int fd = clone_directory(host_path);
    if (fd < 0)
        return error_set(error, errno, "open cgroup %s", host_path);
    if (mount_attributes_change(fd, mount->attributes_set, 0, MS_PRIVATE, false) < 0)
        return error_set(error, errno, "set mount options");
    return take_fd(&fd);
}

/* Without a cgroup of the container's own to show: the host's, all of it, read-only. */
static int host_view(struct error *error)
{
    AUTO_CLOSE int fd = bind_clone_host_path("/sys/fs/cgroup");
    if (fd < 0)
        return error_set(error, errno, "open the host's /sys/fs/cgroup");
    if (mount_attributes_change(fd, safe_attributes | MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true) < 0)
        return error_set(error, errno, "make the host's /sys/fs/cgroup read-only");
    return take_fd(&fd);
}

static int attach_single(const struct rootfs *rootfs, const struct spec_mount *mount, int fd,
                         struct error *error)
{
    bool was_made;
    AUTO_CLOSE int target = mount_open_target(rootfs, mount, true, &was_made, error);
    if (target < 0 || mount_attach(fd, target, error) < 0)
        return -1;
    return mount_attributes_apply(fd, mount, 0, 0, error);
}

static int make_tmpfs(const struct rootfs *rootfs, const struct spec_mount *mount,
                      struct error *error)
{
    struct filesystem_request request = {
        .type = "tmpfs",
        .source = mount->source,
        .options = "mode=755,size=64k",
        .attributes = safe_attributes,
    };
    AUTO_CLOSE int fd = filesystem_mount(&request, error);
    if (fd < 0 || attach_single(rootfs, mount, fd, error) < 0)
        return -1;
    return take_fd(&fd);
}

/* A link for each controller of "cpu,cpuacct". */
static int link_controllers(int tmpfs, const char *name, struct error *error)
{
    if (!strchr(name, ','))
        return 0;
    AUTO_STRINGS char **controllers = string_split(name, ",");
    for (char **controller = controllers; *controller; controller++)
        if (symlinkat(name, tmpfs, *controller) < 0 && errno != EEXIST)
            return error_set(error, errno, "make the link %s", *controller);
    return 0;
}

/* Names on the tmpfs can be used as they are: only this process has written there. */
static int bind_hierarchy(const struct rootfs *rootfs, int tmpfs,
                          const struct cgroup_mount_point *entry, struct error *error)
{
    AUTO_CLOSE int fd = clone_directory(entry->host_path);
    if (fd < 0 && (errno == ENOENT || errno == EACCES)) {
        log_debug(rootfs->request.log, "the container sees no cgroup hierarchy %s: %s: %m",
                  entry->name, entry->host_path);
        return 0;
    }
    if (fd < 0)
        return error_set(error, errno, "open cgroup %s", entry->host_path);
    if (mkdirat(tmpfs, entry->name, 0755) < 0 ||
        move_mount(fd, "", tmpfs, entry->name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_set(error, errno, "mount cgroup hierarchy %s", entry->name);
    return link_controllers(tmpfs, entry->name, error);
}

static bool may_be_writable(const struct rootfs *rootfs, const struct spec_mount *mount)
{
    return rootfs->request.new_user_namespace && has_own_cgroup_namespace(rootfs) &&
           !(mount->attributes_set & MOUNT_ATTR_RDONLY);
}

static int mount_hierarchies(const struct rootfs *rootfs, const struct spec_mount *mount,
                             struct error *error)
{
    const struct cgroup_mount_points *points = rootfs->request.cgroups;
    AUTO_CLOSE int tmpfs = make_tmpfs(rootfs, mount, error);
    if (tmpfs < 0)
        return -1;
    for (size_t i = 0; i < points->count; i++)
        if (bind_hierarchy(rootfs, tmpfs, &points->entries[i], error) < 0)
            return -1;
    /* All of them at once, and the tmpfs with them. */
    uint64_t below = safe_attributes | mount->attributes_set |
                     (may_be_writable(rootfs, mount) ? 0 : MOUNT_ATTR_RDONLY);
    if (mount_attributes_change(tmpfs, below, 0, MS_PRIVATE, true) < 0 ||
        mount_attributes_change(tmpfs, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
        return error_set(error, errno, "make the cgroup hierarchies read-only");
    return 0;
}

int cgroup_mount(struct rootfs *rootfs, const struct spec_mount *mount, struct error *error)
{
    const struct cgroup_mount_points *points = rootfs->request.cgroups;
    if (points && !points->unified)
        return mount_hierarchies(rootfs, mount, error);
    AUTO_CLOSE int fd =
        points && points->count ? unified_mount(rootfs, mount, error) : host_view(error);
    return fd < 0 ? -1 : attach_single(rootfs, mount, fd, error);
}
