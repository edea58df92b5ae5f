// SPDX-License-Identifier: Apache-2.0
/* The cgroups of this very host, where they are v1 and we may make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/json.h"
#include "base/process.h"
#include "base/string.h"
#include "base/system_call.h"
#include "container/cgroup/internal.h"

static struct spec make_spec(const struct spec_resources *resources, const char *path)
{
    return (struct spec){ .resources = resources, .cgroups_path = path };
}

static struct cgroup *plan(const struct spec *spec, struct error *error)
{
    struct cgroup_request request = {
        .container_id = "unit-test",
        .spec = spec,
        .manager = CGROUP_MANAGER_CGROUPFS,
        .log = &LOG_TO_STDERR,
    };
    struct cgroup *cgroup = NULL;
    if (cgroup_plan(&request, &cgroup, error) < 0)
        return NULL;
    return cgroup;
}

/* Two runs of this program do not meet. */
static char *test_path(const char *below)
{
    return string_format("/openvirt-unit-test-%d%s", getpid(), below);
}

static struct cgroup *make(const struct spec_resources *resources)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *path = test_path("/inner");
    struct spec spec = make_spec(resources, path);
    struct cgroup *cgroup = plan(&spec, &error);
    if (!cgroup || cgroup_make(cgroup, resources, &error) < 0)
        fail_msg("%s", error.message);
    return cgroup;
}

/* Destroys, and the parent that make() has had made too. */
static void destroy(struct cgroup *cgroup)
{
    AUTO_ERROR struct error error = { 0 };
    if (cgroup_destroy(cgroup, &error) < 0)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_directory *directory = &cgroup->directories[i];
        assert_false(path_exists_at(AT_FDCWD, directory->path));
        *strrchr(directory->path, '/') = '\0';
        assert_int_equal(rmdir(directory->path), 0);
    }
    cgroup_free(cgroup);
}

static void exit_7(int signal_number)
{
    (void)signal_number;
    _exit(7);
}

/* As container/create.c does: born in the v2 directory, the rest by its own hand. */
static pid_t spawn(const struct cgroup *cgroup)
{
    const int *fds;
    size_t count = cgroup_self_attach_fds(cgroup, &fds);
    int clone_fd = cgroup_clone_fd(cgroup);
    struct clone_args arguments = {
        .flags = clone_fd >= 0 ? CLONE_INTO_CGROUP : 0,
        .cgroup = clone_fd >= 0 ? (uint64_t)clone_fd : 0,
        .exit_signal = SIGCHLD,
    };
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = sys_clone3(&arguments);
    assert_true(pid >= 0);
    if (pid == 0) {
        for (size_t i = 0; i < count; i++) {
            if (write(fds[i], "0", 1) != 1)
                _exit(errno);
        }
        signal(SIGUSR1, exit_7);
        if (write(ready[1], "x", 1) != 1)
            _exit(2);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void assert_file(const struct cgroup *cgroup, const char *controller, const char *file,
                        const char *value)
{
    AUTO_FREE char *text = directory_read(directory_v1(cgroup, controller), file);
    assert_non_null(text);
    assert_string_equal(text, value);
}

static void limits_are_what_the_kernel_then_says(void **state)
{
    (void)state;
    struct spec_resources resources = {
        .memory.limit = { true, 64 << 20 },
        .memory.swap = { true, 96 << 20 },
        .memory.reservation = { true, 32 << 20 },
        .memory.swappiness = { true, 0 },
        .cpu.shares = { true, 512 },
        .cpu.quota = { true, 20000 },
        .cpu.period = { true, 50000 },
        .cpu.burst = { true, 10000 },
        .cpu.cpus = "0",
        .cpu.mems = "0",
        .pids_limit = { true, 17 },
    };
    struct cgroup *cgroup = make(&resources);
    assert_file(cgroup, "memory", "memory.limit_in_bytes", "67108864");
    assert_file(cgroup, "memory", "memory.memsw.limit_in_bytes", "100663296");
    assert_file(cgroup, "memory", "memory.soft_limit_in_bytes", "33554432");
    assert_file(cgroup, "memory", "memory.swappiness", "0");
    assert_file(cgroup, "cpu", "cpu.shares", "512");
    assert_file(cgroup, "cpu", "cpu.cfs_quota_us", "20000");
    assert_file(cgroup, "cpu", "cpu.cfs_period_us", "50000");
    assert_file(cgroup, "cpu", "cpu.cfs_burst_us", "10000");
    assert_file(cgroup, "cpuset", "cpuset.cpus", "0");
    assert_file(cgroup, "pids", "pids.max", "17");
    destroy(cgroup);
}

static void memory_and_swap_are_raised_and_lowered_in_the_order_that_works(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources resources = {
        .memory.limit = { true, 64 << 20 },
        .memory.swap = { true, 64 << 20 },
    };
    struct cgroup *cgroup = make(&resources);
    static const int64_t steps[] = { 128 << 20, 32 << 20, 256 << 20 };
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        resources.memory.limit.value = resources.memory.swap.value = steps[i];
        assert_int_equal(cgroup_update(cgroup, &resources, &error), 0);
        AUTO_FREE char *value = string_format("%jd", (intmax_t)steps[i]);
        assert_file(cgroup, "memory", "memory.limit_in_bytes", value);
        assert_file(cgroup, "memory", "memory.memsw.limit_in_bytes", value);
    }
    destroy(cgroup);
}

static void a_limit_that_the_kernel_refuses_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 }, wrong = { .cpu.cpus = "4000" };
    struct cgroup *cgroup = make(&none);
    assert_int_equal(cgroup_update(cgroup, &wrong, &error), -1);
    assert_non_null(strstr(error.message, "linux.resources.cpu.cpus"));
    destroy(cgroup);
}

