// SPDX-License-Identifier: Apache-2.0
#include "cli/each.h"
#include "cli/verbs.h"
#include "instance/stop.h"

struct rm_options {
    bool force;
};

static const struct option_definition rm_options[] = {
    { 'f', "force", NULL, OPTION_FLAG, offsetof(struct rm_options, force),
      "kill those that run first" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, rm_options, 0 },
    { .options = NULL },
};

static int remove_one(const struct host *host, const char *name, const void *context,
                      struct error *error)
{
    const struct rm_options *given = context;
    return instance_remove(host, name, given->force, error);
}

static int run_rm(const struct host *host, const void *options, const struct words *words,
                  struct error *error)
{
    return act_on_each(host, words, remove_one, options, error);
}

const struct command command_rm = {
    .name = "rm",
    .summary = "Remove instances and what they wrote",
    .operands = "NAME...",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct rm_options),
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .run = run_rm,
};
