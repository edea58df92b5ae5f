// SPDX-License-Identifier: Apache-2.0
/* `linux.resources` of the configuration: limits. Device rules are in launch_devices.c. */
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"

enum {
    CPU_PERIOD_US = 100000,
    MOST_CPUS = 1 << 16,
    MOST_CPU_WEIGHT = 10000,
    MOST_CPU_SHARES = 262144,
    DEFAULT_PIDS_LIMIT = 2048, /* podman's: what a fork bomb is stopped at */
};

int launch_parse_cpus(const char *text, int64_t *quota)
{
    int64_t thousandths = 0, unit = 1000;
    bool digits = false, point = false;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9')
            return -1;
        digits = true;
        if (point && (unit /= 10) == 0)
            return -1;
        thousandths =
            point ? thousandths + (*text - '0') * unit : thousandths * 10 + (*text - '0') * 1000;
        if (thousandths > MOST_CPUS * (int64_t)1000)
            return -1;
    }
    *quota = thousandths * (CPU_PERIOD_US / 1000);
    return digits && thousandths >= 10 ? 0 : -1; /* the kernel takes 1 ms at least */
}

/* cgroup v2's weight as v1's shares, so that the cgroup driver arrives at the same weight again. */
static uint64_t shares_of_weight(uint64_t weight)
{
    return 2 +
           ((weight - 1) * (MOST_CPU_SHARES - 2) + (MOST_CPU_WEIGHT - 2)) / (MOST_CPU_WEIGHT - 1);
}

static int add_cpu(const struct launch_request *request, struct json_object *resources,
                   struct error *error)
{
    struct json_object *cpu = json_object_new_object();
    json_add(resources, "cpu", cpu);
    int64_t quota;
    if (request->cpus && launch_parse_cpus(request->cpus, &quota) < 0)
        return error_set(error, 0, "--cpus: \"%s\" is not a number of CPUs, as 0.5 or 2",
                         request->cpus);
    if (request->cpus) {
        json_add(cpu, "quota", json_object_new_int64(quota));
        json_add(cpu, "period", json_object_new_int64(CPU_PERIOD_US));
    }
    uint64_t weight = request->cpu_weight.value;
    if (request->cpu_weight.set && (weight < 1 || weight > MOST_CPU_WEIGHT))
        return error_set(error, 0, "--cpu-weight: %lu is not from 1 to %d", weight,
                         MOST_CPU_WEIGHT);
    if (request->cpu_shares.set)
        json_add(cpu, "shares", json_object_new_uint64(request->cpu_shares.value));
    else if (request->cpu_weight.set)
        json_add(cpu, "shares", json_object_new_uint64(shares_of_weight(weight)));
    json_add_string(cpu, "cpus", request->cpuset_cpus);
    json_add_string(cpu, "mems", request->cpuset_mems);
    return 0;
}

static void add_memory(const struct launch_request *request, struct json_object *resources)
{
    struct json_object *memory = json_object_new_object();
    json_add(resources, "memory", memory);
    if (request->memory.set)
        json_add(memory, "limit", json_object_new_int64(request->memory.value));
    if (request->memory_swap.set)
        json_add(memory, "swap", json_object_new_int64(request->memory_swap.value));
}

int launch_config_resources(const struct launch_context *context, struct json_object *linux_section,
                            struct error *error)
{
    const struct launch_request *request = context->request;
    struct json_object *resources = json_object_new_object();
    json_add(linux_section, "resources", resources);
    add_memory(request, resources);
    /* Without privileges there may be no cgroup to limit: only what was asked for must be kept. */
    bool limit_pids = request->pids_limit.set || !context->host->rootless;
    if (limit_pids) {
        struct json_object *pids = json_object_new_object();
        json_add(pids, "limit",
                 json_object_new_int64(request->pids_limit.set ? request->pids_limit.value
                                                               : DEFAULT_PIDS_LIMIT));
        json_add(resources, "pids", pids);
    }
    return add_cpu(request, resources, error);
}
