// SPDX-License-Identifier: Apache-2.0
/*
 * The foreground of `run` and `exec`: our standard streams and signals on the one side, the
 * process's terminal and the process on the other.
 *
 *     int container_end, our_end;
 *     terminal_socket_pair(&container_end, &our_end, error);   before the process is made
 *     ... container_end takes the place of a console socket ...
 *     master = terminal_receive(our_end, error);               before its program starts
 *     terminal_relay_run(master, pidfd, error);                until it has ended
 *     ... waitid() for its status ...
 */
#pragma once

#include <signal.h>

#include "base/error.h"

/* A connected pair: the container's side sends the master over one end, we receive it at the other.
 */
int terminal_socket_pair(int *container_end, int *our_end, struct error *error);

/* The terminal's master (caller's), already as large as our own terminal; -1: none came. */
int terminal_receive(int socket_fd, struct error *error);

/*
 * Hold back every signal that the relay passes on, so that none is lost and none ends us between
 * the start of the process and the relay. `previous` is what the process must get back.
 */
void terminal_relay_hold_signals(sigset_t *previous);

/*
 * Pass data and signals on until the process has ended and all that it wrote has been written.
 * `master_fd` -1: the process has no terminal, signals only. Our own terminal is raw meanwhile
 * (when it is our standard input) and as it was afterwards, whatever the outcome.
 */
int terminal_relay_run(int master_fd, int process_pidfd, struct error *error);
