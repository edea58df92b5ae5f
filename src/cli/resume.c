// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

static int run_resume(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    (void)options;
    return instance_resume(host, words->operands[0], error);
}

const struct command command_resume = {
    .name = "resume",
    .summary = "Let a paused instance go on",
    .operands = "ID",
    .section = COMMAND_FOR_PEOPLE,
    .minimum_operands = 1,
    .run = run_resume,
};
