// SPDX-License-Identifier: Apache-2.0
/*
 * Where a mount may go.
 *
 * /proc is what labels, limits and sysctls are written through, so nothing but a procfs may be
 * mounted on it, and nothing below it but views that lxcfs and its like provide (CVE-2019-16884,
 * CVE-2023-27561, CVE-2023-28642). The rule looks at the path as it is written and at the file
 * system that it leads to, so that no link of the image goes around it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/string.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

/* As runc has it: files that show the container its own share of the machine, and two that CRIU and
 * FIPS set-ups need. No label and no limit is written through any of them. */
static const char *const allowed_below_proc[] = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/uptime",
};

/* The next component of a path at *path, which moves behind it; length 0 at the end. */
static size_t component(const char **path, const char **start)
{
    do {
        *path += strspn(*path, "/");
        *start = *path;
        *path += strcspn(*path, "/");
    } while (*path - *start == 1 && **start == '.');
    return (size_t)(*path - *start);
}

/* Compare component by component: "//proc/./sys/" is "/proc/sys". How many of `b`'s are left over
 * when `a` ends, or -1 where they differ. */
static int components_below(const char *a, const char *b)
{
    for (;;) {
        const char *start_a, *start_b;
        size_t length_a = component(&a, &start_a), length_b = component(&b, &start_b);
        if (length_a == 0) {
            int left = 0;
            for (; length_b; left++)
                length_b = component(&b, &start_b);
            return left;
        }
        if (length_a != length_b || memcmp(start_a, start_b, length_a) != 0)
            return -1;
    }
}

bool mount_is_at(const struct spec_mount *mount, const char *path)
{
    return components_below(path, mount->destination) == 0;
}

static bool is_allowed_below_proc(const struct spec_mount *mount)
{
    for (size_t i = 0; i < ARRAY_LENGTH(allowed_below_proc); i++)
        if (mount_is_at(mount, allowed_below_proc[i]))
            return true;
    return false;
}

static bool is_kernel_view(const struct spec_mount *mount)
{
    return !mount->bind && mount->type &&
           (string_equal(mount->type, "proc") || string_equal(mount->type, "sysfs"));
}

/* By name: whether a bind's source is a procfs is known, and checked, when it is open. */
static int check_name(const struct spec_mount *mount, struct error *error)
{
    int below = components_below("/proc", mount->destination);
    bool is_proc = mount->type && string_equal(mount->type, "proc");
    if (below == 0 && !is_proc && !mount->bind && !mount->remount)
        return error_set_code(error, EPERM, "only a procfs can be mounted on /proc");
    if (below > 0 && !mount->remount && !is_allowed_below_proc(mount))
        return error_set_code(error, EPERM, "nothing can be mounted inside /proc here");
    return 0;
}

static int check_place(const struct rootfs *rootfs, const struct spec_mount *mount, int fd,
                       struct error *error)
{
    struct statx status;
    struct statfs file_system;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID, &status) < 0 ||
        fstatfs(fd, &file_system) < 0)
        return error_set(error, errno, "examine the destination");
    if (is_kernel_view(mount) && !S_ISDIR(status.stx_mode))
        return error_set(error, 0, "the image has %s there, not a directory",
                         S_ISLNK(status.stx_mode) ? "a symbolic link" : "a file");
    if (mount->remount)
        return 0;
    if (status.stx_mnt_id == rootfs->root_mount_id && status.stx_ino == rootfs->root_inode)
        return error_set_code(error, EPERM, "the destination is the container's root itself");
    if (file_system.f_type == PROC_SUPER_MAGIC &&
        components_below("/proc", mount->destination) != 0 && !is_allowed_below_proc(mount))
        return error_set_code(error, EPERM, "the destination leads into /proc");
    return 0;
}

static int open_or_make(int root_fd, const struct spec_mount *mount, bool is_directory,
                        bool *was_made, struct error *error)
{
    const char *path = mount->destination;
    bool nofollow = mount->destination_nofollow || is_kernel_view(mount);
    int fd = safe_open(root_fd, path, O_PATH | (nofollow ? O_NOFOLLOW : 0));
    *was_made = fd < 0;
    if (fd >= 0)
        return fd;
    if (errno != ENOENT || mount->remount)
        return error_set(error, errno, "open the destination in the container");
    return is_directory ? safe_make_directory(root_fd, path, error)
                        : safe_make_file(root_fd, path, error);
}

int mount_open_target(const struct rootfs *rootfs, const struct spec_mount *mount,
                      bool is_directory, bool *was_made, struct error *error)
{
    if (check_name(mount, error) < 0)
        return -1;
    AUTO_CLOSE int fd = open_or_make(rootfs->root_fd, mount, is_directory, was_made, error);
    if (fd < 0 || check_place(rootfs, mount, fd, error) < 0)
        return -1;
    return take_fd(&fd);
}

int mount_attach(int mount_fd, int target_fd, struct error *error)
{
    if (move_mount(mount_fd, "", target_fd, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
        return 0;
    if (errno == ENOTDIR)
        return error_set_code(error, ENOTDIR,
                              "a directory can only be mounted on a directory, a file on a file");
    return error_set(error, errno, "attach the mount");
}
