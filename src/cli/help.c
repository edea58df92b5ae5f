// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include "base/string.h"
#include "cli/style.h"

enum { OPTION_COLUMN = 30, VERB_COLUMN = 14 };

static void print_heading(FILE *output, const char *text)
{
    bool wanted = style_wanted(output);
    fprintf(output, "\n%s%s:%s\n", style_begin(STYLE_BOLD, wanted), text,
            style_end(STYLE_BOLD, wanted));
}

/* "  -b, --bundle DIR" */
static char *option_label(const struct option_definition *definition)
{
    char *label = definition->short_name ? string_format("  -%c, ", definition->short_name)
                                         : string_copy("      ");
    string_append(&label, "--%s", definition->long_name);
    if (definition->argument)
        string_append(&label, " %s", definition->argument);
    return label;
}

static void print_option(FILE *output, const struct option_definition *definition)
{
    AUTO_FREE char *label = option_label(definition);
    if (strlen(label) < OPTION_COLUMN)
        fprintf(output, "%-*s%s\n", OPTION_COLUMN, label, definition->help);
    else
        fprintf(output, "%s\n%*s%s\n", label, OPTION_COLUMN, "", definition->help);
}

static void print_groups(FILE *output, const struct option_group *groups)
{
    static const struct option_definition help = { .short_name = 'h',
                                                   .long_name = "help",
                                                   .help = "show this help" };
    for (const struct option_group *group = groups; group && group->options; group++) {
        print_heading(output, group->title ? group->title : "Options");
        for (const struct option_definition *d = group->options; d->long_name; d++)
            if (!d->hidden)
                print_option(output, d);
    }
    if (!groups)
        print_heading(output, "Options");
    print_option(output, &help);
}

void help_print_command(FILE *output, const struct command *command)
{
    fprintf(output, "Usage: openvirt %s [OPTION...]%s%s\n\n%s.\n", command->name,
            command->operands ? " " : "", command->operands ? command->operands : "",
            command->summary);
    if (command->description)
        fprintf(output, "%s\n", command->description);
    print_groups(output, command->groups);
}

static void print_section(FILE *output, const char *title, enum command_section section)
{
    print_heading(output, title);
    for (const struct command *const *command = commands; *command; command++)
        if ((*command)->section == section)
            fprintf(output, "  %-*s%s\n", VERB_COLUMN - 2, (*command)->name, (*command)->summary);
}

void help_print(FILE *output)
{
    fputs("Usage: openvirt [OPTION...] COMMAND [ARGUMENT...]\n\n"
          "Run systems and programs, isolated.\n",
          output);
    print_section(output, "Commands", COMMAND_FOR_PEOPLE);
    print_section(output, "Commands of an OCI runtime", COMMAND_OCI);
    print_groups(output, global_option_groups);
    fputs("\nopenvirt COMMAND --help tells what a command takes; openvirt(1) tells more.\n",
          output);
}
