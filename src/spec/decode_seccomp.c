// SPDX-License-Identifier: Apache-2.0
/* linux.seccomp: runtime-spec config-linux.md, "Seccomp". */
#include "base/string.h"
#include "spec/sections.h"
#include "spec/words.h"

const struct word spec_seccomp_actions[] = {
    { "SCMP_ACT_ALLOW", SPEC_SECCOMP_ALLOW },
    { "SCMP_ACT_ERRNO", SPEC_SECCOMP_ERRNO },
    { "SCMP_ACT_KILL", SPEC_SECCOMP_KILL_THREAD },
    { "SCMP_ACT_KILL_PROCESS", SPEC_SECCOMP_KILL_PROCESS },
    { "SCMP_ACT_KILL_THREAD", SPEC_SECCOMP_KILL_THREAD },
    { "SCMP_ACT_LOG", SPEC_SECCOMP_LOG },
    { "SCMP_ACT_NOTIFY", SPEC_SECCOMP_NOTIFY },
    { "SCMP_ACT_TRACE", SPEC_SECCOMP_TRACE },
    { "SCMP_ACT_TRAP", SPEC_SECCOMP_TRAP },
    { NULL },
};

const struct word spec_seccomp_operators[] = {
    { "SCMP_CMP_EQ", SPEC_SECCOMP_EQ }, { "SCMP_CMP_GE", SPEC_SECCOMP_GE },
    { "SCMP_CMP_GT", SPEC_SECCOMP_GT }, { "SCMP_CMP_LE", SPEC_SECCOMP_LE },
    { "SCMP_CMP_LT", SPEC_SECCOMP_LT }, { "SCMP_CMP_MASKED_EQ", SPEC_SECCOMP_MASKED_EQ },
    { "SCMP_CMP_NE", SPEC_SECCOMP_NE }, { NULL },
};

/* What is known need not be what libseccomp or the kernel knows: container/seccomp passes over it.
 */
const struct word spec_seccomp_architectures[] = {
    { "SCMP_ARCH_AARCH64" },     { "SCMP_ARCH_ARM" },    { "SCMP_ARCH_LOONGARCH64" },
    { "SCMP_ARCH_M68K" },        { "SCMP_ARCH_MIPS" },   { "SCMP_ARCH_MIPS64" },
    { "SCMP_ARCH_MIPS64N32" },   { "SCMP_ARCH_MIPSEL" }, { "SCMP_ARCH_MIPSEL64" },
    { "SCMP_ARCH_MIPSEL64N32" }, { "SCMP_ARCH_PARISC" }, { "SCMP_ARCH_PARISC64" },
    { "SCMP_ARCH_PPC" },         { "SCMP_ARCH_PPC64" },  { "SCMP_ARCH_PPC64LE" },
    { "SCMP_ARCH_RISCV64" },     { "SCMP_ARCH_S390" },   { "SCMP_ARCH_S390X" },
    { "SCMP_ARCH_SH" },          { "SCMP_ARCH_SHEB" },   { "SCMP_ARCH_X32" },
    { "SCMP_ARCH_X86" },         { "SCMP_ARCH_X86_64" }, { NULL },
};

enum { FLAG_TSYNC = 1, FLAG_LOG = 2, FLAG_SPEC_ALLOW = 4, FLAG_WAIT_KILLABLE_RECV = 8 };

