// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls that an instance made by `run` does not get, as an OCI seccomp profile.
 *
 * The profile names what is denied and why, and lets the rest through: what a program needs to run
 * is open-ended, what reaches past a container is not. A denied call that a capability was made for
 * comes back with it, so `--cap-add` is enough.
 */
#pragma once

#include <stdint.h>

#include "base/json.h"

/* `capabilities`: the bounding set, bit n for capability n. The caller puts the reference. */
struct json_object *default_seccomp(uint64_t capabilities);
