// SPDX-License-Identifier: Apache-2.0
/* Device rules: what the specification says of them, and that the kernel does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/process.h"
#include "base/string.h"
#include "base/system_call.h"
#include "container/cgroup/devices_bpf.h"

#define ANY ((int64_t)-1)

enum access { R = 1, W = 2, M = 4, RWM = 7 };

static struct spec_device_rule rule(bool allow, char type, int64_t major, int64_t minor,
                                    enum access access)
{
    return (struct spec_device_rule){
        .allow = allow,
        .type = type,
        .major = major,
        .minor = minor,
        .read = access & R,
        .write = access & W,
        .mknod = access & M,
    };
}

static struct spec_resources resources_of(const struct spec_device_rule *rules, size_t count)
{
    return (struct spec_resources){ .device_rules = rules, .device_rule_count = count };
}

/* All exceptions as text, for comparing. */
static char *exceptions_text(const struct spec_device_rule *given, size_t count,
                             struct error *error)
{
    /* without the defaults, so that what is told is about the rules */
    struct device_rules rules = { .rules = allocate(count, sizeof(*given)), .count = count };
    memcpy(rules.rules, given, count * sizeof(*given));
    AUTO_DEVICE_EXCEPTIONS struct device_exceptions exceptions = { 0 };
    int result = device_exceptions_of(&rules, &exceptions, error);
    device_rules_free(&rules);
    if (result < 0)
        return NULL;
    char *text = string_copy(exceptions.allow_others ? "all but" : "none but");
    for (size_t i = 0; i < exceptions.count; i++) {
        AUTO_FREE char *item = device_rule_text(&exceptions.items[i]);
        string_append(&text, " [%s]", item);
    }
    return text;
}

static void assert_exceptions(const struct spec_device_rule *rules, size_t count,
                              const char *wanted)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *text = exceptions_text(rules, count, &error);
    if (!text)
        fail_msg("%s", error.message);
    assert_string_equal(text, wanted);
}

static void rules_become_a_default_and_its_exceptions(void **state)
{
    (void)state;
    const struct spec_device_rule allow_two[] = {
        rule(false, 'a', ANY, ANY, RWM),
        rule(true, 'c', 1, 3, R),
        rule(true, 'c', 1, 3, W),
        rule(true, 'b', 8, ANY, R),
    };
    assert_exceptions(allow_two, 4, "none but [c 1:3 rw] [b 8:* r]");
    const struct spec_device_rule take_back[] = {
        rule(false, 'a', ANY, ANY, RWM),
        rule(true, 'c', 1, 3, RWM),
        rule(true, 'c', 1, 5, RWM),
        rule(false, 'c', 1, ANY, W),
    };
    assert_exceptions(take_back, 4, "none but [c 1:3 rm] [c 1:5 rm]");
    const struct spec_device_rule start_over[] = {
        rule(true, 'c', 1, 3, RWM),
        rule(true, 'a', ANY, ANY, RWM),
        rule(false, 'c', 1, 11, RWM),
    };
    assert_exceptions(start_over, 3, "all but [c 1:11 rwm]");
}

static void a_part_of_an_exception_cannot_be_taken_out_on_v1(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_device_rule rules[] = {
        rule(false, 'a', ANY, ANY, RWM),
        rule(true, 'c', 1, ANY, RWM),
        rule(false, 'c', 1, 11, RWM),
    };
    AUTO_FREE char *text = exceptions_text(rules, 3, &error);
    assert_null(text);
    assert_non_null(strstr(error.message, "c 1:11 rwm"));
    assert_non_null(strstr(error.message, "linux.resources.devices"));
}

