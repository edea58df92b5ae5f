// SPDX-License-Identifier: Apache-2.0
/* Network interfaces of a container: loopback up, and host interfaces that move in (netDevices). */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

/* In the child, in a new network namespace: set "lo" up. */
int network_loopback_up(struct error *error);

/*
 * In the parent, once the child's network namespace exists: move each device there, rename it, give
 * back its permanent global addresses and set it up. All are checked to exist before any is moved.
 */
int network_move_devices(const struct spec *spec, pid_t child, struct error *error);
