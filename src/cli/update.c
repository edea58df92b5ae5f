// SPDX-License-Identifier: Apache-2.0
/*
 * `update`: the limits given as options are put into the document that --resources names (or an
 * empty one), and the whole is decoded as linux.resources of a config.json would be.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "cli/verbs.h"
#include "spec/decode.h"

enum { RESOURCES_LIMIT = 1 << 20 };

struct update_options {
    const char *resources, *cpuset_cpus, *cpuset_mems, *l3_cache_schema, *memory_bandwidth_schema;
    struct option_uint blkio_weight, cpu_period, cpu_burst, cpu_shares, cpu_realtime_period,
        cpu_idle;
    struct option_int cpu_quota, cpu_realtime_runtime, kernel_memory, kernel_memory_tcp, memory,
        memory_reservation, memory_swap, pids_limit;
};

#define MEMBER(name) offsetof(struct update_options, name)

static const struct option_definition options_table[] = {
    { 'r', "resources", "FILE", OPTION_STRING, MEMBER(resources),
      "a resources object in JSON; - reads standard input" },
    { 'm', "memory", "SIZE", OPTION_SIZE, MEMBER(memory), "memory limit" },
    { 0, "memory-reservation", "SIZE", OPTION_SIZE, MEMBER(memory_reservation),
      "memory that is kept from reclaim, or soft limit" },
    { 0, "memory-swap", "SIZE", OPTION_SIZE, MEMBER(memory_swap),
      "limit of memory and swap together" },
    { 0, "kernel-memory", "SIZE", OPTION_SIZE, MEMBER(kernel_memory), "obsolete in the kernel" },
    { 0, "kernel-memory-tcp", "SIZE", OPTION_SIZE, MEMBER(kernel_memory_tcp),
      "limit of TCP buffers (cgroup v1)" },
    { 0, "cpu-quota", "MICROSECONDS", OPTION_INT, MEMBER(cpu_quota),
      "CPU time in a period; -1: no limit" },
    { 0, "cpu-period", "MICROSECONDS", OPTION_UINT, MEMBER(cpu_period), "length of the period" },
    { 0, "cpu-burst", "MICROSECONDS", OPTION_UINT, MEMBER(cpu_burst),
      "unused time that may be saved up" },
    { 0, "cpu-share", "N", OPTION_UINT, MEMBER(cpu_shares), "weight against others (2 to 262144)" },
    { 0, "cpu-shares", "N", OPTION_UINT, MEMBER(cpu_shares), "the same", .hidden = true },
    { 0, "cpu-rt-period", "MICROSECONDS", OPTION_UINT, MEMBER(cpu_realtime_period),
      "period of real-time processes (cgroup v1)" },
    { 0, "cpu-rt-runtime", "MICROSECONDS", OPTION_INT, MEMBER(cpu_realtime_runtime),
      "CPU time of real-time processes in it (cgroup v1)" },
    { 0, "cpu-idle", "0|1", OPTION_UINT, MEMBER(cpu_idle), "1: only when the CPU has nothing else",
      .maximum = 1 },
    { 0, "cpuset-cpus", "LIST", OPTION_STRING, MEMBER(cpuset_cpus), "CPUs to run on, as 0-3,7" },
    { 0, "cpuset-mems", "LIST", OPTION_STRING, MEMBER(cpuset_mems), "memory nodes to use" },
    { 0, "blkio-weight", "N", OPTION_UINT, MEMBER(blkio_weight), "disk weight (10 to 1000)",
      .maximum = UINT16_MAX },
    { 0, "pids-limit", "N", OPTION_INT, MEMBER(pids_limit), "number of processes; -1: no limit" },
    { 0, "l3-cache-schema", "SCHEMA", OPTION_STRING, MEMBER(l3_cache_schema),
      "L3 cache allocation (resctrl)" },
    { 0, "mem-bw-schema", "SCHEMA", OPTION_STRING, MEMBER(memory_bandwidth_schema),
      "memory bandwidth allocation (resctrl)" },
    { 0 },
};

static const struct option_group groups[] = {
    { NULL, options_table, 0 },
    { .options = NULL },
};

/* Which member of the resources object an option's struct member is. */
static const struct {
    size_t offset;
    enum option_type type;
    const char *section, *key;
} members[] = {
    { MEMBER(blkio_weight), OPTION_UINT, "blockIO", "weight" },
    { MEMBER(cpu_period), OPTION_UINT, "cpu", "period" },
    { MEMBER(cpu_quota), OPTION_INT, "cpu", "quota" },
    { MEMBER(cpu_burst), OPTION_UINT, "cpu", "burst" },
    { MEMBER(cpu_shares), OPTION_UINT, "cpu", "shares" },
    { MEMBER(cpu_realtime_period), OPTION_UINT, "cpu", "realtimePeriod" },
    { MEMBER(cpu_realtime_runtime), OPTION_INT, "cpu", "realtimeRuntime" },
    { MEMBER(cpu_idle), OPTION_UINT, "cpu", "idle" },
    { MEMBER(cpuset_cpus), OPTION_STRING, "cpu", "cpus" },
    { MEMBER(cpuset_mems), OPTION_STRING, "cpu", "mems" },
    { MEMBER(kernel_memory), OPTION_INT, "memory", "kernel" },
    { MEMBER(kernel_memory_tcp), OPTION_INT, "memory", "kernelTCP" },
    { MEMBER(memory), OPTION_INT, "memory", "limit" },
    { MEMBER(memory_reservation), OPTION_INT, "memory", "reservation" },
    { MEMBER(memory_swap), OPTION_INT, "memory", "swap" },
    { MEMBER(pids_limit), OPTION_INT, "pids", "limit" },
};

