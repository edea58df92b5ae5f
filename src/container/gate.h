// SPDX-License-Identifier: Apache-2.0
/*
 * The start gate: a created container waits in accept() on a socket in its state directory until
 * `start` connects. The socket file is there as long as the container is "created"; the connection
 * carries the error back when the program cannot be executed, and its end says that it was.
 *
 * `start` removes the file after it has connected and before it says go, so that however either
 * side dies, the file never stands for a container that was started: a waiting process whose caller
 * left without a word ends.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Bind and listen on "gate" below the state directory (mode 0700). The listening descriptor. */
int gate_make(int state_directory_fd, struct error *error);

/* Child: wait for one caller and its go; the connection, which is the caller's to close, or -1. */
int gate_wait(int listen_fd, struct error *error);

/*
 * `start`: go through. Returns when the program was executed, or -1 with its error. ENOENT: it was
 * started before.
 */
int gate_open(int state_directory_fd, struct error *error);

/* Whether the container still waits. */
bool gate_is_closed(int state_directory_fd);