static void a_rule_for_every_type_but_not_all_access_is_one_for_each_type(void **state)
{
    (void)state;
    const struct spec_device_rule given[] = { rule(true, 'a', ANY, ANY, R) };
    const struct spec_resources resources = resources_of(given, 1);
    AUTO_DEVICE_RULES struct device_rules rules = { 0 };
    device_rules_complete(&resources, &rules);
    assert_int_equal(rules.first_default, 2);
    assert_int_equal(rules.rules[0].type, 'b');
    assert_int_equal(rules.rules[1].type, 'c');
}

/* What the specification says, in the plainest words: the last rule that matches decides. */
static bool allowed(const struct device_rules *rules, char type, int64_t major, int64_t minor,
                    enum access access)
{
    for (enum access bit = R; bit <= M; bit = (enum access)(bit << 1)) {
        bool allow = false;
        for (size_t i = 0; i < rules->count; i++) {
            const struct spec_device_rule *item = &rules->rules[i];
            bool has = bit == R ? item->read : bit == W ? item->write : item->mknod;
            if (has && (item->type == 'a' || item->type == type) &&
                (item->major < 0 || item->major == major) &&
                (item->minor < 0 || item->minor == minor))
                allow = item->allow;
        }
        if ((access & bit) && !allow)
            return false;
    }
    return true;
}

/* The few instructions that the program is made of, as the kernel executes them. */
static bool execute(const struct device_program *program, char type, uint32_t major, uint32_t minor,
                    enum access access)
{
    uint32_t bits = (access & M ? BPF_DEVCG_ACC_MKNOD : 0u) |
                    (access & R ? BPF_DEVCG_ACC_READ : 0u) |
                    (access & W ? BPF_DEVCG_ACC_WRITE : 0u);
    const uint32_t context[] = {
        bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor
    };
    uint64_t registers[11] = { 0 };
    for (size_t pc = 0; pc < program->count; pc++) {
        const struct bpf_insn *i = &program->instructions[pc];
        uint64_t *to = &registers[i->dst_reg], immediate = (uint64_t)(int64_t)i->imm;
        switch (i->code) {
        case BPF_LDX | BPF_MEM | BPF_W:
            *to = context[i->off / 4];
            break;
        case BPF_ALU64 | BPF_MOV | BPF_X:
            *to = registers[i->src_reg];
            break;
        case BPF_ALU64 | BPF_MOV | BPF_K:
            *to = immediate;
            break;
        case BPF_ALU64 | BPF_AND | BPF_K:
            *to &= immediate;
            break;
        case BPF_ALU64 | BPF_RSH | BPF_K:
            *to >>= immediate;
            break;
        case BPF_JMP | BPF_JNE | BPF_K:
            pc += *to != immediate ? (size_t)i->off : 0;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            pc += *to & immediate ? (size_t)i->off : 0;
            break;
        case BPF_JMP | BPF_JA | BPF_K:
            pc += (size_t)i->off;
            break;
        case BPF_JMP | BPF_EXIT:
            return registers[0];
        default:
            fail_msg("unknown instruction %#x", i->code);
        }
    }
    fail_msg("the program ran over its end");
    return false;
}

