// SPDX-License-Identifier: Apache-2.0
/* Verbs that take several names: one act on each, also after a failure. */
#pragma once

#include "cli/command.h"

typedef int name_act(const struct host *host, const char *name, const void *context,
                     struct error *error);

/* Prints each name for which the act succeeded; the error holds all messages. */
int act_on_each(const struct host *host, const struct words *words, name_act *act,
                const void *context, struct error *error);
