// SPDX-License-Identifier: Apache-2.0
/* The last steps of a process of a container, the same for its first one and for `exec`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string.h"
#include "container/process.h"

struct execute_request {
    const struct process_setup *setup;
    uint32_t preserve_fds, listen_fds;
    bool notify_socket; /* the directory of an sd_notify socket is bound at /run/notify */
    /* Filled by execute_confine(), and not freed: what follows is the program or the end. */
    char *path;
    struct string_list environment;
};

/*
 * Everything but the execve: drop privileges, find the program, see to signals and descriptors, and
 * last load the filter. The process is then what the specification says, and the filter need permit
 * nothing that is not the program's own.
 */
int execute_confine(struct execute_request *request, struct error *error);

/* Execute the program. Returns only with an error. */
int execute_program(const struct execute_request *request, struct error *error);

/*
 * The end of a process that failed in the container. Descriptors go first: the kernel takes the
 * memory away before them (do_exit()), and with it the mark that keeps others out of them.
 */
_Noreturn void execute_give_up(void);

/* setsid() and, with a terminal's slave end, make it the controlling terminal and stdio. */
int execute_session(int terminal_fd, struct error *error);
