// SPDX-License-Identifier: Apache-2.0
/* Plans and limits on hosts of every kind: their mountinfo, and directories that stand for theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/string.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/systemd_properties.h"

static const char split_host[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "38 31 0:35 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";

static const char co_mounted_host[] =
    "30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
    "33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw master:1 shared:14 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,clone_children,noprefix\n"
    "90 30 0:31 /some/container /var/lib/x rw - cgroup cgroup rw,cpuset,clone_children\n"
    "91 30 0:30 / /again/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";

static const char hybrid_host[] =
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

static const char v2_host[] = "30 25 0:26 / /sys/fs/cg\\040roup rw - cgroup2 cgroup2 rw\n";

static struct hierarchies parse(const char *mountinfo)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *copy = string_copy(mountinfo);
    struct hierarchies hierarchies = { 0 };
    if (hierarchies_parse(copy, &hierarchies, &error) < 0)
        fail_msg("%s", error.message);
    return hierarchies;
}

/* "name=mount_point[controllers] ..." */
static void assert_hierarchies(const char *mountinfo, const char *wanted)
{
    AUTO_HIERARCHIES struct hierarchies hierarchies = parse(mountinfo);
    AUTO_FREE char *text = string_copy("");
    for (size_t i = 0; i < hierarchies.count; i++) {
        const struct hierarchy *entry = &hierarchies.entries[i];
        string_append(&text, "%s=%s[%s] ", entry->name, entry->mount_point,
                      entry->controllers ? entry->controllers : "v2");
    }
    assert_string_equal(text, wanted);
}

static void hierarchies_are_found_on_every_kind_of_host(void **state)
{
    (void)state;
    assert_hierarchies(split_host, "cpu=/sys/fs/cgroup/cpu[cpu] "
                                   "memory=/sys/fs/cgroup/memory[memory] "
                                   "pids=/sys/fs/cgroup/pids[pids] "
                                   "systemd=/sys/fs/cgroup/systemd[name=systemd] ");
    assert_hierarchies(co_mounted_host, "cpu,cpuacct=/sys/fs/cgroup/cpu,cpuacct[cpu,cpuacct] "
                                        "cpuset=/sys/fs/cgroup/cpuset[cpuset] ");
    assert_hierarchies(hybrid_host, "memory=/sys/fs/cgroup/memory[memory] "
                                    "unified=/sys/fs/cgroup/unified[v2] ");
    assert_hierarchies(v2_host, "=/sys/fs/cg roup[v2] ");
}

static void a_bind_mount_is_taken_where_there_is_nothing_else(void **state)
{
    (void)state;
    assert_hierarchies("9 8 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                       "memory=/sys/fs/cgroup/memory[memory] ");
}

static void a_host_without_cgroups_is_an_error(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_HIERARCHIES struct hierarchies hierarchies = { 0 };
    char text[] = "31 23 0:28 / / rw - ext4 /dev/sda rw\n garbage - cgroup\n";
    assert_int_equal(hierarchies_parse(text, &hierarchies, &error), -1);
    assert_non_null(strstr(error.message, "no cgroup hierarchy"));
}

static void membership_is_read_by_hierarchy(void **state)
{
    (void)state;
    const char *text = "4:memory:/a:b\n3:cpu,cpuacct:/c\n1:name=systemd:/d\n0::/e\n";
    AUTO_FREE char *memory = membership_find(text, "memory");
    AUTO_FREE char *cpu = membership_find(text, "cpu,cpuacct");
    AUTO_FREE char *named = membership_find(text, "name=systemd");
    AUTO_FREE char *v2 = membership_find(text, NULL);
    assert_string_equal(memory, "/a:b");
    assert_string_equal(cpu, "/c");
    assert_string_equal(named, "/d");
    assert_string_equal(v2, "/e");
    assert_null(membership_find(text, "pids"));
}

/* A directory with a subdirectory a hierarchy; removed at the end of the test. */
struct fake {
    char root[64];
    char *mountinfo;
};

static void make_file(const struct fake *fake, const char *path, const char *text)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *full = string_format("%s/%s", fake->root, path);
    AUTO_FREE char *directory = string_copy_n(full, (size_t)(strrchr(full, '/') - full));
    assert_int_equal(make_directories(directory, 0755, &error), 0);
    AUTO_CLOSE int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void assert_file(const struct fake *fake, const char *path, const char *wanted)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *full = string_format("%s/%s", fake->root, path);
    AUTO_FREE char *text = read_file_at(AT_FDCWD, full, 4096, NULL, &error);
    if (!text)
        fail_msg("%s", error.message);
    assert_string_equal(text, wanted);
}

