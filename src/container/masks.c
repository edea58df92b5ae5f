// SPDX-License-Identifier: Apache-2.0
/*
 * What the container must not see, or not change: maskedPaths, readonlyPaths, root.readonly.
 *
 * A path is resolved inside the root and its target held by descriptor; a path that leads nowhere
 * needs no mask. Files are covered by the null device that rootfs_make_devices() verified,
 * directories by one empty read-only tmpfs. The first mask of a kind is cloned for all others, so
 * that they have its attributes from the beginning and nothing is left to be released.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container/filesystem.h"
#include "container/mount_attributes.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

/* The first mask of either kind, attached; -1 while there is none. */
struct masks {
    int file_fd, directory_fd;
};

static void masks_close(struct masks *masks)
{
    cleanup_close(&masks->file_fd);
    cleanup_close(&masks->directory_fd);
}

static const uint64_t mask_attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

/*
 * Read-only keeps root in the container from changing mode or owner of the node, which may be the
 * host's; reading and writing the device is not affected by it.
 */
static int make_file_mask(const struct rootfs *rootfs, struct error *error)
{
    AUTO_CLOSE int fd =
        open_tree(rootfs->null_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (fd < 0 || mount_attributes_change(fd, mask_attributes, 0, MS_PRIVATE, false) < 0)
        return error_set(error, errno, "clone the null device");
    return take_fd(&fd);
}

static int make_directory_mask(struct error *error)
{
    struct filesystem_request request = {
        .type = "tmpfs",
        .source = "tmpfs",
        .options = "nr_blocks=1,nr_inodes=2,mode=755",
        .superblock_flags = MS_RDONLY,
        .attributes = mask_attributes | MOUNT_ATTR_NODEV,
    };
    return filesystem_mount(&request, error);
}

static int cover(const struct rootfs *rootfs, struct masks *masks, int target, struct error *error)
{
    struct stat status;
    if (fstat(target, &status) < 0)
        return error_set(error, errno, "examine it");
    bool is_directory = S_ISDIR(status.st_mode);
    int *first = is_directory ? &masks->directory_fd : &masks->file_fd;
    if (*first < 0) {
        *first = is_directory ? make_directory_mask(error) : make_file_mask(rootfs, error);
        return *first < 0 ? -1 : mount_attach(*first, target, error);
    }
    AUTO_CLOSE int mask =
        open_tree(*first, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (mask < 0)
        return error_set(error, errno, "clone the mask");
    return mount_attach(mask, target, error);
}

static int mask_paths(const struct rootfs *rootfs, struct error *error)
{
    __attribute__((cleanup(masks_close))) struct masks masks = { -1, -1 };
    const char *const *paths = rootfs->request.spec->masked_paths;
    for (size_t i = 0; paths && paths[i]; i++) {
        AUTO_CLOSE int target = safe_open(rootfs->root_fd, paths[i], O_PATH);
        if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (target < 0)
            error_set(error, errno, "open it");
        if (target < 0 || cover(rootfs, &masks, target, error) < 0)
            return error_wrap(error, "linux.maskedPaths[%zu] (%s)", i, paths[i]);
    }
    return 0;
}

static int make_read_only(int target, struct error *error)
{
    AUTO_CLOSE int tree =
        open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (tree < 0)
        return error_set(error, errno, "clone it");
    if (mount_attributes_change(tree, MOUNT_ATTR_RDONLY, 0, 0, true) < 0)
        return error_set(error, errno, "make it read-only");
    return mount_attach(tree, target, error);
}

static int protect_paths(const struct rootfs *rootfs, struct error *error)
{
    const char *const *paths = rootfs->request.spec->readonly_paths;
    for (size_t i = 0; paths && paths[i]; i++) {
        AUTO_CLOSE int target = safe_open(rootfs->root_fd, paths[i], O_PATH);
        if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (target < 0)
            error_set(error, errno, "open it");
        if (target < 0 || make_read_only(target, error) < 0)
            return error_wrap(error, "linux.readonlyPaths[%zu] (%s)", i, paths[i]);
    }
    return 0;
}

/* Mounts that had to stay writable until all was made in them. */
static int finish_mounts(struct rootfs *rootfs, struct error *error)
{
    const struct spec *spec = rootfs->request.spec;
    for (size_t i = 0; i < spec->mount_count; i++) {
        AUTO_CLOSE int fd = take_fd(&rootfs->mounts[i].read_only_fd);
        if (fd >= 0 && mount_attributes_change(fd, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
            return error_set(error, errno, "mounts[%zu] (%s): make it read-only", i,
                             spec->mounts[i].destination);
    }
    return 0;
}

int rootfs_protect(struct rootfs *rootfs, struct error *error)
{
    if (finish_mounts(rootfs, error) < 0 || protect_paths(rootfs, error) < 0 ||
        mask_paths(rootfs, error) < 0)
        return -1;
    if (rootfs->request.spec->root_readonly &&
        mount_attributes_change(rootfs->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
        return error_set(error, errno, "root.readonly: make the root read-only");
    return 0;
}
