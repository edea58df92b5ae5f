// SPDX-License-Identifier: Apache-2.0
/* --regex of `kill` and `delete`: one act on every instance whose id matches. */
#pragma once

#include "instance/instance.h"

typedef int instance_act(const struct host *host, const char *id, const void *context,
                         struct error *error);

/*
 * Act on all instances that the extended regular expression matches (regex(7), anywhere in the id),
 * also after a failure; the error holds all messages. No match is fine.
 */
int act_on_matching(const struct host *host, const char *expression, instance_act *act,
                    const void *context, struct error *error);