static struct fake fake_new(const char *const *lines)
{
    struct fake fake = { .root = "/tmp/openvirt-cgroup-XXXXXX" };
    assert_non_null(mkdtemp(fake.root));
    for (; *lines; lines++) {
        AUTO_STRINGS char **words = string_split(*lines, " ");
        AUTO_FREE char *directory = string_format("%s/%s", fake.root, words[0]);
        mkdir(directory, 0755);
        string_append(&fake.mountinfo, "1 2 0:3 / %s rw - %s cgroup rw%s%s\n", directory, words[1],
                      words[2] ? "," : "", words[2] ? words[2] : "");
    }
    return fake;
}

static void fake_free(struct fake *fake)
{
    AUTO_ERROR struct error error = { 0 };
    remove_tree_at(AT_FDCWD, fake->root, &error);
    free(fake->mountinfo);
}

static const char *const fake_v1[] = { "cpu cgroup cpu", "memory cgroup memory", "pids cgroup pids",
                                       "cpuset cgroup cpuset", NULL };
static const char *const fake_v2[] = { "v2 cgroup2", NULL };
static const char *const fake_hybrid[] = { "memory cgroup memory", "unified cgroup2", NULL };

static struct cgroup *plan_with(const struct fake *fake, const struct spec_resources *resources,
                                const char *path, bool rootless, struct error *error)
{
    static const struct spec_resources none = { 0 };
    AUTO_HIERARCHIES struct hierarchies hierarchies = parse(fake->mountinfo);
    const struct spec spec = { .resources = resources ? resources : &none, .cgroups_path = path };
    struct cgroup_request request = {
        .container_id = "web",
        .spec = &spec,
        .manager = CGROUP_MANAGER_CGROUPFS,
        .rootless = rootless,
        .log = &(struct log){ .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO },
    };
    struct cgroup *cgroup = NULL;
    if (cgroup_plan_in(&request, &hierarchies, "/user.slice/mine", &cgroup, error) < 0)
        return NULL;
    return cgroup;
}

static void assert_path(const char *cgroups_path, bool rootless, const char *wanted)
{
    AUTO_ERROR struct error error = { 0 };
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v2);
    AUTO_CGROUP struct cgroup *cgroup = plan_with(&fake, NULL, cgroups_path, rootless, &error);
    if (!cgroup && wanted)
        fail_msg("%s", error.message);
    if (!wanted) {
        assert_null(cgroup);
        assert_non_null(strstr(error.message, "linux.cgroupsPath"));
        return;
    }
    assert_string_equal(cgroup->path, wanted);
    AUTO_FREE char *full = string_format("%s/v2%s", fake.root, wanted);
    assert_string_equal(cgroup_display_path(cgroup), full);
}

static void the_path_is_the_asked_for_one_and_never_the_root(void **state)
{
    (void)state;
    assert_path("/pod//one/", false, "/pod/one");
    assert_path("pod/one", false, "/pod/one");
    assert_path(NULL, false, "/openvirt-web");
    assert_path(NULL, true, "/user.slice/mine/openvirt-web");
    assert_path("box", true, "/user.slice/mine/box");
    assert_path("/", false, NULL);
    assert_path("//", false, NULL);
    assert_path("/a/../..", false, NULL);
    assert_path("../a", false, NULL);
}

