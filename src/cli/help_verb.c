// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"
#include "cli/verbs.h"

static int run_help(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    (void)host;
    (void)options;
    if (words->count == 0) {
        help_print(stdout);
        return 0;
    }
    const struct command *command = command_find(words->operands[0], error);
    if (!command)
        return EXIT_STATUS_USAGE;
    help_print_command(stdout, command);
    return 0;
}

const struct command command_help = {
    .name = "help",
    .summary = "Show what a command does and takes",
    .operands = "[COMMAND]",
    .section = COMMAND_FOR_PEOPLE,
    .maximum_operands = 1,
    .run = run_help,
};
