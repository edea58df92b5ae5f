// SPDX-License-Identifier: Apache-2.0
#include "image/interrupt.h"

#include <errno.h>

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

void interrupt_signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++)
        sigaddset(set, ending_signals[i]);
}

void interrupt_block(struct interrupt *interrupt)
{
    sigset_t set;
    interrupt_signals(&set);
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
            return error_set(error, EINTR, "stopped");
    return 0;
}
