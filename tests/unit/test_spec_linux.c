// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

#include <linux/mempolicy.h>
#include <sys/mount.h>
#include <sys/personality.h>

#define NAMESPACES(list) "\"linux\":{\"namespaces\":[" list "]}"
#define TYPE(name)       "{\"type\":\"" name "\"}"
#define DEVICE(members)  "\"devices\":[{" members "}]"
#define MAPPING(members)                                                                           \
    "\"uidMappings\":[{" members "}],\"gidMappings\":[{\"containerID\":0,"                         \
    "\"hostID\":0,\"size\":1}]"

static void each_namespace(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { NAMESPACES(""), NULL },
        { NAMESPACES(TYPE("pid") "," TYPE("mount")), NULL },
        { NAMESPACES("{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}"), NULL },
        { NAMESPACES("{\"type\":\"pid\",\"path\":\"\"}"), NULL },
        { NAMESPACES("{\"type\":\"pid\",\"path\":\"ns\"}"),
          "linux.namespaces[0].path: \"ns\" must be an absolute path" },
        { NAMESPACES("{\"type\":\"pid\",\"path\":1}"), "linux.namespaces[0].path: must be a" },
        { NAMESPACES(TYPE("pid") "," TYPE("pid")), "linux.namespaces[1]: a second pid namespace" },
        { NAMESPACES(TYPE("moon")), "linux.namespaces[0].type: unknown value \"moon\" (there is "
                                    "cgroup, ipc, mount, network, pid, time, user, uts)" },
        { NAMESPACES("{}"), "linux.namespaces[0].type: is required" },
        { NAMESPACES("\"pid\""), "linux.namespaces[0]: must be an object, is a string" },
        { "\"linux\":{\"namespaces\":{}}", "linux.namespaces: must be an array" },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, CONFIG,
                    NAMESPACES(TYPE("time") ",{\"type\":\"network\",\"path\":\"/run/netns/a\"}"));
    assert_true(spec->namespaces[SPEC_NAMESPACE_TIME].wanted);
    assert_null(spec->namespaces[SPEC_NAMESPACE_TIME].path);
    assert_string_equal(spec->namespaces[SPEC_NAMESPACE_NETWORK].path, "/run/netns/a");
    assert_false(spec->namespaces[SPEC_NAMESPACE_MOUNT].wanted);
}

static void what_needs_a_namespace_says_which(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"linux\":{" MAPPING("\"containerID\":0,\"hostID\":0,\"size\":1") "}", NULL },
        { "\"linux\":{\"timeOffsets\":{\"monotonic\":{\"secs\":1}}}",
          "linux.timeOffsets: needs a time namespace" },
        { "\"linux\":{\"timeOffsets\":{}}", NULL },
        { "\"linux\":{\"netDevices\":{\"eth0\":{}}}",
          "linux.netDevices: needs a network namespace" },
    };
    for (size_t i = 1; i < ARRAY_LENGTH(goldens); i++)
        check_golden(spec_decode, CONFIG, &goldens[i]);
    AUTO_FREE char *text = fill(CONFIG, goldens[0].text);
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    assert_null(spec_decode(text, strlen(text), &problems));
    assert_int_equal(problems.error_count, 2);
    assert_string_equal(problems.errors[0].path, "linux.uidMappings");
    assert_string_equal(problems.errors[1].message, "needs a user namespace");
}

