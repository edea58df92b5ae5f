// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/string.h"
#include "container/capabilities.h"
#include "container/process.h"
#include "container/procfs.h"
#include "container/scheduling.h"
#include "container/working_directory.h"
#include "in_child.h"

#define BIT(capability) (1ULL << (capability))
#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* These tests are of what root does: set ids, capabilities, mounts. */
static int want_root(void **state)
{
    (void)state;
    return geteuid() == 0 ? 0 : -1;
}

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

static struct spec_process simple_process(void)
{
    return (struct spec_process){ .cwd = "/",
                                  .env = WORDS("PATH=/usr/bin:/bin"),
                                  .args = WORDS("true"),
                                  .capabilities.set = true };
}

/* A child goes the whole way; `report` says what became of it. */
struct way {
    struct process_setup setup;
    int (*report)(FILE *out);
};

static int go(FILE *out, void *context)
{
    AUTO_ERROR struct error error = { 0 };
    struct way *way = context;
    struct process_setup *setup = &way->setup;
    setup->procfs_fd = procfs_open(&error);
    if (setup->procfs_fd < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        process_apply_privileged(setup, &error) < 0 || process_drop_privileges(setup, &error) < 0 ||
        process_confine(setup, &error) < 0)
        return fprintf(out, "error: %s", error.message) < 0;
    return way->report(out);
}

static char *outcome(struct spec_process *process, const struct spec *spec,
                     int (*report)(FILE *out))
{
    static const struct spec empty = { 0 };
    struct way way = { .setup = { .spec = spec ? spec : &empty,
                                  .process = process,
                                  .container_id = "test",
                                  .seccomp_listener_fd = -1,
                                  .log = &quiet },
                       .report = report };
    return in_child(go, &way);
}

static int report_capabilities(FILE *out)
{
    static const char *const names[] = { "CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        AUTO_FREE char *line = status_line(names[i]);
        fprintf(out, "%s %llx ", names[i], strtoull(line, NULL, 16));
    }
    return 0;
}

static void the_five_sets_are_exactly_as_given(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    process.user = (struct spec_user){ .uid = 1000, .gid = 1000 };
    process.capabilities = (struct spec_capabilities){
        .set = true,
        .bounding = BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_SETUID),
        .permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL),
        .effective = BIT(CAP_CHOWN),
        .inheritable = BIT(CAP_KILL),
        .ambient = BIT(CAP_KILL),
    };
    AUTO_FREE char *text = outcome(&process, NULL, report_capabilities);
    assert_string_equal(text, "CapBnd a1 CapPrm 21 CapEff 1 CapInh 20 CapAmb 20 ");
}

static void without_a_section_there_are_no_capabilities_at_all(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    process.capabilities.set = false;
    AUTO_FREE char *text = outcome(&process, NULL, report_capabilities);
    assert_string_equal(text, "CapBnd 0 CapPrm 0 CapEff 0 CapInh 0 CapAmb 0 ");
}

static void nothing_is_inheritable_that_is_not_given(void **state)
{
    (void)state; /* CVE-2022-27650, CVE-2022-29162 */
    struct spec_process process = simple_process();
    process.capabilities.bounding = process.capabilities.permitted =
        process.capabilities.effective = BIT(CAP_CHOWN);
    AUTO_FREE char *text = outcome(&process, NULL, report_capabilities);
    assert_string_equal(text, "CapBnd 1 CapPrm 1 CapEff 1 CapInh 0 CapAmb 0 ");
}

static int grant_what_we_lack(FILE *out, void *context)
{
    (void)context;
    AUTO_ERROR struct error error = { 0 };
    struct spec_capabilities few = { .set = true,
                                     .bounding = UINT64_MAX,
                                     .permitted = BIT(CAP_CHOWN) | BIT(CAP_SETPCAP),
                                     .effective = BIT(CAP_CHOWN) | BIT(CAP_SETPCAP) };
    struct spec_capabilities more = few;
    more.permitted |= BIT(CAP_SYS_BOOT);
    more.effective |= BIT(CAP_SYS_BOOT);
    more.ambient = BIT(CAP_CHOWN);
    struct log log = { .level = LOG_LEVEL_INFO, .fd = fileno(out) };
    if (capabilities_set(&few, 0, &log, &error) < 0 || capabilities_set(&more, 0, &log, &error) < 0)
        fprintf(out, "error: %s", error.message);
    return report_capabilities(out);
}