static void assert_same_answers(const struct device_rules *rules,
                                const struct device_program *program)
{
    for (const char *type = "bc"; *type; type++)
        for (uint32_t major = 0; major < 12; major++)
            for (uint32_t minor = 0; minor < 12; minor++)
                for (int access = R; access <= RWM; access++)
                    if (execute(program, *type, major, minor, (enum access)access) !=
                        allowed(rules, *type, major, minor, (enum access)access))
                        fail_msg("%c %u:%u access %d", *type, major, minor, access);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static struct spec_device_rule random_rule(uint32_t *seed)
{
    const char *types = "aabbbccccc";
    int64_t major = next_random(seed) % 3 ? next_random(seed) % 12 : ANY;
    int64_t minor = next_random(seed) % 2 ? next_random(seed) % 12 : ANY;
    return rule(next_random(seed) % 2, types[next_random(seed) % 10], major, minor,
                (enum access)(1 + next_random(seed) % 7));
}

static void a_program_answers_as_the_specification_does(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    uint32_t seed = 1;
    for (int round = 0; round < 200; round++) {
        struct spec_device_rule given[8];
        size_t count = next_random(&seed) % 9;
        for (size_t i = 0; i < count; i++)
            given[i] = random_rule(&seed);
        const struct spec_resources resources = resources_of(given, count);
        AUTO_DEVICE_RULES struct device_rules rules = { 0 };
        AUTO_DEVICE_PROGRAM struct device_program program = { 0 };
        device_rules_complete(&resources, &rules);
        assert_int_equal(device_program_make(&rules, &program, &error), 0);
        assert_same_answers(&rules, &program);
    }
}

static void too_many_rules_are_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE struct spec_device_rule *given = allocate(700, sizeof(*given));
    for (size_t i = 0; i < 700; i++)
        given[i] = rule(true, 'c', (int64_t)i, ANY, R);
    const struct spec_resources resources = resources_of(given, 700);
    AUTO_DEVICE_RULES struct device_rules rules = { 0 };
    AUTO_DEVICE_PROGRAM struct device_program program = { 0 };
    device_rules_complete(&resources, &rules);
    assert_int_equal(device_program_make(&rules, &program, &error), -1);
    assert_int_equal(error.code, E2BIG);
}

/* A directory of a v2 hierarchy, wherever it is mounted; skips with the reason. */
static const char *make_v2_directory(void)
{
    static const char *const places[] = { "/sys/fs/cgroup/unified/openvirt-devices-test",
                                          "/sys/fs/cgroup/openvirt-devices-test" };
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        struct statfs status;
        if (mkdir(places[i], 0755) < 0 && errno != EEXIST)
            continue;
        if (statfs(places[i], &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC)
            return places[i];
        rmdir(places[i]);
    }
    print_message("no cgroup v2 can be made here\n");
    skip();
    return NULL;
}

/* The exit status of a process in the cgroup that opens these: 1 for the first that failed ... */
static int open_in(const char *path, const char *const *devices)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP,
        .cgroup = (uint64_t)fd,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = sys_clone3(&arguments);
    if (pid == 0) {
        for (int i = 0; devices[i]; i++) {
            if (open(devices[i], O_RDONLY | O_NONBLOCK) < 0)
                _exit(errno == EPERM ? i + 1 : 100);
        }
        _exit(0);
    }
    int status;
    assert_true(pid > 0);
    process_wait(pid, &status);
    return process_exit_status(status);
}

static void the_kernel_denies_by_the_program_and_changes_it_in_one_step(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct cgroup_directory directory = { .path = string_copy(make_v2_directory()), .fd = -1 };
    const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/urandom", "/dev/kmsg", NULL };
    const struct spec_device_rule deny[] = { rule(false, 'a', ANY, ANY, RWM) };
    const struct spec_device_rule allow[] = { rule(false, 'a', ANY, ANY, RWM),
                                              rule(true, 'c', 1, 11, R) };
    struct spec_resources resources = resources_of(deny, 1);
    assert_int_equal(devices_v2_apply(&directory, &resources, true, &error), 0);
    assert_int_equal(open_in(directory.path, devices), 4);
    resources = resources_of(allow, 2);
    assert_int_equal(devices_v2_apply(&directory, &resources, false, &error), 0);
    assert_int_equal(open_in(directory.path, devices), 0);
    close(directory.fd);
    assert_int_equal(rmdir(directory.path), 0);
    free(directory.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_become_a_default_and_its_exceptions),
        cmocka_unit_test(a_part_of_an_exception_cannot_be_taken_out_on_v1),
        cmocka_unit_test(a_rule_for_every_type_but_not_all_access_is_one_for_each_type),
        cmocka_unit_test(a_program_answers_as_the_specification_does),
        cmocka_unit_test(too_many_rules_are_refused),
        cmocka_unit_test(the_kernel_denies_by_the_program_and_changes_it_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
