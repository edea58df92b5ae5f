// SPDX-License-Identifier: Apache-2.0
/* --help, made from the tables. */
#pragma once

#include <stdio.h>

#include "cli/command.h"

/* The list of verbs with the global options. */
void help_print(FILE *output);

void help_print_command(FILE *output, const struct command *command);
