// SPDX-License-Identifier: Apache-2.0
/* Descriptors that the caller hands over to the container's process: 3, 4, ... */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct handed_fds {
    uint32_t preserve; /* how many in all: those of --preserve-fds and those of systemd */
    uint32_t listen;   /* of these, sockets by the protocol of sd_listen_fds(3): $LISTEN_FDS */
};

/*
 * Count them and check that each is open. The caller's have come through an exec and ours are
 * close-on-exec: one that is missing would otherwise be given to a file of ours, and then to the
 * container.
 */
int handed_fds_find(uint32_t preserve_fds, struct handed_fds *handed, struct error *error);
