// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

static void each_device_rule(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"devices\":[]", NULL },
        { "\"devices\":[{}]", "devices[0].allow: is required" },
        { "\"devices\":[{\"allow\":1}]", "devices[0].allow: must be a boolean" },
        { "\"devices\":[{\"allow\":true,\"type\":\"p\"}]",
          "devices[0].type: unknown value \"p\" (there is a, b, c)" },
        { "\"devices\":[{\"allow\":true,\"major\":-2}]", "devices[0].major: -2 is out of range" },
        { "\"devices\":[{\"allow\":true,\"access\":\"rx\"}]",
          "devices[0].access: \"rx\" has other letters than r, w and m" },
    };
    CHECK_ALL(spec_decode_resources, BARE, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode_resources, BARE,
        "\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":0,\"minor\":-1,"
        "\"access\":\"mw\"}]");
    const struct spec_device_rule *rules = spec->resources->device_rules;
    assert_int_equal(spec->resources->device_rule_count, 2);
    assert_true(!rules[0].allow && rules[0].type == 'a' && rules[0].major == -1 &&
                rules[0].minor == -1 && rules[0].read && rules[0].write && rules[0].mknod);
    assert_true(rules[1].allow && rules[1].type == 'c' && rules[1].major == 0 &&
                rules[1].minor == -1 && !rules[1].read && rules[1].write && rules[1].mknod);
}

static void each_property_of_memory(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"memory\":{\"limit\":-1,\"swap\":-1,\"kernel\":-1,\"kernelTCP\":-1}", NULL },
        { "\"memory\":{\"limit\":-2}", "memory.limit: -2 is out of range (-1 to 92233720368547" },
        { "\"memory\":{\"reservation\":9223372036854775808}", "memory.reservation: 92233720368" },
        { "\"memory\":{\"swap\":\"1m\"}", "memory.swap: must be an integer, is a string" },
        { "\"memory\":{\"swappiness\":100}", NULL },
        { "\"memory\":{\"swappiness\":101}", "memory.swappiness: 101 is out of range (0 to 100)" },
        { "\"memory\":{\"disableOOMKiller\":0}", "memory.disableOOMKiller: must be a boolean" },
        { "\"memory\":{\"useHierarchy\":0}", "memory.useHierarchy: must be a boolean" },
        { "\"memory\":{\"checkBeforeUpdate\":0}", "memory.checkBeforeUpdate: must be a boolean" },
        { "\"memory\":7", "memory: must be an object, is an integer" },
    };
    CHECK_ALL(spec_decode_resources, BARE, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode_resources, BARE,
                    "\"memory\":{\"limit\":9223372036854775807,\"reservation\":0,\"swappiness\":0,"
                    "\"checkBeforeUpdate\":true,\"disableOOMKiller\":false}");
    assert_true(spec->resources->memory.limit.value == INT64_MAX);
    assert_false(spec->resources->memory.reservation.set);
    assert_true(spec->resources->memory.swappiness.set);
    assert_true(spec->resources->memory.check_before_update.value);
    assert_true(spec->resources->memory.disable_oom_killer.set);
    assert_false(spec->resources->memory.disable_oom_killer.value);
    assert_false(spec->resources->memory.use_hierarchy.set);
}

