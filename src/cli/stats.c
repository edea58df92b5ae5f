// SPDX-License-Identifier: Apache-2.0
/*
 * CPU time is a counter: a percentage is what it grew between two looks, so the first table comes
 * after a moment. On a terminal the table is drawn in place, elsewhere a new one follows.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/string.h"
#include "cli/json_output.h"
#include "cli/output_format.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "instance/json_build.h"

enum { FIRST_INTERVAL_MS = 500, INTERVAL_MS = 2000, COLUMNS = 6 };

struct stats_options {
    int format;
    bool no_stream;
};

#define MEMBER(name) offsetof(struct stats_options, name)

static const struct option_definition stats_options[] = {
    { 0, "no-stream", NULL, OPTION_FLAG, MEMBER(no_stream), "once, instead of until Ctrl-C" },
    OUTPUT_FORMAT_OPTION(MEMBER(format)),
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, stats_options, 0 },
    { .options = NULL },
};

/* One look at one instance. */
struct sample {
    char *name;
    bool valid;
    uint64_t time_ns, cpu_ns;
    uint64_t memory, memory_limit, pids, pids_limit, read_bytes, written_bytes;
};

struct samples {
    struct sample *items;
    size_t count;
};

static void samples_free(struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++)
        free(samples->items[i].name);
    free(samples->items);
    *samples = (struct samples){ 0 };
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static struct json_object *member(struct json_object *object, const char *key)
{
    return object ? json_object_object_get(object, key) : NULL;
}

static uint64_t number(struct json_object *object, const char *key)
{
    return json_object_get_uint64(member(object, key));
}

static void add_io(struct sample *sample, struct json_object *rows)
{
    size_t count = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *operation = json_string_member(row, "op");
        if (operation && string_equal(operation, "Read"))
            sample->read_bytes += number(row, "value");
        if (operation && string_equal(operation, "Write"))
            sample->written_bytes += number(row, "value");
    }
}

/* One that has ended meanwhile, or has no cgroup, stays without numbers. */
static void take_sample(const struct host *host, const char *name, struct sample *sample)
{
    AUTO_ERROR struct error gone = { 0 };
    AUTO_JSON struct json_object *stats = instance_stats(host, name, &gone);
    *sample = (struct sample){ .name = string_copy(name), .time_ns = now_ns() };
    struct json_object *data = member(stats, "data");
    struct json_object *memory = member(member(data, "memory"), "usage");
    if (!data)
        return;
    sample->valid = true;
    sample->cpu_ns = number(member(member(data, "cpu"), "usage"), "total");
    sample->memory = number(memory, "usage");
    sample->memory_limit = number(memory, "limit");
    sample->pids = number(member(data, "pids"), "current");
    sample->pids_limit = number(member(data, "pids"), "limit");
    add_io(sample, member(member(data, "blkio"), "ioServiceBytesRecursive"));
}

static uint64_t host_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* "no limit" is a number beyond what the machine has. */
static uint64_t effective_limit(const struct sample *sample)
{
    uint64_t all = host_memory();
    return sample->memory_limit && sample->memory_limit < all ? sample->memory_limit : all;
}

