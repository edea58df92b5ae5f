// SPDX-License-Identifier: Apache-2.0
/* What an instance is right now, and the JSON that says so to hooks and callers. */
#pragma once

#include "base/error.h"
#include "instance/instance.h"

/* The state JSON (runtime-spec, "State") with a given status; hooks get exactly this. Allocated. */
char *instance_state_text(const struct instance *instance, const char *status);

/* Load from an open state directory. */
struct instance *instance_load_from(const struct host *host, const char *id, int state_directory_fd,
                                    struct error *error);
