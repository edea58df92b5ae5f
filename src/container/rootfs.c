// SPDX-License-Identifier: Apache-2.0
/*
 * The way from the host's tree to the container's:
 *
 *   1. The propagation of the new mount namespace is cut (or kept, as linux.rootfsPropagation
 * says), so that nothing that follows is seen on the host.
 *   2. The container's root, a detached clone of its directory or an overlay, is attached over that
 *      directory, where hooks look for it; or, when that cannot be reached, on top of "/". Our own
 *      root stays the mount below; absolute paths are the host's.
 *   3. All is built below the descriptor of that mount.
 *   4. pivot_root(".", ".") makes it "/", and the host's tree, then stacked on top, is detached.
 */
#include "container/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/string.h"
#include "base/system_call.h"
#include "container/mount_attributes.h"
#include "container/mountinfo.h"
#include "container/no_pivot.h"
#include "container/overlay.h"
#include "container/procfs.h"
#include "container/rootfs_state.h"

static unsigned long propagation_below(const struct rootfs_request *request)
{
    unsigned long propagation = request->spec->rootfs_propagation & ~(unsigned long)MS_REC;
    bool is_private = propagation == MS_PRIVATE || propagation == MS_UNBINDABLE;
    return is_private ? MS_PRIVATE : MS_SLAVE;
}

/*
 * A user namespace may not be able to search the directories above the root, or bind what belongs
 * to the host: the parent does it. EPERM: the parent is not privileged either, then the child is in
 * a namespace that it owns.
 */
static int open_root_in_parent(struct rootfs *rootfs, struct error *error)
{
    const struct rootfs_request *request = &rootfs->request;
    if (!request->new_user_namespace || request->overlay)
        return 0;
    rootfs->root_fd = bind_clone_host_path(request->root);
    if (rootfs->root_fd < 0)
        return errno == EPERM ? 0 : error_set(error, errno, "open root %s", request->root);
    if (mount_attributes_change(rootfs->root_fd, 0, 0, propagation_below(request), true) < 0)
        return error_set(error, errno, "set the mount propagation of %s", request->root);
    return 0;
}

static int open_notify_directory(struct rootfs *rootfs, struct error *error)
{
    const char *directory = rootfs->request.notify_directory;
    if (!rootfs->request.new_user_namespace || !directory)
        return 0;
    rootfs->notify_fd = bind_clone_host_path(directory);
    if (rootfs->notify_fd < 0 && errno != EPERM)
        return error_set(error, errno, "open %s", directory);
    return 0;
}

static int open_mount_sources(struct rootfs *rootfs, struct error *error)
{
    const struct spec *spec = rootfs->request.spec;
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct spec_mount *mount = &spec->mounts[i];
        if (bind_open_in_parent(&rootfs->request, mount, &rootfs->mounts[i].source_fd, error) < 0)
            return error_wrap(error, "mounts[%zu] (%s)", i, mount->destination);
    }
    return 0;
}

static struct rootfs *rootfs_new(const struct rootfs_request *request)
{
    struct rootfs *rootfs = allocate(1, sizeof(*rootfs));
    *rootfs = (struct rootfs){
        .request = *request,
        .root_fd = -1,
        .procfs_fd = -1,
        .null_fd = -1,
        .notify_fd = -1,
    };
    size_t count = request->spec->mount_count;
    rootfs->mounts = allocate(count ? count : 1, sizeof(*rootfs->mounts));
    for (size_t i = 0; i < count; i++)
        rootfs->mounts[i] = (struct rootfs_mount){ .source_fd = -1, .read_only_fd = -1 };
    return rootfs;
}

int rootfs_open_sources(const struct rootfs_request *request, struct rootfs **rootfs,
                        struct error *error)
{
    *rootfs = rootfs_new(request);
    if (open_root_in_parent(*rootfs, error) == 0 && open_mount_sources(*rootfs, error) == 0 &&
        open_notify_directory(*rootfs, error) == 0)
        return 0;
    rootfs_free(*rootfs);
    *rootfs = NULL;
    return -1;
}

void rootfs_free(struct rootfs *rootfs)
{
    if (!rootfs)
        return;
    for (size_t i = 0; i < rootfs->request.spec->mount_count; i++) {
        cleanup_close(&rootfs->mounts[i].source_fd);
        cleanup_close(&rootfs->mounts[i].read_only_fd);
    }
    cleanup_close(&rootfs->root_fd);
    cleanup_close(&rootfs->procfs_fd);
    cleanup_close(&rootfs->null_fd);
    cleanup_close(&rootfs->notify_fd);
    free(rootfs->mounts);
    free(rootfs);
}

int rootfs_procfs_fd(const struct rootfs *rootfs)
{
    return rootfs->procfs_fd;
}

bool rootfs_owns_dev(const struct rootfs *rootfs)
{
    const struct spec *spec = rootfs->request.spec;
    for (size_t i = 0; i < spec->mount_count; i++)
        if (spec->mounts[i].bind && !spec->mounts[i].remount &&
            mount_is_at(&spec->mounts[i], "/dev"))
            return false;
    return true;
}

/* Which mounts of the host the container shall see is told by rootfsPropagation; slave is runc's
 * default. */
