// SPDX-License-Identifier: Apache-2.0
#include "instance/process_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Of the flags in field 9 (include/linux/sched.h): it is on its way out and runs no more code. */
enum { PF_EXITING = 0x4 };

int process_state_read(pid_t pid, uint64_t *start_time, char *state)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    /* The name is in parentheses and may hold any character: what counts is behind the last one. */
    const char *fields = strrchr(text, ')');
    if (!fields)
        return -1;
    unsigned int flags;
    int read_count = sscanf(fields + 1,
                            " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                            " %*s %*s %*s %" SCNu64,
                            state, &flags, start_time);
    if (read_count == 3 && (flags & PF_EXITING) && *state != 'Z')
        *state = 'X';
    return read_count == 3 ? 0 : -1;
}

bool process_state_is_alive(pid_t pid, uint64_t start_time)
{
    uint64_t found_start;
    char state;
    return pid > 0 && process_state_read(pid, &found_start, &state) == 0 &&
           found_start == start_time && state != 'Z' && state != 'X';
}

int process_state_open(pid_t pid, uint64_t start_time, struct error *error)
{
    /* Checked after opening: from then on the pidfd holds on to this one process. */
    AUTO_CLOSE int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd < 0 || !process_state_is_alive(pid, start_time)) {
        return error_set_code(error, ESRCH, "container not running");
    }
    return take_fd(&fd);
}
