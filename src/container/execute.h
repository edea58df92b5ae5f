// SPDX-License-Identifier: Apache-2.0
/* The last steps of a process of a container, the same for its first one and for `exec`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "container/process.h"

struct execute_request {
    const struct process_setup *setup;
    uint32_t preserve_fds, listen_fds;
    bool notify_socket; /* the directory of an sd_notify socket is bound at /run/notify */
};

/* Drop privileges and load the filter: the process is then what the specification says. */
int execute_confine(const struct process_setup *setup, struct error *error);

/* Close what the program must not have, and execute it. Returns only with an error. */
int execute_program(const struct execute_request *request, struct error *error);

/* setsid() and, with a terminal's slave end, make it the controlling terminal and stdio. */
int execute_session(int terminal_fd, struct error *error);
