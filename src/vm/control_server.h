// SPDX-License-Identifier: Apache-2.0
/* The monitor's side of control.h, in the event loop. With the machine's lock held. */
#pragma once

#include "vm/control.h"
#include "vm/session.h"
#include "vm/vm.h"

struct control_server;

/* `listen_fd` stays the caller's. */
struct control_server *control_server_new(struct vm *vm, int listen_fd, struct error *error);
/* Where processes can be started now; NULL: nowhere. */
void control_server_set_session(struct control_server *server, struct session *session);
void control_server_free(struct control_server *server); /* NULL is fine */
