// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup v2 files (Documentation/admin-guide/cgroup-v2.rst), from values that the specification
 * gives in the units of v1.
 */
#include "container/cgroup/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/library.h"

#define AT(member) offsetof(struct spec_resources, member)
#define NOT_IN_V2  "cgroup v2 has no such limit"

static const struct limit_row memory_rows[] = {
    { "linux.resources.memory.limit", "memory.max", AT(memory.limit), LIMIT_I64,
      .negative_is_max = true },
    { "linux.resources.memory.reservation", "memory.low", AT(memory.reservation), LIMIT_I64,
      .negative_is_max = true },
};

static const struct limit_row memory_missing[] = {
    { "linux.resources.memory.kernel", NULL, AT(memory.kernel), LIMIT_I64 },
    { "linux.resources.memory.kernelTCP", NULL, AT(memory.kernel_tcp), LIMIT_I64 },
    { "linux.resources.memory.swappiness", NULL, AT(memory.swappiness), LIMIT_U64 },
    { "linux.resources.memory.disableOOMKiller", NULL, AT(memory.disable_oom_killer), LIMIT_BOOL },
};

static const struct limit_row cpu_rows[] = {
    { "linux.resources.cpu.burst", "cpu.max.burst", AT(cpu.burst), LIMIT_U64, .zero_counts = true },
    { "linux.resources.cpu.idle", "cpu.idle", AT(cpu.idle), LIMIT_I64, .zero_counts = true },
};

static const struct limit_row cpu_missing[] = {
    { "linux.resources.cpu.realtimePeriod", NULL, AT(cpu.realtime_period), LIMIT_U64 },
    { "linux.resources.cpu.realtimeRuntime", NULL, AT(cpu.realtime_runtime), LIMIT_I64 },
};

static const struct limit_row network_missing[] = {
    { "linux.resources.network.classID", NULL, AT(network.class_id), LIMIT_U32 },
};

/* Of libm, which nothing else needs and every start would have to load. */
struct mathematics {
    double (*log2)(double);
    double (*pow)(double, double);
    double (*ceil)(double);
};

/*
 * The curve that the Open Container Initiative's cgroups library settled on, with which both ends
 * and the default (1024 <-> 100) meet: a straight line gives a default container weight 39.
 * https://github.com/opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value
 */
uint64_t limits_cpu_weight(uint64_t shares)
{
    static const struct library_symbol symbols[] = {
        { "log2", offsetof(struct mathematics, log2) },
        { "pow", offsetof(struct mathematics, pow) },
        { "ceil", offsetof(struct mathematics, ceil) },
    };
    AUTO_ERROR struct error ignored = { 0 };
    struct mathematics libm;
    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    if (library_open("libm.so.6", "libc6", symbols, ARRAY_LENGTH(symbols), &libm, &ignored) < 0)
        return 1 + (shares - 2) * 9999 / 262142; /* the line that was the rule before */
    double l = libm.log2((double)shares);
    double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    return (uint64_t)libm.ceil(libm.pow(10, exponent));
}

/* 10..1000 -> 1..10000, on a line. */
uint64_t limits_io_weight(uint64_t weight)
{
    if (weight <= 10)
        return 1;
    if (weight >= 1000)
        return 10000;
    return 1 + (weight - 10) * 9999 / 990;
}

/*
 * memory.swap is memory and swap together, memory.swap.max is swap alone. Where the kernel has no
 * swap accounting, a container that may not swap, or may as much as it likes, misses nothing.
 */
