// SPDX-License-Identifier: Apache-2.0
/* process.user: groups, group, user and umask. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "spec/process.h"

/*
 * Become the user. The permitted capabilities survive (the effective ones need not: set them
 * afterwards), and the process stays non-dumpable. `setgroups_denied`: the supplementary groups
 * stay as they are (user_namespaces(7)).
 */
int identity_set(const struct spec_user *user, bool setgroups_denied, const struct log *log,
                 struct error *error);