static void a_process_joins_every_hierarchy(void **state)
{
    (void)state;
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    pid_t pid = spawn(cgroup);
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *wanted = test_path("/inner");
    AUTO_FREE char *file = string_format("/proc/%d/cgroup", pid);
    AUTO_FREE char *text = read_file_at(AT_FDCWD, file, 1 << 16, NULL, &error);
    for (size_t i = 0; i < cgroup->count; i++) {
        AUTO_FREE char *path = membership_find(text, cgroup->directories[i].controllers);
        assert_string_equal(path, wanted);
    }
    AUTO_FREE pid_t *pids = NULL;
    size_t count;
    assert_int_equal(cgroup_processes(cgroup, &pids, &count, &error), 0);
    assert_int_equal(count, 1);
    assert_int_equal(pids[0], pid);
    assert_int_equal(cgroup_kill(cgroup, SIGKILL, &error), 0);
    int status;
    process_wait(pid, &status);
    assert_int_equal(process_exit_status(status), 128 + SIGKILL);
    destroy(cgroup);
}

static void a_frozen_container_does_not_run_and_dies_all_the_same(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    pid_t pid = spawn(cgroup);
    assert_false(cgroup_is_frozen(cgroup));
    assert_int_equal(cgroup_freeze(cgroup, &error), 0);
    assert_true(cgroup_is_frozen(cgroup));
    assert_int_equal(cgroup_kill(cgroup, SIGUSR1, &error), 0);
    usleep(20000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(cgroup_thaw(cgroup, &error), 0);
    int status;
    process_wait(pid, &status);
    assert_int_equal(process_exit_status(status), 7);
    pid = spawn(cgroup);
    assert_int_equal(cgroup_freeze(cgroup, &error), 0);
    assert_int_equal(cgroup_kill(cgroup, SIGKILL, &error), 0);
    process_wait(pid, &status);
    destroy(cgroup);
}

static void destroying_kills_what_is_left_and_removes_what_is_below(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    pid_t pid = spawn(cgroup);
    for (size_t i = 0; i < cgroup->count; i++) {
        AUTO_FREE char *below = string_format("%s/a/b", cgroup->directories[i].path);
        assert_int_equal(make_directories(below, 0755, &error), 0);
    }
    signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
    destroy(cgroup);
    assert_int_equal(kill(pid, 0), -1);
    signal(SIGCHLD, SIG_DFL);
}

static void a_cgroup_with_processes_of_others_is_refused_and_left_alone(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    AUTO_FREE char *path = test_path("/inner");
    struct spec spec = make_spec(&none, path);
    AUTO_CGROUP struct cgroup *raced = plan(&spec, &error); /* empty as yet: fine */
    assert_non_null(raced);
    pid_t pid = spawn(cgroup);
    assert_null(plan(&spec, &error));
    assert_non_null(strstr(error.message, "has processes in it"));
    error_clear(&error);
    assert_int_equal(cgroup_make(raced, &none, &error), -1);
    error_clear(&error);
    assert_int_equal(cgroup_destroy(raced, &error), 0);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(cgroup_kill(cgroup, SIGKILL, &error), 0);
    process_wait(pid, &(int){ 0 });
    destroy(cgroup);
}

static void a_frozen_cgroup_is_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    AUTO_FREE char *path = test_path("/inner");
    struct spec spec = make_spec(&none, path);
    assert_int_equal(
        directory_write(directory_v1(cgroup, "freezer"), "freezer.state", "FROZEN", &error), 0);
    assert_null(plan(&spec, &error));
    assert_non_null(strstr(error.message, "frozen"));
    error_clear(&error);
    assert_int_equal(cgroup_thaw(cgroup, &error), 0);
    destroy(cgroup);
}

