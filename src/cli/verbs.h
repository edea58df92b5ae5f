// SPDX-License-Identifier: Apache-2.0
/* The verbs, each defined in the file of its name. */
#pragma once

#include "cli/command.h"

extern const struct command command_checkpoint;
extern const struct command command_complete;
extern const struct command command_create;
extern const struct command command_delete;
extern const struct command command_events;
extern const struct command command_exec;
extern const struct command command_features;
extern const struct command command_help;
extern const struct command command_inspect;
extern const struct command command_kernel;
extern const struct command command_kill;
extern const struct command command_list;
extern const struct command command_logs;
extern const struct command command_pause;
extern const struct command command_ps;
extern const struct command command_restore;
extern const struct command command_resume;
extern const struct command command_rm;
extern const struct command command_run_verb;
extern const struct command command_spec;
extern const struct command command_start;
extern const struct command command_state;
extern const struct command command_stats;
extern const struct command command_stop;
extern const struct command command_update;