const struct word spec_seccomp_flags[] = {
    { "SECCOMP_FILTER_FLAG_TSYNC", FLAG_TSYNC },
    { "SECCOMP_FILTER_FLAG_LOG", FLAG_LOG },
    { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", FLAG_SPEC_ALLOW },
    { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", FLAG_WAIT_KILLABLE_RECV },
    { NULL },
};

static void read_flags(const struct node *node, const struct field *field, void *target)
{
    struct spec_seccomp *seccomp = target;
    uint64_t set = 0;
    struct field whole = { .words = field->words, .size = sizeof(set) };
    read_word_set(node, &whole, &set);
    seccomp->flag_tsync = set & FLAG_TSYNC;
    seccomp->flag_log = set & FLAG_LOG;
    seccomp->flag_spec_allow = set & FLAG_SPEC_ALLOW;
    seccomp->flag_wait_killable_recv = set & FLAG_WAIT_KILLABLE_RECV;
}

static void check_architecture(const struct node *node, const char *text)
{
    (void)text;
    node_word(node, spec_seccomp_architectures);
}

static const struct field argument_fields[] = {
    FIELD(struct spec_seccomp_argument, index, "index", RANGE(0, 5), .flags = FIELD_REQUIRED),
    FIELD(struct spec_seccomp_argument, value, "value", .flags = FIELD_REQUIRED),
    FIELD(struct spec_seccomp_argument, value_two, "valueTwo"),
    WORD(struct spec_seccomp_argument, op, "op", spec_seccomp_operators, .flags = FIELD_REQUIRED),
};
static const struct form argument_form =
    FORM(struct spec_seccomp_argument, FIELDS(argument_fields));

/* "When the action doesn't support an errno, the runtime MUST print an error and fail." */
static void check_errno(const struct node *node, const char *name, enum spec_seccomp_action action,
                        struct spec_u32 value)
{
    if (value.set && action != SPEC_SECCOMP_ERRNO && action != SPEC_SECCOMP_TRACE)
        member_error(node, name, "is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only");
    /* SECCOMP_RET_DATA has 16 bits; the kernel caps an errno at MAX_ERRNO (linux/err.h). */
    else if (value.set && value.value > (action == SPEC_SECCOMP_ERRNO ? 4095 : UINT16_MAX))
        member_error(node, name, "%u is too great", value.value);
}

static const struct field rule_fields[] = {
    FIELD(struct spec_seccomp_rule, names, "names", .flags = FIELD_REQUIRED),
    WORD(struct spec_seccomp_rule, action, "action", spec_seccomp_actions, .flags = FIELD_REQUIRED),
    FIELD(struct spec_seccomp_rule, errno_return, "errnoRet"),
    ARRAY(struct spec_seccomp_rule, arguments, argument_count, "args", &argument_form),
};

static void check_rule(const struct node *node, void *target)
{
    const struct spec_seccomp_rule *rule = target;
    check_errno(node, "errnoRet", rule->action, rule->errno_return);
}

static const struct form rule_form =
    FORM(struct spec_seccomp_rule, FIELDS(rule_fields), .check = check_rule);

static const struct field seccomp_fields[] = {
    WORD(struct spec_seccomp, default_action, "defaultAction", spec_seccomp_actions,
         .flags = FIELD_REQUIRED),
    FIELD(struct spec_seccomp, default_errno_return, "defaultErrnoRet"),
    FIELD(struct spec_seccomp, architectures, "architectures", .check_text = check_architecture),
    CUSTOM("flags", read_flags, .words = spec_seccomp_flags),
    FIELD(struct spec_seccomp, listener_path, "listenerPath", .check_text = check_absolute),
    FIELD(struct spec_seccomp, listener_metadata, "listenerMetadata"),
    ARRAY(struct spec_seccomp, rules, rule_count, "syscalls", &rule_form),
};

static bool has_notify(const struct spec_seccomp *seccomp)
{
    for (size_t i = 0; i < seccomp->rule_count; i++)
        if (seccomp->rules[i].action == SPEC_SECCOMP_NOTIFY)
            return true;
    return false;
}

/*
 * The listener gets its descriptor from the process that the filter already holds, through
 * sendmsg(2): with every call waiting for the listener nothing could be sent.
 */
static void check_seccomp(const struct node *node, void *target)
{
    const struct spec_seccomp *seccomp = target;
    check_errno(node, "defaultErrnoRet", seccomp->default_action, seccomp->default_errno_return);
    if (seccomp->default_action == SPEC_SECCOMP_NOTIFY)
        member_error(node, "defaultAction", "must not be SCMP_ACT_NOTIFY");
    if (!seccomp->listener_path && has_notify(seccomp))
        member_error(node, "listenerPath", "is required with SCMP_ACT_NOTIFY");
    if (!seccomp->listener_path && seccomp->listener_metadata)
        member_error(node, "listenerMetadata", "must not be set without listenerPath");
}

const struct form spec_seccomp_form =
    FORM(struct spec_seccomp, FIELDS(seccomp_fields), .check = check_seccomp);