static void each_property_of_cpu(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"cpu\":{\"shares\":2,\"quota\":-1,\"period\":1000,\"idle\":1}", NULL },
        { "\"cpu\":{\"shares\":1}", "cpu.shares: 1 is out of range (2 to 262144)" },
        { "\"cpu\":{\"shares\":262145}", "cpu.shares: 262145 is out of range (2 to 262144)" },
        { "\"cpu\":{\"period\":999}", "cpu.period: 999 is out of range (1000 to 1000000)" },
        { "\"cpu\":{\"period\":1000001}", "cpu.period: 1000001 is out of range" },
        { "\"cpu\":{\"idle\":2}", "cpu.idle: 2 is out of range (0 to 1)" },
        { "\"cpu\":{\"burst\":-1}", "cpu.burst: -1 is out of range" },
        { "\"cpu\":{\"realtimePeriod\":-1}", "cpu.realtimePeriod: -1 is out of range" },
        { "\"cpu\":{\"cpus\":0}", "cpu.cpus: must be a string" },
        { "\"cpu\":{\"mems\":\"0\\n\"}", "cpu.mems: must not hold a newline" },
    };
    CHECK_ALL(spec_decode_resources, BARE, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode_resources, BARE,
        "\"cpu\":{\"shares\":0,\"quota\":-5,\"period\":0,\"burst\":0,\"realtimeRuntime\":-1,"
        "\"realtimePeriod\":18446744073709551615,\"cpus\":\"0-3\",\"mems\":\"\",\"idle\":0}");
    const struct spec_resources *resources = spec->resources;
    assert_false(resources->cpu.shares.set);
    assert_false(resources->cpu.period.set);
    assert_true(resources->cpu.quota.set && resources->cpu.quota.value == -5);
    assert_true(resources->cpu.burst.set);
    assert_true(resources->cpu.realtime_runtime.value == -1);
    assert_true(resources->cpu.realtime_period.value == UINT64_MAX);
    assert_string_equal(resources->cpu.cpus, "0-3");
    assert_null(resources->cpu.mems);
    assert_true(resources->cpu.idle.set && resources->cpu.idle.value == 0);
}

static void each_property_of_block_io(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"blockIO\":{\"weight\":10,\"leafWeight\":1000}", NULL },
        { "\"blockIO\":{\"weight\":9}", "blockIO.weight: 9 is out of range (10 to 1000)" },
        { "\"blockIO\":{\"leafWeight\":1001}", "blockIO.leafWeight: 1001 is out of range" },
        { "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}",
          "blockIO.weightDevice[0]: needs at least one of weight and leafWeight" },
        { "\"blockIO\":{\"weightDevice\":[{\"minor\":0,\"weight\":10}]}",
          "blockIO.weightDevice[0].major: is required" },
        { "\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}",
          "blockIO.throttleReadBpsDevice[0].rate: is required" },
        { "\"blockIO\":{\"throttleWriteBpsDevice\":{}}",
          "blockIO.throttleWriteBpsDevice: must be an array" },
        { "\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":-1,\"minor\":0,\"rate\":1}]}",
          "blockIO.throttleReadIOPSDevice[0].major: -1 is out of range" },
    };
    CHECK_ALL(spec_decode_resources, BARE, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode_resources, BARE,
        "\"blockIO\":{\"weight\":0,\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":500}],"
        "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":18446744073709551615}]}");
    const struct spec_resources *resources = spec->resources;
    assert_false(resources->block_io.weight.set);
    assert_int_equal(resources->block_io.device_weights[0].minor, 16);
    assert_int_equal(resources->block_io.device_weights[0].weight.value, 500);
    assert_false(resources->block_io.device_weights[0].leaf_weight.set);
    assert_int_equal(resources->block_io.write_iops.count, 1);
    assert_true(resources->block_io.write_iops.devices[0].rate == UINT64_MAX);
    assert_int_equal(resources->block_io.read_iops.count, 0);
}

