// SPDX-License-Identifier: Apache-2.0
/*
 * What other processes of the host tell a running monitor, over a socket in the state directory,
 * which only its owner can reach: packets, one struct each, with descriptors.
 *
 *      EXEC  number of a signal: 0; descriptors: standard input, output, error, and a memfd with
 *            the process as in process.json      -> STARTED or FAILED, at the end EXITED
 *      SIGNAL, WINDOW_SIZE                          about the process of this connection
 *      PAUSE, RESUME                             -> DONE
 *
 * A connection carries one process; when it ends before the process does, the process gets SIGHUP.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum control_type {
    CONTROL_EXEC = 1,
    CONTROL_SIGNAL,
    CONTROL_WINDOW_SIZE,
    CONTROL_PAUSE,
    CONTROL_RESUME,
    CONTROL_STARTED, /* value: the pid in the guest */
    CONTROL_FAILED,  /* value: errno or 0; text */
    CONTROL_EXITED,  /* value: the exit status, or 128 + signal */
    CONTROL_DONE,
};

enum { CONTROL_EXEC_FDS = 4, CONTROL_DOCUMENT_LIMIT = 2 << 20 };

struct control_message {
    uint32_t type;
    int32_t value;
    uint16_t rows, columns;
    char text[500]; /* NUL-terminated */
};

/* The listening socket "monitor" in the state directory. */
int control_listen(int state_directory_fd, struct error *error);

/* -- The caller's side, which may wait -- */

int control_connect(int state_directory_fd, struct error *error);
int control_send(int fd, const struct control_message *message, const int *fds, size_t fd_count,
                 struct error *error);
/* CONTROL_FAILED becomes the error; so does the end of the other side. */
int control_receive(int fd, struct control_message *message, struct error *error);

/* PAUSE or RESUME, and its answer. */
int control_command(int state_directory_fd, enum control_type type, struct error *error);