static void devices_are_denied_but_for_the_default_ones(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_device_rule rules[] = {
        { .type = 'a', .major = -1, .minor = -1, .read = true, .write = true, .mknod = true },
        { .allow = true, .type = 'c', .major = 10, .minor = 200, .read = true, .write = true },
    };
    struct spec_resources resources = { .device_rules = rules, .device_rule_count = 2 };
    struct cgroup *cgroup = make(&resources);
    AUTO_FREE char *list = directory_read(directory_v1(cgroup, "devices"), "devices.list");
    assert_non_null(strstr(list, "c 10:200 rw\n"));
    assert_non_null(strstr(list, "c 1:3 rwm"));
    assert_null(strstr(list, "a *:*"));
    rules[1] = (struct spec_device_rule){
        .allow = true, .type = 'c', .major = 10, .minor = 229, .read = true, .write = true
    };
    assert_int_equal(cgroup_update(cgroup, &resources, &error), 0);
    AUTO_FREE char *changed = directory_read(directory_v1(cgroup, "devices"), "devices.list");
    assert_null(strstr(changed, "c 10:200"));
    assert_non_null(strstr(changed, "c 10:229 rw"));
    assert_non_null(strstr(changed, "c 1:3 rwm"));
    destroy(cgroup);
}

static void a_plan_that_was_written_down_destroys_as_well(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    AUTO_JSON struct json_object *json = cgroup_to_json(cgroup);
    AUTO_CGROUP struct cgroup *again = NULL;
    assert_int_equal(cgroup_from_json(json, &LOG_TO_STDERR, &again, &error), 0);
    assert_int_equal(again->count, cgroup->count);
    assert_int_equal(cgroup_destroy(again, &error), 0);
    destroy(cgroup);
}

static uint64_t number_at(struct json_object *json, const char *path)
{
    struct json_object *found = NULL;
    if (json_pointer_get(json, path, &found) != 0)
        fail_msg("no %s", path);
    return json_object_get_uint64(found);
}

static void statistics_count_what_is_there(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources resources = {
        .memory.limit = { true, 64 << 20 },
        .pids_limit = { true, 5 },
    };
    struct cgroup *cgroup = make(&resources);
    pid_t pid = spawn(cgroup);
    AUTO_JSON struct json_object *data = cgroup_stats(cgroup, &error);
    assert_non_null(data);
    assert_int_equal(number_at(data, "/pids/current"), 1);
    assert_int_equal(number_at(data, "/pids/limit"), 5);
    assert_int_equal(number_at(data, "/memory/usage/limit"), 64 << 20);
    assert_true(number_at(data, "/cpu/usage/total") > 0);
    number_at(data, "/memory/raw/cache");
    number_at(data, "/cpu/throttling/throttledTime");
    assert_int_equal(cgroup_kill(cgroup, SIGKILL, &error), 0);
    process_wait(pid, &(int){ 0 });
    destroy(cgroup);
}

/* More than the cgroup may have, in a process that goes into it first. */
static void eat_memory(const struct cgroup *cgroup)
{
    const int *fds;
    size_t count = cgroup_self_attach_fds(cgroup, &fds);
    for (size_t i = 0; i < count; i++) {
        if (write(fds[i], "0", 1) != 1)
            _exit(1);
    }
    size_t size = 64 << 20;
    char *memory = malloc(size);
    for (size_t i = 0; i < size; i += 4096)
        ((volatile char *)memory)[i] = 1;
    _exit(2);
}

