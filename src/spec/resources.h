// SPDX-License-Identifier: Apache-2.0
/* linux.resources: what a cgroup is told, in the units of the specification. Also `update`'s input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/value.h"

/* resources.devices[], in order; the last rule that matches decides. */
struct spec_device_rule {
    bool allow;
    char type;            /* 'a', 'b' or 'c' */
    int64_t major, minor; /* -1: any */
    bool read, write, mknod;
};

struct spec_block_device_weight {
    uint32_t major, minor;
    struct spec_u16 weight, leaf_weight;
};

struct spec_block_device_throttle {
    uint32_t major, minor;
    uint64_t rate; /* bytes or operations a second */
};

struct spec_throttle_list {
    const struct spec_block_device_throttle *devices;
    size_t count;
};

struct spec_hugepage_limit {
    const char *page_size; /* "2MB", "1GB": matches ^[1-9][0-9]*[KMG]B$ */
    uint64_t limit;        /* bytes */
};

struct spec_network_priority {
    const char *interface;
    uint32_t priority;
};

struct spec_rdma_limit {
    const char *device;
    struct spec_u32 hca_handles, hca_objects;
};

struct spec_resources {
    const struct spec_device_rule *device_rules;
    size_t device_rule_count;

    struct {
        struct spec_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes; -1: unlimited */
        struct spec_u64 swappiness;
        struct spec_bool disable_oom_killer, use_hierarchy, check_before_update;
    } memory;

    struct {
        struct spec_u64 shares;
        struct spec_i64 quota;            /* us per period; negative: unlimited */
        struct spec_u64 burst, period;    /* us */
        struct spec_i64 realtime_runtime; /* us */
        struct spec_u64 realtime_period;  /* us */
        const char *cpus, *mems;
        struct spec_i64 idle; /* 0 or 1 */
    } cpu;

    struct {
        struct spec_u16 weight, leaf_weight;
        const struct spec_block_device_weight *device_weights;
        size_t device_weight_count;
        struct spec_throttle_list read_bps, write_bps, read_iops, write_iops;
    } block_io;

    const struct spec_hugepage_limit *hugepage_limits;
    size_t hugepage_limit_count;

    struct {
        struct spec_u32 class_id;
        const struct spec_network_priority *priorities;
        size_t priority_count;
    } network;

    struct spec_i64 pids_limit; /* -1: max; 0 is a real limit */

    const struct spec_rdma_limit *rdma_limits;
    size_t rdma_limit_count;

    /* cgroup v2 files by name, written last and as they are. */
    const struct spec_key_value *unified;
    size_t unified_count;
};