static void each_property_of_an_id_mapping(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { MAPPING("\"containerID\":0,\"hostID\":4294967294,\"size\":1"), NULL },
        { MAPPING("\"containerID\":0,\"hostID\":4294967295,\"size\":1"),
          "linux.uidMappings[0]: goes beyond the greatest id" },
        { MAPPING("\"containerID\":4294967000,\"hostID\":0,\"size\":1000"),
          "linux.uidMappings[0]: goes beyond the greatest id" },
        { MAPPING("\"containerID\":0,\"hostID\":0,\"size\":0"), "linux.uidMappings[0]: maps no" },
        { MAPPING("\"hostID\":0,\"size\":1"), "linux.uidMappings[0].containerID: is required" },
        { MAPPING("\"containerID\":0,\"size\":1"), "linux.uidMappings[0].hostID: is required" },
        { MAPPING("\"containerID\":0,\"hostID\":0"), "linux.uidMappings[0].size: is required" },
        { MAPPING("\"containerID\":0,\"hostID\":0,\"size\":4294967296"),
          "linux.uidMappings[0].size: 4294967296 is out of range (0 to 4294967295)" },
        { "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
          "linux: uidMappings and gidMappings must come together" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
}

static void each_property_of_time_offsets(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"timeOffsets\":{\"monotonic\":{\"secs\":-7,\"nanosecs\":999999999}}", NULL },
        { "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}",
          "linux.timeOffsets.boottime.nanosecs: 1000000000 is out of range (0 to 999999999)" },
        { "\"timeOffsets\":{\"realtime\":{}}", "linux.timeOffsets.realtime: unknown clock" },
        { "\"timeOffsets\":{\"monotonic\":{\"secs\":\"1\"}}",
          "linux.timeOffsets.monotonic.secs: must be an integer, is a string" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, LINUX, "\"timeOffsets\":{\"boottime\":{\"secs\":-9223372036854775808}}");
    assert_true(spec->boottime_offset.set && spec->boottime_offset.seconds == INT64_MIN);
    assert_false(spec->monotonic_offset.set);
}

static void each_property_of_a_device(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { DEVICE("\"type\":\"p\",\"path\":\"/a\""), NULL },
        { DEVICE("\"type\":\"b\",\"path\":\"/a\",\"major\":4095,\"minor\":1048575"), NULL },
        { DEVICE("\"type\":\"c\",\"path\":\"/a\",\"major\":4096,\"minor\":0"),
          "linux.devices[0].major: 4096 is out of range (0 to 4095)" },
        { DEVICE("\"type\":\"c\",\"path\":\"/a\",\"major\":1,\"minor\":1048576"),
          "linux.devices[0].minor: 1048576 is out of range (0 to 1048575)" },
        { DEVICE("\"type\":\"c\",\"path\":\"/a\",\"minor\":1"),
          "linux.devices[0].major: is required" },
        { DEVICE("\"type\":\"u\",\"path\":\"/a\",\"major\":1"),
          "linux.devices[0].minor: is required" },
        { DEVICE("\"type\":\"a\",\"path\":\"/a\",\"major\":1,\"minor\":1"),
          "linux.devices[0].type: unknown value \"a\" (there is b, c, p, u)" },
        { DEVICE("\"type\":\"p\",\"path\":\"a\""), "linux.devices[0].path: \"a\" must be an" },
        { DEVICE("\"type\":\"p\""), "linux.devices[0].path: is required" },
        { DEVICE("\"path\":\"/a\""), "linux.devices[0].type: is required" },
        { DEVICE("\"type\":\"p\",\"path\":\"/a\",\"fileMode\":65536"),
          "linux.devices[0].fileMode: 65536 is out of range" },
        { DEVICE("\"type\":\"p\",\"path\":\"/a\",\"uid\":-1"), "linux.devices[0].uid: -1 is out" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
    /* 8630 is what podman sends for mode 0666: st_mode of a character device. */
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, LINUX,
        DEVICE("\"type\":\"u\",\"path\":\"/dev/x\",\"major\":10,\"minor\":229,\"fileMode\":8630,"
               "\"gid\":5"));
    const struct spec_device *device = &spec->devices[0];
    assert_int_equal(device->type, 'c');
    assert_int_equal(device->major, 10);
    assert_int_equal(device->minor, 229);
    assert_int_equal(device->file_mode.value, 0666);
    assert_false(device->uid.set);
    assert_true(device->gid.set && device->gid.value == 5);
}

