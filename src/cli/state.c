// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "cli/json_output.h"
#include "cli/verbs.h"

static int run_state(const struct host *host, const void *options, const struct words *words,
                     struct error *error)
{
    (void)options;
    AUTO_INSTANCE struct instance *instance = instance_load(host, words->operands[0], error);
    if (!instance)
        return -1;
    AUTO_JSON struct json_object *state = instance_state_json(instance);
    json_print(stdout, state);
    return 0;
}

const struct command command_state = {
    .name = "state",
    .summary = "Print the state of an instance as the OCI specification defines it",
    .operands = "ID",
    .section = COMMAND_OCI,
    .minimum_operands = 1,
    .run = run_state,
};
