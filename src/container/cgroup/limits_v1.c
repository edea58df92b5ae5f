// SPDX-License-Identifier: Apache-2.0
/* cgroup v1 files: Documentation/admin-guide/cgroup-v1/ of the kernel. */
#include "container/cgroup/limits.h"

#include <errno.h>
#include <inttypes.h>

#define AT(member) offsetof(struct spec_resources, member)

static const struct limit_row memory_rows[] = {
    { "linux.resources.memory.limit", "memory.limit_in_bytes", AT(memory.limit), LIMIT_I64 },
    { "linux.resources.memory.swap", "memory.memsw.limit_in_bytes", AT(memory.swap), LIMIT_I64 },
    { "linux.resources.memory.reservation", "memory.soft_limit_in_bytes", AT(memory.reservation),
      LIMIT_I64 },
    { "linux.resources.memory.kernel", "memory.kmem.limit_in_bytes", AT(memory.kernel), LIMIT_I64 },
    { "linux.resources.memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", AT(memory.kernel_tcp),
      LIMIT_I64 },
    { "linux.resources.memory.swappiness", "memory.swappiness", AT(memory.swappiness), LIMIT_U64,
      .zero_counts = true },
    { "linux.resources.memory.disableOOMKiller", "memory.oom_control",
      AT(memory.disable_oom_killer), LIMIT_BOOL, .zero_counts = true },
    { "linux.resources.memory.useHierarchy", "memory.use_hierarchy", AT(memory.use_hierarchy),
      LIMIT_BOOL, .zero_counts = true },
};

static const struct limit_row cpu_rows[] = {
    { "linux.resources.cpu.shares", "cpu.shares", AT(cpu.shares), LIMIT_U64 },
    { "linux.resources.cpu.period", "cpu.cfs_period_us", AT(cpu.period), LIMIT_U64 },
    { "linux.resources.cpu.quota", "cpu.cfs_quota_us", AT(cpu.quota), LIMIT_I64 },
    { "linux.resources.cpu.burst", "cpu.cfs_burst_us", AT(cpu.burst), LIMIT_U64,
      .zero_counts = true },
    { "linux.resources.cpu.realtimePeriod", "cpu.rt_period_us", AT(cpu.realtime_period),
      LIMIT_U64 },
    { "linux.resources.cpu.realtimeRuntime", "cpu.rt_runtime_us", AT(cpu.realtime_runtime),
      LIMIT_I64 },
    { "linux.resources.cpu.idle", "cpu.idle", AT(cpu.idle), LIMIT_I64, .zero_counts = true },
};

static const struct limit_row net_cls_rows[] = {
    { "linux.resources.network.classID", "net_cls.classid", AT(network.class_id), LIMIT_U32 },
};

static const struct limit_row pids_rows[] = {
    { "linux.resources.pids.limit", "pids.max", AT(pids_limit), LIMIT_I64, .zero_counts = true,
      .negative_is_max = true },
};

int limits_v1_memory(const struct spec_resources *resources, struct limit_list *list,
                     struct error *error)
{
    (void)error;
    limit_rows_add(list, memory_rows, ARRAY_LENGTH(memory_rows), resources);
    return 0;
}

int limits_v1_cpu(const struct spec_resources *resources, struct limit_list *list,
                  struct error *error)
{
    (void)error;
    limit_rows_add(list, cpu_rows, ARRAY_LENGTH(cpu_rows), resources);
    return 0;
}

int limits_v1_cpuset(const struct spec_resources *resources, struct limit_list *list,
                     struct error *error)
{
    (void)error;
    if (resources->cpu.cpus && resources->cpu.cpus[0])
        limit_add(list, "linux.resources.cpu.cpus", "cpuset.cpus", "%s", resources->cpu.cpus);
    if (resources->cpu.mems && resources->cpu.mems[0])
        limit_add(list, "linux.resources.cpu.mems", "cpuset.mems", "%s", resources->cpu.mems);
    return 0;
}

