// SPDX-License-Identifier: Apache-2.0
#include "container/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"

/* Linux 5.19; not in the headers of Debian 12. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* What lies in the shared memory. */
struct compiled {
    uint64_t count; /* of instructions; 0: not compiled yet */
    struct sock_filter instructions[BPF_MAXINSNS];
};

struct seccomp_program {
    int fd; /* memory file of one struct compiled */
    struct compiled *compiled;
    unsigned long flags; /* SECCOMP_FILTER_FLAG_* */
    bool listener;
};

static void cleanup_context(scmp_filter_ctx *context)
{
    seccomp_release(*context);
}
#define AUTO_CONTEXT __attribute__((cleanup(cleanup_context)))

struct seccomp_program *seccomp_program_new(const struct spec_seccomp *seccomp, struct error *error)
{
    AUTO_CLOSE int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(struct compiled)) < 0) {
        error_set(error, errno, "linux.seccomp: memory for the filter");
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(struct compiled), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        error_set(error, errno, "linux.seccomp: memory for the filter");
        return NULL;
    }
    struct seccomp_program *program = allocate(1, sizeof(*program));
    program->fd = take_fd(&fd);
    program->compiled = memory;
    program->listener = seccomp_wants_listener(seccomp);
    program->flags = seccomp_flags(seccomp);
    return program;
}

void seccomp_program_free(struct seccomp_program *program)
{
    if (!program)
        return;
    munmap(program->compiled, sizeof(*program->compiled));
    close(program->fd);
    free(program);
}

bool seccomp_wants_listener(const struct spec_seccomp *seccomp)
{
    if (seccomp->default_action == SPEC_SECCOMP_NOTIFY)
        return true;
    for (size_t i = 0; i < seccomp->rule_count; i++)
        if (seccomp->rules[i].action == SPEC_SECCOMP_NOTIFY)
            return true;
    return false;
}

unsigned long seccomp_flags(const struct spec_seccomp *seccomp)
{
    unsigned long flags = 0;
    /* No TSYNC: the process has one thread when the filter is loaded, so it holds already. */
    if (seccomp->flag_log)
        flags |= SECCOMP_FILTER_FLAG_LOG;
    if (seccomp->flag_spec_allow)
        flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if (!seccomp_wants_listener(seccomp))
        return flags;
    flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    if (seccomp->flag_wait_killable_recv)
        flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    return flags;
}

static uint32_t libseccomp_action(enum spec_seccomp_action action, const struct spec_u32 *number)
{
    uint16_t value = number->set ? (uint16_t)number->value : EPERM;
    switch (action) {
    case SPEC_SECCOMP_KILL_THREAD:
        return SCMP_ACT_KILL_THREAD;
    case SPEC_SECCOMP_KILL_PROCESS:
        return SCMP_ACT_KILL_PROCESS;
    case SPEC_SECCOMP_TRAP:
        return SCMP_ACT_TRAP;
    case SPEC_SECCOMP_ERRNO:
        return SCMP_ACT_ERRNO(value);
    case SPEC_SECCOMP_TRACE:
        return SCMP_ACT_TRACE(value);
    case SPEC_SECCOMP_ALLOW:
        return SCMP_ACT_ALLOW;
    case SPEC_SECCOMP_LOG:
        return SCMP_ACT_LOG;
    case SPEC_SECCOMP_NOTIFY:
        return SCMP_ACT_NOTIFY;
    }
    return SCMP_ACT_KILL_PROCESS;
}

