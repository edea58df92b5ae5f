// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <errno.h>
#include <stdint.h>

#include "base/string.h"
#include "cli/help.h"
#include "cli/nearest.h"

static const struct option_group no_options[] = { { .options = NULL } };

const struct command *command_find(const char *name, struct error *error)
{
    struct nearest nearest = nearest_to(name);
    for (const struct command *const *command = commands; *command; command++) {
        if (string_equal((*command)->name, name))
            return *command;
        if ((*command)->section != COMMAND_HIDDEN)
            nearest_offer(&nearest, (*command)->name);
    }
    if (nearest.word)
        error_set(error, 0, "unknown command \"%s\", did you mean \"%s\"?", name, nearest.word);
    else
        error_set(error, 0, "unknown command \"%s\", see openvirt --help", name);
    return NULL;
}

static int check_operands(const struct command *command, const struct option_result *parsed,
                          struct error *error)
{
    size_t maximum =
        command->maximum_operands ? command->maximum_operands : command->minimum_operands;
    if (parsed->operand_count > maximum)
        return error_set(error, 0, "unexpected \"%s\", usage: openvirt %s [OPTION...] %s",
                         parsed->operands[maximum], command->name,
                         command->operands ? command->operands : "");
    if (parsed->operand_count < command->minimum_operands)
        return error_set(error, 0, "missing %s, usage: openvirt %s [OPTION...] %s",
                         command->minimum_operands == 1 ? "operand" : "operands", command->name,
                         command->operands);
    return 0;
}

static int run_parsed(const struct command *command, const struct host *host, const void *options,
                      const struct option_result *parsed, struct error *error)
{
    if (parsed->help) {
        help_print_command(stdout, command);
        return 0;
    }
    if (check_operands(command, parsed, error) < 0)
        return EXIT_STATUS_USAGE;
    struct words words = { .operands = parsed->operands,
                           .count = parsed->operand_count,
                           .before_dashes = parsed->operands_before_dashes,
                           .dashes = parsed->dashes };
    int status = command->run(host, options, &words, error);
    return status < 0 ? command_failure_status(command, error) : status;
}

int command_run(const struct command *command, const struct host *host, int argc, char *const *argv,
                struct error *error)
{
    const struct option_group *groups = command->groups ? command->groups : no_options;
    AUTO_FREE void *options = allocate(1, command->options_size + 1);
    struct option_result parsed;
    int status = EXIT_STATUS_USAGE;
    if (options_parse(groups, command->style, argc, argv, options, &parsed, error) == 0)
        status = run_parsed(command, host, options, &parsed, error);
    if (status == EXIT_STATUS_USAGE && error->message)
        error_wrap(error, "%s", command->name);
    options_free(groups, options, &parsed);
    return status;
}

/*
 * container/process.h puts `exec: "PROGRAM"` in front of what keeps the program from being run;
 * as with shells, 127 is for one that is not there (POSIX XCU 2.8.2).
 */
int command_failure_status(const struct command *command, const struct error *error)
{
    if (!command->passes_status)
        return EXIT_STATUS_FAILURE;
    if (!error->message || !strstr(error->message, "exec: \""))
        return EXIT_STATUS_RUN_FAILURE;
    if (error->code == ENOENT || strstr(error->message, "executable file not found"))
        return EXIT_STATUS_NOT_FOUND;
    return EXIT_STATUS_NOT_EXECUTABLE;
}
