// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>

#define USER(members) "\"user\":{\"uid\":0,\"gid\":0" members "}"
#define RLIMIT(type, soft, hard)                                                                   \
    "{\"type\":\"RLIMIT_" type "\",\"soft\":" soft ",\"hard\":" hard "}"

static void each_property_of_the_process(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "", NULL },
        { "\"terminal\":true", NULL },
        { "\"terminal\":\"yes\"", "process.terminal: must be a boolean, is a string" },
        { "\"terminal\":true,\"consoleSize\":{\"height\":65535,\"width\":0}", NULL },
        { "\"terminal\":true,\"consoleSize\":{\"height\":65536,\"width\":0}",
          "process.consoleSize.height: 65536 is out of range (0 to 65535)" },
        { "\"terminal\":true,\"consoleSize\":{\"height\":1}",
          "process.consoleSize.width: is required" },
        { "\"consoleSize\":{\"height\":-1}", NULL }, /* ignored without a terminal */
        { "\"env\":[]", NULL },
        { "\"env\":[\"A=B\",\"\",\"C\"]", NULL },
        { "\"env\":[\"A=B\",null]", "process.env[1]: must be a string, is null" },
        { "\"commandLine\":\"x\"", NULL },
        { "\"noNewPrivileges\":0", "process.noNewPrivileges: must be a boolean" },
        { "\"oomScoreAdj\":-1000", NULL },
        { "\"oomScoreAdj\":1001", "process.oomScoreAdj: 1001 is out of range (-1000 to 1000)" },
        { "\"oomScoreAdj\":1.0", "process.oomScoreAdj: must be an integer, is a fraction" },
        { "\"apparmorProfile\":\"p\",\"selinuxLabel\":\"l\"", NULL },
        { "\"apparmorProfile\":\"p\\nq\"", "process.apparmorProfile: must not hold a newline" },
        { "\"selinuxLabel\":\"p\\nq\"", "process.selinuxLabel: must not hold a newline" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
}

static void what_a_process_must_have(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"cwd\":\"/\",\"args\":[\"a\"]", NULL },
        { "\"args\":[\"a\"]", "cwd: is required" },
        { "\"cwd\":\"\",\"args\":[\"a\"]", "cwd: must not be empty" },
        { "\"cwd\":\"x\",\"args\":[\"a\"]", "cwd: \"x\" must be an absolute path" },
        { "\"cwd\":\"/\"", "args: is required" },
        { "\"cwd\":\"/\",\"args\":[]", "args: must not be empty" },
        { "\"cwd\":\"/\",\"args\":\"a\"", "args: must be an array, is a string" },
        { "\"cwd\":\"/\",\"args\":[7]", "args[0]: must be a string, is an integer" },
    };
    CHECK_ALL(spec_decode_process, BARE, goldens);
}

static void each_property_of_the_user(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { USER(""), NULL },
        { USER(",\"umask\":18,\"additionalGids\":[5,4294967294]"), NULL },
        { "\"user\":{\"uid\":0}", "process.user.gid: is required" },
        { "\"user\":{\"gid\":0}", "process.user.uid: is required" },
        { "\"user\":{\"uid\":-1,\"gid\":0}", "process.user.uid: -1 is out of range" },
        { "\"user\":{\"uid\":4294967295,\"gid\":0}", "process.user.uid: 4294967295 is out" },
        { "\"user\":{\"uid\":0,\"gid\":\"0\"}", "process.user.gid: must be an integer" },
        { USER(",\"umask\":512"), "process.user.umask: 512 is out of range (0 to 511)" },
        { USER(",\"additionalGids\":[1,-1]"), "process.user.additionalGids[1]: -1 is out" },
        { USER(",\"additionalGids\":5"), "process.user.additionalGids: must be an array" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, PROCESS,
                    "\"user\":{\"uid\":4294967294,\"gid\":7,\"umask\":0,\"additionalGids\":[5,6]}");
    const struct spec_user *user = &spec->process->user;
    assert_true(user->uid == 4294967294U && user->gid == 7);
    assert_true(user->umask.set && user->umask.value == 0);
    assert_int_equal(user->additional_gid_count, 2);
    assert_int_equal(user->additional_gids[1], 6);
}

