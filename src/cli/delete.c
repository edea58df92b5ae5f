// SPDX-License-Identifier: Apache-2.0
#include "cli/matching.h"
#include "cli/verbs.h"

struct delete_options {
    bool force, regex;
};

#define MEMBER(name) offsetof(struct delete_options, name)

static const struct option_definition options_table[] = {
    { 'f', "force", NULL, OPTION_FLAG, MEMBER(force),
      "kill it first if it has not stopped; no error if it does not exist" },
    { 'r', "regex", NULL, OPTION_FLAG, MEMBER(regex),
      "ID is a regular expression: delete all that match" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

static int act(const struct host *host, const char *id, const void *context, struct error *error)
{
    const bool *force = context;
    return instance_delete(host, id, *force, error);
}

static int run_delete(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    const struct delete_options *given = options;
    if (given->regex)
        return act_on_matching(host, words->operands[0], act, &given->force, error);
    return act(host, words->operands[0], &given->force, error);
}

const struct command command_delete = {
    .name = "delete",
    .summary = "Remove what is left of a stopped container",
    .operands = "ID",
    .section = COMMAND_OCI,
    .groups = groups,
    .options_size = sizeof(struct delete_options),
    .minimum_operands = 1,
    .run = run_delete,
};
