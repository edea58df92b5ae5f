// SPDX-License-Identifier: Apache-2.0
/*
 * Run commands one after the other and tell how long they took together, and how much memory the
 * largest of them needed:
 *
 *     spawn_timer COMMAND [WORD...] [+ COMMAND [WORD...]]...   ->   "4211350 2716" (ns, KiB)
 *
 * "@" instead of a command waits for all processes that were left behind (this program is their
 * subreaper): the end of a container that `create` and `start` have set going, without polling.
 * Small and static, since the peak resident set of a process that was spawned begins at its
 * parent's (kernel fs/exec.c, exec_mmap).
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int wait_for_the_others(void)
{
    while (wait(NULL) >= 0 || errno == EINTR)
        ;
    return errno == ECHILD ? 0 : -1;
}

/* -1 with a message when the command fails. */
static int run(char **words, const posix_spawn_file_actions_t *actions, long *peak_kib)
{
    pid_t pid;
    int error = posix_spawn(&pid, words[0], actions, NULL, words, environ);
    if (error) {
        fprintf(stderr, "%s: %s\n", words[0], strerror(error));
        return -1;
    }
    struct rusage usage;
    int status;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return -1;
    if (usage.ru_maxrss > *peak_kib)
        *peak_kib = usage.ru_maxrss;
    if (status) {
        fprintf(stderr, "%s %s: wait status %#x\n", words[0], words[1] ? words[1] : "", status);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "+"))
            argv[i] = NULL;

    long peak_kib = 0;
    int64_t begin = now_ns();
    for (int i = 1; i < argc; i++) {
        int result =
            strcmp(argv[i], "@") ? run(argv + i, &actions, &peak_kib) : wait_for_the_others();
        if (result < 0)
            return EXIT_FAILURE;
        while (i < argc && argv[i])
            i++;
    }
    printf("%lld %ld\n", (long long)(now_ns() - begin), peak_kib);
    return EXIT_SUCCESS;
}
