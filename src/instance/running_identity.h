// SPDX-License-Identifier: Apache-2.0
/* A user by name, in an instance that runs: for `exec --user NAME`. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "instance/identity.h"
#include "instance/instance.h"

/* Whether "USER[:GROUP]" holds a name: digits alone need no look into the instance. */
bool identity_has_name(const char *words);

/* As identity_resolve(), in the root that the instance's first process sees. */
int identity_resolve_running(const struct host *host, const char *id, const char *words,
                             struct identity *identity, struct error *error);
