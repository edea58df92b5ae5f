// SPDX-License-Identifier: Apache-2.0
#include "container/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/system_call.h"

enum { PROC_ROOT_INODE = 1 }; /* fs/proc/internal.h: PROC_ROOT_INO */

static int mount_procfs(void)
{
    AUTO_CLOSE int context = fsopen("proc", FSOPEN_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return fsmount(context, FSMOUNT_CLOEXEC,
                   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static int open_host_procfs(struct error *error)
{
    AUTO_CLOSE int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct statfs file_system;
    struct stat status;
    if (fd < 0 || fstatfs(fd, &file_system) < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "open /proc");
    if (file_system.f_type != PROC_SUPER_MAGIC || status.st_ino != PROC_ROOT_INODE)
        return error_set(error, 0, "/proc is not the root of a procfs");
    return take_fd(&fd);
}

int procfs_open(struct error *error)
{
    int fd = mount_procfs();
    if (fd >= 0)
        return fd;
    if (errno != EPERM && errno != EACCES && errno != ENOSYS)
        return error_set(error, errno, "mount a private procfs");
    return open_host_procfs(error);
}

int procfs_open_file(int procfs_fd, const char *path, int flags, struct error *error)
{
    /*
     * The descriptor is of a procfs root, and no mount is crossed: what opens is on that procfs.
     * /proc/self and /proc/thread-self are ordinary links and lead to where they should.
     */
    int fd = sys_openat2(procfs_fd, path, (uint64_t)(flags | O_CLOEXEC), 0,
                         RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
    if (fd < 0)
        return error_set(error, errno, "open /proc/%s", path);
    return fd;
}

int procfs_write(int procfs_fd, const char *path, const char *text, struct error *error)
{
    AUTO_CLOSE int fd = procfs_open_file(procfs_fd, path, O_WRONLY, error);
    if (fd < 0)
        return -1;
    /* One write: the kernel takes the text of most of these files only as a whole. */
    size_t length = strlen(text);
    ssize_t written;
    do
        written = write(fd, text, length);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return error_set(error, errno, "write \"%s\" to /proc/%s", text, path);
    if ((size_t)written != length)
        return error_set_code(error, EIO, "write \"%s\" to /proc/%s: only a part was taken", text,
                              path);
    return 0;
}
