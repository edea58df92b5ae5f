// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/stats.h"

#include "base/number.h"

#define NANOSECONDS_PER_MICROSECOND 1000ULL

static void add_time(struct json_object *object, const char *key,
                     const struct cgroup_directory *directory, const char *flat_key)
{
    stats_add(object, key,
              stats_flat_number(directory, "cpu.stat", flat_key) * NANOSECONDS_PER_MICROSECOND);
}

struct json_object *stats_v2_cpu(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    struct json_object *usage = json_object_new_object();
    struct json_object *throttling = json_object_new_object();
    add_time(usage, "total", directory, "usage_usec");
    add_time(usage, "kernel", directory, "system_usec");
    add_time(usage, "user", directory, "user_usec");
    stats_add(throttling, "periods", stats_flat_number(directory, "cpu.stat", "nr_periods"));
    stats_add(throttling, "throttledPeriods",
              stats_flat_number(directory, "cpu.stat", "nr_throttled"));
    add_time(throttling, "throttledTime", directory, "throttled_usec");
    json_object_object_add(object, "usage", usage);
    json_object_object_add(object, "throttling", throttling);
    return object;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    uint64_t total;
    return __builtin_add_overflow(a, b, &total) ? UINT64_MAX : total;
}

static struct json_object *counter(uint64_t limit, uint64_t usage, uint64_t max, uint64_t failcnt)
{
    struct json_object *object = json_object_new_object();
    stats_add(object, "limit", limit);
    stats_add(object, "usage", usage);
    stats_add(object, "max", max);
    stats_add(object, "failcnt", failcnt);
    return object;
}

/* "swap" is memory and swap together, as it was with v1. */
struct json_object *stats_v2_memory(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    uint64_t limit = stats_number(directory, "memory.max");
    uint64_t usage = stats_number(directory, "memory.current");
    stats_add(object, "cache", stats_flat_number(directory, "memory.stat", "file"));
    json_object_object_add(object, "usage",
                           counter(limit, usage, stats_number(directory, "memory.peak"),
                                   stats_flat_number(directory, "memory.events", "max")));
    json_object_object_add(object, "swap",
                           counter(sum(limit, stats_number(directory, "memory.swap.max")),
                                   sum(usage, stats_number(directory, "memory.swap.current")), 0,
                                   stats_flat_number(directory, "memory.swap.events", "max")));
    json_object_object_add(
        object, "kernel",
        counter(UINT64_MAX, stats_flat_number(directory, "memory.stat", "kernel"), 0, 0));
    json_object_object_add(
        object, "kernelTCP",
        counter(UINT64_MAX, stats_flat_number(directory, "memory.stat", "sock"), 0, 0));
    json_object_object_add(object, "raw", stats_flat_object(directory, "memory.stat"));
    return object;
}

static const struct {
    const char *key, *operation;
    bool bytes;
} io_keys[] = {
    { "rbytes=", "Read", true }, { "wbytes=", "Write", true },   { "rios=", "Read", false },
    { "wios=", "Write", false }, { "dbytes=", "Discard", true }, { "dios=", "Discard", false },
};

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static void add_io_line(const char *line, struct json_object *bytes, struct json_object *operations)
{
    unsigned long long major, minor;
    if (sscanf(line, "%llu:%llu ", &major, &minor) != 2)
        return;
    AUTO_STRINGS char **words = string_split(line, " ");
    for (char **word = words; *word; word++) {
        for (size_t i = 0; i < ARRAY_LENGTH(io_keys); i++) {
            uint64_t value;
            if (string_starts_with(*word, io_keys[i].key) &&
                parse_uint64(*word + strlen(io_keys[i].key), &value) == 0)
                stats_add_io(io_keys[i].bytes ? bytes : operations, major, minor,
                             io_keys[i].operation, value);
        }
    }
}

struct json_object *stats_v2_io(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    struct json_object *bytes = json_object_new_array(), *operations = json_object_new_array();
    AUTO_FREE char *text = directory_read(directory, "io.stat");
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    for (char **line = lines; *line; line++)
        add_io_line(*line, bytes, operations);
    json_object_object_add(object, "ioServiceBytesRecursive", bytes);
    json_object_object_add(object, "ioServicedRecursive", operations);
    return object;
}
