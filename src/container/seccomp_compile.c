// SPDX-License-Identifier: Apache-2.0
/*
 * linux.seccomp to BPF.
 *
 * What libseccomp does for one architecture takes it 1.5 ms with a usual profile, for three of them
 * together 15 ms and more (its time grows with the square of the instructions). So each is compiled
 * for itself, and the parts are joined behind a look at the architecture.
 */
#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/seccomp.h"
#include "container/seccomp_program.h"

enum { MOST_ARCHITECTURES = 32 };

/* The compilation for one architecture. */
struct job {
    const struct spec_seccomp *seccomp;
    const struct log *log; /* for the first one only: all would say the same */
    scmp_filter_ctx context;
    uint32_t default_action;
    struct seccomp_part part;
};

struct jobs {
    struct job list[MOST_ARCHITECTURES];
    size_t count;
};

static void cleanup_jobs(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        seccomp_release(jobs->list[i].context);
        free(jobs->list[i].part.instructions);
    }
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

static int add_rule(struct job *job, const struct spec_seccomp_rule *rule, struct error *error)
{
    uint32_t action = libseccomp_action(rule->action, &rule->errno_return);
    if (action == job->default_action)
        return 0;
    for (const char *const *name = rule->names; *name; name++) {
        int call = seccomp_syscall_resolve_name(*name);
        if (call == __NR_SCMP_ERROR) {
            if (job->log)
                log_debug(job->log, "linux.seccomp: libseccomp does not know the system call %s",
                          *name);
            continue;
        }
        int result = add_call(job->context, rule, action, call);
        if (result < 0)
            return error_set(error, -result, "linux.seccomp: add the rule for %s", *name);
    }
    return 0;
}

/* libseccomp 2.5 writes to a descriptor only. */
static int export_part(struct job *job, struct error *error)
{
    AUTO_CLOSE int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "linux.seccomp: memory for the filter");
    int result = seccomp_export_bpf(job->context, fd);
    off_t size = lseek(fd, 0, SEEK_END);
    if (result < 0 || size < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return error_set(error, result < 0 ? -result : errno, "linux.seccomp: generate the filter");
    struct seccomp_part *part = &job->part;
    part->count = (size_t)size / sizeof(struct sock_filter);
    part->instructions = allocate(part->count, sizeof(struct sock_filter));
    if (read_all(fd, part->instructions, (size_t)size) != (ssize_t)size)
        return error_set(error, errno, "linux.seccomp: read the filter");
    return 0;
}

static int compile_part(struct job *job, struct error *error)
{
    for (size_t i = 0; i < job->seccomp->rule_count; i++)
        if (add_rule(job, &job->seccomp->rules[i], error) < 0)
            return -1;
    return export_part(job, error);
}

static int add_job(struct jobs *jobs, const struct spec_seccomp *seccomp, uint32_t architecture,
                   struct error *error)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (jobs->list[i].part.architecture == architecture)
            return 0;
    if (jobs->count == MOST_ARCHITECTURES)
        return error_set(error, 0, "linux.seccomp.architectures: more than %d", MOST_ARCHITECTURES);
    struct job *job = &jobs->list[jobs->count++];
    *job = (struct job){ .seccomp = seccomp, .part.architecture = architecture };
    job->default_action =
        libseccomp_action(seccomp->default_action, &seccomp->default_errno_return);
    job->context = seccomp_init(job->default_action);
    if (!job->context)
        return error_set(error, EINVAL, "linux.seccomp.defaultAction: start a filter");
    /* A binary tree of the numbers: the kernel runs it once a number when it is loaded. */
    int result = seccomp_attr_set(job->context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (result == 0 && architecture != seccomp_arch_native()) {
        result = seccomp_arch_remove(job->context, SCMP_ARCH_NATIVE);
        if (result == 0)
            result = seccomp_arch_add(job->context, architecture);
    }
    return result < 0 ? error_set(error, -result, "linux.seccomp.architectures: 0x%x", architecture)
                      : 0;
}

/* "SCMP_ARCH_X86_64" is "x86_64" to libseccomp. 0: not known. */
static uint32_t architecture_of(const char *name)
{
    static const char prefix[] = "SCMP_ARCH_";
    char lower[32];
    if (string_starts_with(name, prefix))
        name += strlen(prefix);
    snprintf(lower, sizeof(lower), "%s", name);
    for (char *letter = lower; *letter; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    return seccomp_arch_resolve_name(lower);
}

/* The native architecture first, whether it is listed or not. */
static int add_jobs(struct jobs *jobs, const struct spec_seccomp *seccomp, const struct log *log,
                    struct error *error)
{
    if (add_job(jobs, seccomp, seccomp_arch_native(), error) < 0)
        return -1;
    jobs->list[0].log = log;
    for (const char *const *name = seccomp->architectures; name && *name; name++) {
        uint32_t architecture = architecture_of(*name);
        if (!architecture)
            log_debug(log, "linux.seccomp.architectures: libseccomp does not know %s", *name);
        else if (add_job(jobs, seccomp, architecture, error) < 0)
            return -1;
    }
    return 0;
}

int seccomp_compile(const struct spec_seccomp *seccomp, struct seccomp_program *program,
                    const struct log *log, struct error *error)
{
    struct jobs jobs __attribute__((cleanup(cleanup_jobs)));
    struct seccomp_part parts[MOST_ARCHITECTURES];
    jobs.count = 0;
    if (add_jobs(&jobs, seccomp, log, error) < 0)
        return -1;
    for (size_t i = 0; i < jobs.count; i++) {
        if (compile_part(&jobs.list[i], error) < 0)
            return -1;
        parts[i] = jobs.list[i].part;
    }
    return seccomp_join(parts, jobs.count, program->compiled, error);
}