static void each_property_of_an_rlimit(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"rlimits\":[]", NULL },
        { "\"rlimits\":[" RLIMIT("CORE", "0", "18446744073709551615") "]", NULL },
        { "\"rlimits\":[" RLIMIT("CORE", "2", "1") "]", "process.rlimits[0].soft: is above hard" },
        { "\"rlimits\":[" RLIMIT("NOPE", "1", "1") "]",
          "process.rlimits[0].type: unknown value \"RLIMIT_NOPE\"" },
        { "\"rlimits\":[" RLIMIT("CORE", "-1", "1") "]",
          "process.rlimits[0].soft: -1 is out of range (0 to 18446744073709551615)" },
        { "\"rlimits\":[" RLIMIT("CORE", "1", "1") "," RLIMIT("CPU", "1",
                                                              "1") "," RLIMIT("CORE", "2", "2") "]",
          "process.rlimits[2]: is the same as element 0" },
        { "\"rlimits\":[7]", "process.rlimits[0]: must be an object, is an integer" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, PROCESS, "\"rlimits\":[" RLIMIT("NOFILE", "7", "18446744073709551615") "]");
    assert_int_equal(spec->process->rlimit_count, 1);
    assert_int_equal(spec->process->rlimits[0].resource, RLIMIT_NOFILE);
    assert_true(spec->process->rlimits[0].soft == 7);
    assert_true(spec->process->rlimits[0].hard == UINT64_MAX);
}

static void every_rlimit_of_the_kernel_is_known(void **state)
{
    (void)state;
    static const char *const names[] = {
        "AS",   "CORE",   "CPU",   "DATA", "FSIZE",  "LOCKS",  "MEMLOCK",    "MSGQUEUE",
        "NICE", "NOFILE", "NPROC", "RSS",  "RTPRIO", "RTTIME", "SIGPENDING", "STACK",
    };
    assert_int_equal(ARRAY_LENGTH(names), RLIM_NLIMITS);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        AUTO_FREE char *text =
            string_format("\"rlimits\":[{\"type\":\"RLIMIT_%s\",\"soft\":1,\"hard\":1}]", names[i]);
        AUTO_SPEC struct spec *spec = must_decode(spec_decode, PROCESS, text);
        assert_int_equal(spec->process->rlimit_count, 1);
    }
}

static void unknown_capabilities_are_warned_of(void **state)
{
    (void)state;
    AUTO_FREE char *text =
        fill(PROCESS, "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"],"
                      "\"ambient\":[\"CAP_FLY\",\"cap_kill\",\"CAP_KILL\"],\"other\":1}");
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_SPEC struct spec *spec = spec_decode(text, strlen(text), &problems);
    assert_non_null(spec);
    const struct spec_capabilities *capabilities = &spec->process->capabilities;
    assert_true(capabilities->set);
    assert_true(capabilities->bounding == (1ULL << CAP_CHOWN | 1ULL << CAP_CHECKPOINT_RESTORE));
    assert_true(capabilities->ambient == 1ULL << CAP_KILL);
    assert_true(capabilities->effective == 0);
    assert_int_equal(problems.warning_count, 2);
    assert_string_equal(problems.warnings[0].path, "process.capabilities.ambient[0]");
    static const struct golden goldens[] = {
        { "\"capabilities\":[]", "process.capabilities: must be an object, is an array" },
        { "\"capabilities\":{\"permitted\":\"CAP_KILL\"}",
          "process.capabilities.permitted: must be an array" },
        { "\"capabilities\":{\"inheritable\":[1]}",
          "process.capabilities.inheritable[0]: must be a string" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
}

static void every_capability_of_the_kernel_is_known(void **state)
{
    (void)state;
    FILE *file = fopen("/proc/sys/kernel/cap_last_cap", "re");
    unsigned last = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &last), 1);
    fclose(file);
    assert_true(last <= CAP_LAST_CAP);
}

