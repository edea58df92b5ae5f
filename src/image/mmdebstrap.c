// SPDX-License-Identifier: Apache-2.0
/*
 * mmdebstrap tells on its standard error what it is doing ("I: extracting archives..."). The lines
 * that begin a phase move the progress; of the errors ("E: ...") the first one is the cause and the
 * others are its consequences.
 *
 * The program shares our terminal's process group, so Ctrl-C reaches it directly; a signal that was
 * sent to us alone is passed on (we have it blocked: see interrupt.h). It cleans up after itself,
 * and we wait for that.
 */
#include "image/mmdebstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/string.h"
#include "image/interrupt.h"

/* What each phase begins with, and how far the whole is then, as measured on a 2-core machine. */
static const struct phase {
    const char *line;
    unsigned int percent;
    const char *text;
} phases[] = {
    { "I: running apt-get update", 2, "reading package lists" },
    { "I: downloading packages", 15, "downloading packages" },
    { "I: extracting archives", 35, "extracting packages" },
    { "I: installing essential packages", 50, "installing essential packages" },
    { "I: installing remaining packages", 75, "installing remaining packages" },
    { "I: cleaning package lists", 92, "cleaning up" },
    { "I: creating tarball", 94, "packing" },
};

/* What the first error may hold, and what a person can do about it. */
static const struct hint {
    const char *text, *advice;
} hints[] = {
    { "does not have a Release file", "; there may be no such suite" },
    { "Failed to fetch", "; is the network up, or a proxy needed (http_proxy)?" },
    { "Could not resolve", "; is the network up, or a proxy needed (http_proxy)?" },
};

struct run {
    pid_t pid;
    int output_fd; /* its standard error */
    struct progress *progress;
    char line[512];
    size_t length;
    char *first_error; /* owned */
};

/* "E: what happened." as our messages have it, without the full stop. */
static char *error_text(const char *line)
{
    const char *text = line + strlen("E: ");
    size_t length = strlen(text);
    return string_copy_n(text, length - (length > 0 && text[length - 1] == '.'));
}

static void take_line(struct run *run)
{
    run->line[run->length] = '\0';
    run->length = 0;
    if (!run->first_error && string_starts_with(run->line, "E: "))
        run->first_error = error_text(run->line);
    for (size_t i = 0; i < ARRAY_LENGTH(phases); i++)
        if (string_starts_with(run->line, phases[i].line))
            progress_phase(run->progress, phases[i].percent, phases[i].text);
}

/* Lines end in a newline or, where something draws a bar, in a carriage return. */
static void take_output(struct run *run, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n' || data[i] == '\r')
            take_line(run);
        else if (run->length < sizeof(run->line) - 1)
            run->line[run->length++] = data[i];
    }
}

static _Noreturn void become_mmdebstrap(const char *const *args, int standard_output,
                                        int standard_error)
{
    sigset_t none;
    sigemptyset(&none);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 ||
        dup2(standard_output < 0 ? null_fd : standard_output, 1) < 0 ||
        dup2(standard_error, 2) < 0 || setenv("LC_ALL", "C.UTF-8", 1) < 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        _exit(126);
    execvp(args[0], (char *const *)args);
    dprintf(2, errno == ENOENT ? "E: it is not there: install the package mmdebstrap\n"
                               : "E: it cannot be executed: %m\n");
    _exit(127);
}

static int start(struct run *run, const char *const *args, int standard_output, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, errno, "make a pipe");
    run->pid = fork();
    if (run->pid == 0)
        become_mmdebstrap(args, standard_output, ends[1]);
    close(ends[1]);
    run->output_fd = ends[0];
    if (run->pid < 0)
        return error_set(error, errno, "fork");
    return 0;
}

/* Read to the end of its output. */
static int follow(struct run *run, struct error *error)
{
    AUTO_INTERRUPT_WATCH struct interrupt_watch watch = { .signal_fd = -1 };
    if (interrupt_watch_begin(&watch, run->pid, error) < 0)
        return -1;
    for (;;) {
        char data[4096];
        if (interrupt_watch_wait(&watch, run->output_fd, error) < 0)
            return -1;
        ssize_t count = read(run->output_fd, data, sizeof(data));
        if (count <= 0)
            return count < 0 ? error_set(error, errno, "read from mmdebstrap") : 0;
        take_output(run, data, (size_t)count);
    }
}

static const char *advice_for(const char *message)
{
    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++)
        if (strstr(message, hints[i].text))
            return hints[i].advice;
    return "";
}

static int report(const struct run *run, int status, struct error *error)
{
    if (interrupt_check(error) < 0)
        return -1;
    if (status == 0)
        return 0;
    if (!run->first_error)
        return error_set(error, 0, "mmdebstrap ended with status %d", status);
    return error_set(error, 0, "mmdebstrap: %s%s", run->first_error, advice_for(run->first_error));
}

static int run_mmdebstrap(const char *const *args, int standard_output, struct progress *progress,
                          struct error *error)
{
    struct run run = { .output_fd = -1, .progress = progress };
    AUTO_ERROR struct error failure = { 0 };
    int status = 0, result = start(&run, args, standard_output, &failure);
    if (result == 0) {
        result = follow(&run, &failure);
        if (result < 0)
            kill(run.pid, SIGTERM);
        if (process_wait(run.pid, &status) < 0)
            result = error_set(&failure, errno, "wait for mmdebstrap");
    }
    if (result == 0)
        result = report(&run, process_exit_status(status), &failure);
    if (run.output_fd >= 0)
        close(run.output_fd);
    free(run.first_error);
    return result < 0 ? error_move(error, &failure) : 0;
}

int mmdebstrap_to_directory(const char *suite, const char *directory, struct progress *progress,
                            struct error *error)
{
    const char *mirror = getenv("OPENVIRT_DEBIAN_MIRROR");
    const char *const args[] = { "mmdebstrap",  "--variant=minbase",
                                 "--mode=root", "--format=directory",
                                 suite,         directory,
                                 mirror,        NULL };
    return run_mmdebstrap(args, -1, progress, error);
}

int mmdebstrap_to_archive(const char *suite, int archive_fd, struct progress *progress,
                          struct error *error)
{
    const char *mirror = getenv("OPENVIRT_DEBIAN_MIRROR");
    const char *const args[] = {
        "mmdebstrap", "--variant=minbase", "--mode=unshare", "--format=tar", suite, "-", mirror,
        NULL
    };
    return run_mmdebstrap(args, archive_fd, progress, error);
}