/* Every write of a plan as "file=value", a line each. */
static char *limits_text(const struct fake *fake, const struct spec_resources *resources,
                         struct error *error)
{
    AUTO_CGROUP struct cgroup *cgroup = plan_with(fake, resources, "/x", false, error);
    AUTO_LIMITS struct limit_list list = { 0 };
    if (!cgroup || limits_collect(cgroup, resources, &list, error) < 0)
        return NULL;
    char *text = string_copy("");
    for (size_t i = 0; i < list.count; i++)
        string_append(&text, "%s/%s=%s\n", list.items[i].directory->name, list.items[i].file,
                      list.items[i].value);
    return text;
}

static void assert_limits(const struct fake *fake, const struct spec_resources *resources,
                          const char *wanted)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *text = limits_text(fake, resources, &error);
    if (!text)
        fail_msg("%s", error.message);
    assert_string_equal(text, wanted);
}

static void assert_refused(const struct fake *fake, const struct spec_resources *resources,
                           const char *field)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *text = limits_text(fake, resources, &error);
    if (text)
        fail_msg("accepted: %s", field);
    if (!strstr(error.message, field))
        fail_msg("%s is not in: %s", field, error.message);
}

static const struct spec_resources many = {
    .memory = { .limit = { true, 1000 }, .swap = { true, 1500 }, .reservation = { true, 500 } },
    .cpu = { .shares = { true, 1024 },
             .quota = { true, -1 },
             .period = { true, 50000 },
             .cpus = "0-1",
             .idle = { true, 0 } },
    .pids_limit = { true, -1 },
};

static void v1_limits_go_to_the_files_of_v1(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v1);
    assert_limits(&fake, &many,
                  "memory/memory.limit_in_bytes=1000\n"
                  "memory/memory.memsw.limit_in_bytes=1500\n"
                  "memory/memory.soft_limit_in_bytes=500\n"
                  "cpu/cpu.shares=1024\n"
                  "cpu/cpu.cfs_period_us=50000\n"
                  "cpu/cpu.cfs_quota_us=-1\n"
                  "cpu/cpu.idle=0\n"
                  "cpuset/cpuset.cpus=0-1\n"
                  "pids/pids.max=max\n");
}

static void v2_limits_are_converted(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v2);
    make_file(&fake, "v2/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n");
    assert_limits(&fake, &many,
                  "/memory.max=1000\n"
                  "/memory.low=500\n"
                  "/memory.swap.max=500\n"
                  "/cpu.weight=100\n"
                  "/cpu.max=max 50000\n"
                  "/cpu.idle=0\n"
                  "/cpuset.cpus=0-1\n"
                  "/pids.max=max\n");
    const struct spec_block_device_throttle throttle[] = { { 8, 0, 4096 }, { 8, 16, 0 } };
    const struct spec_hugepage_limit hugepages[] = { { "2MB", 4194304 } };
    const struct spec_rdma_limit rdma[] = { { "mlx5_1", { true, 3 }, { true, 7 } } };
    const struct spec_key_value unified[] = { { "memory.high", "900" },
                                              { "io.max", "8:0 rbps=1\n8:0 wbps=2" } };
    const struct spec_resources rare = {
        .memory.limit = { true, -1 },
        .block_io = { .weight = { true, 500 }, .read_bps = { throttle, 2 } },
        .hugepage_limits = hugepages,
        .hugepage_limit_count = 1,
        .rdma_limits = rdma,
        .rdma_limit_count = 1,
        .pids_limit = { true, 0 },
        .unified = unified,
        .unified_count = 2,
    };
    assert_limits(&fake, &rare,
                  "/memory.max=max\n"
                  "/memory.swap.max=max\n"
                  "/io.bfq.weight=500\n"
                  "/io.max=8:0 rbps=4096\n"
                  "/io.max=8:16 rbps=max\n"
                  "/hugetlb.2MB.rsvd.max=4194304\n"
                  "/hugetlb.2MB.max=4194304\n"
                  "/pids.max=1\n"
                  "/rdma.max=mlx5_1 hca_handle=3 hca_object=7\n"
                  "/memory.high=900\n"
                  "/io.max=8:0 rbps=1\n"
                  "/io.max=8:0 wbps=2\n");
}