/* The option's value in JSON, or NULL where it was not given. */
static struct json_object *member_value(enum option_type type, const void *member)
{
    const struct option_uint *unsigned_number = member;
    const struct option_int *number = member;
    const char *const *text = member;
    if (type == OPTION_STRING)
        return *text ? json_object_new_string(*text) : NULL;
    if (type == OPTION_UINT)
        return unsigned_number->set ? json_object_new_uint64(unsigned_number->value) : NULL;
    return number->set ? json_object_new_int64(number->value) : NULL;
}

/* A section that is there but no object stays as it is: decoding it gives the error. */
static void put_member(struct json_object *document, const char *section, const char *key,
                       struct json_object *value)
{
    struct json_object *object;
    if (!json_object_object_get_ex(document, section, &object)) {
        object = json_object_new_object();
        json_object_object_add(document, section, object);
    }
    if (json_object_is_type(object, json_type_object))
        json_object_object_add(object, key, value);
    else
        json_object_put(value);
}

static void put_options(struct json_object *document, const struct update_options *options)
{
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        struct json_object *value =
            member_value(members[i].type, (const char *)options + members[i].offset);
        if (value)
            put_member(document, members[i].section, members[i].key, value);
    }
}

static char *read_resources(const char *path, size_t *length, struct error *error)
{
    if (string_equal(path, "-"))
        return read_fd(STDIN_FILENO, "standard input", RESOURCES_LIMIT, length, error);
    return read_file_at(AT_FDCWD, path, RESOURCES_LIMIT, length, error);
}

static struct json_object *resources_document(const char *path, struct error *error)
{
    size_t length;
    if (!path)
        return json_object_new_object();
    AUTO_FREE char *text = read_resources(path, &length, error);
    if (!text)
        return NULL;
    struct json_object *document = json_parse(text, length, error);
    if (document && json_object_is_type(document, json_type_object))
        return document;
    if (document)
        error_set_code(error, EINVAL, "not a JSON object");
    error_wrap(error, "resources from %s", path);
    json_object_put(document);
    return NULL;
}

static struct spec *decode_options(const struct update_options *options, struct error *error)
{
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_JSON struct json_object *document = resources_document(options->resources, error);
    if (!document)
        return NULL;
    put_options(document, options);
    AUTO_FREE char *text = json_text(document);
    struct spec *spec = spec_decode_resources(text, strlen(text), &problems);
    if (!spec)
        spec_problems_to_error(&problems, options->resources ? options->resources : "resources",
                               error);
    return spec;
}

static int run_update(const struct host *host, const void *options, const struct words *words,
                      struct error *error)
{
    const struct update_options *given = options;
    AUTO_SPEC struct spec *spec = decode_options(given, error);
    if (!spec)
        return -1;
    return instance_update(host, words->operands[0], spec->resources, given->l3_cache_schema,
                           given->memory_bandwidth_schema, error);
}

const struct command command_update = {
    .name = "update",
    .summary = "Change the limits of an instance",
    .operands = "ID",
    .description =
        "What is not given stays as it is. Sizes take a unit (512m, 2g); -1 is no limit.",
    .section = COMMAND_FOR_PEOPLE,
    .groups = groups,
    .options_size = sizeof(struct update_options),
    .minimum_operands = 1,
    .run = run_update,
};
