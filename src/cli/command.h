// SPDX-License-Identifier: Apache-2.0
/*
 * The command line: one static table of verbs, one file a verb, one table of options a verb. The
 * same tables print --help and feed the shell completion and the check of the man pages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "instance/instance.h"

/* Exit statuses, documented in openvirt(1). `run` and `exec` pass on their process's own. */
enum {
    EXIT_STATUS_FAILURE = 1,       /* the verb failed; for `run` and `exec` 125, 126, 127 below */
    EXIT_STATUS_USAGE = 2,         /* wrong words on the command line */
    EXIT_STATUS_RUN_FAILURE = 125, /* `run`, `exec`: openvirt itself failed */
    EXIT_STATUS_NOT_EXECUTABLE = 126,
    EXIT_STATUS_NOT_FOUND = 127,
};

struct command {
    const char *name;
    const char *summary; /* one line, for the list of verbs */
    int (*run)(struct host *host, int argc, char **argv, struct error *error); /* exit status */
};