static void beside_v1_a_controller_of_v2_is_used_where_v1_has_none(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_hybrid);
    make_file(&fake, "unified/cgroup.controllers", "hugetlb\n");
    const struct spec_hugepage_limit hugepages[] = { { "1GB", 0 } };
    const struct spec_resources both = {
        .memory.limit = { true, 1000 },
        .hugepage_limits = hugepages,
        .hugepage_limit_count = 1,
    };
    assert_limits(&fake, &both,
                  "memory/memory.limit_in_bytes=1000\n"
                  "unified/hugetlb.1GB.rsvd.max=0\n"
                  "unified/hugetlb.1GB.max=0\n");
}

static void a_limit_without_its_controller_is_refused_by_its_name(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake hybrid = fake_new(fake_hybrid);
    __attribute__((cleanup(fake_free))) struct fake v1 = fake_new(fake_v1);
    make_file(&hybrid, "unified/cgroup.controllers", "hugetlb\n");
    const struct spec_resources pids = { .pids_limit = { true, 5 } };
    const struct spec_resources weight = { .block_io.weight = { true, 100 } };
    const struct spec_resources network = { .network.class_id = { true, 7 } };
    const struct spec_key_value entry = { "memory.high", "1" };
    const struct spec_resources unified = { .unified = &entry, .unified_count = 1 };
    assert_refused(&hybrid, &pids, "linux.resources.pids.limit");
    assert_refused(&v1, &weight, "linux.resources.blockIO.weight");
    assert_refused(&v1, &network, "linux.resources.network.classID");
    assert_refused(&v1, &unified, "linux.resources.unified");
}

static void what_v2_does_not_have_is_refused_by_its_name(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v2);
    make_file(&fake, "v2/cgroup.controllers", "cpu io memory pids\n");
    const struct spec_key_value outside = { "../memory.max", "1" };
    const struct {
        struct spec_resources resources;
        const char *field;
    } cases[] = {
        { { .memory.swappiness = { true, 5 } }, "memory.swappiness" },
        { { .memory.kernel_tcp = { true, 5 } }, "memory.kernelTCP" },
        { { .memory.disable_oom_killer = { true, true } }, "memory.disableOOMKiller" },
        { { .memory.swap = { true, 5 } }, "memory.swap" },
        { { .memory = { .limit = { true, 5 }, .swap = { true, 4 } } }, "memory.swap" },
        { { .cpu.realtime_period = { true, 5 } }, "cpu.realtimePeriod" },
        { { .cpu.cpus = "0" }, "cpu.cpus" }, /* no cpuset controller */
        { { .block_io.leaf_weight = { true, 50 } }, "blockIO.leafWeight" },
        { { .network.class_id = { true, 5 } }, "network.classID" },
        { { .unified = &outside, .unified_count = 1 }, "unified" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(&fake, &cases[i].resources, cases[i].field);
}

/* Zero is how callers say "not set" (containerd's update sends all members). */
static void zeros_that_mean_nothing_are_left_out(void **state)
{
    (void)state;
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v1);
    const struct spec_resources zeros = {
        .memory = { .limit = { true, 0 }, .swap = { true, 0 }, .reservation = { true, 0 } },
        .cpu = { .shares = { true, 0 }, .quota = { true, 0 }, .period = { true, 0 }, .cpus = "" },
    };
    assert_limits(&fake, &zeros, "");
}

static void weights_meet_at_both_ends_and_in_the_middle(void **state)
{
    (void)state;
    assert_int_equal(limits_cpu_weight(2), 1);
    assert_int_equal(limits_cpu_weight(1024), 100);
    assert_int_equal(limits_cpu_weight(262144), 10000);
    assert_int_equal(limits_io_weight(10), 1);
    assert_int_equal(limits_io_weight(1000), 10000);
    for (uint64_t shares = 3; shares <= 262144; shares++)
        assert_true(limits_cpu_weight(shares) >= limits_cpu_weight(shares - 1));
}

