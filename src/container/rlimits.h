// SPDX-License-Identifier: Apache-2.0
/* process.rlimits (getrlimit(2)). */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "spec/process.h"

/*
 * Only the hard limits that are above the present ones, for another process: so that it can then
 * set all of them itself without the privilege that raising wants.
 */
int rlimits_raise(const struct spec_process *process, pid_t pid, struct error *error);

/* All of them, for this process. */
int rlimits_set(const struct spec_process *process, struct error *error);