/* CFQ had blkio.weight, BFQ has blkio.bfq.weight. */
static void add_weight(struct limit_list *list, const char *field, const char *value,
                       const char *suffix)
{
    AUTO_FREE char *file = string_format("blkio.%s", suffix);
    struct limit *limit = limit_add(list, field, file, "%s", value);
    limit->other_file = string_format("blkio.bfq.%s", suffix);
}

static void add_device_weights(const struct spec_resources *resources, struct limit_list *list)
{
    for (size_t i = 0; i < resources->block_io.device_weight_count; i++) {
        const struct spec_block_device_weight *entry = &resources->block_io.device_weights[i];
        AUTO_FREE char *device = string_format("%" PRIu32 ":%" PRIu32, entry->major, entry->minor);
        AUTO_FREE char *weight = string_format("%s %u", device, entry->weight.value);
        AUTO_FREE char *leaf = string_format("%s %u", device, entry->leaf_weight.value);
        const char *field = "linux.resources.blockIO.weightDevice";
        if (entry->weight.set)
            add_weight(list, field, weight, "weight_device");
        if (entry->leaf_weight.set)
            add_weight(list, field, leaf, "leaf_weight_device");
    }
}

static void add_throttle(struct limit_list *list, const struct spec_throttle_list *throttle,
                         const char *field, const char *file)
{
    for (size_t i = 0; i < throttle->count; i++)
        limit_add(list, field, file, "%" PRIu32 ":%" PRIu32 " %" PRIu64, throttle->devices[i].major,
                  throttle->devices[i].minor, throttle->devices[i].rate);
}

int limits_v1_blkio(const struct spec_resources *resources, struct limit_list *list,
                    struct error *error)
{
    (void)error;
    AUTO_FREE char *weight = string_format("%u", resources->block_io.weight.value);
    AUTO_FREE char *leaf = string_format("%u", resources->block_io.leaf_weight.value);
    if (resources->block_io.weight.set && resources->block_io.weight.value)
        add_weight(list, "linux.resources.blockIO.weight", weight, "weight");
    if (resources->block_io.leaf_weight.set && resources->block_io.leaf_weight.value)
        add_weight(list, "linux.resources.blockIO.leafWeight", leaf, "leaf_weight");
    add_device_weights(resources, list);
    add_throttle(list, &resources->block_io.read_bps,
                 "linux.resources.blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device");
    add_throttle(list, &resources->block_io.write_bps,
                 "linux.resources.blockIO.throttleWriteBpsDevice",
                 "blkio.throttle.write_bps_device");
    add_throttle(list, &resources->block_io.read_iops,
                 "linux.resources.blockIO.throttleReadIOPSDevice",
                 "blkio.throttle.read_iops_device");
    add_throttle(list, &resources->block_io.write_iops,
                 "linux.resources.blockIO.throttleWriteIOPSDevice",
                 "blkio.throttle.write_iops_device");
    return 0;
}

int limits_v1_hugetlb(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    return limits_hugetlb_files(resources, "rsvd.limit_in_bytes", "limit_in_bytes", list, error);
}

int limits_v1_net_cls(const struct spec_resources *resources, struct limit_list *list,
                      struct error *error)
{
    (void)error;
    limit_rows_add(list, net_cls_rows, ARRAY_LENGTH(net_cls_rows), resources);
    return 0;
}

int limits_v1_net_prio(const struct spec_resources *resources, struct limit_list *list,
                       struct error *error)
{
    (void)error;
    for (size_t i = 0; i < resources->network.priority_count; i++) {
        const struct spec_network_priority *entry = &resources->network.priorities[i];
        limit_add(list, "linux.resources.network.priorities", "net_prio.ifpriomap", "%s %" PRIu32,
                  entry->interface, entry->priority);
    }
    return 0;
}

int limits_v1_pids(const struct spec_resources *resources, struct limit_list *list,
                   struct error *error)
{
    (void)error;
    limit_rows_add(list, pids_rows, ARRAY_LENGTH(pids_rows), resources);
    return 0;
}

int limits_v1_rdma(const struct spec_resources *resources, struct limit_list *list,
                   struct error *error)
{
    return limits_rdma_files(resources, list, error);
}