static void limits_are_written_and_the_other_name_is_used_where_the_first_is_missing(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v2);
    make_file(&fake, "v2/cgroup.controllers", "io pids memory\n");
    for (const char *const *file =
             (const char *const[]){ "cgroup.procs", "io.weight", "pids.max", "memory.max", NULL };
         *file; file++) {
        AUTO_FREE char *path = string_format("v2/x/%s", *file);
        make_file(&fake, path, "");
    }
    const struct spec_resources resources = {
        .memory = { .limit = { true, 4096 }, .swap = { true, 4096 } }, /* no memory.swap.max */
        .block_io.weight = { true, 1000 },
        .pids_limit = { true, 4 },
    };
    AUTO_CGROUP struct cgroup *cgroup = plan_with(&fake, &resources, "/x", false, &error);
    AUTO_LIMITS struct limit_list list = { 0 };
    assert_int_equal(limits_collect(cgroup, &resources, &list, &error), 0);
    if (limits_apply(&list, &error) < 0)
        fail_msg("%s", error.message);
    assert_file(&fake, "v2/x/io.weight", "default 10000");
    assert_file(&fake, "v2/x/pids.max", "4");
    assert_file(&fake, "v2/x/memory.max", "4096");
}

static void a_missing_file_is_an_error_that_names_the_field(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_v1);
    const struct spec_resources resources = { .pids_limit = { true, 4 } };
    AUTO_CGROUP struct cgroup *cgroup = plan_with(&fake, &resources, "/x", false, &error);
    make_file(&fake, "pids/x/cgroup.procs", "");
    AUTO_LIMITS struct limit_list list = { 0 };
    assert_int_equal(limits_collect(cgroup, &resources, &list, &error), 0);
    assert_int_equal(limits_apply(&list, &error), -1);
    assert_non_null(strstr(error.message, "linux.resources.pids.limit"));
    assert_non_null(strstr(error.message, "pids.max"));
}

static struct json_object *state_of(const char *path, const char *mount_point)
{
    AUTO_FREE char *text = string_format(
        "{\"manager\":\"cgroupfs\",\"path\":\"%s\",\"hierarchies\":[{\"name\":\"memory\","
        "\"mountPoint\":\"%s\",\"controllers\":\"memory\"}]}",
        path, mount_point);
    return json_tokener_parse(text);
}

static void a_state_comes_back_as_it_went(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(fake_hybrid);
    AUTO_CGROUP struct cgroup *cgroup = plan_with(&fake, NULL, "/a/b", true, &error);
    AUTO_JSON struct json_object *json = cgroup_to_json(cgroup);
    AUTO_CGROUP struct cgroup *again = NULL;
    assert_int_equal(cgroup_from_json(json, NULL, &again, &error), 0);
    AUTO_JSON struct json_object *second = cgroup_to_json(again);
    assert_true(json_object_equal(json, second));
    assert_string_equal(cgroup_display_path(again), cgroup_display_path(cgroup));
}