static int set_propagation(const struct rootfs_request *request, struct error *error)
{
    struct mount_attr attributes = { .propagation = propagation_below(request) };
    /* Shared: the binds are to stay peers of the host's mounts. */
    if (request->spec->rootfs_propagation & MS_SHARED)
        return 0;
    if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
        return error_set(error, errno, "set the propagation of the mount namespace");
    return 0;
}

/* What is attached to a shared mount is seen on the host. The mount that holds `fd` is made
 * private.
 */
static int cut_mount_of(int fd, struct error *error)
{
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
        return error_set(error, errno, "find the mount of the root");
    AUTO_FREE char *mount_point = mountinfo_mount_point(status.stx_mnt_id, error);
    struct mount_attr attributes = { .propagation = MS_PRIVATE };
    if (!mount_point)
        return -1;
    if (mount_setattr(AT_FDCWD, mount_point, 0, &attributes, sizeof(attributes)) < 0)
        return error_set(error, errno, "set the propagation of %s", mount_point);
    return 0;
}

/* The directory to attach the root to. */
static int open_place(const struct rootfs *rootfs, struct error *error)
{
    AUTO_CLOSE int fd = open(rootfs->request.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (rootfs->root_fd >= 0 || rootfs->request.overlay))
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "open root %s", rootfs->request.root);
    if (rootfs->request.spec->rootfs_propagation & MS_SHARED && cut_mount_of(fd, error) < 0)
        return -1;
    return take_fd(&fd);
}

static int open_root(struct rootfs *rootfs, int place, struct error *error)
{
    const struct rootfs_request *request = &rootfs->request;
    if (rootfs->root_fd >= 0)
        return 0;
    rootfs->root_fd =
        request->overlay
            ? overlay_mount(request->overlay, request->new_user_namespace, error)
            : open_tree(place, "",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (rootfs->root_fd < 0 && !request->overlay)
        return error_set(error, errno, "open root %s", request->root);
    return rootfs->root_fd < 0 ? -1 : 0;
}

/* Attach the root, and remember which mount it is. */
static int attach_root(struct rootfs *rootfs, int place, struct error *error)
{
    struct statx status;
    if (mount_attributes_change(rootfs->root_fd, 0, 0, MS_PRIVATE, false) < 0 ||
        statx(rootfs->root_fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID, &status) <
            0)
        return error_set(error, errno, "prepare root %s", rootfs->request.root);
    if (!S_ISDIR(status.stx_mode))
        return error_set(error, ENOTDIR, "root %s", rootfs->request.root);
    rootfs->root_mount_id = status.stx_mnt_id;
    rootfs->root_inode = status.stx_ino;
    return mount_attach(rootfs->root_fd, place, error);
}

int rootfs_enter(struct rootfs *rootfs, struct error *error)
{
    /* Modes of devices, directories and files are to be exactly those that are asked for. */
    rootfs->umask = umask(0);
    rootfs->procfs_fd = procfs_open(error);
    if (rootfs->procfs_fd < 0 || set_propagation(&rootfs->request, error) < 0)
        return -1;
    AUTO_CLOSE int place = open_place(rootfs, error);
    if (place < 0 || open_root(rootfs, place, error) < 0)
        return -1;
    return attach_root(rootfs, place, error);
}

static int pivot(struct error *error)
{
    if (sys_pivot_root(".", ".") == 0)
        return 0;
    if (errno == EINVAL)
        return error_set_code(error, EINVAL,
                              "pivot_root (if the host's root is an initramfs, use --no-pivot)");
    return error_set(error, errno, "pivot_root");
}

static int detach_host(const struct rootfs *rootfs, struct error *error)
{
    bool is_shared = rootfs->request.spec->rootfs_propagation & MS_SHARED;
    AUTO_CLOSE int host = is_shared ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (is_shared && host < 0)
        return error_set(error, errno, "open /");
    if (pivot(error) < 0)
        return -1;
    /* What is detached from a shared mount is detached from the host's as well. */
    if (is_shared && mount_attributes_change(host, 0, 0, MS_SLAVE, true) < 0)
        return error_set(error, errno, "set the propagation of the host's file systems");
    /* Both roots are at "/" now, and "." leads to the one on top (pivot_root(2), NOTES). */
    if (umount2(".", MNT_DETACH) < 0)
        return error_set(error, errno, "detach the host's file systems");
    return 0;
}

int rootfs_pivot(struct rootfs *rootfs, struct error *error)
{
    const struct rootfs_request *request = &rootfs->request;
    if (fchdir(rootfs->root_fd) < 0)
        return error_set(error, errno, "change to root %s", request->root);
    if ((request->no_pivot ? no_pivot_enter(rootfs->root_fd, error) : detach_host(rootfs, error)) <
        0)
        return -1;
    if (chdir("/") < 0)
        return error_set(error, errno, "change directory to /");
    unsigned long propagation = request->spec->rootfs_propagation;
    if (propagation && !(propagation & MS_PRIVATE) &&
        mount_attributes_change(rootfs->root_fd, 0, 0, propagation & ~(unsigned long)MS_REC,
                                propagation & MS_REC) < 0)
        return error_set(error, errno, "set linux.rootfsPropagation");
    umask(rootfs->umask);
    return 0;
}