static void running_out_of_memory_is_an_event_and_removal_is_none(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources resources = {
        .memory.limit = { true, 16 << 20 },
        .memory.swap = { true, 16 << 20 },
    };
    struct cgroup *cgroup = make(&resources);
    AUTO_CLOSE int fd = cgroup_open_oom_events(cgroup, &error);
    assert_true(fd >= 0);
    pid_t pid = fork();
    if (pid == 0)
        eat_memory(cgroup);
    int status;
    process_wait(pid, &status);
    assert_int_equal(process_exit_status(status), 128 + SIGKILL);
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    uint64_t kills = 0;
    assert_int_equal(cgroup_read_oom_events(cgroup, fd, &kills, &error), 0);
    assert_true(kills >= 1);
    assert_int_equal(cgroup_destroy(cgroup, &error), 0);
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_int_equal(cgroup_read_oom_events(cgroup, fd, &kills, &error), 0);
    assert_int_equal(kills, 0);
    destroy(cgroup);
}

static void a_limit_below_the_use_is_refused_when_that_is_to_be_checked(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec_resources none = { 0 };
    struct cgroup *cgroup = make(&none);
    pid_t pid = spawn(cgroup);
    AUTO_FREE char *parent_usage =
        directory_read(directory_v1(cgroup, "memory"), "memory.usage_in_bytes");
    struct spec_resources resources = {
        .memory.limit = { true, 1 },
        .memory.check_before_update = { true, true },
    };
    if (!string_equal(parent_usage, "0")) {
        assert_int_equal(cgroup_update(cgroup, &resources, &error), -1);
        assert_non_null(strstr(error.message, "checkBeforeUpdate"));
    }
    error_clear(&error);
    assert_int_equal(cgroup_kill(cgroup, SIGKILL, &error), 0);
    process_wait(pid, &(int){ 0 });
    destroy(cgroup);
}

/* A test that failed has left everything where it was. */
static int remove_leftovers(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_HIERARCHIES struct hierarchies hierarchies = { 0 };
    AUTO_CGROUP struct cgroup *cgroup = cgroup_new(CGROUP_MANAGER_CGROUPFS, &LOG_TO_STDERR);
    AUTO_FREE char *path = test_path("");
    if (hierarchies_discover(&hierarchies, &error) < 0)
        return -1;
    for (size_t i = 0; i < hierarchies.count; i++)
        cgroup_add_directory(cgroup, &hierarchies.entries[i]);
    if (cgroup_set_path(cgroup, path, &error) < 0)
        return -1;
    return cgroup_destroy(cgroup, &error);
}

static bool host_is_v1(void)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_HIERARCHIES struct hierarchies hierarchies = { 0 };
    return hierarchies_discover(&hierarchies, &error) == 0 &&
           hierarchies.entries[0].controllers != NULL;
}

int main(void)
{
    if (geteuid() != 0 || !host_is_v1()) {
        puts("1..0 # SKIP needs root on a host with cgroup v1; tests/vm covers v2");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(limits_are_what_the_kernel_then_says, remove_leftovers),
        cmocka_unit_test_teardown(memory_and_swap_are_raised_and_lowered_in_the_order_that_works,
                                  remove_leftovers),
        cmocka_unit_test_teardown(a_limit_that_the_kernel_refuses_is_named, remove_leftovers),
        cmocka_unit_test_teardown(a_process_joins_every_hierarchy, remove_leftovers),
        cmocka_unit_test_teardown(a_frozen_container_does_not_run_and_dies_all_the_same,
                                  remove_leftovers),
        cmocka_unit_test_teardown(destroying_kills_what_is_left_and_removes_what_is_below,
                                  remove_leftovers),
        cmocka_unit_test_teardown(a_cgroup_with_processes_of_others_is_refused_and_left_alone,
                                  remove_leftovers),
        cmocka_unit_test_teardown(a_frozen_cgroup_is_refused, remove_leftovers),
        cmocka_unit_test_teardown(devices_are_denied_but_for_the_default_ones, remove_leftovers),
        cmocka_unit_test_teardown(statistics_count_what_is_there, remove_leftovers),
        cmocka_unit_test_teardown(running_out_of_memory_is_an_event_and_removal_is_none,
                                  remove_leftovers),
        cmocka_unit_test_teardown(a_limit_below_the_use_is_refused_when_that_is_to_be_checked,
                                  remove_leftovers),
        cmocka_unit_test_teardown(a_plan_that_was_written_down_destroys_as_well, remove_leftovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
