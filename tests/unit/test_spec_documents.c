// SPDX-License-Identifier: Apache-2.0
/* What openvirt writes about specifications: the default configuration and the features. */
#include "spec_fixture.h"

#include "base/json.h"
#include "spec/default.h"
#include "spec/features.h"

static struct spec *decode_default(bool rootless)
{
    AUTO_FREE char *text = spec_default_text(rootless, 1000, 1001);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    struct spec *spec = spec_decode(text, strlen(text), &problems);
    assert_int_equal(problems.error_count, 0);
    assert_int_equal(problems.warning_count, 0);
    assert_true(string_ends_with(text, "}\n"));
    return spec;
}

static void the_default_is_a_valid_configuration(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = decode_default(false);
    assert_string_equal(spec->oci_version, "1.3.0");
    assert_string_equal(spec->process->args[0], "sh");
    assert_true(spec->process->terminal && spec->process->no_new_privileges);
    assert_true(spec->root_readonly);
    assert_true(spec->namespaces[SPEC_NAMESPACE_NETWORK].wanted);
    assert_false(spec->namespaces[SPEC_NAMESPACE_USER].wanted);
    assert_int_equal(spec->resources->device_rule_count, 1);
    assert_true(spec->process->capabilities.inheritable == 0);
    assert_true(spec->process->capabilities.ambient == 0);
}

static void the_rootless_default_maps_root_to_the_user(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = decode_default(true);
    assert_true(spec->namespaces[SPEC_NAMESPACE_USER].wanted);
    assert_false(spec->namespaces[SPEC_NAMESPACE_NETWORK].wanted);
    assert_int_equal(spec->uid_mappings[0].host_id, 1000);
    assert_int_equal(spec->gid_mappings[0].host_id, 1001);
    assert_int_equal(spec->resources->device_rule_count, 0);
    for (size_t i = 0; i < spec->mount_count; i++)
        assert_null(strstr(spec->mounts[i].data, "gid="));
}

static bool lists(struct json_object *features, const char *pointer, const char *word)
{
    struct json_object *array = NULL;
    if (json_pointer_get(features, pointer, &array))
        fail_msg("no %s", pointer);
    for (size_t i = 0; i < json_object_array_length(array); i++)
        if (string_equal(json_object_get_string(json_object_array_get_idx(array, i)), word))
            return true;
    return false;
}

static void assert_true_at(struct json_object *features, const char *pointer)
{
    struct json_object *value = NULL;
    if (json_pointer_get(features, pointer, &value))
        fail_msg("no %s", pointer);
    assert_true(json_object_get_boolean(value));
}

static void features_name_what_callers_look_for(void **state)
{
    (void)state;
    AUTO_JSON struct json_object *features = spec_features();
    assert_true(lists(features, "/mountOptions", "rro"));
    assert_true(lists(features, "/hooks", "startContainer"));
    assert_true(lists(features, "/linux/namespaces", "time"));
    assert_true(lists(features, "/linux/capabilities", "CAP_CHECKPOINT_RESTORE"));
    assert_true(lists(features, "/linux/seccomp/actions", "SCMP_ACT_NOTIFY"));
    assert_true(lists(features, "/linux/seccomp/archs", "SCMP_ARCH_X86_64"));
    assert_true(lists(features, "/linux/seccomp/knownFlags", "SECCOMP_FILTER_FLAG_TSYNC"));
    assert_true(lists(features, "/linux/memoryPolicy/modes", "MPOL_INTERLEAVE"));
    assert_true(lists(features, "/potentiallyUnsafeConfigAnnotations", "org.systemd.property."));
    static const char *const switches[] = {
        "/linux/mountExtensions/idmap/enabled",
        "/linux/cgroup/v1",
        "/linux/cgroup/v2",
        "/linux/cgroup/systemd",
        "/linux/cgroup/systemdUser",
        "/linux/cgroup/rdma",
        "/linux/seccomp/enabled",
        "/linux/apparmor/enabled",
        "/linux/selinux/enabled",
        "/linux/intelRdt/enabled",
        "/linux/netDevices/enabled",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(switches); i++)
        assert_true_at(features, switches[i]);
}

/* "The runtime MUST recognize the elements in this array." */
static void what_features_lists_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *pointer, *format;
    } cases[] = {
        { "/ociVersionMin", "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}" },
        { "/ociVersionMax", "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}" },
        { "/linux/namespaces", "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
                               "\"linux\":{\"namespaces\":[{\"type\":\"%s\"}]}}" },
        { "/linux/seccomp/archs",
          "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":"
          "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"%s\"]}}}" },
        { "/linux/seccomp/actions",
          "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":"
          "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/s\","
          "\"syscalls\":[{\"names\":[\"a\"],\"action\":\"%s\"}]}}}" },
        { "/linux/memoryPolicy/flags",
          "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"memoryPolicy\":"
          "{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"%s\"]}}}" },
    };
    AUTO_JSON struct json_object *features = spec_features();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct json_object *value = NULL;
        assert_int_equal(json_pointer_get(features, cases[i].pointer, &value), 0);
        bool array = json_object_is_type(value, json_type_array);
        size_t count = array ? json_object_array_length(value) : 1;
        assert_true(count > 0);
        for (size_t j = 0; j < count; j++) {
            struct json_object *word = array ? json_object_array_get_idx(value, j) : value;
            AUTO_STRINGS char **parts = string_split(cases[i].format, "%");
            AUTO_FREE char *text =
                string_format("%s%s%s", parts[0], json_object_get_string(word), parts[1] + 1);
            AUTO_PROBLEMS struct spec_problems problems = { 0 };
            AUTO_SPEC struct spec *spec = spec_decode(text, strlen(text), &problems);
            if (!spec || problems.warning_count)
                fail_msg("%s lists %s", cases[i].pointer, json_object_get_string(word));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_a_valid_configuration),
        cmocka_unit_test(the_rootless_default_maps_root_to_the_user),
        cmocka_unit_test(features_name_what_callers_look_for),
        cmocka_unit_test(what_features_lists_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
