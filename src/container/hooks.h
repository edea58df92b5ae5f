// SPDX-License-Identifier: Apache-2.0
/* Hooks: programs that the specification has run at the points of a container's life. */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "spec/spec.h"

/*
 * Run the hooks of one point in order with `state` (the state JSON) on their standard input. The
 * first that fails or exceeds its timeout ends the list: -1 and an error that names the hook.
 */
int hooks_run(const struct spec *spec, enum spec_hook_point point, const char *state,
              struct error *error);

/* The same for poststop, where a failure is logged and the next hook runs all the same. */
void hooks_run_all(const struct spec *spec, enum spec_hook_point point, const char *state,
                   const struct log *log);
