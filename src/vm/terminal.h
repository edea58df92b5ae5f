// SPDX-License-Identifier: Apache-2.0
/*
 * A pseudo-terminal of the host between whoever is at its master's end and a process of the guest,
 * which has a terminal of its own there: that one edits lines and makes signals, so ours is raw.
 */
#pragma once

#include "base/error.h"
#include "spec/process.h"

/*
 * Make one, send its master over the connected console socket, and make the other end our
 * controlling terminal and standard streams. We become the leader of a session, and get SIGWINCH.
 */
int terminal_become_controlled(const struct spec_process *process, int console_socket_fd,
                               struct error *error);

/* Our own window's size; 0 and 0 where it has none. */
void terminal_size(uint16_t *rows, uint16_t *columns);
