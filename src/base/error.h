// SPDX-License-Identifier: Apache-2.0
/*
 * Errors for people.
 *
 * A function that can fail takes `struct error *` last, returns -1 (or NULL) on failure and has
 * then filled it exactly once. Callers add context with error_wrap(); the text is printed once, in
 * cli/. A finished message reads "what failed on what: why" and, where there is something to do,
 * ends in it; it is a single line without a trailing full stop or newline.
 */
#pragma once

#include "base/cleanup.h"

struct error {
    int code;      /* errno value, 0 where no system call failed */
    char *message; /* owned; NULL while nothing has failed */
};

/* Set the message; errno_value (when not 0) adds ": strerror". Returns -1 always. */
int error_set(struct error *error, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same where the text says all: the code is for callers, and adds nothing to the text. */
int error_set_code(struct error *error, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);

/* Put "context: " in front of the message that is already there. Returns -1 always. */
int error_wrap(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Forget what happened, so that the struct can be used again. */
void error_clear(struct error *error);

/* Move one error into another, replacing it. Returns -1 always. */
int error_move(struct error *to, struct error *from);

#define AUTO_ERROR __attribute__((cleanup(error_clear)))
