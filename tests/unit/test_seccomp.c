// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/socket.h"
#include "base/string.h"
#include "container/seccomp_notify.h"
#include "container/seccomp_program.h"

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

/* ---- a filter, run by hand ---- */

static uint32_t evaluate(const struct sock_filter *program, const struct seccomp_data *data)
{
    uint32_t accumulator = 0;
    for (const struct sock_filter *at = program;; at++) {
        bool condition = false;
        switch (at->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&accumulator, (const char *)data + at->k, sizeof(accumulator));
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= at->k;
            continue;
        case BPF_JMP | BPF_JA:
            at += at->k;
            continue;
        case BPF_RET | BPF_K:
            return at->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            condition = accumulator == at->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            condition = accumulator > at->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            condition = accumulator >= at->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            condition = accumulator & at->k;
            break;
        default:
            fail_msg("instruction 0x%x", at->code);
        }
        at += condition ? at->jt : at->jf;
    }
}

static struct seccomp_program *compile(const struct spec_seccomp *seccomp)
{
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_program *program = seccomp_program_new(seccomp, &error);
    assert_non_null(program);
    if (seccomp_compile(seccomp, program, &quiet, &error) < 0)
        fail_msg("%s", error.message);
    return program;
}

static const struct spec_seccomp_argument clone_flags[] = {
    { .index = 0, .value = 0x7e020000, .value_two = 0, .op = SPEC_SECCOMP_MASKED_EQ }
};
static const struct spec_seccomp_argument wide[] = {
    { .index = 1, .value = 0x100000005, .op = SPEC_SECCOMP_GT },
    { .index = 2, .value = 7, .op = SPEC_SECCOMP_LE },
};
static const struct spec_seccomp_argument personas[] = {
    { .index = 0, .value = 0, .op = SPEC_SECCOMP_EQ },
    { .index = 0, .value = 8, .op = SPEC_SECCOMP_EQ },
};
static const struct spec_seccomp_argument family[] = {
    { .index = 0, .value = 40, .op = SPEC_SECCOMP_NE }
};
static const struct spec_seccomp_rule mixed_rules[] = {
    { .names = NAMES("read", "write", "execve", "no_such_call_yet", "getpid", "mmap", "mmap2",
                     "stat64", "socketcall", "futex_time64", "clone3", "rt_sigreturn"),
      .action = SPEC_SECCOMP_ALLOW },
    { .names = NAMES("clone"),
      .action = SPEC_SECCOMP_ALLOW,
      .arguments = clone_flags,
      .argument_count = 1 },
    { .names = NAMES("lseek"), .action = SPEC_SECCOMP_LOG, .arguments = wide, .argument_count = 2 },
    { .names = NAMES("personality"),
      .action = SPEC_SECCOMP_ALLOW,
      .arguments = personas,
      .argument_count = 2 },
    { .names = NAMES("socket", "bind"),
      .action = SPEC_SECCOMP_ALLOW,
      .arguments = family,
      .argument_count = 1 },
    { .names = NAMES("keyctl"), .action = SPEC_SECCOMP_ERRNO, .errno_return = { true, ENOSYS } },
    { .names = NAMES("ptrace"), .action = SPEC_SECCOMP_KILL_PROCESS },
    { .names = NAMES("mount"), .action = SPEC_SECCOMP_TRAP },
    { .names = NAMES("swapon"), .action = SPEC_SECCOMP_TRACE, .errno_return = { true, 5 } },
    { .names = NAMES("reboot"), .action = SPEC_SECCOMP_KILL_THREAD },
};
static const struct spec_seccomp mixed = {
    .default_action = SPEC_SECCOMP_ERRNO,
    .architectures =
        NAMES("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_OF_THE_FUTURE"),
    .rules = mixed_rules,
    .rule_count = ARRAY_LENGTH(mixed_rules),
};