static void what_we_lack_is_left_out_with_a_warning(void **state)
{
    (void)state;
    AUTO_FREE char *text = in_child(grant_what_we_lack, NULL);
    assert_non_null(strstr(text, "does not have CAP_SYS_BOOT, so it cannot be granted"));
    assert_non_null(strstr(text, "ambient: CAP_CHOWN is left out"));
    assert_non_null(strstr(text, "CapPrm 101 CapEff 101 CapInh 0 CapAmb 0 "));
}

static int report_identity(FILE *out)
{
    AUTO_FREE char *uid = status_line("Uid"), *gid = status_line("Gid"),
                   *groups = status_line("Groups"), *bits = status_line("NoNewPrivs");
    mode_t mask = umask(0);
    fprintf(out, "%s|%s|%s|%s|%o|%d", uid, gid, groups, bits, mask, prctl(PR_GET_DUMPABLE));
    return 0;
}

static void the_process_becomes_the_user_and_stays_unreadable(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    const uint32_t groups[] = { 7, 9 };
    process.no_new_privileges = true;
    process.user = (struct spec_user){ .uid = 1000,
                                       .gid = 100,
                                       .umask = { true, 027 },
                                       .additional_gids = groups,
                                       .additional_gid_count = 2 };
    AUTO_FREE char *text = outcome(&process, NULL, report_identity);
    assert_string_equal(text, "1000\t1000\t1000\t1000|100\t100\t100\t100|7 9 |1|27|0");
}

static void no_groups_means_none_and_the_umask_has_a_default(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    AUTO_FREE char *text = outcome(&process, NULL, report_identity);
    assert_string_equal(text, "0\t0\t0\t0|0\t0\t0\t0| |0|22|0");
}

static int report_limits(FILE *out)
{
    struct rlimit files, core;
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_CORE, &core);
    fprintf(out, "%ld %ld %ld %ld", (long)files.rlim_cur, (long)files.rlim_max, (long)core.rlim_cur,
            (long)core.rlim_max);
    return 0;
}

static void limits_are_set_at_the_very_end(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    /* With 4 descriptors the way there could not be gone. */
    const struct spec_rlimit limits[] = { { RLIMIT_NOFILE, 4, 4 }, { RLIMIT_CORE, 0, 5 } };
    process.rlimits = limits;
    process.rlimit_count = 2;
    AUTO_FREE char *text = outcome(&process, NULL, report_limits);
    assert_string_equal(text, "4 4 0 5");
}

static int raise_a_limit(FILE *out, void *context)
{
    /* Without the capability, whatever the machine that tests. */
    struct way *way = context;
    AUTO_ERROR struct error error = { 0 };
    const struct rlimit low = { 64, 64 };
    struct spec_capabilities rest = { .set = true,
                                      .permitted = ~BIT(CAP_SYS_RESOURCE),
                                      .effective = ~BIT(CAP_SYS_RESOURCE) };
    setrlimit(RLIMIT_NOFILE, &low);
    if (capabilities_set(&rest, 0, &quiet, &error) < 0)
        return 1;
    return go(out, way);
}

static void a_limit_that_cannot_be_raised_says_why(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    const struct spec_rlimit limit = { RLIMIT_NOFILE, 100, 100 };
    process.rlimits = &limit;
    process.rlimit_count = 1;
    static const struct spec empty = { 0 };
    struct log none = { .level = LOG_LEVEL_ERROR, .fd = -1 };
    struct way way = { { .spec = &empty,
                         .process = &process,
                         .container_id = "test",
                         .seccomp_listener_fd = -1,
                         .log = &none },
                       report_limits };
    AUTO_FREE char *text = in_child(raise_a_limit, &way);
    assert_non_null(
        strstr(text, "RLIMIT_NOFILE: the hard limit 100 is above the present one (64)"));
    assert_non_null(strstr(text, "CAP_SYS_RESOURCE"));
}

