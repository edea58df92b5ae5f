// SPDX-License-Identifier: Apache-2.0
#include "instance/stop.h"
#include "cli/each.h"
#include "cli/verbs.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

struct stop_options {
    struct option_uint time;
};

static const struct option_definition stop_options[] = {
    { 't', "time", "SECONDS", OPTION_DURATION, offsetof(struct stop_options, time),
      "kill it when it has not ended by then (default: 10)" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, stop_options, 0 },
    { .options = NULL },
};

static int stop_one(const struct host *host, const char *name, const void *context,
                    struct error *error)
{
    const struct option_uint *time = context;
    return instance_stop(host, name, time->set ? time->value : DEFAULT_TIMEOUT_MS, error);
}

static int run_stop(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    const struct stop_options *given = options;
    return act_on_each(host, words, stop_one, &given->time, error);
}

const struct command command_stop = {
    .name = "stop",
    .summary = "Stop running instances",
    .operands = "NAME...",
    .description = "Sends the stop signal (the image's, or TERM), and KILL when time is up, or at\n"
                   "once where the instance's first process has no handler for the signal.",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct stop_options),
    .minimum_operands = 1,
    .maximum_operands = SIZE_MAX,
    .run = run_stop,
};
