// SPDX-License-Identifier: Apache-2.0
#include "image/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* SIGINT, SIGTERM, SIGHUP, SIGQUIT. */
static void fill_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++)
        sigaddset(set, ending_signals[i]);
}

void interrupt_block(struct interrupt *interrupt)
{
    sigset_t set;
    fill_set(&set);
    interrupt->active = sigprocmask(SIG_BLOCK, &set, &interrupt->before) == 0;
}

void interrupt_restore(struct interrupt *interrupt)
{
    if (interrupt->active)
        sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
    interrupt->active = false;
}

int interrupt_check(struct error *error)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++)
        if (sigismember(&pending, ending_signals[i]) == 1)
            return error_set_code(error, EINTR, "stopped");
    return 0;
}

int interrupt_watch_begin(struct interrupt_watch *watch, pid_t child, struct error *error)
{
    sigset_t set;
    fill_set(&set);
    *watch = (struct interrupt_watch){ .child = child };
    watch->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (watch->signal_fd < 0)
        return error_set(error, errno, "make a signal descriptor");
    return 0;
}

int interrupt_watch_wait(struct interrupt_watch *watch, int fd, struct error *error)
{
    for (;;) {
        /* The signal is never read, so that it takes effect when the block is lifted. */
        struct pollfd polled[] = { { .fd = fd, .events = POLLIN },
                                   { .fd = watch->passed_on ? -1 : watch->signal_fd,
                                     .events = POLLIN } };
        if (poll(polled, ARRAY_LENGTH(polled), -1) < 0 && errno != EINTR)
            return error_set(error, errno, "wait for a child process");
        if (polled[1].revents) {
            kill(watch->child, SIGTERM);
            watch->passed_on = true;
        }
        if (polled[0].revents)
            return 0;
    }
}

void interrupt_watch_end(struct interrupt_watch *watch)
{
    if (watch->signal_fd >= 0)
        close(watch->signal_fd);
}
