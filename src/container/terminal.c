// SPDX-License-Identifier: Apache-2.0
/*
 * The master's end is opened from the container's devpts, which is verified to be one; the slave's
 * comes from the master by ioctl (TIOCGPTPEER), so no path that somebody might have exchanged is
 * opened (CVE-2025-52565), and /dev/console is a clone of that descriptor's mount.
 */
#include "container/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/socket.h"
#include "base/system_call.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

/* Documentation/admin-guide/devices.txt */
enum { PTMX_MAJOR = 5, PTMX_MINOR = 2, FIRST_SLAVE_MAJOR = 136, LAST_SLAVE_MAJOR = 143 };

static const char master_name[] = "/dev/ptmx";

static bool is_on_devpts(int fd, struct stat *status)
{
    struct statfs file_system;
    return fstatfs(fd, &file_system) == 0 && file_system.f_type == DEVPTS_SUPER_MAGIC &&
           fstat(fd, status) == 0 && S_ISCHR(status->st_mode);
}

static int open_master(int root_fd, struct error *error)
{
    struct statfs file_system;
    struct stat status;
    AUTO_CLOSE int pts = safe_open(root_fd, "/dev/pts", O_PATH | O_DIRECTORY);
    if (pts < 0 || fstatfs(pts, &file_system) < 0)
        return error_set(error, errno, "process.terminal: open /dev/pts of the container");
    if (file_system.f_type != DEVPTS_SUPER_MAGIC)
        return error_set(error, 0, "process.terminal: no devpts is mounted at /dev/pts");
    /* No mount is crossed: what opens is of that devpts, not a device that was put over it. */
    AUTO_CLOSE int master = sys_openat2(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0,
                                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (master < 0)
        return error_set(error, errno, "process.terminal: open /dev/pts/ptmx of the container");
    if (fstat(master, &status) < 0 || status.st_rdev != makedev(PTMX_MAJOR, PTMX_MINOR))
        return error_set(error, 0, "process.terminal: /dev/pts/ptmx is not a terminal multiplexer");
    return take_fd(&master);
}

static int open_slave(int master, struct error *error)
{
    int unlocked = 0;
    struct stat status;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return error_set(error, errno, "process.terminal: unlock");
    AUTO_CLOSE int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_set(error, errno, "process.terminal: open its slave end");
    if (!is_on_devpts(slave, &status) || major(status.st_rdev) < FIRST_SLAVE_MAJOR ||
        major(status.st_rdev) > LAST_SLAVE_MAJOR)
        return error_set(error, 0, "process.terminal: its slave end is not on a devpts");
    return take_fd(&slave);
}

int terminal_set_size(int master, const struct spec_process *process, struct error *error)
{
    if (!process->console_height && !process->console_width)
        return 0;
    struct winsize size = { .ws_row = process->console_height, .ws_col = process->console_width };
    if (ioctl(master, TIOCSWINSZ, &size) < 0)
        return error_set(error, errno, "process.consoleSize");
    return 0;
}

int terminal_open_in(int root_fd, const struct spec_process *process, int console_socket_fd,
                     struct error *error)
{
    AUTO_CLOSE int master = open_master(root_fd, error);
    AUTO_CLOSE int slave = master < 0 ? -1 : open_slave(master, error);
    if (slave < 0 || terminal_set_size(master, process, error) < 0)
        return -1;
    /* The user of the process owns it, as after login(1); the group stays devpts' gid= (tty). */
    if (process->user.uid != 0 && fchown(slave, process->user.uid, (gid_t)-1) < 0)
        return error_set(error, errno, "process.terminal: change the owner");
    if (socket_send_fds(console_socket_fd, master_name, sizeof(master_name) - 1, &master, 1,
                        error) < 0)
        return error_wrap(error, "process.terminal: console socket");
    return take_fd(&slave);
}

/* Over whatever the image has as /dev/console; a link there is covered itself, not followed. */
static int bind_console(const struct rootfs *rootfs, int slave, struct error *error)
{
    AUTO_CLOSE int dev = safe_open(rootfs->root_fd, "/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (dev < 0)
        return error_set(error, errno, "open /dev of the container");
    if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
        return error_set(error, errno, "make /dev/console");
    AUTO_CLOSE int target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int tree = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (target < 0 || tree < 0)
        return error_set(error, errno, "bind /dev/console");
    return mount_attach(tree, target, error);
}

int rootfs_open_terminal(struct rootfs *rootfs, struct error *error)
{
    AUTO_CLOSE int slave = terminal_open_in(rootfs->root_fd, rootfs->request.spec->process,
                                            rootfs->request.console_socket_fd, error);
    if (slave < 0)
        return -1;
    if (rootfs_owns_dev(rootfs) && bind_console(rootfs, slave, error) < 0)
        return error_wrap(error, "process.terminal");
    return take_fd(&slave);
}
