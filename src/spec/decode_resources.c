// SPDX-License-Identifier: Apache-2.0
/* linux.resources: runtime-spec config-linux.md, "Control groups". */
#include <string.h>

#include "base/string.h"
#include "spec/sections.h"

/* The kernel's device numbers: 12 bits of major, 20 of minor (linux/kdev_t.h). */
enum { HIGHEST_MAJOR = 0xfff, HIGHEST_MINOR = 0xfffff };

static const struct word device_types[] = { { "a", 'a' }, { "b", 'b' }, { "c", 'c' }, { NULL } };

static void read_access(const struct node *node, const struct field *field, void *target)
{
    struct spec_device_rule *rule = target;
    const char *text = node_text(node);
    (void)field;
    if (!text)
        return;
    if (text[strspn(text, "rwm")])
        node_error(node, "\"%s\" has other letters than r, w and m", text);
    rule->read = strchr(text, 'r');
    rule->write = strchr(text, 'w');
    rule->mknod = strchr(text, 'm');
}

/* Unset and -1 both mean all. */
static void read_device_number(const struct node *node, const struct field *field, void *target)
{
    int64_t number;
    if (node_integer(node, -1, field->maximum, &number))
        *(int64_t *)((char *)target + field->offset) = number;
}

static const struct field device_rule_fields[] = {
    FIELD(struct spec_device_rule, allow, "allow", .flags = FIELD_REQUIRED),
    WORD(struct spec_device_rule, type, "type", device_types),
    CUSTOM("major", read_device_number, PLACE(struct spec_device_rule, major),
           .maximum = HIGHEST_MAJOR),
    CUSTOM("minor", read_device_number, PLACE(struct spec_device_rule, minor),
           .maximum = HIGHEST_MINOR),
    CUSTOM("access", read_access),
};

static void check_device_rule(const struct node *node, void *target)
{
    struct spec_device_rule *rule = target;
    struct node member;
    if (!rule->type)
        rule->type = 'a';
    if (!node_member(node, "major", &member))
        rule->major = -1;
    if (!node_member(node, "minor", &member))
        rule->minor = -1;
    if (!rule->read && !rule->write && !rule->mknod)
        rule->read = rule->write = rule->mknod = true;
}

static const struct form device_rule_form =
    FORM(struct spec_device_rule, FIELDS(device_rule_fields), .check = check_device_rule);

#define BYTES RANGE(-1, INT64_MAX), .flags = FIELD_ZERO_IS_ABSENT

static const struct field memory_fields[] = {
    FIELD(struct spec_resources, memory.limit, "limit", BYTES),
    FIELD(struct spec_resources, memory.reservation, "reservation", BYTES),
    FIELD(struct spec_resources, memory.swap, "swap", BYTES),
    FIELD(struct spec_resources, memory.kernel, "kernel", BYTES),
    FIELD(struct spec_resources, memory.kernel_tcp, "kernelTCP", BYTES),
    FIELD(struct spec_resources, memory.swappiness, "swappiness", RANGE(0, 100)),
    FIELD(struct spec_resources, memory.disable_oom_killer, "disableOOMKiller"),
    FIELD(struct spec_resources, memory.use_hierarchy, "useHierarchy"),
    FIELD(struct spec_resources, memory.check_before_update, "checkBeforeUpdate"),
};
static const struct form memory_form = { FIELDS(memory_fields) };

/* Limits of the kernel: cpu.shares 2 to 1 << 18; a period of 1 ms to 1 s (kernel/sched/core.c). */
static const struct field cpu_fields[] = {
    FIELD(struct spec_resources, cpu.shares, "shares", RANGE(2, 262144),
          .flags = FIELD_ZERO_IS_ABSENT),
    FIELD(struct spec_resources, cpu.quota, "quota", .flags = FIELD_ZERO_IS_ABSENT),
    FIELD(struct spec_resources, cpu.burst, "burst"),
    FIELD(struct spec_resources, cpu.period, "period", RANGE(1000, 1000000),
          .flags = FIELD_ZERO_IS_ABSENT),
    FIELD(struct spec_resources, cpu.realtime_runtime, "realtimeRuntime"),
    FIELD(struct spec_resources, cpu.realtime_period, "realtimePeriod"),
    FIELD(struct spec_resources, cpu.cpus, "cpus", .check_text = check_single_line),
    FIELD(struct spec_resources, cpu.mems, "mems", .check_text = check_single_line),
    FIELD(struct spec_resources, cpu.idle, "idle", RANGE(0, 1)),
};
static const struct form cpu_form = { FIELDS(cpu_fields) };

#define WEIGHT RANGE(10, 1000), .flags = FIELD_ZERO_IS_ABSENT
#define DEVICE_NUMBERS(type)                                                                       \
    FIELD(type, major, "major", RANGE(0, HIGHEST_MAJOR), .flags = FIELD_REQUIRED),                 \
        FIELD(type, minor, "minor", RANGE(0, HIGHEST_MINOR), .flags = FIELD_REQUIRED)

static const struct field device_weight_fields[] = {
    DEVICE_NUMBERS(struct spec_block_device_weight),
    FIELD(struct spec_block_device_weight, weight, "weight", WEIGHT),
    FIELD(struct spec_block_device_weight, leaf_weight, "leafWeight", WEIGHT),
};