static int report_scheduling(FILE *out)
{
    int io = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    AUTO_FREE char *score =
        read_file_at(AT_FDCWD, "/proc/self/oom_score_adj", 64, NULL, &(struct error){ 0 });
    fprintf(out, "%d %d %d/%d %d %s", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0),
            IOPRIO_PRIO_CLASS(io), (int)IOPRIO_PRIO_DATA(io), personality(0xffffffff),
            score ? score : "");
    return 0;
}

static void scheduling_personality_and_oom_score_are_as_given(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    const struct spec_scheduler scheduler = { .policy = SCHED_BATCH, .nice = 5 };
    const struct spec_io_priority io = { IOPRIO_CLASS_BE, 6 };
    const struct spec spec = { .personality = { true, PER_LINUX32 } };
    process.scheduler = &scheduler;
    process.io_priority = &io;
    process.oom_score_adj = (struct spec_i64){ true, 777 };
    AUTO_FREE char *text = outcome(&process, &spec, report_scheduling);
    assert_string_equal(text, "3 5 2/6 8 777\n");
}

static void an_affinity_without_any_cpu_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    uint64_t mask[32] = { [31] = 1ULL << 63 };
    const struct spec_cpu_list list = { true, "2047", mask, 2048 };
    assert_int_equal(cpu_affinity_set(&list, "final", 0, &error), -1);
    assert_non_null(strstr(error.message, "process.execCPUAffinity.final: none of the CPUs 2047"));
}

static int report_affinity(FILE *out)
{
    AUTO_FREE char *list = status_line("Cpus_allowed_list");
    fprintf(out, "%s", list);
    return 0;
}

static void affinity_is_for_exec_only(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    const uint64_t mask = 1;
    process.final_affinity = (struct spec_cpu_list){ true, "0", &mask, 1 };
    static const struct spec empty = { 0 };
    struct way way = { { .spec = &empty,
                         .process = &process,
                         .exec = true,
                         .container_id = "test",
                         .seccomp_listener_fd = -1,
                         .log = &quiet },
                       report_affinity };
    AUTO_FREE char *text = in_child(go, &way);
    assert_string_equal(text, "0");
    way.setup.exec = false;
    AUTO_FREE char *first = in_child(go, &way);
    AUTO_FREE char *ours = status_line("Cpus_allowed_list");
    assert_string_equal(first, ours);
}

static void a_memory_policy_survives_and_a_missing_node_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const uint64_t mask[] = { 1ULL << 63 };
    const struct spec_memory_policy policy = {
        .mode = 2 /* MPOL_BIND */, .nodes = "63", .node_mask = mask, .node_mask_bits = 64
    };
    assert_int_equal(memory_policy_set(&policy, &error), -1);
    assert_non_null(strstr(error.message, "linux.memoryPolicy: mode 2 with the nodes 63"));
    const struct spec_memory_policy usual = { .mode = 0 };
    assert_int_equal(memory_policy_set(&usual, &error), 0);
}

/* ---- the filter's place ---- */

static const struct spec_seccomp_rule no_setuid = { .names = WORDS("setresuid", "capset"),
                                                    .action = SPEC_SECCOMP_ERRNO };

static int report_filter(FILE *out)
{
    AUTO_FREE char *mode = status_line("Seccomp"), *bits = status_line("NoNewPrivs");
    fprintf(out, "filter %s, no_new_privs %s, ", mode, bits);
    return report_capabilities(out);
}

static char *with_filter(struct spec_process *process, const struct spec_seccomp *seccomp)
{
    AUTO_ERROR struct error error = { 0 };
    const struct spec spec = { .seccomp = seccomp };
    struct way way = { .setup = { .spec = &spec,
                                  .process = process,
                                  .container_id = "test",
                                  .seccomp_listener_fd = -1,
                                  .log = &quiet },
                       .report = report_filter };
    struct seccomp_program *program = seccomp_program_new(seccomp, &error);
    assert_int_equal(seccomp_compile(seccomp, program, &quiet, &error), 0);
    way.setup.seccomp = program;
    char *text = in_child(go, &way);
    seccomp_program_free(program);
    return text;
}

