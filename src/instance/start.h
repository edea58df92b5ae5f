// SPDX-License-Identifier: Apache-2.0
/* What follows when the program of an instance runs: shared by `start` and `run`. */
#pragma once

#include "base/error.h"
#include "instance/instance.h"

/*
 * The sd_notify socket of an instance: bound before the program starts, relayed afterwards. -1: the
 * caller has no $NOTIFY_SOCKET, or the instance was made without.
 */
int instance_bind_notify_socket(int state_directory_fd, const char *state_directory, int *notify_fd,
                                struct error *error);

/* Poststart hooks, then the wait for READY=1 on `notify_fd` (-1: none). */
int instance_after_start(struct instance *instance, const struct spec *spec, int notify_fd,
                         int pidfd, struct error *error);
