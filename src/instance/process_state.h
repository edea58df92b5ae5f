// SPDX-License-Identifier: Apache-2.0
/* Whether a recorded process is still the one that was recorded: pids are used again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Start time in clock ticks since boot and state letter (/proc/PID/stat, fields 22 and 3; proc(5));
 * 'X' as soon as it is exiting, which can take long: the first process of a pid namespace waits
 * until somebody has reaped all others. -1 when there is no such process.
 */
int process_state_read(pid_t pid, uint64_t *start_time, char *state);

/* It runs, is the same, and is no zombie. */
bool process_state_is_alive(pid_t pid, uint64_t start_time);

/* A pidfd of it; "container not running" (ESRCH) when it is gone or another one has its pid. */
int process_state_open(pid_t pid, uint64_t start_time, struct error *error);
