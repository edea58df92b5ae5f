// SPDX-License-Identifier: Apache-2.0
/* The verbs, each defined in the file of its name. */
#pragma once

#include "cli/command.h"

extern const struct command command_complete;
extern const struct command command_help;
