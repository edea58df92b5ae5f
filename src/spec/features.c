// SPDX-License-Identifier: Apache-2.0
/*
 * "The features document is irrelevant to the actual availability of the features in the host
 * operating system": it says what openvirt knows, not what the kernel does.
 */
#include "spec/features.h"

#include <seccomp.h>
#include <stdlib.h>

#include "base/string.h"
#include "spec/mount_options.h"
#include "spec/words.h"

static void add_string(struct json_object *array, const char *text)
{
    json_object_array_add(array, json_object_new_string(text));
}

static struct json_object *names_of(const struct word *words)
{
    struct json_object *array = json_object_new_array();
    for (; words->name; words++)
        add_string(array, words->name);
    return array;
}

static int compare_names(const void *left, const void *right)
{
    struct json_object *const *a = left, *const *b = right;
    return strcmp(json_object_get_string(*a), json_object_get_string(*b));
}

static struct json_object *mount_options(void)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < spec_mount_option_count; i++)
        add_string(array, spec_mount_options[i].name);
    json_object_array_sort(array, compare_names);
    return array;
}

static void add_bool(struct json_object *object, const char *name, bool value)
{
    json_object_object_add(object, name, json_object_new_boolean(value));
}

static struct json_object *enabled(void)
{
    struct json_object *object = json_object_new_object();
    add_bool(object, "enabled", true);
    return object;
}

static struct json_object *cgroup(void)
{
    struct json_object *object = json_object_new_object();
    static const char *const names[] = { "v1", "v2", "systemd", "systemdUser", "rdma" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        add_bool(object, names[i], true);
    return object;
}

static struct json_object *seccomp(void)
{
    struct json_object *object = enabled();
    json_object_object_add(object, "actions", names_of(spec_seccomp_actions));
    json_object_object_add(object, "operators", names_of(spec_seccomp_operators));
    json_object_object_add(object, "archs", names_of(spec_seccomp_architectures));
    json_object_object_add(object, "knownFlags", names_of(spec_seccomp_flags));
    json_object_object_add(object, "supportedFlags", names_of(spec_seccomp_flags));
    return object;
}

static struct json_object *intel_rdt(void)
{
    struct json_object *object = enabled();
    add_bool(object, "schemata", true);
    add_bool(object, "monitoring", true);
    return object;
}

static struct json_object *mount_extensions(void)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "idmap", enabled());
    return object;
}

static struct json_object *memory_policy(void)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "modes", names_of(spec_memory_policy_modes));
    json_object_object_add(object, "flags", names_of(spec_memory_policy_flags));
    return object;
}

static struct json_object *linux_features(void)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "namespaces", names_of(spec_namespace_types));
    json_object_object_add(object, "capabilities", names_of(spec_capability_names));
    json_object_object_add(object, "cgroup", cgroup());
    json_object_object_add(object, "seccomp", seccomp());
    json_object_object_add(object, "apparmor", enabled());
    json_object_object_add(object, "selinux", enabled());
    json_object_object_add(object, "intelRdt", intel_rdt());
    json_object_object_add(object, "memoryPolicy", memory_policy());
    json_object_object_add(object, "mountExtensions", mount_extensions());
    json_object_object_add(object, "netDevices", enabled());
    return object;
}

static struct json_object *annotations(void)
{
    struct json_object *object = json_object_new_object();
    const struct scmp_version *version = seccomp_version();
    AUTO_FREE char *text =
        string_format("%u.%u.%u", version->major, version->minor, version->micro);
    json_object_object_add(object, "io.github.seccomp.libseccomp.version",
                           json_object_new_string(text));
    json_object_object_add(object, "org.openvirt.version",
                           json_object_new_string(OPENVIRT_VERSION));
    return object;
}

struct json_object *spec_features(void)
{
    struct json_object *features = json_object_new_object();
    json_object_object_add(features, "ociVersionMin", json_object_new_string("1.0.0"));
    json_object_object_add(features, "ociVersionMax", json_object_new_string("1.3.0"));
    json_object_object_add(features, "hooks", names_of(spec_hook_points));
    json_object_object_add(features, "mountOptions", mount_options());
    json_object_object_add(features, "linux", linux_features());
    json_object_object_add(features, "annotations", annotations());
    json_object_object_add(features, "potentiallyUnsafeConfigAnnotations",
                           names_of(spec_unsafe_annotations));
    return features;
}
