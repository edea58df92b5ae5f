// SPDX-License-Identifier: Apache-2.0
/* How far long work is, on stderr: one line that is rewritten on a terminal, plain lines elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *title; /* what is being made; the caller's */
    bool terminal;
    unsigned int shown; /* percentage that was printed last */
    bool open;          /* an unfinished line stands on the terminal */
};

void progress_begin(struct progress *progress, const char *title);

/* `percent` of the whole, and what is being done. Without a terminal each call is a line. */
void progress_phase(struct progress *progress, unsigned int percent, const char *phase);

/* done of total bytes; printed only when the terminal's percentage changes. */
void progress_bytes(struct progress *progress, uint64_t done, uint64_t total);

/* Erase or finish the line; also the cleanup. */
void progress_end(struct progress *progress);

#define AUTO_PROGRESS __attribute__((cleanup(progress_end)))
