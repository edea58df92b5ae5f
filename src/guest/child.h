// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/protocol.h"
#include "guest/text.h"

/* A process to be: what GUEST_START says. The pointers lead into its payload, unaligned. */
struct launch {
    struct guest_start start;
    const void *groups;
    const uint8_t *rlimits;
    const char *working_directory;
    const char **arguments;   /* NULL-terminated */
    const char **environment; /* NULL-terminated, with room for one more */
    int fds[3];
};

/* The child's half: become the process. A failure is written to `report_fd`. */
_Noreturn void child_run(const struct launch *launch, int report_fd);
