// SPDX-License-Identifier: Apache-2.0
/* linux: runtime-spec config-linux.md; resources and seccomp have files of their own. */
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "base/string.h"
#include "spec/cpu_list.h"
#include "spec/sections.h"
#include "spec/words.h"

const struct word spec_namespace_types[] = {
    { "cgroup", SPEC_NAMESPACE_CGROUP },
    { "ipc", SPEC_NAMESPACE_IPC },
    { "mount", SPEC_NAMESPACE_MOUNT },
    { "network", SPEC_NAMESPACE_NETWORK },
    { "pid", SPEC_NAMESPACE_PID },
    { "time", SPEC_NAMESPACE_TIME },
    { "user", SPEC_NAMESPACE_USER },
    { "uts", SPEC_NAMESPACE_UTS },
    { NULL },
};

static void read_namespace(const struct node *node, struct spec *spec)
{
    struct node type, path;
    if (!node_is(node, json_type_object))
        return;
    if (!node_member(node, "type", &type)) {
        member_error(node, "type", "is required");
        return;
    }
    const struct word *word = node_word(&type, spec_namespace_types);
    if (!word)
        return;
    struct spec_namespace *namespace = &spec->namespaces[word->value];
    if (namespace->wanted)
        node_error(node, "a second %s namespace", word->name);
    namespace->wanted = true;
    if (!node_member(node, "path", &path))
        return;
    const char *text = node_text(&path);
    if (!text || !*text)
        return;
    check_absolute(&path, text);
    namespace->path = text;
}