static void each_network_device(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"netDevices\":{\"eth0\":{\"name\":\"container%d\"},\"eth1\":{}}", NULL },
        { "\"netDevices\":{\"eth/0\":{}}", "linux.netDevices[\"eth/0\"]: \"eth/0\" is not the" },
        { "\"netDevices\":{\"interfacename16\":{}}", NULL },
        { "\"netDevices\":{\"interface-name16\":{}}",
          "linux.netDevices[\"interface-name16\"]: \"interface-name16\" is not the name" },
        { "\"netDevices\":{\"eth0\":{\"name\":\"..\"}}",
          "linux.netDevices.eth0.name: \"..\" is not the name of a network interface" },
        { "\"netDevices\":{\"eth0\":{\"name\":\"a b\"}}",
          "linux.netDevices.eth0.name: \"a b\" is not" },
        { "\"netDevices\":{\"eth0\":{\"name\":\"a\"},\"eth1\":{\"name\":\"a\"}}",
          "linux.netDevices.eth1: is the same as element 0" },
        { "\"netDevices\":{\"eth0\":{\"name\":\"eth1\"},\"eth1\":{}}",
          "linux.netDevices.eth1: is the same as element 0" },
        { "\"netDevices\":{\"eth0\":{\"name\":\"e%d\"},\"eth1\":{\"name\":\"e%d\"}}", NULL },
        { "\"netDevices\":{\"eth0\":null}", "linux.netDevices.eth0: must be an object, is null" },
        { "\"netDevices\":[]", "linux.netDevices: must be an object, is an array" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, LINUX, "\"netDevices\":{\"eth0\":{\"name\":\"c0\"},\"e1\":{}}");
    assert_int_equal(spec->network_device_count, 2);
    assert_string_equal(spec->network_devices[0].host_name, "eth0");
    assert_string_equal(spec->network_devices[0].name, "c0");
    assert_null(spec->network_devices[1].name);
}

static void each_property_of_intel_rdt(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"intelRdt\":{}", NULL },
        { "\"intelRdt\":{\"closID\":\"/\"}", NULL },
        { "\"intelRdt\":{\"closID\":\"a/b\"}", "linux.intelRdt.closID: \"a/b\" is not the name" },
        { "\"intelRdt\":{\"closID\":\"..\"}", "linux.intelRdt.closID: \"..\" is not the name" },
        { "\"intelRdt\":{\"closID\":\"a\\nb\"}", "linux.intelRdt.closID: must not hold a newline" },
        { "\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}",
          "linux.intelRdt.memBwSchema: must start with \"MB:\"" },
        { "\"intelRdt\":{\"memBwSchema\":\"MB:0=1\\n\"}",
          "linux.intelRdt.memBwSchema: must not hold a newline" },
        { "\"intelRdt\":{\"l3CacheSchema\":\"L3:0=1\\nMB:0=1\"}", NULL },
        { "\"intelRdt\":{\"schemata\":\"L3:0=1\"}", "linux.intelRdt.schemata: must be an array" },
        { "\"intelRdt\":{\"schemata\":[\"L3:0=1\",\"a\\nb\"]}",
          "linux.intelRdt.schemata[1]: must not hold a newline" },
        { "\"intelRdt\":{\"enableMonitoring\":1}", "linux.intelRdt.enableMonitoring: must be a" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
}

