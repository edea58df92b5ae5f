// SPDX-License-Identifier: Apache-2.0
/*
 * Ctrl-C during long work, without a handler: the signals that end a process are blocked while
 * something half made is on disk, the work asks now and then whether one is waiting, cleans up as
 * after any other error, and the signal takes effect when the block is lifted.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct interrupt {
    sigset_t before;
    bool active;
};

void interrupt_block(struct interrupt *interrupt);
void interrupt_restore(struct interrupt *interrupt); /* a waiting signal is delivered here */

/* -1 with "interrupted" when one is waiting. */
int interrupt_check(struct error *error);

/*
 * Wait until `fd`, which `child` writes to, can be read. A signal that is waiting here is passed on
 * to the child as SIGTERM, once: with Ctrl-C at a terminal it has got its own already.
 */
struct interrupt_watch {
    pid_t child;
    int signal_fd;
    bool passed_on;
};

int interrupt_watch_begin(struct interrupt_watch *watch, pid_t child, struct error *error);
int interrupt_watch_wait(struct interrupt_watch *watch, int fd, struct error *error);
void interrupt_watch_end(struct interrupt_watch *watch);

#define AUTO_INTERRUPT_WATCH __attribute__((cleanup(interrupt_watch_end)))
#define AUTO_INTERRUPT       __attribute__((cleanup(interrupt_restore)))