static void each_property_of_the_scheduler(void **state)
{
    (void)state;
#define SCHEDULER(policy, members) "\"scheduler\":{\"policy\":\"SCHED_" policy "\"" members "}"
    static const struct golden goldens[] = {
        { SCHEDULER("OTHER", ",\"nice\":-20"), NULL },
        { SCHEDULER("OTHER", ",\"nice\":20"), "process.scheduler.nice: 20 is out of range" },
        { SCHEDULER("BATCH", ",\"nice\":19"), NULL },
        { SCHEDULER("IDLE", ""), NULL },
        { SCHEDULER("ISO", ""), NULL },
        { SCHEDULER("IDLE", ",\"nice\":1"), "process.scheduler.nice: is for SCHED_OTHER" },
        { SCHEDULER("FIFO", ",\"priority\":99"), NULL },
        { SCHEDULER("FIFO", ""), "process.scheduler.priority: must be 1 to 99" },
        { SCHEDULER("RR", ",\"priority\":100"), "process.scheduler.priority: 100 is out" },
        { SCHEDULER("OTHER", ",\"priority\":1"), "process.scheduler.priority: is for SCHED_FIFO" },
        { SCHEDULER("DEADLINE", ",\"runtime\":1,\"deadline\":2,\"period\":3"), NULL },
        { SCHEDULER("DEADLINE", ",\"runtime\":3,\"deadline\":2,\"period\":3"),
          "process.scheduler: SCHED_DEADLINE needs" },
        { SCHEDULER("DEADLINE", ",\"runtime\":1,\"deadline\":4,\"period\":3"),
          "process.scheduler: SCHED_DEADLINE needs" },
        { SCHEDULER("OTHER", ",\"runtime\":1"), "process.scheduler: runtime, deadline and" },
        { SCHEDULER("NOPE", ""), "process.scheduler.policy: unknown value \"SCHED_NOPE\"" },
        { SCHEDULER("OTHER", ",\"flags\":[\"SCHED_FLAG_X\"]"),
          "process.scheduler.flags[0]: unknown value \"SCHED_FLAG_X\"" },
        { SCHEDULER("OTHER", ",\"flags\":\"SCHED_FLAG_RECLAIM\""),
          "process.scheduler.flags: must be an array" },
        { "\"scheduler\":{}", "process.scheduler.policy: is required" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, PROCESS,
                    SCHEDULER("BATCH", ",\"nice\":-5,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\","
                                       "\"SCHED_FLAG_UTIL_CLAMP_MIN\"]"));
    const struct spec_scheduler *scheduler = spec->process->scheduler;
    assert_int_equal(scheduler->policy, SCHED_BATCH);
    assert_int_equal(scheduler->nice, -5);
    assert_true(scheduler->flags == (SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_UTIL_CLAMP_MIN));
}

static void each_property_of_the_io_priority(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
          "process.ioPriority.priority: 8 is out of range (0 to 7)" },
        { "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_X\",\"priority\":0}",
          "process.ioPriority.class: unknown value" },
        { "\"ioPriority\":{\"priority\":0}", "process.ioPriority.class: is required" },
    };
    CHECK_ALL(spec_decode, PROCESS, goldens);
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7}");
    assert_int_equal(spec->process->io_priority->io_class, IOPRIO_CLASS_IDLE);
    assert_int_equal(spec->process->io_priority->priority, 7);
}

static void cpu_lists_become_masks(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, PROCESS, "\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"64\"}");
    const struct spec_process *process = spec->process;
    assert_true(process->initial_affinity.set && process->final_affinity.set);
    assert_string_equal(process->initial_affinity.text, "0-3,7");
    assert_true(process->initial_affinity.mask[0] == 0x8f);
    assert_int_equal(process->initial_affinity.mask_bits, 8);
    assert_true(process->final_affinity.mask[0] == 0 && process->final_affinity.mask[1] == 1);
    assert_int_equal(process->final_affinity.mask_bits, 65);
    static const char *const wrong[] = { ",",    "1,",     "-1",   "3-1",
                                         "1-",   "a",      "1 ",   "0x1",
                                         "8192", "0-8192", "1--2", "99999999999999999999" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_FREE char *text = string_format("\"execCPUAffinity\":{\"final\":\"%s\"}", wrong[i]);
        check_golden(spec_decode, PROCESS,
                     &(struct golden){ text, "process.execCPUAffinity.final: " });
    }
}

static void a_process_alone_has_defaults(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode_process, BARE, "\"cwd\":\"/\",\"args\":[\"a\",\"\"]");
    const struct spec_process *process = spec->process;
    assert_null(process->env[0]);
    assert_string_equal(process->args[1], "");
    assert_null(process->args[2]);
    assert_false(process->capabilities.set);
    assert_false(process->oom_score_adj.set);
    assert_null(process->scheduler);
    assert_null(process->io_priority);
    assert_int_equal(process->user.uid, 0);
    assert_non_null(spec->resources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_of_the_process),
        cmocka_unit_test(what_a_process_must_have),
        cmocka_unit_test(each_property_of_the_user),
        cmocka_unit_test(each_property_of_an_rlimit),
        cmocka_unit_test(every_rlimit_of_the_kernel_is_known),
        cmocka_unit_test(unknown_capabilities_are_warned_of),
        cmocka_unit_test(every_capability_of_the_kernel_is_known),
        cmocka_unit_test(each_property_of_the_scheduler),
        cmocka_unit_test(each_property_of_the_io_priority),
        cmocka_unit_test(cpu_lists_become_masks),
        cmocka_unit_test(a_process_alone_has_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