static void each_property_of_the_memory_policy(void **state)
{
    (void)state;
#define POLICY(mode, members) "\"memoryPolicy\":{\"mode\":\"MPOL_" mode "\"" members "}"
    static const struct golden goldens[] = {
        { POLICY("DEFAULT", ""), NULL },
        { POLICY("LOCAL", ",\"nodes\":\"\""), NULL },
        { POLICY("PREFERRED", ""), NULL },
        { POLICY("WEIGHTED_INTERLEAVE", ",\"nodes\":\"0\""), NULL },
        { POLICY("DEFAULT", ",\"nodes\":\"0\""), "linux.memoryPolicy.nodes: must not be set" },
        { POLICY("BIND", ""), "linux.memoryPolicy.nodes: is required with this mode" },
        { POLICY("BIND", ",\"nodes\":\"x\""), "linux.memoryPolicy.nodes: \"x\" is not a list" },
        { POLICY("BIND", ",\"nodes\":\"0\",\"flags\":[\"MPOL_F_X\"]"),
          "linux.memoryPolicy.flags[0]: unknown value" },
        { POLICY("BIND",
                 ",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\",\"MPOL_F_RELATIVE_NODES\"]"),
          "linux.memoryPolicy.flags: relative and static nodes exclude each other" },
        { POLICY("NOPE", ",\"nodes\":\"0\""), "linux.memoryPolicy.mode: unknown value" },
        { "\"memoryPolicy\":{}", "linux.memoryPolicy.mode: is required" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, LINUX,
                    POLICY("INTERLEAVE", ",\"nodes\":\"0,2\",\"flags\":[\"MPOL_F_STATIC_NODES\"]"));
    assert_int_equal(spec->memory_policy->mode, MPOL_INTERLEAVE);
    assert_int_equal(spec->memory_policy->mode_flags, MPOL_F_STATIC_NODES);
    assert_true(spec->memory_policy->node_mask[0] == 5);
    assert_int_equal(spec->memory_policy->node_mask_bits, 3);
}

static void each_other_property_of_linux(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"cgroupsPath\":\"/a/b\",\"mountLabel\":\"l\",\"rootfsPropagation\":\"\"", NULL },
        { "\"cgroupsPath\":\"system.slice:crio:abc\"", NULL },
        { "\"cgroupsPath\":\"/a/../b\"", "linux.cgroupsPath: must not hold \"..\"" },
        { "\"cgroupsPath\":\"/a..b\"", NULL },
        { "\"cgroupsPath\":\"/a\\nb\"", "linux.cgroupsPath: must not hold a newline" },
        { "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}", NULL },
        { "\"sysctl\":{\"net.ipv4.ip_forward\":1}",
          "linux.sysctl[\"net.ipv4.ip_forward\"]: must be a string, is an integer" },
        { "\"sysctl\":{\"a\":\"1\\n2\"}", "linux.sysctl.a: must not hold a newline" },
        { "\"sysctl\":{\"\":\"1\"}", "linux.sysctl: an empty key" },
        { "\"maskedPaths\":[\"/a\",\"b\"]", "linux.maskedPaths[1]: \"b\" must be an absolute" },
        { "\"readonlyPaths\":[\"\"]", "linux.readonlyPaths[0]: \"\" must be an absolute path" },
        { "\"rootfsPropagation\":\"x\"", "linux.rootfsPropagation: unknown value \"x\"" },
        { "\"mountLabel\":\"a\\nb\"", "linux.mountLabel: must not hold a newline" },
        { "\"personality\":{\"domain\":\"LINUX32\",\"flags\":[]}", NULL },
        { "\"personality\":{\"domain\":\"BSD\"}", "linux.personality.domain: unknown value" },
        { "\"personality\":{}", "linux.personality.domain: is required" },
        { "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
          "linux.personality.flags[0]: unknown value \"X\" (there is none)" },
    };
    CHECK_ALL(spec_decode, LINUX, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, LINUX,
                    "\"personality\":{\"domain\":\"LINUX32\"},\"maskedPaths\":[\"/a\"],"
                    "\"rootfsPropagation\":\"rshared\",\"sysctl\":{\"a\":\"\"}");
    assert_true(spec->personality.set && spec->personality.persona == PER_LINUX32);
    assert_true(spec->rootfs_propagation == MS_SHARED);
    assert_string_equal(spec->masked_paths[0], "/a");
    assert_null(spec->masked_paths[1]);
    assert_null(spec->readonly_paths);
    assert_string_equal(spec->sysctls[0].value, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_namespace),
        cmocka_unit_test(what_needs_a_namespace_says_which),
        cmocka_unit_test(each_property_of_an_id_mapping),
        cmocka_unit_test(each_property_of_time_offsets),
        cmocka_unit_test(each_property_of_a_device),
        cmocka_unit_test(each_network_device),
        cmocka_unit_test(each_property_of_intel_rdt),
        cmocka_unit_test(each_property_of_the_memory_policy),
        cmocka_unit_test(each_other_property_of_linux),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
