// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/number.h"
#include "base/string.h"
#include "cli/verbs.h"
#include "instance/log_reader.h"

struct logs_options {
    bool follow, timestamps;
    const char *tail, *since;
};

#define MEMBER(name) offsetof(struct logs_options, name)

static const struct option_definition logs_options[] = {
    { 'f', "follow", NULL, OPTION_FLAG, MEMBER(follow), "go on until it ends" },
    { 'n', "tail", "N", OPTION_STRING, MEMBER(tail), "only the last N lines (default: all)" },
    { 0, "since", "TIME", OPTION_STRING, MEMBER(since),
      "only what is newer: 2026-11-22T16:20:00Z, or 10m ago" },
    { 't', "timestamps", NULL, OPTION_FLAG, MEMBER(timestamps), "the time in front of each line" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, logs_options, 0 },
    { .options = NULL },
};

/* A time, or how long ago, in the form of the log's own. */
static char *since_text(const char *text, struct error *error)
{
    uint64_t milliseconds;
    time_t at = time_from_text(text);
    if (at == -1 && parse_duration(text, &milliseconds) == 0)
        at = time(NULL) - (time_t)(milliseconds / 1000);
    struct tm utc;
    char buffer[64];
    if (at == -1 || !gmtime_r(&at, &utc) ||
        !strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S.000000000Z", &utc)) {
        error_set(error, 0, "--since: \"%s\" is neither a time as 2026-11-22T16:20:00Z nor as 10m",
                  text);
        return NULL;
    }
    return string_copy(buffer);
}

static int make_query(const struct logs_options *given, struct log_query *query, char **since,
                      struct error *error)
{
    *query = (struct log_query){ .follow = given->follow, .timestamps = given->timestamps };
    query->limit_lines = given->tail && !string_equal(given->tail, "all");
    if (query->limit_lines && parse_uint64(given->tail, &query->lines) < 0)
        return error_set(error, 0, "--tail: \"%s\" is not a number of lines", given->tail);
    if (given->since && !(*since = since_text(given->since, error)))
        return -1;
    query->since = *since;
    return 0;
}

static int run_logs(const struct host *host, const void *options, const struct words *words,
                    struct error *error)
{
    struct log_query query;
    AUTO_FREE char *since = NULL;
    AUTO_STORAGE struct storage storage = STORAGE_CLOSED;
    AUTO_RUN struct storage_run run = { 0 };
    if (make_query(options, &query, &since, error) < 0)
        return EXIT_STATUS_USAGE;
    if (storage_open(host, words->operands[0], &storage, error) < 0 ||
        storage_read_run(&storage, &run, error) < 0)
        return -1;
    if (!run.detached && run.keeper)
        log_info(&host->log, "%s runs in the foreground: its output is not in the log",
                 words->operands[0]);
    return log_read(&storage, &query, stdout, stderr, error);
}

const struct command command_logs = {
    .name = "logs",
    .summary = "Show what an instance in the background has written",
    .operands = "NAME",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct logs_options),
    .minimum_operands = 1,
    .run = run_logs,
};
