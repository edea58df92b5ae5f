// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "cli/verbs.h"

enum { DEFAULT_INTERVAL_MS = 5000 };

struct events_options {
    struct option_uint interval_ms;
    bool stats;
};

#define MEMBER(name) offsetof(struct events_options, name)

static const struct option_definition options_table[] = {
    { 0, "interval", "TIME", OPTION_DURATION, MEMBER(interval_ms),
      "time between two statistics (default: 5s)" },
    { 0, "stats", NULL, OPTION_FLAG, MEMBER(stats), "print the statistics once and end" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

static int print_stats(const struct host *host, const char *id, struct error *error)
{
    AUTO_JSON struct json_object *stats = instance_stats(host, id, error);
    if (!stats)
        return -1;
    AUTO_FREE char *text = json_text(stats);
    puts(text);
    return 0;
}

/* Whole seconds, rounded up. */
static int interval_in_seconds(const struct option_uint *interval_ms, uint32_t *seconds,
                               struct error *error)
{
    uint64_t milliseconds = interval_ms->set ? interval_ms->value : DEFAULT_INTERVAL_MS;
    uint64_t rounded = milliseconds / 1000 + (milliseconds % 1000 != 0);
    if (rounded == 0 || rounded > UINT32_MAX)
        return error_set(error, 0, "--interval: not between a second and 136 years");
    *seconds = (uint32_t)rounded;
    return 0;
}

static int run_events(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    const struct events_options *given = options;
    uint32_t interval_s = 0;
    if (interval_in_seconds(&given->interval_ms, &interval_s, error) < 0)
        return EXIT_STATUS_USAGE;
    if (given->stats)
        return print_stats(host, words->operands[0], error);
    return instance_events(host, words->operands[0], interval_s, stdout, error);
}

const struct command command_events = {
    .name = "events",
    .summary = "Print statistics and out-of-memory events, one JSON object a line",
    .operands = "ID",
    .section = COMMAND_OCI,
    .groups = groups,
    .options_size = sizeof(struct events_options),
    .minimum_operands = 1,
    .run = run_events,
};