static int add_swap(const struct spec_resources *resources, struct limit_list *list,
                    struct error *error)
{
    const char *field = "linux.resources.memory.swap", *file = "memory.swap.max";
    int64_t limit = resources->memory.limit.set ? resources->memory.limit.value : 0;
    int64_t swap = resources->memory.swap.set ? resources->memory.swap.value : 0;
    if (swap < 0 || (swap == 0 && limit < 0)) {
        limit_add(list, field, file, "max")->optional = true;
        return 0;
    }
    if (swap == 0)
        return 0;
    if (limit <= 0)
        return error_set_code(error, EINVAL, "%s: needs memory.limit beside it", field);
    if (swap < limit)
        return error_set_code(error, EINVAL, "%s: %" PRId64 " is less than memory.limit %" PRId64,
                              field, swap, limit);
    limit_add(list, field, file, "%" PRId64, swap - limit)->optional = swap == limit;
    return 0;
}

int limits_v2_memory(const struct spec_resources *resources, struct limit_list *list,
                     struct error *error)
{
    if (limit_rows_refuse(memory_missing, ARRAY_LENGTH(memory_missing), resources, NOT_IN_V2,
                          error) < 0)
        return -1;
    if (resources->memory.use_hierarchy.set && !resources->memory.use_hierarchy.value)
        return error_set_code(
            error, ENOTSUP,
            "linux.resources.memory.useHierarchy: cgroup v2 always is hierarchical");
    limit_rows_add(list, memory_rows, ARRAY_LENGTH(memory_rows), resources);
    return add_swap(resources, list, error);
}

static void add_cpu_max(const struct spec_resources *resources, struct limit_list *list)
{
    bool has_quota = resources->cpu.quota.set && resources->cpu.quota.value != 0;
    bool has_period = resources->cpu.period.set && resources->cpu.period.value != 0;
    if (!has_quota && !has_period)
        return;
    AUTO_FREE char *quota = has_quota && resources->cpu.quota.value > 0
                                ? string_format("%" PRId64, resources->cpu.quota.value)
                                : string_copy("max");
    const char *field = has_quota ? "linux.resources.cpu.quota" : "linux.resources.cpu.period";
    if (has_period)
        limit_add(list, field, "cpu.max", "%s %" PRIu64, quota, resources->cpu.period.value);
    else
        limit_add(list, field, "cpu.max", "%s", quota);
}

int limits_v2_cpu(const struct spec_resources *resources, struct limit_list *list,
                  struct error *error)
{
    if (limit_rows_refuse(cpu_missing, ARRAY_LENGTH(cpu_missing), resources, NOT_IN_V2, error) < 0)
        return -1;
    if (resources->cpu.shares.set && resources->cpu.shares.value)
        limit_add(list, "linux.resources.cpu.shares", "cpu.weight", "%" PRIu64,
                  limits_cpu_weight(resources->cpu.shares.value));
    add_cpu_max(resources, list);
    limit_rows_add(list, cpu_rows, ARRAY_LENGTH(cpu_rows), resources);
    return 0;
}

int limits_v2_cpuset(const struct spec_resources *resources, struct limit_list *list,
                     struct error *error)
{
    return limits_v1_cpuset(resources, list, error);
}

/* BFQ takes the specification's range as it is; the io.cost controller has one of its own. */
static void add_weight(struct limit_list *list, const char *field, const char *device,
                       unsigned weight)
{
    struct limit *limit =
        limit_add(list, field, "io.bfq.weight", "%s%s%u", device, device[0] ? " " : "", weight);
    limit->other_file = string_copy("io.weight");
    limit->other_value =
        string_format("%s %" PRIu64, device[0] ? device : "default", limits_io_weight(weight));
}

static int add_device_weights(const struct spec_resources *resources, struct limit_list *list,
                              struct error *error)
{
    for (size_t i = 0; i < resources->block_io.device_weight_count; i++) {
        const struct spec_block_device_weight *entry = &resources->block_io.device_weights[i];
        const char *field = "linux.resources.blockIO.weightDevice";
        if (entry->leaf_weight.set && entry->leaf_weight.value)
            return error_set_code(error, ENOTSUP, "%s: leafWeight: " NOT_IN_V2, field);
        AUTO_FREE char *device = string_format("%" PRIu32 ":%" PRIu32, entry->major, entry->minor);
        if (entry->weight.set)
            add_weight(list, field, device, entry->weight.value);
    }
    return 0;
}

