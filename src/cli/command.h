// SPDX-License-Identifier: Apache-2.0
/*
 * The command line: one static table of verbs, one file a verb, one table of options a verb. The
 * same tables print --help and feed the shell completion and the check of the man pages.
 *
 * To add a verb: a file with a `const struct command command_NAME`, a line in commands.c, a section
 * in docs/man.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/options.h"
#include "instance/instance.h"

/* Exit statuses, documented in openvirt(1). `run` and `exec` pass on their process's own. */
enum {
    EXIT_STATUS_FAILURE = 1,       /* the verb failed; for `run` and `exec` 125, 126, 127 below */
    EXIT_STATUS_USAGE = 2,         /* wrong words on the command line */
    EXIT_STATUS_RUN_FAILURE = 125, /* `run`, `exec`: openvirt itself failed */
    EXIT_STATUS_NOT_EXECUTABLE = 126,
    EXIT_STATUS_NOT_FOUND = 127,
};

/* What a verb was given: its options are in the struct that its groups describe. */
struct words {
    const char *const *operands; /* NULL-terminated: what is no option */
    size_t count;
    size_t before_dashes; /* how many of them stood before a "--" (all, where there is none) */
    bool dashes;
};

/* Where the verb stands in the list of verbs. */
enum command_section { COMMAND_FOR_PEOPLE, COMMAND_OCI, COMMAND_HIDDEN };

struct command {
    const char *name;
    const char *summary;     /* one line, for the list of verbs; no full stop */
    const char *operands;    /* "ID", "ID COMMAND [ARGUMENT...]": for the usage line; NULL: none */
    const char *description; /* for --help, below the summary; NULL: none */
    enum command_section section;
    const struct option_group *groups; /* ends with .options == NULL; NULL: no options but --help */
    size_t options_size;               /* of the verb's struct */
    enum operand_style style;
    size_t minimum_operands, maximum_operands; /* maximum 0: as the minimum; SIZE_MAX: any number */
    bool enters_containers; /* its process or a child of it enters one: runs from a sealed copy */
    bool passes_status;     /* exits with its process's status: own failures are 125, 126, 127 */

    /*
     * Returns the exit status, or -1 with the error set. A usage error that only the verb can find:
     * set the error and return EXIT_STATUS_USAGE.
     */
    int (*run)(const struct host *host, const void *options, const struct words *words,
               struct error *error);
};

/* All verbs, in the order of the help; NULL-terminated. */
extern const struct command *const commands[];

/* What stands in front of the verb; the struct is cli/host.h's. */
extern const struct option_group global_option_groups[];

/* NULL, with an error that suggests the nearest one, where there is no such verb. */
const struct command *command_find(const char *name, struct error *error);

/* Parse what follows the verb and run it. The exit status, with the error set where it says so. */
int command_run(const struct command *command, const struct host *host, int argc, char *const *argv,
                struct error *error);

/* The exit status of `run` and `exec` for an error of openvirt's own. */
int command_failure_status(const struct command *command, const struct error *error);
