// SPDX-License-Identifier: Apache-2.0
/* Other programs, started and waited for. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct process_request {
    const char *path;        /* looked up in PATH when it has no slash */
    const char *const *args; /* NULL-terminated, args[0] included */
    const char *const *env;  /* NULL-terminated; NULL: our own environment */
    const char *input;       /* text for its standard input; NULL: /dev/null */
    uint64_t timeout_ms;     /* 0: none; on expiry it is killed and the call fails with ETIMEDOUT */
    char **output; /* if not NULL: gets its standard output (caller frees), at most 1 MiB */
};

/*
 * Run to the end. Returns 0 when it exits with status 0; otherwise -1 and an error that names the
 * status or signal and the last line that it printed to standard error.
 */
int process_run(const struct process_request *request, struct error *error);

/* Exit status as a shell shows it: 0-255, or 128 + signal, from a wait status. */
int process_exit_status(int wait_status);

/* waitpid() without EINTR; the wait status, or -1 with errno. */
int process_wait(pid_t pid, int *wait_status);
