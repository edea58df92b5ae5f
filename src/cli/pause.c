// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

static int run_pause(const struct host *host, const void *options, const struct words *words,
                     struct error *error)
{
    (void)options;
    return instance_pause(host, words->operands[0], error);
}

const struct command command_pause = {
    .name = "pause",
    .summary = "Suspend all processes of an instance",
    .operands = "ID",
    .section = COMMAND_FOR_PEOPLE,
    .minimum_operands = 1,
    .run = run_pause,
};
