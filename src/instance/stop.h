// SPDX-License-Identifier: Apache-2.0
/* Ending and removing instances as people do, whoever made them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "instance/instance.h"

/*
 * Send the stop signal (of the image, or SIGTERM), and SIGKILL after the timeout, or at once where
 * the kernel would drop the signal. Returns when it has ended and its keeper has recorded that; one
 * that is not running is fine.
 */
int instance_stop(const struct host *host, const char *name, uint64_t timeout_ms,
                  struct error *error);

/* Remove it with all that is kept of it. One that runs only when forced. */
int instance_remove(const struct host *host, const char *name, bool force, struct error *error);