static void read_namespaces(const struct node *node, const struct field *field, void *target)
{
    (void)field;
    if (!node_is(node, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(node->value); i++) {
        struct node element = node_element(node, i);
        read_namespace(&element, target);
    }
}

static const struct field id_mapping_fields[] = {
    FIELD(struct spec_id_mapping, container_id, "containerID", .flags = FIELD_REQUIRED),
    FIELD(struct spec_id_mapping, host_id, "hostID", .flags = FIELD_REQUIRED),
    FIELD(struct spec_id_mapping, size, "size", .flags = FIELD_REQUIRED),
};

/* user_namespaces(7): not empty, and neither range wraps round. */
static void check_id_mapping(const struct node *node, void *target)
{
    const struct spec_id_mapping *mapping = target;
    if (!mapping->size)
        node_error(node, "maps no ids");
    else if (mapping->container_id + (uint64_t)mapping->size > UINT32_MAX ||
             mapping->host_id + (uint64_t)mapping->size > UINT32_MAX)
        node_error(node, "goes beyond the greatest id");
}

const struct form spec_id_mapping_form =
    FORM(struct spec_id_mapping, FIELDS(id_mapping_fields), .check = check_id_mapping);

static const struct field monotonic_fields[] = {
    FIELD(struct spec, monotonic_offset.seconds, "secs"),
    FIELD(struct spec, monotonic_offset.nanoseconds, "nanosecs", RANGE(0, 999999999)),
};
static const struct field boottime_fields[] = {
    FIELD(struct spec, boottime_offset.seconds, "secs"),
    FIELD(struct spec, boottime_offset.nanoseconds, "nanosecs", RANGE(0, 999999999)),
};

static void check_monotonic(const struct node *node, void *target)
{
    struct spec *spec = target;
    (void)node;
    spec->monotonic_offset.set = true;
}

static void check_boottime(const struct node *node, void *target)
{
    struct spec *spec = target;
    (void)node;
    spec->boottime_offset.set = true;
}

static const struct form monotonic_form = { FIELDS(monotonic_fields), .check = check_monotonic };
static const struct form boottime_form = { FIELDS(boottime_fields), .check = check_boottime };

static const struct field time_offset_fields[] = {
    SECTION("monotonic", &monotonic_form),
    SECTION("boottime", &boottime_form),
};

/* The keys are names of clocks, and other clocks have no offset: a misspelt one is no extension. */
static void check_time_offsets(const struct node *node, void *target)
{
    (void)target;
    json_object_object_foreach(node->value, clock, value)
    {
        (void)value;
        if (!string_equal(clock, "monotonic") && !string_equal(clock, "boottime"))
            member_error(node, clock, "unknown clock (there is monotonic, boottime)");
    }
}

static const struct form time_offsets_form = { FIELDS(time_offset_fields),
                                               .check = check_time_offsets };

static const struct word device_types[] = {
    { "b", 'b' }, { "c", 'c' }, { "p", 'p' }, { "u", 'c' }, { NULL },
};

/* A mode may come with its type bits (podman sends st_mode); the permission bits are meant. */
static const struct field device_fields[] = {
    WORD(struct spec_device, type, "type", device_types, .flags = FIELD_REQUIRED),
    FIELD(struct spec_device, path, "path", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    FIELD(struct spec_device, major, "major", RANGE(0, 0xfff)),
    FIELD(struct spec_device, minor, "minor", RANGE(0, 0xfffff)),
    FIELD(struct spec_device, file_mode, "fileMode", RANGE(0, 0177777)),
    FIELD(struct spec_device, uid, "uid"),
    FIELD(struct spec_device, gid, "gid"),
};

static void check_device(const struct node *node, void *target)
{
    struct spec_device *device = target;
    struct node member;
    device->file_mode.value &= 07777;
    if (device->type == 'p' || !device->type)
        return;
    if (!node_member(node, "major", &member))
        member_error(node, "major", "is required");
    if (!node_member(node, "minor", &member))
        member_error(node, "minor", "is required");
}

static const struct form device_form =
    FORM(struct spec_device, FIELDS(device_fields), .check = check_device);

static const struct field network_device_fields[] = {
    FIELD(struct spec_network_device, name, "name", .check_text = check_interface_name),
};

static void check_network_device(const struct node *node, void *target)
{
    const struct spec_network_device *device = target;
    check_interface_name(node, device->host_name);
}

/* Two of one name in the container; a template ("eth%d") gives each its own. */
static bool network_devices_are_same(const void *one, const void *other)
{
    const struct spec_network_device *a = one, *b = other;
    const char *name = a->name ? a->name : a->host_name;
    return !strchr(name, '%') && string_equal(name, b->name ? b->name : b->host_name);
}

static const struct form network_device_form =
    FORM(struct spec_network_device, FIELDS(network_device_fields), .check = check_network_device,
         .key_offset = offsetof(struct spec_network_device, host_name),
         .same = network_devices_are_same);

/* Each would be joined to the hierarchy's mount point. */
static void check_cgroups_path(const struct node *node, const char *text)
{
    AUTO_STRINGS char **parts = string_split(text, "/");
    for (char **part = parts; *part; part++)
        if (string_equal(*part, ".."))
            node_error(node, "must not hold \"..\"");
    check_single_line(node, text);
}

/* One directory below the mount point of resctrl; "/" is the default group. */
static void check_clos_id(const struct node *node, const char *text)
{
    if (string_equal(text, "/"))
        return;
    if (strchr(text, '/') || string_equal(text, ".") || string_equal(text, ".."))
        node_error(node, "\"%s\" is not the name of a directory, nor \"/\"", text);
    check_single_line(node, text);
}

static void check_memory_bandwidth(const struct node *node, const char *text)
{
    if (!string_starts_with(text, "MB:"))
        node_error(node, "must start with \"MB:\"");
    check_single_line(node, text);
}

static const struct field intel_rdt_fields[] = {
    FIELD(struct spec_intel_rdt, clos_id, "closID", .check_text = check_clos_id),
    FIELD(struct spec_intel_rdt, schemata, "schemata", .check_text = check_single_line),
    FIELD(struct spec_intel_rdt, l3_cache_schema, "l3CacheSchema"),
    FIELD(struct spec_intel_rdt, memory_bandwidth_schema, "memBwSchema",
          .check_text = check_memory_bandwidth),
    FIELD(struct spec_intel_rdt, enable_monitoring, "enableMonitoring"),
};
static const struct form intel_rdt_form = FORM(struct spec_intel_rdt, FIELDS(intel_rdt_fields));

/* The uapi of Linux 6.9; Debian 12's header lacks it. */
enum { MODE_WEIGHTED_INTERLEAVE = 6 };

const struct word spec_memory_policy_modes[] = {
    { "MPOL_DEFAULT", MPOL_DEFAULT },
    { "MPOL_PREFERRED", MPOL_PREFERRED },
    { "MPOL_BIND", MPOL_BIND },
    { "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
    { "MPOL_LOCAL", MPOL_LOCAL },
    { "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
    { "MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE },
    { NULL },
};

const struct word spec_memory_policy_flags[] = {
    { "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
    { "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
    { "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
    { NULL },
};

static void read_nodes(const struct node *node, const struct field *field, void *target)
{
    struct spec_memory_policy *policy = target;
    const char *text = node_text(node);
    (void)field;
    if (!text || !*text)
        return;
    policy->nodes = text;
    policy->node_mask = cpu_list_decode(node, text, &policy->node_mask_bits);
}

static const struct field memory_policy_fields[] = {
    WORD(struct spec_memory_policy, mode, "mode", spec_memory_policy_modes,
         .flags = FIELD_REQUIRED),
    WORD_SET(struct spec_memory_policy, mode_flags, "flags", spec_memory_policy_flags),
    CUSTOM("nodes", read_nodes),
};

/* set_mempolicy(2): which mode goes with which nodes and flags; else EINVAL. */
static void check_memory_policy(const struct node *node, void *target)
{
    const struct spec_memory_policy *policy = target;
    bool no_nodes = policy->mode == MPOL_DEFAULT || policy->mode == MPOL_LOCAL;
    const uint32_t both = MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES;
    if (no_nodes && policy->nodes)
        member_error(node, "nodes", "must not be set with this mode");
    if (!no_nodes && !policy->nodes && policy->mode != MPOL_PREFERRED)
        member_error(node, "nodes", "is required with this mode");
    if ((policy->mode_flags & both) == both)
        member_error(node, "flags", "relative and static nodes exclude each other");
}

static const struct form memory_policy_form =
    FORM(struct spec_memory_policy, FIELDS(memory_policy_fields), .check = check_memory_policy);

static const struct word propagations[] = {
    { "private", MS_PRIVATE },
    { "rprivate", MS_PRIVATE },
    { "shared", MS_SHARED },
    { "rshared", MS_SHARED },
    { "slave", MS_SLAVE },
    { "rslave", MS_SLAVE },
    { "unbindable", MS_UNBINDABLE },
    { "runbindable", MS_UNBINDABLE },
    { NULL },
};

static const struct word personality_domains[] = {
    { "LINUX", PER_LINUX },
    { "LINUX32", PER_LINUX32 },
    { NULL },
};

/* "Currently no flag values are supported." */
static const struct word personality_flags[] = { { NULL } };

static void read_personality_flags(const struct node *node, const struct field *field, void *target)
{
    struct spec *spec = target;
    uint64_t flags = 0;
    struct field whole = { .words = field->words, .size = sizeof(flags) };
    read_word_set(node, &whole, &flags);
    spec->personality.persona |= flags;
}

static const struct field personality_fields[] = {
    WORD(struct spec, personality.persona, "domain", personality_domains, .flags = FIELD_REQUIRED),
    CUSTOM("flags", read_personality_flags, .words = personality_flags),
};

static void check_personality(const struct node *node, void *target)
{
    struct spec *spec = target;
    (void)node;
    spec->personality.set = true;
}

static const struct form personality_form = { FIELDS(personality_fields),
                                              .check = check_personality };

static const struct field linux_fields[] = {
    CUSTOM("namespaces", read_namespaces),
    ARRAY(struct spec, uid_mappings, uid_mapping_count, "uidMappings", &spec_id_mapping_form),
    ARRAY(struct spec, gid_mappings, gid_mapping_count, "gidMappings", &spec_id_mapping_form),
    SECTION("timeOffsets", &time_offsets_form),
    ARRAY(struct spec, devices, device_count, "devices", &device_form),
    MAP(struct spec, network_devices, network_device_count, "netDevices", &network_device_form),
    FIELD(struct spec, cgroups_path, "cgroupsPath", .check_text = check_cgroups_path),
    OBJECT(struct spec, resources, "resources", &spec_resources_form),
    OBJECT(struct spec, intel_rdt, "intelRdt", &intel_rdt_form),
    OBJECT(struct spec, memory_policy, "memoryPolicy", &memory_policy_form),
    TEXT_MAP(struct spec, sysctls, sysctl_count, "sysctl", .check_text = check_single_line),
    OBJECT(struct spec, seccomp, "seccomp", &spec_seccomp_form),
    WORD(struct spec, rootfs_propagation, "rootfsPropagation", propagations),
    FIELD(struct spec, masked_paths, "maskedPaths", .check_text = check_absolute),
    FIELD(struct spec, readonly_paths, "readonlyPaths", .check_text = check_absolute),
    FIELD(struct spec, mount_label, "mountLabel", .check_text = check_single_line),
    SECTION("personality", &personality_form),
};

/* What is asked of a namespace needs the namespace. */
static void check_linux(const struct node *node, void *target)
{
    const struct spec *spec = target;
    const struct spec_namespace *namespaces = spec->namespaces;
    const struct {
        const char *name;
        bool asked;
        enum spec_namespace_type type;
    } wants[] = {
        { "uidMappings", spec->uid_mapping_count, SPEC_NAMESPACE_USER },
        { "gidMappings", spec->gid_mapping_count, SPEC_NAMESPACE_USER },
        { "timeOffsets", spec->monotonic_offset.set || spec->boottime_offset.set,
          SPEC_NAMESPACE_TIME },
        { "netDevices", spec->network_device_count, SPEC_NAMESPACE_NETWORK },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wants); i++) {
        if (!wants[i].asked || namespaces[wants[i].type].wanted)
            continue;
        const struct word *word = spec_namespace_types;
        while (word->value != wants[i].type)
            word++;
        member_error(node, wants[i].name, "needs a %s namespace", word->name);
    }
    if (!spec->uid_mapping_count != !spec->gid_mapping_count)
        node_error(node, "uidMappings and gidMappings must come together");
}

const struct form spec_linux_form = { FIELDS(linux_fields), .check_always = check_linux };
