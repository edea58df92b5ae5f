// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "image/subordinate_ids.h"
#include "instance/default_seccomp.h"
#include "instance/launch_config.h"
#include "spec/decode.h"

/* The configuration of a request, as the decoder understands it. */
struct result {
    struct spec *spec;
    char *error;
};

static void result_free(struct result *result)
{
    spec_free(result->spec);
    free(result->error);
}

#define AUTO_RESULT __attribute__((cleanup(result_free)))

static struct result configure(struct launch_request request, bool rootless)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    static char *layers[] = { (char *)"/layer", NULL };
    static char *words[] = { (char *)"/bin/true", NULL };
    struct host host = { .rootless = rootless };
    struct image image = { .layers = { layers, 1 } };
    struct launch_context context = {
        .host = &host,
        .request = &request,
        .image = &image,
        .name = "box",
        .storage = "/storage/box",
        .command = { words, 1 },
        .identity = { .home = (char *)"/root" },
    };
    struct json_object *config = launch_config(&context, &error);
    if (!config)
        return (struct result){ .error = take_pointer(error.message) };
    const char *text = json_object_to_json_string(config);
    struct result result = { .spec = spec_decode(text, strlen(text), &problems) };
    for (size_t i = 0; i < problems.error_count; i++)
        print_message("%s: %s\n", problems.errors[i].path, problems.errors[i].message);
    json_object_put(config);
    return result;
}

static const struct spec_mount *mount_at(const struct spec *spec, const char *destination)
{
    for (size_t i = 0; i < spec->mount_count; i++)
        if (string_equal(spec->mounts[i].destination, destination))
            return &spec->mounts[i];
    return NULL;
}

static void what_nobody_asked_for_is_confined(void **state)
{
    (void)state;
    AUTO_RESULT struct result result = configure((struct launch_request){ 0 }, false);
    assert_non_null(result.spec);
    const struct spec *spec = result.spec;
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++)
        if (type != SPEC_NAMESPACE_USER && type != SPEC_NAMESPACE_TIME)
            assert_true(spec->namespaces[type].wanted);
    assert_string_equal(spec->hostname, "box");
    assert_non_null(spec->seccomp);
    assert_non_null(spec->masked_paths);
    assert_non_null(spec->readonly_paths);
    assert_true(spec->resources->device_rule_count > 0);
    assert_false(spec->resources->device_rules[0].allow);
    assert_true(spec->resources->pids_limit.set);
    uint64_t dangerous = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_MODULE | 1ULL << CAP_SYS_PTRACE |
                         1ULL << CAP_NET_ADMIN | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_MKNOD;
    assert_false(spec->process->capabilities.bounding & dangerous);
    assert_int_equal(spec->process->capabilities.inheritable, 0);
}

static void an_ordinary_user_gets_a_user_namespace(void **state)
{
    (void)state;
    AUTO_RESULT struct result result = configure((struct launch_request){ 0 }, true);
    assert_non_null(result.spec);
    assert_true(result.spec->namespaces[SPEC_NAMESPACE_USER].wanted);
    assert_true(result.spec->uid_mapping_count >= 1);
    assert_int_equal(result.spec->uid_mappings[0].host_id, getuid());
    assert_int_equal(result.spec->resources->device_rule_count, 0);
    assert_false(result.spec->resources->pids_limit.set);
}

static void an_ordinary_user_with_the_host_s_network_binds_sys(void **state)
{
    (void)state;
    AUTO_RESULT struct result result =
        configure((struct launch_request){ .network = LAUNCH_NETWORK_HOST }, true);
    assert_false(result.spec->namespaces[SPEC_NAMESPACE_NETWORK].wanted);
    const struct spec_mount *sys = mount_at(result.spec, "/sys");
    assert_true(sys->bind && sys->recursive);
}

static void limits_are_in_the_units_of_the_specification(void **state)
{
    (void)state;
    AUTO_RESULT struct result result =
        configure((struct launch_request){ .cpus = "0.25",
                                           .cpu_weight = { true, 100 },
                                           .memory = { true, 64 << 20 },
                                           .pids_limit = { true, -1 } },
                  false);
    const struct spec_resources *resources = result.spec->resources;
    assert_int_equal(resources->cpu.quota.value, 25000);
    assert_int_equal(resources->cpu.period.value, 100000);
    assert_int_equal(resources->memory.limit.value, 64 << 20);
    assert_int_equal(resources->pids_limit.value, -1);
    /* crun's and systemd's formula gives the weight back that was asked for. */
    assert_int_equal(1 + ((resources->cpu.shares.value - 2) * 9999) / 262142, 100);
}

static void a_number_of_processors_is_nothing_else(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",   ".",  "0",    "0.001", "1.0005",
                                         "-1", "1 ", "1..5", "1e",    "999999999999" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_RESULT struct result result =
            configure((struct launch_request){ .cpus = wrong[i] }, false);
        assert_null(result.spec);
        assert_non_null(strstr(result.error, "--cpus"));
    }
}