static void add_throttle(struct limit_list *list, const struct spec_throttle_list *throttle,
                         const char *field, const char *key)
{
    for (size_t i = 0; i < throttle->count; i++) {
        const struct spec_block_device_throttle *entry = &throttle->devices[i];
        limit_add(list, field, "io.max", "%" PRIu32 ":%" PRIu32 " %s=%" PRIu64, entry->major,
                  entry->minor, key, entry->rate);
        if (entry->rate == 0) { /* v1's way to say "no limit" */
            struct limit *limit = &list->items[list->count - 1];
            free(limit->value);
            limit->value =
                string_format("%" PRIu32 ":%" PRIu32 " %s=max", entry->major, entry->minor, key);
        }
    }
}

int limits_v2_io(const struct spec_resources *resources, struct limit_list *list,
                 struct error *error)
{
    if (resources->block_io.leaf_weight.set && resources->block_io.leaf_weight.value)
        return error_set_code(error, ENOTSUP, "linux.resources.blockIO.leafWeight: " NOT_IN_V2);
    if (resources->block_io.weight.set && resources->block_io.weight.value)
        add_weight(list, "linux.resources.blockIO.weight", "", resources->block_io.weight.value);
    if (add_device_weights(resources, list, error) < 0)
        return -1;
    add_throttle(list, &resources->block_io.read_bps,
                 "linux.resources.blockIO.throttleReadBpsDevice", "rbps");
    add_throttle(list, &resources->block_io.write_bps,
                 "linux.resources.blockIO.throttleWriteBpsDevice", "wbps");
    add_throttle(list, &resources->block_io.read_iops,
                 "linux.resources.blockIO.throttleReadIOPSDevice", "riops");
    add_throttle(list, &resources->block_io.write_iops,
                 "linux.resources.blockIO.throttleWriteIOPSDevice", "wiops");
    return 0;
}

int limits_v2_hugetlb(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    return limits_hugetlb_files(resources, "rsvd.max", "max", list, error);
}

int limits_v2_net_cls(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    (void)list;
    return limit_rows_refuse(network_missing, ARRAY_LENGTH(network_missing), resources, NOT_IN_V2,
                             error);
}

int limits_v2_net_prio(const struct spec_resources *resources, struct limit_list *list,
                       struct error *error)
{
    (void)list;
    if (resources->network.priority_count > 0)
        return error_set_code(error, ENOTSUP, "linux.resources.network.priorities: " NOT_IN_V2);
    return 0;
}

/*
 * 0 forbids any further process. The kernel counts the first one too when it is born into the
 * cgroup (CLONE_INTO_CGROUP), so that 1 is how v2 is told the same.
 */
int limits_v2_pids(const struct spec_resources *resources, struct limit_list *list,
                   struct error *error)
{
    struct spec_resources adjusted = { .pids_limit = resources->pids_limit };
    if (adjusted.pids_limit.set && adjusted.pids_limit.value == 0)
        adjusted.pids_limit.value = 1;
    return limits_v1_pids(&adjusted, list, error);
}

int limits_v2_rdma(const struct spec_resources *resources, struct limit_list *list,
                   struct error *error)
{
    return limits_rdma_files(resources, list, error);
}

int limits_v2_unified(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    for (size_t i = 0; i < resources->unified_count; i++) {
        const char *file = resources->unified[i].key;
        if (!file[0] || strchr(file, '/') || !strchr(file, '.') || file[0] == '.')
            return error_set_code(
                error, EINVAL, "linux.resources.unified: \"%s\" is not a file of a cgroup", file);
        AUTO_STRINGS char **lines = string_split(resources->unified[i].value, "\n");
        for (char **line = lines; *line; line++)
            limit_add(list, "linux.resources.unified", file, "%s", *line);
    }
    return 0;
}
