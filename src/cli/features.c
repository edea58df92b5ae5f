// SPDX-License-Identifier: Apache-2.0
#include "spec/features.h"

#include "base/json.h"
#include "cli/json_output.h"
#include "cli/verbs.h"

static int run_features(const struct host *host, const void *options, const struct words *words,
                        struct error *error)
{
    (void)host;
    (void)options;
    (void)words;
    (void)error;
    AUTO_JSON struct json_object *features = spec_features();
    json_print(stdout, features);
    return 0;
}

const struct command command_features = {
    .name = "features",
    .summary = "Print what this runtime can do, as JSON",
    .section = COMMAND_OCI,
    .run = run_features,
};
