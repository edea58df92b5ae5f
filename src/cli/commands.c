// SPDX-License-Identifier: Apache-2.0
/* The table of verbs, in the order in which --help lists them. */
#include "cli/verbs.h"

const struct command *const commands[] = {
    &command_features, &command_spec, &command_checkpoint, &command_restore, &command_help,
    &command_complete, NULL,
};
