// SPDX-License-Identifier: Apache-2.0
/* -e NAME=VALUE and -e NAME of `run` and `exec`. */
#pragma once

#include "base/error.h"
#include "base/string.h"

/*
 * NAME alone takes the value from our own environment, and is left out where we have none. Adds to
 * `env`; -1 for a word without a name.
 */
int environment_from_options(const struct string_list *words, struct string_list *env,
                             struct error *error);
