// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "base/number.h"
#include "cli/matching.h"
#include "cli/verbs.h"

struct kill_options {
    bool all, regex;
};

#define MEMBER(name) offsetof(struct kill_options, name)

static const struct option_definition options_table[] = {
    { 'a', "all", NULL, OPTION_FLAG, MEMBER(all),
      "signal every process of it, not only the first" },
    { 'r', "regex", NULL, OPTION_FLAG, MEMBER(regex),
      "ID is a regular expression: signal all that match" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

struct kill_act {
    int signal_number;
    bool all;
};

static int act(const struct host *host, const char *id, const void *context, struct error *error)
{
    const struct kill_act *wanted = context;
    return instance_kill(host, id, wanted->signal_number, wanted->all, error);
}

static int run_kill(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    const struct kill_options *given = options;
    struct kill_act wanted = { .signal_number = SIGTERM, .all = given->all };
    if (words->count == 2)
        wanted.signal_number = parse_signal(words->operands[1]);
    if (wanted.signal_number < 0) {
        error_set(error, 0, "unknown signal \"%s\"", words->operands[1]);
        return EXIT_STATUS_USAGE;
    }
    if (given->regex)
        return act_on_matching(host, words->operands[0], act, &wanted, error);
    return act(host, words->operands[0], &wanted, error);
}

const struct command command_kill = {
    .name = "kill",
    .summary = "Send a signal to the first process of an instance",
    .operands = "ID [SIGNAL]",
    .description = "SIGNAL is a number or a name, such as 9, KILL, SIGTERM (the default), "
                   "SIGRTMIN+3.",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct kill_options),
    .minimum_operands = 1,
    .maximum_operands = 2,
    .run = run_kill,
};