static void with_no_new_privileges_nothing_of_ours_runs_under_the_filter(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    process.no_new_privileges = true;
    process.user.uid = 1000;
    AUTO_FREE char *text = with_filter(
        &process, &(struct spec_seccomp){
                      .default_action = SPEC_SECCOMP_ALLOW, .rules = &no_setuid, .rule_count = 1 });
    assert_string_equal(text, "filter 2, no_new_privs 1, CapBnd 0 CapPrm 0 CapEff 0 CapInh 0 "
                              "CapAmb 0 ");
}

static void without_it_the_capability_for_the_filter_is_given_up_afterwards(void **state)
{
    (void)state;
    struct spec_process process = simple_process();
    process.user.uid = 1000;
    process.capabilities.bounding = process.capabilities.permitted =
        process.capabilities.effective = BIT(CAP_KILL);
    AUTO_FREE char *text =
        with_filter(&process, &(struct spec_seccomp){ .default_action = SPEC_SECCOMP_ALLOW });
    assert_string_equal(text, "filter 2, no_new_privs 0, CapBnd 20 CapPrm 20 CapEff 20 CapInh 0 "
                              "CapAmb 0 ");
}

/* ---- the working directory ---- */

static int enter_by_magic_link(FILE *out, void *context)
{
    (void)context;
    AUTO_ERROR struct error error = { 0 };
    /* A descriptor of the host's that was left open: CVE-2024-21626. */
    int leaked = open("/etc", O_RDONLY | O_DIRECTORY);
    AUTO_FREE char *path = string_format("/proc/self/fd/%d", leaked);
    int result = working_directory_enter(path, true, &error);
    fprintf(out, "%d %s", result, error.message);
    return 0;
}

static void a_magic_link_is_no_working_directory(void **state)
{
    (void)state;
    AUTO_FREE char *text = in_child(enter_by_magic_link, NULL);
    assert_non_null(strstr(text, "-1 process.cwd: change to directory /proc/self/fd/"));
}

static int enter_outside(FILE *out, void *context)
{
    AUTO_ERROR struct error error = { 0 };
    /* The same descriptor by another way: relative to a directory that is not below the root. */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        chdir("/etc") < 0 || chroot(context) < 0)
        return 1;
    int result = working_directory_enter(".", false, &error);
    fprintf(out, "%d %s", result, error.message);
    return 0;
}

static void a_directory_outside_of_the_root_is_refused(void **state)
{
    (void)state;
    char root[] = "/tmp/test_privileges.XXXXXX";
    assert_non_null(mkdtemp(root));
    AUTO_FREE char *text = in_child(enter_outside, root);
    assert_string_equal(text, "-1 process.cwd: . is outside of the container's root");

    AUTO_FREE char *missing = string_format("%s/a/b", root);
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *before = getcwd(NULL, 0);
    assert_int_equal(working_directory_enter(missing, false, &error), -1);
    assert_int_equal(error.code, ENOENT);
    assert_int_equal(working_directory_enter(missing, true, &error), 0);
    AUTO_FREE char *after = getcwd(NULL, 0);
    assert_string_equal(after, missing);
    assert_int_equal(chdir(before), 0);
    remove_tree_at(AT_FDCWD, root, &error);
}

static void a_directory_that_only_the_user_may_not_enter_is_entered_before(void **state)
{
    (void)state;
    char closed[] = "/tmp/test_privileges.XXXXXX";
    assert_non_null(mkdtemp(closed));
    struct spec_process process = simple_process();
    process.cwd = closed;
    process.user.uid = 1000;
    AUTO_FREE char *text = outcome(&process, NULL, report_limits);
    rmdir(closed);
    assert_false(string_starts_with(text, "error"));
}

/* ---- programs ---- */

static char *find(const char *name, const char *path, struct error *error)
{
    AUTO_FREE char *variable = string_format("PATH=%s", path);
    struct spec_process process = { .args = WORDS(name), .env = WORDS("A=b", variable) };
    return process_find_executable(&process, error);
}

