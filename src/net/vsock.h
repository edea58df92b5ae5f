// SPDX-License-Identifier: Apache-2.0
/*
 * The host's side of a guest's virtio sockets, over Unix sockets as Firecracker has them:
 *
 *   host to guest   connect to PATH, write "CONNECT port\n", read "OK host-port\n", then talk
 *   guest to host   the guest connects to port N of CID 2; somebody listens at PATH_N
 *
 * All of it runs on the event loop's thread or under the machine's lock.
 */
#pragma once

#include "base/error.h"
#include "base/event_loop.h"
#include "core/platform.h"

#define VSOCK_STREAMS 128 /* at once, handshakes included */

/* Listens at `path`, which must not exist. NULL: error. */
struct platform_vsock *vsock_open(struct event_loop *loop, const char *path, struct error *error);
/* Ends every stream; removes `path`. NULL is fine. */
void vsock_close(struct platform_vsock *vsock);
