// SPDX-License-Identifier: Apache-2.0
/*
 * Signals from people to an instance's first process.
 *
 * The kernel drops a signal that the first process of a pid namespace has not asked for
 * (pid_namespaces(7)), so that Ctrl-C on `run debian -- sleep 60` would do nothing. Outside of a
 * container the same signal would end the process; here it therefore becomes SIGKILL where the
 * process neither catches, blocks nor ignores it.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Whether the kernel would drop the signal: first process of its namespace, no handler, not
 * blocked. */
bool signal_would_be_lost(int pidfd, int signal_number);

/* Send it, or SIGKILL in its place (see above). A process that is gone is fine. */
int signal_deliver(int pidfd, int signal_number, struct error *error);
