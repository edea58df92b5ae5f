// SPDX-License-Identifier: Apache-2.0
/* The table of verbs, in the order in which --help lists them. */
#include "cli/verbs.h"

/* clang-format off */
const struct command *const commands[] = {
    &command_run_verb,
    &command_ps,
    &command_exec,
    &command_logs,
    &command_stop,
    &command_rm,
    &command_stats,
    &command_inspect,
    &command_pause,
    &command_resume,
    &command_kill,
    &command_update,
    &command_kernel,
    &command_help,
    &command_create,
    &command_start,
    &command_state,
    &command_delete,
    &command_list,
    &command_events,
    &command_features,
    &command_spec,
    &command_checkpoint,
    &command_restore,
    &command_complete,
    NULL,
};
/* clang-format on */