static struct result with_volume(const char *volume)
{
    char *items[] = { (char *)volume, NULL };
    const struct string_list volumes = { items, 1 };
    return configure((struct launch_request){ .volumes = &volumes }, false);
}

static void a_volume_is_a_private_bind(void **state)
{
    (void)state;
    AUTO_RESULT struct result result = with_volume("/tmp:/data:ro");
    const struct spec_mount *mount = mount_at(result.spec, "/data");
    assert_non_null(mount);
    assert_true(mount->bind && mount->recursive);
    assert_string_equal(mount->source, "/tmp");
    assert_true(mount->attributes_set != 0);
}

static void a_volume_of_the_wrong_form_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "/tmp",
                                         "/tmp:",
                                         "/tmp:data",
                                         "/tmp:/",
                                         ":/data",
                                         "data:/data",
                                         "/tmp:/data:magic",
                                         "/tmp:/data:ro,magic",
                                         "/nonexistent:/data" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_RESULT struct result result = with_volume(wrong[i]);
        assert_null(result.spec);
        assert_non_null(strstr(result.error, "--volume"));
    }
}

static struct launch_request dropping_all(const struct string_list *dropped,
                                          const struct string_list *added)
{
    return (struct launch_request){ .capabilities_dropped = dropped, .capabilities_added = added };
}

static void what_is_named_wins_over_all(void **state)
{
    (void)state;
    char *all[] = { (char *)"ALL", NULL }, *one[] = { (char *)"CAP_kill", NULL };
    const struct string_list dropped = { all, 1 }, added = { one, 1 };
    AUTO_RESULT struct result result = configure(dropping_all(&dropped, &added), false);
    assert_int_equal(result.spec->process->capabilities.bounding, 1ULL << CAP_KILL);
    AUTO_RESULT struct result but_one = configure(dropping_all(&added, &dropped), false);
    assert_false(but_one.spec->process->capabilities.bounding & 1ULL << CAP_KILL);
    assert_true(but_one.spec->process->capabilities.bounding & 1ULL << CAP_SYS_ADMIN);
}

static void a_capability_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "magic", "cap_38", "5", "sys_admin " };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        char *items[] = { (char *)wrong[i], NULL };
        const struct string_list added = { items, 1 };
        AUTO_RESULT struct result result = configure(dropping_all(NULL, &added), false);
        assert_null(result.spec);
    }
}

static bool denies(uint64_t capabilities, const char *call)
{
    struct json_object *profile = default_seccomp(capabilities);
    AUTO_FREE char *quoted = string_format("\"%s\"", call);
    bool found = strstr(json_object_to_json_string(profile), quoted) != NULL;
    json_object_put(profile);
    return found;
}

static void a_capability_lifts_the_denial_of_its_calls_alone(void **state)
{
    (void)state;
    assert_true(denies(0, "mount"));
    assert_true(denies(0, "clone"));
    assert_false(denies(1ULL << CAP_SYS_ADMIN, "mount"));
    assert_false(denies(1ULL << CAP_SYS_ADMIN, "clone"));
    assert_true(denies(1ULL << CAP_SYS_ADMIN, "init_module"));
    assert_true(denies(UINT64_MAX, "io_uring_setup"));
    assert_true(denies(UINT64_MAX, "keyctl"));
}

static void the_ranges_of_a_user_follow_each_other(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char path[] = "/tmp/openvirt-subuid-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    static const char text[] = "other:100000:65536\n"
                               "person:200000:1000\n"
                               "person:broken:5\n"
                               "person:5:0\n"
                               "person:4294967000:65536\n"
                               "1000:300000:2000\n";
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
    struct spec_id_mapping mappings[MOST_ID_MAPPINGS];
    assert_int_equal(subordinate_id_mappings(path, "person", 1000, 1000, mappings, &error), 3);
    assert_int_equal(mappings[0].host_id, 1000);
    assert_int_equal(mappings[1].container_id, 1);
    assert_int_equal(mappings[1].host_id, 200000);
    assert_int_equal(mappings[2].container_id, 1001);
    assert_int_equal(mappings[2].host_id, 300000);
    assert_int_equal(subordinate_id_mappings(path, "nobody", 7, 7, mappings, &error), 1);
    assert_int_equal(subordinate_id_mappings("/nonexistent", "x", 7, 7, mappings, &error), 1);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_asked_for_is_confined),
        cmocka_unit_test(an_ordinary_user_gets_a_user_namespace),
        cmocka_unit_test(an_ordinary_user_with_the_host_s_network_binds_sys),
        cmocka_unit_test(limits_are_in_the_units_of_the_specification),
        cmocka_unit_test(a_number_of_processors_is_nothing_else),
        cmocka_unit_test(a_volume_is_a_private_bind),
        cmocka_unit_test(a_volume_of_the_wrong_form_is_refused),
        cmocka_unit_test(what_is_named_wins_over_all),
        cmocka_unit_test(a_capability_that_is_none_is_refused),
        cmocka_unit_test(a_capability_lifts_the_denial_of_its_calls_alone),
        cmocka_unit_test(the_ranges_of_a_user_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
