// SPDX-License-Identifier: Apache-2.0
#include "container/no_pivot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container/filesystem.h"
#include "container/mountinfo.h"

/* Detach; what a user namespace has locked in place is covered instead. */
static int hide_mount(const char *path, struct error *error)
{
    /* What is detached from a shared mount is detached from the host's as well. */
    struct mount_attr attributes = { .propagation = MS_SLAVE };
    if (mount_setattr(AT_FDCWD, path, AT_RECURSIVE | AT_SYMLINK_NOFOLLOW, &attributes,
                      sizeof(attributes)) < 0)
        return errno == ENOENT ? 0 : error_set(error, errno, "set the propagation of %s", path);
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT)
        return 0;
    struct filesystem_request request = {
        .type = "tmpfs",
        .options = "nr_inodes=2,size=4k,mode=000",
        .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    };
    AUTO_CLOSE int cover = filesystem_mount(&request, error);
    if (cover < 0)
        return error_wrap(error, "hide the host's %s", path);
    if (move_mount(cover, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_set(error, errno, "hide the host's %s", path);
    return 0;
}

struct roots {
    uint64_t host, container;
};

static int hide_if_on_host_root(const struct mountinfo_entry *entry, void *context,
                                struct error *error)
{
    const struct roots *roots = context;
    if (entry->parent_id != roots->host || entry->id == roots->container)
        return 0;
    return hide_mount(entry->mount_point, error);
}

/* A mount that is shared cannot be moved onto, nor from. */
static int move_to_root(int root_fd, struct error *error)
{
    struct mount_attr attributes = { .propagation = MS_PRIVATE };
    if (mount_setattr(AT_FDCWD, "/", 0, &attributes, sizeof(attributes)) < 0 ||
        move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_set(error, errno, "move the container's root to /");
    return 0;
}

int no_pivot_enter(int root_fd, struct error *error)
{
    struct statx host, container;
    if (statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &host) < 0 ||
        statx(root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &container) < 0)
        return error_set(error, errno, "find the root mounts");
    struct roots roots = { host.stx_mnt_id, container.stx_mnt_id };
    if (move_to_root(root_fd, error) < 0 ||
        mountinfo_for_each(hide_if_on_host_root, &roots, error) < 0)
        return -1;
    if (chroot(".") < 0)
        return error_set(error, errno, "chroot into the container's root");
    return 0;
}