static void write_program(const char *directory, const char *name, const char *text, mode_t mode)
{
    AUTO_FREE char *path = string_format("%s/%s", directory, name);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void programs_are_found_as_execvpe_finds_them(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char one[] = "/tmp/test_privileges.XXXXXX", two[] = "/tmp/test_privileges.XXXXXX";
    assert_non_null(mkdtemp(one));
    assert_non_null(mkdtemp(two));
    AUTO_FREE char *both = string_format("/nowhere:%s:%s", one, two);
    AUTO_FREE char *expected = string_format("%s/tool", two);
    AUTO_FREE char *directory = string_format("%s/tool", one);
    assert_int_equal(mkdir(directory, 0755), 0);
    write_program(two, "tool", "#!/bin/sh\n", 0755);
    write_program(two, "data", "x", 0644);

    AUTO_FREE char *found = find("tool", both, &error);
    assert_string_equal(found, expected);
    AUTO_FREE char *direct = find(expected, "/nowhere", &error);
    assert_string_equal(direct, expected);

    assert_null(find("absent", both, &error));
    assert_int_equal(error.code, ENOENT);
    assert_non_null(strstr(error.message, "exec: \"absent\": executable file not found in $PATH"));
    assert_null(find("data", both, &error));
    assert_int_equal(error.code, EACCES);
    assert_string_equal(error.message, "exec: \"data\": Permission denied");
    assert_null(find("/no/such", both, &error));
    assert_string_equal(error.message, "exec: \"/no/such\": No such file or directory");
    assert_null(find(one, both, &error));
    assert_int_equal(error.code, EACCES);
    assert_null(find("", both, &error));
    remove_tree_at(AT_FDCWD, one, &error);
    remove_tree_at(AT_FDCWD, two, &error);
}

static void a_missing_interpreter_is_named(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    char directory[] = "/tmp/test_privileges.XXXXXX";
    assert_non_null(mkdtemp(directory));
    write_program(directory, "missing", "#! /no/such/shell -e\n", 0755);
    write_program(directory, "windows", "#!/bin/sh\r\nexit\r\n", 0755);
    write_program(directory, "text", "neither\n", 0755);
    static const struct {
        const char *name, *says;
    } cases[] = { { "missing", "its interpreter /no/such/shell is missing" },
                  { "windows", "its first line ends in CR LF, so the kernel looks for the "
                               "interpreter \"/bin/sh\\r\"" },
                  { "text", "neither a program for this machine nor a script" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        AUTO_FREE char *path = string_format("%s/%s", directory, cases[i].name);
        char *const arguments[] = { path, NULL };
        assert_int_equal(execve(path, arguments, NULL), -1);
        assert_int_equal(process_exec_failed(path, errno, &error), -1);
        if (!strstr(error.message, cases[i].says))
            fail_msg("%s", error.message);
    }
    remove_tree_at(AT_FDCWD, directory, &error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_five_sets_are_exactly_as_given),
        cmocka_unit_test(without_a_section_there_are_no_capabilities_at_all),
        cmocka_unit_test(nothing_is_inheritable_that_is_not_given),
        cmocka_unit_test(what_we_lack_is_left_out_with_a_warning),
        cmocka_unit_test(the_process_becomes_the_user_and_stays_unreadable),
        cmocka_unit_test(no_groups_means_none_and_the_umask_has_a_default),
        cmocka_unit_test(limits_are_set_at_the_very_end),
        cmocka_unit_test(a_limit_that_cannot_be_raised_says_why),
        cmocka_unit_test(scheduling_personality_and_oom_score_are_as_given),
        cmocka_unit_test(an_affinity_without_any_cpu_is_named),
        cmocka_unit_test(affinity_is_for_exec_only),
        cmocka_unit_test(a_memory_policy_survives_and_a_missing_node_is_named),
        cmocka_unit_test(with_no_new_privileges_nothing_of_ours_runs_under_the_filter),
        cmocka_unit_test(without_it_the_capability_for_the_filter_is_given_up_afterwards),
        cmocka_unit_test(a_magic_link_is_no_working_directory),
        cmocka_unit_test(a_directory_outside_of_the_root_is_refused),
        cmocka_unit_test(a_directory_that_only_the_user_may_not_enter_is_entered_before),
        cmocka_unit_test(programs_are_found_as_execvpe_finds_them),
        cmocka_unit_test(a_missing_interpreter_is_named),
    };
    return cmocka_run_group_tests(tests, want_root, NULL);
}
