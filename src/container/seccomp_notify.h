// SPDX-License-Identifier: Apache-2.0
/*
 * SCMP_ACT_NOTIFY: the filter's notification descriptor goes to the agent that listens at
 * linux.seccomp.listenerPath (runtime-spec, config-linux.md, "The Container Process State").
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "container/seccomp.h"
#include "spec/seccomp.h"

/*
 * Parent, before the clone (the path is the host's): connect to the agent. A descriptor, or -2 when
 * the specification wants none, or -1 with the error set.
 */
int seccomp_notify_connect(const struct spec_seccomp *seccomp, struct error *error);

/* The message that accompanies the descriptor; `state` is the container's state JSON. Allocated. */
char *seccomp_notify_message(const struct spec_seccomp *seccomp, const char *state, pid_t pid,
                             struct error *error);

/*
 * Install the filter and send its descriptor with `message` over the connection. Another thread
 * sends: the filter may hold up any system call of this one, and the agent that is to answer does
 * not have the descriptor yet. On return it has been sent.
 */
int seccomp_notify_load(const struct seccomp_program *program, int connection_fd,
                        const char *message, struct error *error);
