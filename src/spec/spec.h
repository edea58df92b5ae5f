// SPDX-License-Identifier: Apache-2.0
/*
 * A validated runtime configuration (OCI runtime-spec 1.3.0, config.json) as C structs.
 *
 * Only spec/decode makes one, and only from a document in which it found no error; after that
 * nothing changes it. Whoever reads it need not check again: enum values are known ones, numbers
 * are in the range of the interface they are meant for, paths that must be absolute are, strings
 * hold no NUL. Every pointer lives as long as the struct spec (its arena and its JSON document own
 * them).
 *
 * Arrays are a pointer and a `_count`; "absent" is NULL for strings and structs, `.set == false`
 * for optional numbers, 0 for counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/mount.h"
#include "spec/process.h"
#include "spec/resources.h"
#include "spec/seccomp.h"
#include "spec/value.h"

struct arena;
struct json_object;

/* Positions in struct spec_namespaces.entries. */
enum spec_namespace_type {
    SPEC_NAMESPACE_USER,
    SPEC_NAMESPACE_CGROUP,
    SPEC_NAMESPACE_IPC,
    SPEC_NAMESPACE_UTS,
    SPEC_NAMESPACE_NETWORK,
    SPEC_NAMESPACE_PID,
    SPEC_NAMESPACE_MOUNT,
    SPEC_NAMESPACE_TIME,
    SPEC_NAMESPACE_COUNT,
};

struct spec_namespace {
    bool wanted;      /* listed in linux.namespaces */
    const char *path; /* join this one; NULL: make a new one */
};

struct spec_time_offset {
    bool set;
    int64_t seconds;
    uint32_t nanoseconds;
};

/* linux.devices[] */
struct spec_device {
    char type;        /* 'c' ('u' is decoded to it), 'b' or 'p' */
    const char *path; /* absolute, in the container */
    uint32_t major, minor;
    struct spec_u32 file_mode; /* permission bits; absent: 0666 */
    struct spec_u32 uid, gid;  /* absent: 0 */
};

/* linux.netDevices: a host interface that moves into the container. */
struct spec_network_device {
    const char *host_name;
    const char *name; /* in the container, may be a template "eth%d"; NULL: keep the host's */
};

struct spec_hook {
    const char *path;
    const char *const *args; /* NULL-terminated; NULL: {path} */
    const char *const *env;  /* NULL-terminated; NULL: empty environment */
    struct spec_u32 timeout_s;
};

enum spec_hook_point {
    SPEC_HOOK_PRESTART,
    SPEC_HOOK_CREATE_RUNTIME,
    SPEC_HOOK_CREATE_CONTAINER,
    SPEC_HOOK_START_CONTAINER,
    SPEC_HOOK_POSTSTART,
    SPEC_HOOK_POSTSTOP,
    SPEC_HOOK_POINT_COUNT,
};

struct spec_hook_list {
    const struct spec_hook *hooks;
    size_t count;
};

/* linux.intelRdt */
struct spec_intel_rdt {
    const char *clos_id;         /* NULL: the container's id; "/": the default group */
    const char *const *schemata; /* NULL-terminated or NULL */
    const char *l3_cache_schema, *memory_bandwidth_schema;
    bool enable_monitoring;
};

/* linux.memoryPolicy, values of set_mempolicy(2). */
struct spec_memory_policy {
    int mode;            /* MPOL_* */
    uint32_t mode_flags; /* MPOL_F_* */
    const char *nodes;   /* list format "0-3,7"; NULL: none */
    const uint64_t *node_mask;
    size_t node_mask_bits; /* 0: no nodes */
};

/* linux.personality, values of personality(2). */
struct spec_personality {
    bool set;
    unsigned long persona; /* PER_LINUX or PER_LINUX32, with flags or-ed in */
};

/* The `vm` section: kept for the VM techniques, ignored by containers. */
struct spec_vm {
    bool set;
    const char *hypervisor_path, *kernel_path, *initrd_path, *image_path, *image_format;
    const char *const *hypervisor_parameters, *const *kernel_parameters;
};

struct spec {
    struct arena *arena;
    struct json_object *document; /* config.json as it was parsed: what the state directory keeps */

    const char *oci_version;
    const char *root_path; /* as written: relative to the bundle or absolute; NULL when absent */
    bool root_readonly;
    const char *hostname, *domainname;
    const struct spec_process
        *process; /* NULL when absent: `create` is fine, `start` is an error */
    const struct spec_mount *mounts;
    size_t mount_count;
    struct spec_hook_list hooks[SPEC_HOOK_POINT_COUNT];
    const struct spec_key_value *annotations;
    size_t annotation_count;

    /* linux.* */
    struct spec_namespace namespaces[SPEC_NAMESPACE_COUNT];
    const struct spec_id_mapping *uid_mappings, *gid_mappings;
    size_t uid_mapping_count, gid_mapping_count;
    struct spec_time_offset monotonic_offset, boottime_offset;
    const struct spec_device *devices;
    size_t device_count;
    const struct spec_network_device *network_devices;
    size_t network_device_count;
    const char *cgroups_path;               /* NULL: the runtime chooses */
    const struct spec_resources *resources; /* never NULL; all absent when the section is */
    const struct spec_intel_rdt *intel_rdt;
    const struct spec_memory_policy *memory_policy;
    const struct spec_key_value *sysctls;
    size_t sysctl_count;
    const struct spec_seccomp *seccomp; /* NULL: no filter */
    unsigned long
        rootfs_propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE; 0: absent */
    const char *const *masked_paths, *const *readonly_paths; /* NULL-terminated or NULL */
    const char *mount_label;
    struct spec_personality personality;
    struct spec_vm vm;
};

/* NULL is fine. */
void spec_free(struct spec *spec);

static inline void spec_cleanup(struct spec **spec)
{
    spec_free(*spec);
}

#define AUTO_SPEC __attribute__((cleanup(spec_cleanup)))
