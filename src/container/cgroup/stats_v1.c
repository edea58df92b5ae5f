// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup/stats.h"

#include "base/number.h"

#define NANOSECONDS_PER_SECOND 1000000000ULL

/* cpuacct.stat counts in ticks of USER_HZ (Documentation/admin-guide/cgroup-v1/cpuacct.rst). */
static uint64_t ticks_to_ns(uint64_t ticks)
{
    return ticks * (NANOSECONDS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

static struct json_object *per_cpu(const struct cgroup_directory *cpuacct)
{
    struct json_object *array = json_object_new_array();
    AUTO_FREE char *text = directory_read(cpuacct, "cpuacct.usage_percpu");
    AUTO_STRINGS char **words = string_split(text ? text : "", " ");
    for (char **word = words; *word; word++) {
        uint64_t value = 0;
        parse_uint64(*word, &value);
        json_object_array_add(array, json_object_new_uint64(value));
    }
    return array;
}

struct json_object *stats_v1_cpu(const struct cgroup *cgroup)
{
    const struct cgroup_directory *cpuacct = directory_v1(cgroup, "cpuacct");
    const struct cgroup_directory *cpu = directory_v1(cgroup, "cpu");
    struct json_object *object = json_object_new_object();
    struct json_object *usage = json_object_new_object();
    struct json_object *throttling = json_object_new_object();
    if (cpuacct) {
        stats_add(usage, "total", stats_number(cpuacct, "cpuacct.usage"));
        json_object_object_add(usage, "percpu", per_cpu(cpuacct));
        stats_add(usage, "kernel",
                  ticks_to_ns(stats_flat_number(cpuacct, "cpuacct.stat", "system")));
        stats_add(usage, "user", ticks_to_ns(stats_flat_number(cpuacct, "cpuacct.stat", "user")));
    }
    if (cpu) {
        stats_add(throttling, "periods", stats_flat_number(cpu, "cpu.stat", "nr_periods"));
        stats_add(throttling, "throttledPeriods",
                  stats_flat_number(cpu, "cpu.stat", "nr_throttled"));
        stats_add(throttling, "throttledTime",
                  stats_flat_number(cpu, "cpu.stat", "throttled_time"));
    }
    json_object_object_add(object, "usage", usage);
    json_object_object_add(object, "throttling", throttling);
    return object;
}

/* memory.KIND.usage_in_bytes and its sisters; KIND "" is the memory itself. */
static struct json_object *counter(const struct cgroup_directory *directory, const char *kind)
{
    static const struct {
        const char *key, *file;
    } rows[] = {
        { "limit", "limit_in_bytes" },
        { "usage", "usage_in_bytes" },
        { "max", "max_usage_in_bytes" },
        { "failcnt", "failcnt" },
    };
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        AUTO_FREE char *file = string_format("memory.%s%s", kind, rows[i].file);
        stats_add(object, rows[i].key, stats_number(directory, file));
    }
    return object;
}

struct json_object *stats_v1_memory(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    stats_add(object, "cache", stats_flat_number(directory, "memory.stat", "cache"));
    json_object_object_add(object, "usage", counter(directory, ""));
    json_object_object_add(object, "swap", counter(directory, "memsw."));
    json_object_object_add(object, "kernel", counter(directory, "kmem."));
    json_object_object_add(object, "kernelTCP", counter(directory, "kmem.tcp."));
    json_object_object_add(object, "raw", stats_flat_object(directory, "memory.stat"));
    return object;
}

/* Lines "8:0 Read 4096"; the one that begins with "Total" has no device. */
static struct json_object *io_rows(const struct cgroup_directory *directory, const char *bfq_file,
                                   const char *throttle_file)
{
    struct json_object *array = json_object_new_array();
    AUTO_FREE char *text = directory_read(directory, bfq_file);
    if (!text || !strchr(text, ':')) {
        free(text);
        text = directory_read(directory, throttle_file);
    }
    AUTO_STRINGS char **lines = string_split(text ? text : "", "\n");
    for (char **line = lines; *line; line++) {
        unsigned long long major, minor, value;
        char operation[32];
        if (sscanf(*line, "%llu:%llu %31s %llu", &major, &minor, operation, &value) == 4)
            stats_add_io(array, major, minor, operation, value);
    }
    return array;
}

struct json_object *stats_v1_blkio(const struct cgroup_directory *directory)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "ioServiceBytesRecursive",
                           io_rows(directory, "blkio.bfq.io_service_bytes_recursive",
                                   "blkio.throttle.io_service_bytes_recursive"));
    json_object_object_add(object, "ioServicedRecursive",
                           io_rows(directory, "blkio.bfq.io_serviced_recursive",
                                   "blkio.throttle.io_serviced_recursive"));
    return object;
}