static void each_other_resource(void **state)
{
    (void)state;
#define PAGE(size) "\"hugepageLimits\":[{\"pageSize\":\"" size "\",\"limit\":1}]"
    static const struct golden goldens[] = {
        { PAGE("2MB"), NULL },
        { PAGE("64KB"), NULL },
        { PAGE("1GB"), NULL },
        { PAGE("2M"), "hugepageLimits[0].pageSize: \"2M\" is not a page size" },
        { PAGE("02MB"), "hugepageLimits[0].pageSize: \"02MB\" is not" },
        { PAGE("MB"), "hugepageLimits[0].pageSize: \"MB\" is not" },
        { PAGE("2MBx"), "hugepageLimits[0].pageSize: \"2MBx\" is not" },
        { PAGE("2/../MB"), "hugepageLimits[0].pageSize: \"2/../MB\" is not" },
        { PAGE("2"), "hugepageLimits[0].pageSize: \"2\" is not" },
        { "\"hugepageLimits\":[{\"pageSize\":\"2MB\"}]", "hugepageLimits[0].limit: is required" },
        { "\"network\":{\"classID\":4294967295,\"priorities\":[{\"name\":\"a\",\"priority\":1}]}",
          NULL },
        { "\"network\":{\"classID\":4294967296}", "network.classID: 4294967296 is out of range" },
        { "\"network\":{\"priorities\":[{\"name\":\"a b\",\"priority\":1}]}",
          "network.priorities[0].name: \"a b\" is not the name of a network interface" },
        { "\"network\":{\"priorities\":[{\"name\":\"a\"}]}",
          "network.priorities[0].priority: is required" },
        { "\"pids\":{}", "pids.limit: is required" },
        { "\"pids\":{\"limit\":-1}", NULL },
        { "\"pids\":{\"limit\":-2}", "pids.limit: -2 is out of range" },
        { "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3}}", NULL },
        { "\"rdma\":{\"mlx5_1\":{}}", "rdma.mlx5_1: needs at least one of hcaHandles and" },
        { "\"rdma\":{\"a b\":{\"hcaObjects\":4294967296}}",
          "rdma[\"a b\"].hcaObjects: 4294967296 is out of range" },
        { "\"rdma\":{\"a\\nb\":{\"hcaObjects\":1}}", "rdma[\"a?b\"]: must not hold a newline" },
        { "\"unified\":{\"io.max\":\"259:0 rbps=1\\n253:0 rbps=2\"}", NULL },
        { "\"unified\":{\"../memory.max\":\"1\"}",
          "unified[\"../memory.max\"]: is not the name of a cgroup file" },
        { "\"unified\":{\"memory\":\"1\"}", "unified.memory: is not the name of a cgroup file" },
        { "\"unified\":{\"..\":\"1\"}", "unified[\"..\"]: is not the name of a cgroup file" },
        { "\"unified\":{\"memory.max\":1}", "unified[\"memory.max\"]: must be a string" },
        { "\"unknown\":1", NULL },
    };
    CHECK_ALL(spec_decode_resources, BARE, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode_resources, BARE,
                    "\"pids\":{\"limit\":0},\"rdma\":{\"d\":{\"hcaObjects\":7}},"
                    "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":18446744073709551615}],"
                    "\"unified\":{\"memory.high\":\"max\"}");
    const struct spec_resources *resources = spec->resources;
    assert_true(resources->pids_limit.set && resources->pids_limit.value == 0);
    assert_string_equal(resources->rdma_limits[0].device, "d");
    assert_false(resources->rdma_limits[0].hca_handles.set);
    assert_int_equal(resources->rdma_limits[0].hca_objects.value, 7);
    assert_true(resources->hugepage_limits[0].limit == UINT64_MAX);
    assert_string_equal(resources->unified[0].key, "memory.high");
}

static void the_section_of_a_config_reads_the_same(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, LINUX, "\"resources\":{\"memory\":{\"limit\":1048576}}");
    assert_true(spec->resources->memory.limit.value == 1048576);
    check_golden(spec_decode, LINUX,
                 &(struct golden){ "\"resources\":{\"cpu\":{\"shares\":1}}",
                                   "linux.resources.cpu.shares: 1 is out of range" });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_device_rule),
        cmocka_unit_test(each_property_of_memory),
        cmocka_unit_test(each_property_of_cpu),
        cmocka_unit_test(each_property_of_block_io),
        cmocka_unit_test(each_other_resource),
        cmocka_unit_test(the_section_of_a_config_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
