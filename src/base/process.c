// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "base/string.h"

enum { MOST_OUTPUT = 1 << 20, STDERR_TAIL = 4096 };

/* What a running program writes: all of it up to `limit`, or (as a tail) the last of it. */
struct capture {
    int fd; /* read end, non-blocking; -1 when not captured or at its end */
    char *text;
    size_t length, limit;
    bool tail, overflow;
};

struct run {
    const struct process_request *request;
    pid_t pid;
    int pidfd;
    struct capture output, errors;
};

static void cleanup_run(struct run *run)
{
    cleanup_close(&run->pidfd);
    cleanup_close(&run->output.fd);
    cleanup_close(&run->errors.fd);
    free(run->output.text);
    free(run->errors.text);
}
#define AUTO_RUN __attribute__((cleanup(cleanup_run)))

int process_wait(pid_t pid, int *wait_status)
{
    pid_t waited;
    do
        waited = waitpid(pid, wait_status, 0);
    while (waited < 0 && errno == EINTR);
    return waited < 0 ? -1 : *wait_status;
}

int process_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/*
 * Standard input holding a text. A file and not a pipe: a program that does not read its input
 * must neither block us nor kill us with SIGPIPE.
 */
static int open_input(const char *text)
{
    if (!text)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    return take_fd(&fd);
}

static int open_capture(struct capture *capture, size_t limit, bool tail, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *capture = (struct capture){ .fd = ends[0], .limit = limit, .tail = tail };
    *write_end = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void set_attributes(posix_spawnattr_t *attributes, bool own_group)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    /* Its own group, so that a timeout reaches what it started as well. */
    if (own_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(attributes, flags);
}

static int spawn(struct run *run, const int standard[3])
{
    const struct process_request *request = run->request;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes, request->timeout_ms != 0);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_adddup2(&actions, standard[fd], fd);
    /* Descriptors that our caller left open (--preserve-fds) are not this program's. */
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    char *const *env = request->env ? (char *const *)request->env : environ;
    int failure = posix_spawnp(&run->pid, request->path, &actions, &attributes,
                               (char *const *)request->args, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static int start(struct run *run, struct error *error)
{
    const char *path = run->request->path;
    AUTO_CLOSE int input = open_input(run->request->input);
    AUTO_CLOSE int output = -1, errors = -1;
    if (input < 0 || open_capture(&run->errors, STDERR_TAIL, true, &errors) < 0)
        return error_set(error, errno, "prepare to run %s", path);
    if (run->request->output) {
        if (open_capture(&run->output, MOST_OUTPUT, false, &output) < 0)
            return error_set(error, errno, "prepare to run %s", path);
    } else {
        output = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (output < 0)
            return error_set(error, errno, "open /dev/null");
    }
    int failure = spawn(run, (int[]){ input, output, errors });
    if (failure)
        return error_set(error, failure, "run %s", path);
    return 0;
}

static void keep(struct capture *capture, const char *data, size_t length)
{
    if (capture->length + length > capture->limit && !capture->tail) {
        capture->overflow = true;
        return;
    }
    if (!capture->text)
        capture->text = allocate(1, 1);
    capture->text = reallocate(capture->text, capture->length + length + 1, 1);
    memcpy(capture->text + capture->length, data, length);
    capture->length += length;
    if (capture->length > capture->limit) {
        size_t excess = capture->length - capture->limit;
        memmove(capture->text, capture->text + excess, capture->limit);
        capture->length = capture->limit;
    }
    capture->text[capture->length] = '\0';
}

/* Take what is there now; the end of the file closes it. */
static void drain(struct capture *capture)
{
    char buffer[4096];
    while (capture->fd >= 0) {
        ssize_t count = read(capture->fd, buffer, sizeof(buffer));
        if (count > 0) {
            keep(capture, buffer, (size_t)count);
        } else if (count < 0 && errno == EINTR) {
            continue;
        } else if (count < 0 && errno == EAGAIN) {
            return;
        } else {
            close(capture->fd);
            capture->fd = -1;
        }
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds for poll(): -1 without a limit, 0 when it has passed. */
static int remaining_ms(const struct process_request *request, int64_t started)
{
    if (!request->timeout_ms)
        return -1;
    int64_t passed = now_ms() - started;
    if (passed < 0 || (uint64_t)passed >= request->timeout_ms)
        return 0;
    uint64_t left = request->timeout_ms - (uint64_t)passed;
    return left > 3600000 ? 3600000 : (int)left;
}

/*
 * Until the program ends (not: until its pipes close, which what it left in the background may
 * hold). 0, or -1 with errno; ETIMEDOUT when the time is over.
 */
static int follow(struct run *run)
{
    int64_t started = run->request->timeout_ms ? now_ms() : 0;
    for (;;) {
        struct pollfd events[] = { { .fd = run->pidfd, .events = POLLIN },
                                   { .fd = run->output.fd, .events = POLLIN },
                                   { .fd = run->errors.fd, .events = POLLIN } };
        int timeout = remaining_ms(run->request, started);
        int ready = poll(events, ARRAY_LENGTH(events), timeout);
        if (ready < 0 && errno != EINTR)
            return -1;
        drain(&run->output);
        drain(&run->errors);
        if (ready > 0 && events[0].revents)
            return 0;
        if (timeout == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
}

/* The last line that is not blank; cuts the text up. NULL when there is none. */
static const char *last_line(char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    while (length && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    char *newline = strrchr(text, '\n');
    const char *line = newline ? newline + 1 : text;
    return *line ? line : NULL;
}

static int judge(struct run *run, int wait_status, struct error *error)
{
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return 0;
    AUTO_FREE char *how = WIFSIGNALED(wait_status)
                              ? string_format("killed by signal %d (SIG%s)", WTERMSIG(wait_status),
                                              sigabbrev_np(WTERMSIG(wait_status)) ?: "?")
                              : string_format("exit status %d", WEXITSTATUS(wait_status));
    const char *line = last_line(run->errors.text);
    return error_set(error, 0, "%s: %s%s%s", run->request->path, how, line ? ": " : "",
                     line ? line : "");
}

static int finish(struct run *run, struct error *error)
{
    const char *path = run->request->path;
    int wait_status;
    run->pidfd = pidfd_open(run->pid, 0);
    int failure = run->pidfd < 0 || follow(run) < 0 ? errno : 0;
    if (failure)
        kill(run->request->timeout_ms ? -run->pid : run->pid, SIGKILL);
    if (process_wait(run->pid, &wait_status) < 0)
        return error_set(error, errno, "wait for %s", path);
    if (failure == ETIMEDOUT)
        return error_set_code(error, ETIMEDOUT, "%s: killed after %llu ms", path,
                              (unsigned long long)run->request->timeout_ms);
    if (failure)
        return error_set(error, failure, "follow %s", path);
    if (judge(run, wait_status, error) < 0)
        return -1;
    if (run->output.overflow)
        return error_set_code(error, EFBIG, "%s: more than 1 MiB of output", path);
    return 0;
}

int process_run(const struct process_request *request, struct error *error)
{
    AUTO_RUN struct run run = { .request = request, .pidfd = -1, .output.fd = -1, .errors.fd = -1 };
    if (start(&run, error) < 0 || finish(&run, error) < 0)
        return -1;
    if (request->output) {
        if (!run.output.text)
            run.output.text = string_copy("");
        *request->output = take_pointer(run.output.text);
    }
    return 0;
}
