// SPDX-License-Identifier: Apache-2.0
/*
 * Ctrl-C during long work, without a handler: the signals that end a process are blocked while
 * something half made is on disk, the work asks now and then whether one is waiting, cleans up as
 * after any other error, and the signal takes effect when the block is lifted.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

struct interrupt {
    sigset_t before;
    bool active;
};

void interrupt_block(struct interrupt *interrupt);
void interrupt_restore(struct interrupt *interrupt); /* a waiting signal is delivered here */

/* The set that is blocked: SIGINT, SIGTERM, SIGHUP, SIGQUIT. */
void interrupt_signals(sigset_t *set);

/* -1 with "interrupted" when one is waiting. */
int interrupt_check(struct error *error);

#define AUTO_INTERRUPT __attribute__((cleanup(interrupt_restore)))