/* The same rules in one filter that libseccomp makes as a whole. */
static size_t reference(struct sock_filter *program, size_t size)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    assert_int_equal(seccomp_arch_add(context, SCMP_ARCH_X86), 0);
    assert_int_equal(seccomp_arch_add(context, SCMP_ARCH_X32), 0);
    for (const char *const *name = mixed_rules[0].names; *name; name++)
        if (!string_equal(*name, "no_such_call_yet"))
            seccomp_rule_add(context, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(*name), 0);
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                     SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0));
    seccomp_rule_add(context, SCMP_ACT_LOG, SCMP_SYS(lseek), 2, SCMP_A1(SCMP_CMP_GT, 0x100000005),
                     SCMP_A2(SCMP_CMP_LE, 7));
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, SCMP_A0(SCMP_CMP_EQ, 0));
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, SCMP_A0(SCMP_CMP_EQ, 8));
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, 40));
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(bind), 1, SCMP_A0(SCMP_CMP_NE, 40));
    seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(keyctl), 0);
    seccomp_rule_add(context, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0);
    seccomp_rule_add(context, SCMP_ACT_TRAP, SCMP_SYS(mount), 0);
    seccomp_rule_add(context, SCMP_ACT_TRACE(5), SCMP_SYS(swapon), 0);
    seccomp_rule_add(context, SCMP_ACT_KILL_THREAD, SCMP_SYS(reboot), 0);
    int fd = memfd_create("reference", MFD_CLOEXEC);
    assert_int_equal(seccomp_export_bpf(context, fd), 0);
    lseek(fd, 0, SEEK_SET);
    ssize_t length = read_all(fd, program, size);
    close(fd);
    seccomp_release(context);
    return (size_t)length / sizeof(*program);
}

static void parts_that_are_joined_decide_as_one_filter_of_libseccomp(void **state)
{
    (void)state;
    static struct sock_filter whole[BPF_MAXINSNS];
    static const uint64_t values[] = {
        0, 1, 5, 7, 8, 40, 0x20000, 0x7e020000, 0x100000005, 0x100000006, 0xffffffffffffffff
    };
    static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
                                              AUDIT_ARCH_AARCH64, 0 };
    assert_true(reference(whole, sizeof(whole)) > 20);
    struct seccomp_program *program = compile(&mixed);
    size_t allowed = 0;
    for (size_t a = 0; a < ARRAY_LENGTH(architectures); a++)
        for (uint32_t number = 0; number < 1200; number++)
            for (size_t v = 0; v < ARRAY_LENGTH(values) * ARRAY_LENGTH(values); v++) {
                uint64_t first = values[v / ARRAY_LENGTH(values)],
                         second = values[v % ARRAY_LENGTH(values)];
                struct seccomp_data data = { .arch = architectures[a],
                                             .nr = (int)(number < 600 ? number
                                                                      : 0x40000000 + number - 600),
                                             .args = { first, second, first } };
                uint32_t expected = evaluate(whole, &data);
                uint32_t found = evaluate(program->compiled->instructions, &data);
                if (expected != found)
                    fail_msg("architecture %x, number %x, arguments %lx %lx: %x and not %x",
                             data.arch, data.nr, first, second, found, expected);
                allowed += found == SECCOMP_RET_ALLOW;
            }
    assert_true(allowed > 1000);
    seccomp_program_free(program);
}

static void a_filter_that_is_too_long_for_the_kernel_is_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_compiled *compiled = allocate(1, sizeof(*compiled));
    struct sock_filter *long_one = allocate(BPF_MAXINSNS, sizeof(*long_one));
    struct seccomp_part parts[] = { { SCMP_ARCH_X86_64, long_one, BPF_MAXINSNS - 3 } };
    assert_int_equal(seccomp_join(parts, 1, compiled, &error), -1);
    assert_int_equal(error.code, E2BIG);
    assert_true(compiled->count == 0);
    parts[0].count--;
    assert_int_equal(seccomp_join(parts, 1, compiled, &error), 0);
    assert_true(compiled->count == BPF_MAXINSNS);
    free(long_one);
    free(compiled);
}

/* ---- filters that the kernel runs, on a child ---- */

static int status_of_child(int (*body)(const struct seccomp_program *),
                           const struct seccomp_program *program)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSYS, SIG_DFL); /* cmocka catches it */
        _exit(body(program));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int install(const struct seccomp_program *program)
{
    AUTO_ERROR struct error error = { 0 };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return seccomp_install(program, NULL, &error);
}

