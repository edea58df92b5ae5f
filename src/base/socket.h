// SPDX-License-Identifier: Apache-2.0
/* Unix sockets that carry file descriptors (SCM_RIGHTS). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Connect a stream socket to a path of any length (through /proc/self/fd where it exceeds
 * sun_path). */
int socket_connect(const char *path, struct error *error);

/* One message with at most 16 descriptors, which stay the caller's. At least one byte of data. */
int socket_send_fds(int socket_fd, const void *data, size_t length, const int *fds, size_t fd_count,
                    struct error *error);

/*
 * Receive one message. `fd_count` is the room in `fds` and gets the number received; descriptors
 * that do not fit are closed. The ones received are close-on-exec and the caller's. Returns the
 * length of the data (0: the other side is gone), or -1.
 */
ssize_t socket_receive_fds(int socket_fd, void *data, size_t size, int *fds, size_t *fd_count,
                           struct error *error);
