// SPDX-License-Identifier: Apache-2.0
#include "container/home.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/string.h"

enum { MOST_PASSWD_BYTES = 1 << 20, MOST_LINE_BYTES = 4096 };

/* O_NONBLOCK: a FIFO in its place must not hold us up. */
static char *read_passwd(size_t *length)
{
    AUTO_ERROR struct error ignored = { 0 };
    struct stat status;
    AUTO_CLOSE int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    return read_fd(fd, "/etc/passwd", MOST_PASSWD_BYTES, length, &ignored);
}

char *home_directory_of(uid_t uid)
{
    size_t length = 0;
    AUTO_FREE char *text = read_passwd(&length);
    AUTO_FCLOSE FILE *file = text && length ? fmemopen(text, length, "r") : NULL;
    char line[MOST_LINE_BYTES];
    struct passwd entry, *found;
    while (file && fgetpwent_r(file, &entry, line, sizeof(line), &found) == 0)
        if (found->pw_uid == uid && found->pw_dir[0] == '/')
            return string_copy(found->pw_dir);
    return string_copy("/");
}
