// SPDX-License-Identifier: Apache-2.0
#include "instance/signal_delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"

enum { MOST_STATUS_BYTES = 64 * 1024 };

/* The signals with which people and service managers end things. */
static const int ending_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

struct signal_dispositions {
    uint64_t blocked, ignored, caught; /* bit n-1 is signal n (proc_pid_status(5)) */
};

/* The process behind the descriptor; `first` tells whether it is 1 in its own namespace. */
static pid_t pid_behind(int pidfd, bool *first)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *text = read_file_at(AT_FDCWD, path, MOST_STATUS_BYTES, NULL, &ignored);
    const char *pid_line = text ? strstr(text, "\nPid:") : NULL;
    const char *namespace_line = text ? strstr(text, "\nNSpid:") : NULL;
    int pid;
    if (!pid_line || !namespace_line || sscanf(pid_line, " Pid: %d", &pid) != 1 || pid <= 0)
        return -1;
    /* One number a namespace from ours inwards: more than one means that it is in another. */
    AUTO_FREE char *line = string_copy_n(namespace_line + 1, strcspn(namespace_line + 1, "\n"));
    AUTO_STRINGS char **words = string_split(line, "\t ");
    size_t count = 0;
    while (words[count])
        count++;
    *first = count > 2 && string_equal(words[count - 1], "1");
    return pid;
}

static uint64_t mask_in(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    uint64_t mask;
    return line && sscanf(line + strlen(name), "%" SCNx64, &mask) == 1 ? mask : 0;
}

static int read_dispositions(pid_t pid, struct signal_dispositions *dispositions)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    AUTO_ERROR struct error ignored = { 0 };
    AUTO_FREE char *status = read_file_at(AT_FDCWD, path, MOST_STATUS_BYTES, NULL, &ignored);
    if (!status)
        return -1;
    *dispositions = (struct signal_dispositions){
        .blocked = mask_in(status, "\nSigBlk:"),
        .ignored = mask_in(status, "\nSigIgn:"),
        .caught = mask_in(status, "\nSigCgt:"),
    };
    return 0;
}

static uint64_t bit_of(int signal_number)
{
    return 1ULL << (signal_number - 1);
}

static bool first_process_lacks(int pidfd, int signal_number, struct signal_dispositions *found)
{
    bool first = false;
    pid_t pid = pid_behind(pidfd, &first);
    if (pid < 0 || !first || read_dispositions(pid, found) < 0)
        return false;
    return !((found->caught | found->blocked) & bit_of(signal_number));
}

bool signal_would_be_lost(int pidfd, int signal_number)
{
    struct signal_dispositions found;
    return first_process_lacks(pidfd, signal_number, &found);
}

static bool would_end_outside(int pidfd, int signal_number)
{
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++) {
        struct signal_dispositions found;
        if (ending_signals[i] == signal_number)
            return first_process_lacks(pidfd, signal_number, &found) &&
                   !(found.ignored & bit_of(signal_number));
    }
    return false;
}

int signal_deliver(int pidfd, int signal_number, struct error *error)
{
    if (would_end_outside(pidfd, signal_number))
        signal_number = SIGKILL;
    if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) < 0 && errno != ESRCH)
        return error_set(error, errno, "send signal %d", signal_number);
    return 0;
}
