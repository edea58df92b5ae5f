// SPDX-License-Identifier: Apache-2.0
#include "container/no_pivot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/string.h"
#include "container/filesystem.h"
#include "container/procfs.h"

enum { LARGEST_MOUNTINFO = 64 << 20 };

/* Mount points in mountinfo have blanks and the like as \ooo (proc_pid_mountinfo(5)). */
static void decode_octal(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned int value;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
            *to = (char)value;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Detach; what a user namespace has locked in place is covered instead. */
static int hide_mount(const char *path, struct error *error)
{
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

/* A line of mountinfo: a mount on the host's root, other than the container's root, is hidden. */
static int hide_if_on_host_root(const char *line, uint64_t host_root, uint64_t container_root,
                                struct error *error)
{
    unsigned long long id, parent;
    AUTO_FREE char *mount_point = NULL;
    if (sscanf(line, "%llu %llu %*s %*s %ms", &id, &parent, &mount_point) != 3)
        return error_set(error, 0, "cannot understand '%s' in /proc/self/mountinfo", line);
    if (parent != host_root || id == container_root)
        return 0;
    decode_octal(mount_point);
    return hide_mount(mount_point, error);
}

static int hide_mounts(uint64_t host_root, uint64_t container_root, int procfs_fd,
                       struct error *error)
{
    AUTO_CLOSE int fd = procfs_open_file(procfs_fd, "self/mountinfo", O_RDONLY, error);
    AUTO_FREE char *text =
        fd < 0 ? NULL : read_fd(fd, "/proc/self/mountinfo", LARGEST_MOUNTINFO, NULL, error);
    if (!text)
        return -1;
    AUTO_STRINGS char **lines = string_split(text, "\n");
    for (char **line = lines; *line; line++)
        if (hide_if_on_host_root(*line, host_root, container_root, error) < 0)
            return -1;
    return 0;
}

int no_pivot_enter(int root_fd, int procfs_fd, struct error *error)
{
    struct statx host, container;
    if (statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &host) < 0 ||
        statx(root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &container) < 0)
        return error_set(error, errno, "find the root mounts");
    if (hide_mounts(host.stx_mnt_id, container.stx_mnt_id, procfs_fd, error) < 0)
        return -1;
    if (chroot(".") < 0)
        return error_set(error, errno, "chroot into the container's root");
    return 0;
}
