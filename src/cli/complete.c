// SPDX-License-Identifier: Apache-2.0
/*
 * What the shell completion and the check of the manual pages read:
 *
 *     openvirt __complete            "verb NAME SUMMARY", and the global options
 *     openvirt __complete VERB       "option -X --NAME ARGUMENT CHOICE[,CHOICE...]" of the verb
 *
 * "-" stands for what is absent.
 */
#include "cli/verbs.h"

static void print_choices(const char *const *choices)
{
    const char *separator = "";
    for (; *choices; choices++) {
        printf("%s%s", separator, *choices);
        separator = ",";
    }
}

static void print_option(const struct option_definition *definition)
{
    char letter[] = { '-', definition->short_name, 0 };
    printf("option %s --%s %s ", letter, definition->long_name,
           definition->argument ? definition->argument : "-");
    print_choices(definition->choices ? definition->choices : (const char *const[]){ "-", NULL });
    putchar('\n');
}

static void print_options(const struct option_group *groups)
{
    for (; groups && groups->options; groups++)
        for (const struct option_definition *d = groups->options; d->long_name; d++)
            if (!d->hidden)
                print_option(d);
    puts("option -h --help - -");
}

static int run_complete(const struct host *host, const void *options, const struct words *words,
                        struct error *error)
{
    (void)host;
    (void)options;
    if (words->count) {
        const struct command *command = command_find(words->operands[0], error);
        if (!command)
            return EXIT_STATUS_USAGE;
        print_options(command->groups);
        return 0;
    }
    for (const struct command *const *command = commands; *command; command++)
        if ((*command)->section != COMMAND_HIDDEN)
            printf("verb %s %s\n", (*command)->name, (*command)->summary);
    print_options(global_option_groups);
    return 0;
}

const struct command command_complete = {
    .name = "__complete",
    .summary = "List verbs and options for programs",
    .operands = "[COMMAND]",
    .section = COMMAND_HIDDEN,
    .maximum_operands = 1,
    .run = run_complete,
};