static void check_device_weight(const struct node *node, void *target)
{
    struct node member;
    (void)target;
    if (!node_member(node, "weight", &member) && !node_member(node, "leafWeight", &member))
        node_error(node, "needs at least one of weight and leafWeight");
}

static const struct form device_weight_form = FORM(
    struct spec_block_device_weight, FIELDS(device_weight_fields), .check = check_device_weight);

static const struct field throttle_fields[] = {
    DEVICE_NUMBERS(struct spec_block_device_throttle),
    FIELD(struct spec_block_device_throttle, rate, "rate", .flags = FIELD_REQUIRED),
};
static const struct form throttle_form =
    FORM(struct spec_block_device_throttle, FIELDS(throttle_fields));

#define THROTTLE(list, json_name)                                                                  \
    ARRAY(struct spec_resources, block_io.list.devices, block_io.list.count, json_name,            \
          &throttle_form)

static const struct field block_io_fields[] = {
    FIELD(struct spec_resources, block_io.weight, "weight", WEIGHT),
    FIELD(struct spec_resources, block_io.leaf_weight, "leafWeight", WEIGHT),
    ARRAY(struct spec_resources, block_io.device_weights, block_io.device_weight_count,
          "weightDevice", &device_weight_form),
    THROTTLE(read_bps, "throttleReadBpsDevice"),
    THROTTLE(write_bps, "throttleWriteBpsDevice"),
    THROTTLE(read_iops, "throttleReadIOPSDevice"),
    THROTTLE(write_iops, "throttleWriteIOPSDevice"),
};
static const struct form block_io_form = { FIELDS(block_io_fields) };

/* ^[1-9][0-9]*[KMG]B$: it becomes part of a file's name. */
static void check_page_size(const struct node *node, const char *text)
{
    const char *unit = text + strspn(text, "0123456789");
    if (unit == text || *text == '0' || !*unit || !strchr("KMG", *unit) ||
        !string_equal(unit + 1, "B"))
        node_error(node, "\"%s\" is not a page size such as \"2MB\"", text);
}

static const struct field hugepage_fields[] = {
    FIELD(struct spec_hugepage_limit, page_size, "pageSize", .check_text = check_page_size,
          .flags = FIELD_REQUIRED),
    FIELD(struct spec_hugepage_limit, limit, "limit", .flags = FIELD_REQUIRED),
};
static const struct form hugepage_form = FORM(struct spec_hugepage_limit, FIELDS(hugepage_fields));

static const struct field priority_fields[] = {
    FIELD(struct spec_network_priority, interface, "name", .check_text = check_interface_name,
          .flags = FIELD_REQUIRED),
    FIELD(struct spec_network_priority, priority, "priority", .flags = FIELD_REQUIRED),
};
static const struct form priority_form =
    FORM(struct spec_network_priority, FIELDS(priority_fields));

static const struct field network_fields[] = {
    FIELD(struct spec_resources, network.class_id, "classID"),
    ARRAY(struct spec_resources, network.priorities, network.priority_count, "priorities",
          &priority_form),
};
static const struct form network_form = { FIELDS(network_fields) };

static const struct field pids_fields[] = {
    FIELD(struct spec_resources, pids_limit, "limit", RANGE(-1, INT64_MAX),
          .flags = FIELD_REQUIRED),
};
static const struct form pids_form = { FIELDS(pids_fields) };

static const struct field rdma_fields[] = {
    FIELD(struct spec_rdma_limit, hca_handles, "hcaHandles"),
    FIELD(struct spec_rdma_limit, hca_objects, "hcaObjects"),
};

static void check_rdma(const struct node *node, void *target)
{
    const struct spec_rdma_limit *limit = target;
    if (!limit->hca_handles.set && !limit->hca_objects.set)
        node_error(node, "needs at least one of hcaHandles and hcaObjects");
    check_single_line(node, limit->device);
}

static const struct form rdma_form =
    FORM(struct spec_rdma_limit, FIELDS(rdma_fields),
         .key_offset = offsetof(struct spec_rdma_limit, device), .check = check_rdma);

static const struct field resources_fields[] = {
    ARRAY(struct spec_resources, device_rules, device_rule_count, "devices", &device_rule_form),
    SECTION("memory", &memory_form),
    SECTION("cpu", &cpu_form),
    SECTION("blockIO", &block_io_form),
    ARRAY(struct spec_resources, hugepage_limits, hugepage_limit_count, "hugepageLimits",
          &hugepage_form),
    SECTION("network", &network_form),
    SECTION("pids", &pids_form),
    MAP(struct spec_resources, rdma_limits, rdma_limit_count, "rdma", &rdma_form),
    TEXT_MAP(struct spec_resources, unified, unified_count, "unified"),
};

/* The keys are files of the cgroup's own directory, never of another. */
static void check_resources(const struct node *node, void *target)
{
    const struct spec_resources *resources = target;
    struct node unified;
    if (!node_member(node, "unified", &unified))
        return;
    for (size_t i = 0; i < resources->unified_count; i++) {
        const char *name = resources->unified[i].key;
        if (strchr(name, '/') || !strchr(name, '.') || *name == '.')
            member_error(&unified, name, "is not the name of a cgroup file");
    }
}

const struct form spec_resources_form =
    FORM(struct spec_resources, FIELDS(resources_fields), .check_always = check_resources);