static int keyctl_fails_with_enosys(const struct seccomp_program *program)
{
    if (install(program) < 0)
        return 1;
    return syscall(SYS_keyctl, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS ? 0 : 2;
}

static int sethostname_is_trapped(const struct seccomp_program *program)
{
    if (install(program) < 0)
        return 1;
    syscall(SYS_sethostname, "", 0);
    return 0;
}

static int getuid_kills(const struct seccomp_program *program)
{
    if (install(program) < 0)
        return 1;
    syscall(SYS_getuid);
    return 0;
}

static const struct spec_seccomp_rule kernel_rules[] = {
    { .names = NAMES("keyctl"), .action = SPEC_SECCOMP_ERRNO, .errno_return = { true, ENOSYS } },
    { .names = NAMES("sethostname"), .action = SPEC_SECCOMP_TRAP },
    { .names = NAMES("getuid"), .action = SPEC_SECCOMP_KILL_PROCESS },
};

static void the_kernel_does_what_the_rules_say(void **state)
{
    (void)state;
    const struct spec_seccomp seccomp = { .default_action = SPEC_SECCOMP_ALLOW,
                                          .flag_log = true,
                                          .flag_spec_allow = true,
                                          .flag_tsync = true,
                                          .rules = kernel_rules,
                                          .rule_count = ARRAY_LENGTH(kernel_rules) };
    struct seccomp_program *program = compile(&seccomp);
    assert_int_equal(program->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    assert_int_equal(status_of_child(keyctl_fails_with_enosys, program), 0);
    assert_int_equal(status_of_child(sethostname_is_trapped, program) & 0x7f, SIGSYS);
    assert_int_equal(status_of_child(getuid_kills, program) & 0x7f, SIGSYS);
    seccomp_program_free(program);
}

static int install_without_privilege(const struct seccomp_program *program)
{
    AUTO_ERROR struct error error = { 0 };
    if (setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (seccomp_install(program, NULL, &error) == 0)
        return 2;
    return strstr(error.message, "process.noNewPrivileges or CAP_SYS_ADMIN") ? 0 : 3;
}

static void loading_wants_no_new_privileges_or_the_capability(void **state)
{
    (void)state;
    struct seccomp_program *program = compile(&mixed);
    assert_int_equal(status_of_child(install_without_privilege, program), 0);
    seccomp_program_free(program);
}

static void a_program_that_was_not_compiled_is_never_loaded(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct seccomp_program *program = seccomp_program_new(&mixed, &error);
    assert_int_equal(seccomp_install(program, NULL, &error), -1);
    assert_string_equal(error.message, "linux.seccomp: the filter has not been compiled");
    seccomp_program_free(program);
}

static int wait_for_parent_and_install(const struct seccomp_program *program)
{
    raise(SIGSTOP);
    return keyctl_fails_with_enosys(program);
}

static void the_parent_may_compile_after_the_child_was_made(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_seccomp seccomp = { .default_action = SPEC_SECCOMP_ALLOW,
                                          .rules = kernel_rules,
                                          .rule_count = ARRAY_LENGTH(kernel_rules) };
    struct seccomp_program *program = seccomp_program_new(&seccomp, &error);
    pid_t pid = fork();
    if (pid == 0)
        _exit(wait_for_parent_and_install(program));
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_int_equal(seccomp_compile(&seccomp, program, &quiet, &error), 0);
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    seccomp_program_free(program);
}

/* ---- what the preflight asks ---- */

static const struct spec_seccomp_rule notify_getppid = { .names = NAMES("getppid"),
                                                         .action = SPEC_SECCOMP_NOTIFY };

static void the_preflight_names_field_and_feature(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(seccomp_check(&mixed, &error), 0);
    struct spec_seccomp seccomp = { .default_action = SPEC_SECCOMP_ALLOW,
                                    .rules = &notify_getppid,
                                    .rule_count = 1 };
    assert_int_equal(seccomp_check(&seccomp, &error), -1);
    assert_string_equal(error.message,
                        "linux.seccomp.listenerPath: missing, and SCMP_ACT_NOTIFY is used");
    seccomp.listener_path = "/x";
    seccomp.flag_wait_killable_recv = true;
    assert_int_equal(seccomp_check(&seccomp, &error), 0);
    seccomp.rule_count = 0;
    assert_int_equal(seccomp_check(&seccomp, &error), -1);
}

/* ---- the listener ---- */

static const char state_json[] = "{\"ociVersion\":\"1.3.0\",\"id\":\"c\",\"status\":\"creating\","
                                 "\"pid\":4711,\"bundle\":\"/b\"}";

static void the_message_is_the_container_process_state(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_seccomp seccomp = { .listener_metadata = "words" };
    AUTO_FREE char *message = seccomp_notify_message(&seccomp, state_json, 0, &error);
    AUTO_FREE char *expected = string_format("{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],"
                                             "\"pid\":4711,\"metadata\":\"words\",\"state\":%s}",
                                             state_json);
    assert_string_equal(message, expected);
    AUTO_FREE char *of_exec = seccomp_notify_message(&seccomp, state_json, 99, &error);
    assert_non_null(strstr(of_exec, "\"pid\":99,"));
}

/* The container's side: exits with what getppid() was answered. */
static int ask_listener(const struct seccomp_program *program, int connection)
{
    AUTO_ERROR struct error error = { 0 };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (seccomp_notify_load(program, connection, "hello", &error) < 0)
        return 1;
    return (int)syscall(SYS_getppid);
}

/* The agent: answers each call; getppid with 42, all else as the kernel would. */
static void answer(int listener)
{
    struct seccomp_notif request = { 0 };
    while (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0) {
        struct seccomp_notif_resp response = { .id = request.id };
        if (request.data.nr == SYS_getppid)
            response.val = 42;
        else
            response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        memset(&request, 0, sizeof(request));
        if (response.flags == 0)
            return;
    }
}

static void converse(const struct spec_seccomp *seccomp)
{
    AUTO_ERROR struct error error = { 0 };
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct seccomp_program *program = compile(seccomp);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ask_listener(program, ends[1]));
    char message[64] = { 0 };
    int listener = -1;
    size_t count = 1;
    alarm(20);
    assert_int_equal(
        socket_receive_fds(ends[0], message, sizeof(message), &listener, &count, &error), 5);
    assert_string_equal(message, "hello");
    assert_int_equal(count, 1);
    pid_t agent = fork();
    if (agent == 0) {
        answer(listener);
        for (;;)
            answer(listener);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 42);
    kill(agent, SIGKILL);
    waitpid(agent, &status, 0);
    alarm(0);
    close(listener);
    close(ends[0]);
    close(ends[1]);
    seccomp_program_free(program);
}

static void a_listener_answers_for_the_kernel(void **state)
{
    (void)state;
    converse(&(struct spec_seccomp){ .default_action = SPEC_SECCOMP_ALLOW,
                                     .flag_wait_killable_recv = true,
                                     .rules = &notify_getppid,
                                     .rule_count = 1 });
}

static void a_filter_that_holds_up_every_call_does_not_hold_up_its_own_hand_over(void **state)
{
    (void)state;
    converse(&(struct spec_seccomp){ .default_action = SPEC_SECCOMP_NOTIFY });
}

static void a_listener_that_is_gone_is_an_error(void **state)
{
    (void)state;
    const struct spec_seccomp seccomp = { .default_action = SPEC_SECCOMP_ALLOW,
                                          .rules = &notify_getppid,
                                          .rule_count = 1 };
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[0]);
    struct seccomp_program *program = compile(&seccomp);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ask_listener(program, ends[1]));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0x100);
    close(ends[1]);
    seccomp_program_free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_are_joined_decide_as_one_filter_of_libseccomp),
        cmocka_unit_test(a_filter_that_is_too_long_for_the_kernel_is_refused),
        cmocka_unit_test(the_kernel_does_what_the_rules_say),
        cmocka_unit_test(loading_wants_no_new_privileges_or_the_capability),
        cmocka_unit_test(a_program_that_was_not_compiled_is_never_loaded),
        cmocka_unit_test(the_parent_may_compile_after_the_child_was_made),
        cmocka_unit_test(the_preflight_names_field_and_feature),
        cmocka_unit_test(the_message_is_the_container_process_state),
        cmocka_unit_test(a_listener_answers_for_the_kernel),
        cmocka_unit_test(a_filter_that_holds_up_every_call_does_not_hold_up_its_own_hand_over),
        cmocka_unit_test(a_listener_that_is_gone_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