static char *size_text(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < ARRAY_LENGTH(units)) {
        value /= 1024;
        unit++;
    }
    return string_format(unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static double cpu_percent(const struct sample *before, const struct sample *now)
{
    if (!before->valid || now->time_ns <= before->time_ns || now->cpu_ns < before->cpu_ns)
        return 0;
    return 100.0 * (double)(now->cpu_ns - before->cpu_ns) /
           (double)(now->time_ns - before->time_ns);
}

static const struct sample *find(const struct samples *samples, const char *name)
{
    static const struct sample none = { 0 };
    for (size_t i = 0; i < samples->count; i++)
        if (string_equal(samples->items[i].name, name))
            return &samples->items[i];
    return &none;
}

/* One without a cgroup of its own, as ordinary users' may be, has no numbers. */
static void add_empty_row(struct table *table, const char *name)
{
    table_cell(table, "%s", name);
    for (int column = 1; column < COLUMNS; column++)
        table_cell(table, "-");
}

static void add_row(struct table *table, const struct sample *before, const struct sample *now)
{
    AUTO_FREE char *memory = size_text(now->memory);
    AUTO_FREE char *limit = size_text(effective_limit(now));
    AUTO_FREE char *reads = size_text(now->read_bytes), *writes = size_text(now->written_bytes);
    table_cell(table, "%s", now->name);
    table_cell(table, "%.1f%%", cpu_percent(before, now));
    table_cell(table, "%s / %s", memory, limit);
    table_cell(table, "%.1f%%", 100.0 * (double)now->memory / (double)effective_limit(now));
    table_cell(table, "%" PRIu64, now->pids);
    table_cell(table, "%s / %s", reads, writes);
}

static void print_table(const struct samples *before, const struct samples *now)
{
    static const struct table_column columns[COLUMNS] = {
        { "NAME", false }, { "CPU", true },  { "MEMORY / LIMIT", true },
        { "MEM", true },   { "PIDS", true }, { "DISK READ / WRITTEN", true },
    };
    AUTO_TABLE struct table *table = table_new(columns, ARRAY_LENGTH(columns));
    for (size_t i = 0; i < now->count; i++)
        if (now->items[i].valid)
            add_row(table, find(before, now->items[i].name), &now->items[i]);
        else
            add_empty_row(table, now->items[i].name);
    table_print(table, stdout);
}

static void print_json(const struct samples *before, const struct samples *now)
{
    AUTO_JSON struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < now->count; i++) {
        const struct sample *sample = &now->items[i];
        if (!sample->valid)
            continue;
        struct json_object *object = json_object_new_object();
        json_add_string(object, "name", sample->name);
        json_add(object, "cpuPercent",
                 json_object_new_double(cpu_percent(find(before, sample->name), sample)));
        json_add(object, "memory", json_object_new_uint64(sample->memory));
        json_add(object, "memoryLimit", json_object_new_uint64(effective_limit(sample)));
        json_add(object, "pids", json_object_new_uint64(sample->pids));
        json_add(object, "pidsLimit", json_object_new_uint64(sample->pids_limit));
        json_add(object, "bytesRead", json_object_new_uint64(sample->read_bytes));
        json_add(object, "bytesWritten", json_object_new_uint64(sample->written_bytes));
        json_object_array_add(array, object);
    }
    json_print(stdout, array);
}

static void add_sample(const struct host *host, const char *name, struct samples *samples)
{
    samples->items = reallocate(samples->items, samples->count + 1, sizeof(*samples->items));
    take_sample(host, name, &samples->items[samples->count++]);
}

/* The ones that were named, or all that run. */
static int look(const struct host *host, const struct words *words, struct samples *samples,
                struct error *error)
{
    struct instance **instances = NULL;
    size_t count = 0;
    for (size_t i = 0; i < words->count; i++)
        add_sample(host, words->operands[i], samples);
    if (words->count)
        return 0;
    if (instance_list(host, &instances, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (instances[i]->status != INSTANCE_STOPPED)
            add_sample(host, instances[i]->id, samples);
        instance_free(instances[i]);
    }
    free(instances);
    return 0;
}

/* A name that is wrong is told at once, not shown as an empty table. */
static int check_names(const struct host *host, const struct words *words, struct error *error)
{
    for (size_t i = 0; i < words->count; i++) {
        AUTO_INSTANCE struct instance *instance = instance_load(host, words->operands[i], error);
        if (!instance)
            return -1;
        if (instance->status == INSTANCE_STOPPED)
            return error_set(error, 0, "%s: container not running", words->operands[i]);
    }
    return 0;
}

static bool any_valid(const struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++)
        if (samples->items[i].valid)
            return true;
    return false;
}

static int print_next(const struct host *host, const struct stats_options *given,
                      const struct words *words, struct samples *before, struct error *error)
{
    struct samples now = { 0 };
    if (look(host, words, &now, error) < 0)
        return -1;
    if (!given->no_stream && isatty(STDOUT_FILENO))
        fputs("\033[H\033[J", stdout); /* ECMA-48: cursor home, erase to the end */
    if (given->format == OUTPUT_JSON)
        print_json(before, &now);
    else
        print_table(before, &now);
    samples_free(before);
    *before = now;
    return fflush(stdout) == 0 ? 0 : error_set(error, errno, "write to standard output");
}

static int run_stats(const struct host *host, const void *options, const struct words *words,
                     struct error *error)
{
    const struct stats_options *given = options;
    struct samples before = { 0 };
    int result = check_names(host, words, error);
    if (result == 0)
        result = look(host, words, &before, error);
    int interval = FIRST_INTERVAL_MS;
    while (result == 0) {
        poll(NULL, 0, interval);
        interval = INTERVAL_MS;
        result = print_next(host, given, words, &before, error);
        /* What was named and is over has no more to tell. */
        if (given->no_stream || (words->count && !any_valid(&before)))
            break;
    }
    samples_free(&before);
    return result;
}

const struct command command_stats = {
    .name = "stats",
    .summary = "Show what running instances use, again and again",
    .operands = "[NAME...]",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct stats_options),
    .minimum_operands = 0,
    .maximum_operands = SIZE_MAX,
    .run = run_stats,
};
