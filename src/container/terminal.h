// SPDX-License-Identifier: Apache-2.0
/*
 * A pseudo-terminal of the container's own devpts, for its first process (rootfs_open_terminal) and
 * for processes that join it.
 */
#pragma once

#include "base/error.h"
#include "spec/process.h"

/*
 * Make one below `root_fd` (the container's root), set its size, send the master's end over the
 * connected console socket and return the slave's descriptor, which is the caller's.
 */
int terminal_open_in(int root_fd, const struct spec_process *process, int console_socket_fd,
                     struct error *error);

/* The size that config.json wants the terminal to have; none is fine. */
int terminal_set_size(int master, const struct spec_process *process, struct error *error);
