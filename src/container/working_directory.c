// SPDX-License-Identifier: Apache-2.0
#include "container/working_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/string.h"
#include "base/system_call.h"

/*
 * No RESOLVE_BENEATH: the root of the mount namespace is the container's by now, and links in it
 * may be absolute. /proc/self/fd/N is the way out, and that is a magic link.
 */
static int open_directory(int parent, const char *path)
{
    return sys_openat2(parent, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
}

/* mkdir -p by descriptors, a component at a time. The directory, or -1 with errno. */
static int make_directory(const char *path)
{
    AUTO_STRINGS char **parts = string_split(path, "/");
    AUTO_CLOSE int parent = open_directory(AT_FDCWD, "/");
    for (char **part = parts; parent >= 0 && *part; part++) {
        if (mkdirat(parent, *part, 0755) < 0 && errno != EEXIST)
            return -1;
        int child = open_directory(parent, *part);
        int failure = errno;
        close(parent);
        parent = child;
        errno = failure;
    }
    return take_fd(&parent);
}

/*
 * The kernel's answer begins with "(unreachable)" for a directory that is not below the root,
 * whatever way led there. The C library would go looking for a path itself: so not its getcwd().
 */
static int check_reachable(const char *path, struct error *error)
{
    char present[PATH_MAX];
    if (syscall(SYS_getcwd, present, sizeof(present)) < 0)
        return error_set(error, errno, "process.cwd: %s", path);
    if (present[0] != '/')
        return error_set(error, 0, "process.cwd: %s is outside of the container's root", path);
    return 0;
}

int working_directory_enter(const char *path, bool make, struct error *error)
{
    AUTO_CLOSE int fd = open_directory(AT_FDCWD, path);
    if (fd < 0 && errno == ENOENT && make)
        fd = make_directory(path);
    if (fd < 0 || fchdir(fd) < 0) {
        if (errno == EACCES)
            return 1;
        return error_set(error, errno, "process.cwd: change to directory %s", path);
    }
    return check_reachable(path, error);
}
