// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

#include <errno.h>
#include <fcntl.h>

#include "base/io.h"

static void the_smallest_document_is_taken(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(spec_decode, CONFIG, "");
    assert_string_equal(spec->oci_version, "1.0.2");
    assert_string_equal(spec->root_path, "rootfs");
    assert_false(spec->root_readonly);
    assert_null(spec->process);
    assert_non_null(spec->resources);
    assert_null(spec->seccomp);
    assert_int_equal(spec->mount_count, 0);
}

static void the_version_is_semantic_and_1(void **state)
{
    (void)state;
    static const char *const good[] = { "1.0.0",       "1.0.2-dev",   "1.0.0-rc5",
                                        "1.1.0+build", "1.2.0-a.b+c", "1.3.0" };
    static const char *const bad[] = { "1",      "1.0",    "1.0.",   "1.0.0.0", "01.0.0",
                                       "1.00.0", "v1.0.0", "1.0.0-", "1.0.0+",  "1.0.0-a..b",
                                       "0.9.0",  "2.0.0",  "10.0.0", "1.0.0 " };
    for (size_t i = 0; i < ARRAY_LENGTH(good) + ARRAY_LENGTH(bad); i++) {
        bool is_good = i < ARRAY_LENGTH(good);
        const char *version = is_good ? good[i] : bad[i - ARRAY_LENGTH(good)];
        AUTO_FREE char *text =
            string_format("{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}", version);
        AUTO_PROBLEMS struct spec_problems problems = { 0 };
        AUTO_SPEC struct spec *spec = spec_decode(text, strlen(text), &problems);
        if (!spec == is_good)
            fail_msg("version %s", version);
        if (!is_good)
            assert_string_equal(problems.errors[0].path, "ociVersion");
        assert_int_equal(problems.warning_count, 0);
    }
}

static void a_later_1_x_is_read_with_a_warning(void **state)
{
    (void)state;
    const char *text = "{\"ociVersion\":\"1.12.0\",\"root\":{\"path\":\"r\"}}";
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_SPEC struct spec *spec = spec_decode(text, strlen(text), &problems);
    assert_non_null(spec);
    assert_int_equal(problems.warning_count, 1);
    assert_string_equal(problems.warnings[0].path, "ociVersion");
}

static void each_property_of_the_document(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"unknown\":{\"a\":[1]}", NULL },
        { "\"solaris\":{},\"windows\":1,\"freebsd\":[],\"zos\":null", NULL },
        { "\"process\":null,\"mounts\":null,\"hooks\":null,\"linux\":null", NULL },
        { "\"process\":[]", "process: must be an object, is an array" },
        { "\"mounts\":{}", "mounts: must be an array, is an object" },
        { "\"hostname\":\"a\"", "hostname: needs a uts namespace" },
        { "\"domainname\":\"a\"", "domainname: needs a uts namespace" },
        { "\"hostname\":\"\"", NULL },
        { "\"hostname\":\"a\",\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}", NULL },
        { "\"hostname\":7,\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}",
          "hostname: must be a string, is an integer" },
        { "\"hostname\":\"0123456789012345678901234567890123456789012345678901234567890123\","
          "\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}",
          NULL },
        { "\"hostname\":\"01234567890123456789012345678901234567890123456789012345678901234\","
          "\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}",
          "hostname: is longer than 64 bytes" },
        { "\"annotations\":{\"a.b\":\"\",\"c\":\"d\"}", NULL },
        { "\"annotations\":{\"\":\"x\"}", "annotations: an empty key" },
        { "\"annotations\":{\"a.b\":1}", "annotations[\"a.b\"]: must be a string" },
        { "\"annotations\":{\"a\\nb\":1}", "annotations[\"a?b\"]: must be a string" },
        { "\"vm\":{\"kernel\":{\"path\":\"/k\",\"initrd\":\"/i\",\"parameters\":[\"quiet\"]}}",
          NULL },
        { "\"vm\":{}", "vm.kernel: is required" },
        { "\"vm\":{\"kernel\":{\"path\":\"k\"}}", "vm.kernel.path: \"k\" must be an absolute" },
        { "\"vm\":{\"kernel\":{\"path\":\"/k\"},\"hypervisor\":{}}",
          "vm.hypervisor.path: is required" },
        { "\"vm\":{\"kernel\":{\"path\":\"/k\"},\"image\":{\"path\":\"/i\",\"format\":\"iso\"}}",
          "vm.image.format: unknown value \"iso\"" },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
}

static void each_property_of_the_root(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "", "root: is required" },
        { "\"root\":null", "root: is required" },
        { "\"root\":\"/\"", "root: must be an object, is a string" },
        { "\"root\":{}", "root.path: is required" },
        { "\"root\":{\"path\":\"\"}", "root.path: must not be empty" },
        { "\"root\":{\"path\":1}", "root.path: must be a string, is an integer" },
        { "\"root\":{\"path\":\"/r\",\"readonly\":1}", "root.readonly: must be a boolean" },
        { "\"root\":{\"path\":\"/r\",\"readonly\":true}", NULL },
        { "\"vm\":{\"kernel\":{\"path\":\"/k\"},\"image\":{\"path\":\"/i\",\"format\":\"raw\"}}",
          NULL },
    };
    CHECK_ALL(spec_decode, "{\"ociVersion\":\"1.0.2\"%s%s}", goldens);
}

