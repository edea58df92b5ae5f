// SPDX-License-Identifier: Apache-2.0
/*
 * The "data" of `events --stats`, in the names and units that runc has given it and that
 * containerd and cAdvisor read: times in nanoseconds, memory in bytes.
 */
#pragma once

#include "base/json.h"
#include "container/cgroup/internal.h"

/* A number in a file of its own; "max" is UINT64_MAX, what is not there 0. */
uint64_t stats_number(const struct cgroup_directory *directory, const char *file);
/* The number behind a key in a file of lines "KEY NUMBER"; 0 where there is none. */
uint64_t stats_flat_number(const struct cgroup_directory *directory, const char *file,
                           const char *key);
void stats_add(struct json_object *object, const char *key, uint64_t value);

/* All lines "KEY NUMBER" of a file as an object. */
struct json_object *stats_flat_object(const struct cgroup_directory *directory, const char *file);

/* One row of "blkio": a device and an operation. */
void stats_add_io(struct json_object *array, uint64_t major, uint64_t minor, const char *operation,
                  uint64_t value);

struct json_object *stats_v1_cpu(const struct cgroup *cgroup);
struct json_object *stats_v1_memory(const struct cgroup_directory *directory);
struct json_object *stats_v1_blkio(const struct cgroup_directory *directory);
struct json_object *stats_v2_cpu(const struct cgroup_directory *directory);
struct json_object *stats_v2_memory(const struct cgroup_directory *directory);
struct json_object *stats_v2_io(const struct cgroup_directory *directory);
