// SPDX-License-Identifier: Apache-2.0
#include "image/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/string.h"
#include "image/interrupt.h"

enum { TICK_MS = 500 };

struct run {
    const struct program *program;
    pid_t pid;
    int lines_fd;
    char line[512];
    size_t length;
};

/* Lines end in a newline or, where something draws a bar, in a carriage return. */
static void take_output(struct run *run, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] != '\n' && data[i] != '\r') {
            if (run->length < sizeof(run->line) - 1)
                run->line[run->length++] = data[i];
            continue;
        }
        run->line[run->length] = '\0';
        run->length = 0;
        run->program->line(run->program->context, run->line);
    }
}

/* Programs for the administrator are not in everybody's PATH. */
static char *find(const char *name)
{
    const char *path = getenv("PATH");
    AUTO_FREE char *all = string_format("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
    AUTO_STRINGS char **directories = string_split(all, ":");
    for (char **directory = directories; *directory; directory++) {
        AUTO_FREE char *file = string_format("%s/%s", *directory, name);
        if (faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) == 0)
            return take_pointer(file);
    }
    return NULL;
}

static int standard_output(const struct program *program, int null_fd, int lines_fd)
{
    switch (program->output) {
    case PROGRAM_OUTPUT_HEARD:
        return lines_fd;
    case PROGRAM_OUTPUT_TO_FD:
        return program->output_fd;
    default:
        return null_fd;
    }
}

static _Noreturn void become(const struct program *program, const char *path, int lines_fd)
{
    sigset_t none;
    sigemptyset(&none);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 ||
        dup2(standard_output(program, null_fd, lines_fd), 1) < 0 || dup2(lines_fd, 2) < 0 ||
        setenv("LC_ALL", "C.UTF-8", 1) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
        (program->directory && chdir(program->directory) < 0))
        _exit(126);
    if (program->prepare && !program->prepare(program->context))
        _exit(126);
    execv(path, (char *const *)program->args);
    dprintf(2, "E: it cannot be executed: %m\n");
    _exit(127);
}

static int start(struct run *run, const char *path, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, errno, "make a pipe");
    run->pid = fork();
    if (run->pid == 0)
        become(run->program, path, ends[1]);
    int failure = errno;
    close(ends[1]);
    run->lines_fd = ends[0];
    return run->pid < 0 ? error_set(error, failure, "fork") : 0;
}

/* Until there is something to read or a signal waits; the clock ticks meanwhile. */
static int wait_for_output(struct run *run, struct interrupt_watch *watch, struct error *error)
{
    while (run->program->tick) {
        struct pollfd polled[] = { { .fd = run->lines_fd, .events = POLLIN },
                                   { .fd = watch->passed_on ? -1 : watch->signal_fd,
                                     .events = POLLIN } };
        if (poll(polled, ARRAY_LENGTH(polled), TICK_MS) != 0)
            break;
        run->program->tick(run->program->context);
    }
    return interrupt_watch_wait(watch, run->lines_fd, error);
}

/* Read to the end of its output. */
static int follow(struct run *run, struct error *error)
{
    AUTO_INTERRUPT_WATCH struct interrupt_watch watch = { .signal_fd = -1 };
    if (interrupt_watch_begin(&watch, run->pid, error) < 0)
        return -1;
    for (;;) {
        char data[4096];
        if (wait_for_output(run, &watch, error) < 0)
            return -1;
        ssize_t count = read(run->lines_fd, data, sizeof(data));
        if (count <= 0)
            return count < 0 ? error_set(error, errno, "read from %s", run->program->args[0]) : 0;
        take_output(run, data, (size_t)count);
    }
}

int program_run(const struct program *program, struct error *error)
{
    const char *name = program->args[0];
    struct run run = { .program = program, .lines_fd = -1 };
    AUTO_FREE char *path = find(name);
    if (!path)
        return error_set(error, 0, "%s is not there: install the package %s", name,
                         program->package);
    int status = 0, result = start(&run, path, error);
    if (result == 0) {
        result = follow(&run, error);
        if (result < 0)
            kill(run.pid, SIGTERM);
        if (process_wait(run.pid, &status) < 0 && result == 0)
            result = error_set(error, errno, "wait for %s", name);
    }
    if (run.lines_fd >= 0)
        close(run.lines_fd);
    if (result == 0)
        result = interrupt_check(error);
    return result < 0 ? -1 : process_exit_status(status);
}
