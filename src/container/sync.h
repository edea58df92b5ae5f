// SPDX-License-Identifier: Apache-2.0
/*
 * Messages between the runtime and the process that becomes the container: fixed-size packets over
 * a SOCK_SEQPACKET pair, and over the start gate's connections.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum sync_type {
    SYNC_GO = 1,  /* parent: continue */
    SYNC_MAP_IDS, /* child: I am in a new user namespace, write my id maps */
    SYNC_CHILD,   /* helper: `value` is the pid of the container's process */
    SYNC_MOUNTED, /* child: namespaces and mounts are there, run the runtime's hooks */
    SYNC_WAITING, /* child: all is set up, I wait at the gate */
    SYNC_FAILED,  /* child: `value` is an errno value, `text` why */
};

/* A connected pair, both ends close-on-exec. */
int sync_pair(int fds[2], struct error *error);

int sync_send(int fd, enum sync_type type, int32_t value, struct error *error);

/* The same with descriptors (at most 16). */
int sync_send_fds(int fd, enum sync_type type, int32_t value, const int *fds, size_t count,
                  struct error *error);

/* Tell the other side why; nothing more can be done when that fails. */
void sync_send_failure(int fd, const struct error *why);

/*
 * Receive a message of the wanted type. The other side's SYNC_FAILED becomes this side's error; an
 * end of file is "the other side ended without a word" (code EPIPE).
 */
int sync_expect(int fd, enum sync_type wanted, int32_t *value, struct error *error);

/* The same with descriptors; `count` is the room and gets their number. */
int sync_expect_fds(int fd, enum sync_type wanted, int32_t *value, int *fds, size_t *count,
                    struct error *error);

/*
 * Wait until the other side has closed its end (an exec did, close-on-exec): 0. A SYNC_FAILED
 * before that is the error.
 */
int sync_expect_end(int fd, struct error *error);
