// SPDX-License-Identifier: Apache-2.0
/* The end of an instance: nothing running, no cgroup, nothing mounted, no state directory. */
#pragma once

#include "base/error.h"
#include "instance/instance.h"

/*
 * Its first process has ended. Removes the cgroups with whatever is left in them, runs the poststop
 * hooks and removes the state directory, last. `spec` may be NULL when it cannot be read any more.
 */
int instance_destroy(const struct host *host, const struct instance *instance,
                     const struct spec *spec, struct error *error);