static enum scmp_compare libseccomp_operator(enum spec_seccomp_operator op)
{
    static const enum scmp_compare operators[] = {
        [SPEC_SECCOMP_NE] = SCMP_CMP_NE,
        [SPEC_SECCOMP_LT] = SCMP_CMP_LT,
        [SPEC_SECCOMP_LE] = SCMP_CMP_LE,
        [SPEC_SECCOMP_EQ] = SCMP_CMP_EQ,
        [SPEC_SECCOMP_GE] = SCMP_CMP_GE,
        [SPEC_SECCOMP_GT] = SCMP_CMP_GT,
        [SPEC_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
    };
    return operators[op];
}

/* "SCMP_ARCH_X86_64" is "x86_64" to libseccomp. */
static int add_architecture(scmp_filter_ctx context, const char *name, const struct log *log,
                            struct error *error)
{
    static const char prefix[] = "SCMP_ARCH_";
    char lower[32];
    if (string_starts_with(name, prefix))
        name += strlen(prefix);
    snprintf(lower, sizeof(lower), "%s", name);
    for (char *letter = lower; *letter; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    uint32_t architecture = seccomp_arch_resolve_name(lower);
    if (!architecture) {
        log_debug(log, "linux.seccomp.architectures: libseccomp does not know %s", name);
        return 0;
    }
    int result = seccomp_arch_add(context, architecture);
    if (result < 0 && result != -EEXIST)
        return error_set(error, -result, "linux.seccomp.architectures: add %s", name);
    return 0;
}

static int add_architectures(scmp_filter_ctx context, const struct spec_seccomp *seccomp,
                             const struct log *log, struct error *error)
{
    for (const char *const *name = seccomp->architectures; name && *name; name++)
        if (add_architecture(context, *name, log, error) < 0)
            return -1;
    return 0;
}

static struct scmp_arg_cmp libseccomp_argument(const struct spec_seccomp_argument *argument)
{
    return (struct scmp_arg_cmp){ .arg = argument->index,
                                  .op = libseccomp_operator(argument->op),
                                  .datum_a = argument->value,
                                  .datum_b = argument->value_two };
}

/* Whether two conditions look at the same argument, which libseccomp cannot have in one rule. */
static bool has_repeated_argument(const struct spec_seccomp_rule *rule)
{
    unsigned seen = 0;
    for (size_t i = 0; i < rule->argument_count; i++) {
        if (seen & 1U << rule->arguments[i].index)
            return true;
        seen |= 1U << rule->arguments[i].index;
    }
    return false;
}

static int add_call(scmp_filter_ctx context, const struct spec_seccomp_rule *rule, uint32_t action,
                    int call)
{
    struct scmp_arg_cmp conditions[6];
    if (!has_repeated_argument(rule)) {
        for (size_t i = 0; i < rule->argument_count; i++)
            conditions[i] = libseccomp_argument(&rule->arguments[i]);
        return seccomp_rule_add_array(context, action, call, (unsigned)rule->argument_count,
                                      conditions);
    }
    /* Then each condition is a rule of its own (any of them matches), as runc has it. */
    for (size_t i = 0; i < rule->argument_count; i++) {
        conditions[0] = libseccomp_argument(&rule->arguments[i]);
        int result = seccomp_rule_add_array(context, action, call, 1, conditions);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_rule(scmp_filter_ctx context, const struct spec_seccomp_rule *rule,
                    uint32_t default_action, const struct log *log, struct error *error)
{
    uint32_t action = libseccomp_action(rule->action, &rule->errno_return);
    if (action == default_action)
        return 0;
    for (const char *const *name = rule->names; *name; name++) {
        int call = seccomp_syscall_resolve_name(*name);
        if (call == __NR_SCMP_ERROR) {
            log_debug(log, "linux.seccomp: libseccomp does not know the system call %s", *name);
            continue;
        }
        int result = add_call(context, rule, action, call);
        if (result < 0)
            return error_set(error, -result, "linux.seccomp: add the rule for %s", *name);
    }
    return 0;
}

static int export(scmp_filter_ctx context, struct seccomp_program *program, struct error *error)
{
    off_t start = offsetof(struct compiled, instructions);
    if (lseek(program->fd, start, SEEK_SET) < 0)
        return error_set(error, errno, "linux.seccomp: write the filter");
    int result = seccomp_export_bpf(context, program->fd);
    off_t end = lseek(program->fd, 0, SEEK_CUR);
    if (result < 0 || end < 0)
        return error_set(error, result < 0 ? -result : errno, "linux.seccomp: write the filter");
    uint64_t count = (uint64_t)(end - start) / sizeof(struct sock_filter);
    if (count > BPF_MAXINSNS)
        return error_set(error, E2BIG,
                         "linux.seccomp: the filter has %llu instructions, Linux "
                         "takes %d",
                         (unsigned long long)count, BPF_MAXINSNS);
    program->compiled->count = count;
    return 0;
}

int seccomp_compile(const struct spec_seccomp *seccomp, struct seccomp_program *program,
                    const struct log *log, struct error *error)
{
    uint32_t action = libseccomp_action(seccomp->default_action, &seccomp->default_errno_return);
    AUTO_CONTEXT scmp_filter_ctx context = seccomp_init(action);
    if (!context)
        return error_set(error, EINVAL, "linux.seccomp.defaultAction: start a filter");
    if (add_architectures(context, seccomp, log, error) < 0)
        return -1;
    for (size_t i = 0; i < seccomp->rule_count; i++)
        if (add_rule(context, &seccomp->rules[i], action, log, error) < 0)
            return -1;
    return export(context, program, error);
}

int seccomp_install(const struct seccomp_program *program, _Atomic int *listener_fd,
                    struct error *error)
{
    if (!program->compiled->count)
        return error_set(error, 0, "linux.seccomp: the filter has not been compiled");
    const struct sock_fprog filter = { .len = (unsigned short)program->compiled->count,
                                       .filter = program->compiled->instructions };
    int result = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program->flags, &filter);
    if (listener_fd && program->listener)
        *listener_fd = result;
    if (result >= 0)
        return 0;
    if (errno == EACCES)
        return error_set(error, errno,
                         "linux.seccomp: load the filter: it wants process.noNewPrivileges or "
                         "CAP_SYS_ADMIN");
    return error_set(error, errno, "linux.seccomp: load the filter");
}