static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *path, *mount_point;
    } wrong[] = { { "/", "/sys/fs/cgroup/memory" },     { "", "/sys/fs/cgroup/memory" },
                  { "a", "/sys/fs/cgroup/memory" },     { "/a/..", "/sys/fs/cgroup/memory" },
                  { "/a/../..", "/sys/fs/cgroup" },     { "/a", "relative" },
                  { "/a", "/sys/fs/cgroup/../../etc" }, { "/a", "" } };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_JSON struct json_object *json = state_of(wrong[i].path, wrong[i].mount_point);
        AUTO_CGROUP struct cgroup *cgroup = NULL;
        assert_int_equal(cgroup_from_json(json, NULL, &cgroup, &error), -1);
        assert_non_null(strstr(error.message, "damaged"));
    }
    static const char *const texts[] = {
        "[]",
        "null",
        "{}",
        "{\"manager\":\"other\"}",
        "{\"manager\":\"cgroupfs\",\"path\":\"/a\"}",
        "{\"manager\":\"cgroupfs\",\"path\":\"/a\",\"hierarchies\":[7]}",
        "{\"manager\":\"cgroupfs\",\"path\":7,\"hierarchies\":[]}",
        "{\"manager\":\"systemd\",\"path\":\"/a\",\"hierarchies\":[]}",
        "{\"manager\":\"systemd\",\"path\":\"/a\",\"hierarchies\":[],\"systemd\":{\"unit\":\"a\"}}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_JSON struct json_object *json = json_tokener_parse(texts[i]);
        AUTO_CGROUP struct cgroup *cgroup = NULL;
        assert_int_equal(cgroup_from_json(json, NULL, &cgroup, &error), -1);
    }
}

static void mount_points_tell_how_to_mount_each_hierarchy(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    static const char *const lines[] = { "cpu,cpuacct cgroup cpu,cpuacct",
                                         "systemd cgroup xattr,name=systemd", "unified cgroup2",
                                         NULL };
    __attribute__((cleanup(fake_free))) struct fake fake = fake_new(lines);
    AUTO_CGROUP struct cgroup *cgroup = plan_with(&fake, NULL, "/x", false, &error);
    struct cgroup_mount_points points;
    assert_int_equal(cgroup_mount_points(cgroup, &points, &error), 0);
    assert_false(points.unified);
    assert_int_equal(points.count, 3);
    assert_string_equal(points.entries[0].name, "cpu,cpuacct");
    assert_string_equal(points.entries[0].v1_options, "cpu,cpuacct");
    assert_string_equal(points.entries[1].v1_options, "none,name=systemd");
    assert_null(points.entries[2].v1_options);
    AUTO_FREE char *host_path = string_format("%s/systemd/x", fake.root);
    assert_string_equal(points.entries[1].host_path, host_path);
    cgroup_mount_points_free(&points);
}

static void processors_become_a_mask_with_the_lowest_byte_first(void **state)
{
    (void)state;
    uint8_t mask[4] = { 0 };
    size_t used;
    assert_int_equal(systemd_cpu_mask("0-2,9", mask, sizeof(mask), &used), 0);
    assert_int_equal(used, 2);
    assert_int_equal(mask[0], 7);
    assert_int_equal(mask[1], 2);
    static const char *const wrong[] = { "", "x", "3-1", "1-", "32", "0-4294967295" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(systemd_cpu_mask(wrong[i], mask, sizeof(mask), &used), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hierarchies_are_found_on_every_kind_of_host),
        cmocka_unit_test(a_bind_mount_is_taken_where_there_is_nothing_else),
        cmocka_unit_test(a_host_without_cgroups_is_an_error),
        cmocka_unit_test(membership_is_read_by_hierarchy),
        cmocka_unit_test(the_path_is_the_asked_for_one_and_never_the_root),
        cmocka_unit_test(v1_limits_go_to_the_files_of_v1),
        cmocka_unit_test(v2_limits_are_converted),
        cmocka_unit_test(beside_v1_a_controller_of_v2_is_used_where_v1_has_none),
        cmocka_unit_test(a_limit_without_its_controller_is_refused_by_its_name),
        cmocka_unit_test(what_v2_does_not_have_is_refused_by_its_name),
        cmocka_unit_test(zeros_that_mean_nothing_are_left_out),
        cmocka_unit_test(weights_meet_at_both_ends_and_in_the_middle),
        cmocka_unit_test(limits_are_written_and_the_other_name_is_used_where_the_first_is_missing),
        cmocka_unit_test(a_missing_file_is_an_error_that_names_the_field),
        cmocka_unit_test(a_state_comes_back_as_it_went),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(mount_points_tell_how_to_mount_each_hierarchy),
        cmocka_unit_test(processors_become_a_mask_with_the_lowest_byte_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