static void each_property_of_a_hook(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"hooks\":{\"prestart\":[],\"poststop\":null,\"other\":1}", NULL },
        { "\"hooks\":{\"createRuntime\":[{\"path\":\"/h\",\"args\":[\"h\",\"\"],"
          "\"env\":[\"A=B\"],\"timeout\":1}]}",
          NULL },
        { "\"hooks\":{\"poststart\":[{}]}", "hooks.poststart[0].path: is required" },
        { "\"hooks\":{\"prestart\":{}}", "hooks.prestart: must be an array" },
        { "\"hooks\":{\"prestart\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}",
          "hooks.prestart[1].path: \"b\" must be an absolute path" },
        { "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"timeout\":0}]}",
          "hooks.poststop[0].timeout: 0 is out of range (1 to 2147483647)" },
        { "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"timeout\":-1}]}",
          "hooks.poststop[0].timeout: -1 is out of range" },
        { "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"args\":\"a\"}]}",
          "hooks.poststop[0].args: must be an array" },
        { "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"env\":[1]}]}",
          "hooks.poststop[0].env[0]: must be a string" },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
}

static void hooks_keep_their_points_and_order(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, CONFIG,
        "\"hooks\":{\"poststop\":[{\"path\":\"/c\"}],\"createContainer\":[{\"path\":\"/a\","
        "\"args\":[\"a\",\"x\"],\"timeout\":5},{\"path\":\"/b\",\"args\":[]}]}");
    const struct spec_hook_list *list = &spec->hooks[SPEC_HOOK_CREATE_CONTAINER];
    assert_int_equal(list->count, 2);
    assert_string_equal(list->hooks[0].args[1], "x");
    assert_null(list->hooks[0].args[2]);
    assert_int_equal(list->hooks[0].timeout_s.value, 5);
    assert_string_equal(list->hooks[1].path, "/b");
    assert_null(list->hooks[1].args);
    assert_false(list->hooks[1].timeout_s.set);
    assert_int_equal(spec->hooks[SPEC_HOOK_POSTSTOP].count, 1);
    assert_int_equal(spec->hooks[SPEC_HOOK_PRESTART].count, 0);
}

static void annotations_are_keys_and_values(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, CONFIG, "\"annotations\":{\"a\":\"1\",\"b\":\"2\"}");
    assert_int_equal(spec->annotation_count, 2);
    assert_string_equal(spec->annotations[1].key, "b");
    assert_string_equal(spec->annotations[1].value, "2");
}

static void all_errors_come_at_once_with_their_paths(void **state)
{
    (void)state;
    const char *text = "{\"root\":{\"path\":1},\"process\":{\"cwd\":\"x\",\"args\":[],"
                       "\"rlimits\":[{\"type\":\"RLIMIT_X\"}]},\"mounts\":[{}],"
                       "\"linux\":{\"resources\":{\"cpu\":{\"shares\":1}},"
                       "\"sysctl\":{\"net.a\":true}}}";
    static const char *const paths[] = {
        "ociVersion",
        "root.path",
        "process.cwd",
        "process.args",
        "process.rlimits[0].type",
        "process.rlimits[0].soft",
        "process.rlimits[0].hard",
        "linux.resources.cpu.shares",
        "linux.sysctl[\"net.a\"]",
        "mounts[0].destination",
    };
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    assert_null(spec_decode(text, strlen(text), &problems));
    assert_int_equal(problems.error_count, ARRAY_LENGTH(paths));
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
        assert_string_equal(problems.errors[i].path, paths[i]);
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(spec_problems_to_error(&problems, "config.json", &error), -1);
    assert_true(string_starts_with(error.message,
                                   "config.json: 10 errors: ociVersion: is required; root.path: "));
    assert_null(strchr(error.message, '\n'));
}

static void a_document_of_errors_gives_a_bounded_list(void **state)
{
    (void)state;
    AUTO_FREE char *list = string_copy("0");
    for (int i = 0; i < 12; i++)
        string_append(&list, ",%s", list);
    AUTO_FREE char *text = string_format("{\"mounts\":[%s]}", list);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    assert_null(spec_decode(text, strlen(text), &problems));
    assert_int_equal(problems.error_count, 1000);
}

static void broken_json_is_the_only_error(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"a\":1,\"a\":2", "JSON: the key \"a\" is there twice" },
        { "\"a\":", "JSON, line 1" },
        { "\"a\":18446744073709551616", "JSON, line 1 column 52: a number does not fit 64 bits" },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    assert_null(spec_decode("[]", 2, &problems));
    assert_string_equal(problems.errors[0].message, "must be an object, is an array");
    assert_string_equal(problems.errors[0].path, "");
}

static void a_file_is_loaded_and_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char path[] = "/tmp/openvirt-test-spec-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    assert_true(fd >= 0);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    assert_null(spec_load(AT_FDCWD, "/nowhere/config.json", &problems, &error));
    assert_int_equal(error.code, ENOENT);
    const char *text = "{\"ociVersion\":\"1.0.0\",\"root\":{}}";
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
    assert_null(spec_load(AT_FDCWD, path, &problems, &error));
    unlink(path);
    AUTO_FREE char *expected = string_format("%s: root.path: is required", path);
    assert_string_equal(error.message, expected);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    spec_free(NULL);
    struct spec_problems problems = { 0 };
    spec_problems_free(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_document_is_taken),
        cmocka_unit_test(the_version_is_semantic_and_1),
        cmocka_unit_test(a_later_1_x_is_read_with_a_warning),
        cmocka_unit_test(each_property_of_the_document),
        cmocka_unit_test(each_property_of_the_root),
        cmocka_unit_test(each_property_of_a_hook),
        cmocka_unit_test(hooks_keep_their_points_and_order),
        cmocka_unit_test(annotations_are_keys_and_values),
        cmocka_unit_test(all_errors_come_at_once_with_their_paths),
        cmocka_unit_test(a_document_of_errors_gives_a_bounded_list),
        cmocka_unit_test(broken_json_is_the_only_error),
        cmocka_unit_test(a_file_is_loaded_and_named),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
