// SPDX-License-Identifier: Apache-2.0
#include "cli/options_create.h"
#include "cli/verbs.h"

static const struct option_group groups[] = {
    { NULL, create_option_definitions, 0 },
    { .options = NULL },
};

static int run_create(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    const struct instance_create_request request = create_request(options, words->operands[0]);
    return instance_create(host, &request, error);
}

const struct command command_create = {
    .name = "create",
    .summary = "Create a container from a bundle; start then runs its process",
    .operands = "ID",
    .section = COMMAND_OCI,
    .groups = groups,
    .options_size = sizeof(struct create_options),
    .minimum_operands = 1,
    .enters_containers = true,
    .run = run_create,
};
