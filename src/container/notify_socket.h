// SPDX-License-Identifier: Apache-2.0
/*
 * sd_notify(3) for a service in a container: a socket in the state directory is bound into the
 * container, and what its process says there is relayed to the host's $NOTIFY_SOCKET.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Make `DIRECTORY/notify/notify.sock` (mode 0777 directory inside a 0700 one); the bound socket's
 * fd. */
int notify_socket_make(const char *state_directory, struct error *error);

/*
 * Relay until READY=1 was passed on (with MAINPID=`pid` of the container's process on the host, and
 * BARRIER=1 handled) or the process ended. `host_socket` is the value of $NOTIFY_SOCKET.
 */
int notify_socket_relay(int fd, const char *host_socket, pid_t pid, int pidfd, struct error *error);
