// SPDX-License-Identifier: Apache-2.0
/* process: runtime-spec config.md, "Process", "POSIX process" and "Linux Process". */
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>

#include "base/string.h"
#include "spec/cpu_list.h"
#include "spec/sections.h"
#include "spec/words.h"

enum { HIGHEST_ID = 0xfffffffe }; /* (uid_t)-1 means "no change" to the kernel */

static const struct field console_fields[] = {
    FIELD(struct spec_process, console_height, "height", .flags = FIELD_REQUIRED),
    FIELD(struct spec_process, console_width, "width", .flags = FIELD_REQUIRED),
};
static const struct form console_form = { FIELDS(console_fields) };

/* "Runtimes MUST ignore consoleSize if terminal is false or unset." */
static void read_console(const struct node *node, const struct field *field, void *target)
{
    const struct spec_process *process = target;
    if (process->terminal)
        read_form(node, field->form, target);
}

static const struct field user_fields[] = {
    FIELD(struct spec_process, user.uid, "uid", RANGE(0, HIGHEST_ID), .flags = FIELD_REQUIRED),
    FIELD(struct spec_process, user.gid, "gid", RANGE(0, HIGHEST_ID), .flags = FIELD_REQUIRED),
    FIELD(struct spec_process, user.umask, "umask", RANGE(0, 0777)),
    FIELD(struct spec_process, user.additional_gids, "additionalGids", RANGE(0, HIGHEST_ID),
          .count_offset = offsetof(struct spec_process, user.additional_gid_count)),
};
static const struct form user_form = { FIELDS(user_fields) };

static const struct word rlimit_types[] = {
    { "RLIMIT_AS", RLIMIT_AS },
    { "RLIMIT_CORE", RLIMIT_CORE },
    { "RLIMIT_CPU", RLIMIT_CPU },
    { "RLIMIT_DATA", RLIMIT_DATA },
    { "RLIMIT_FSIZE", RLIMIT_FSIZE },
    { "RLIMIT_LOCKS", RLIMIT_LOCKS },
    { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
    { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
    { "RLIMIT_NICE", RLIMIT_NICE },
    { "RLIMIT_NOFILE", RLIMIT_NOFILE },
    { "RLIMIT_NPROC", RLIMIT_NPROC },
    { "RLIMIT_RSS", RLIMIT_RSS },
    { "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
    { "RLIMIT_RTTIME", RLIMIT_RTTIME },
    { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
    { "RLIMIT_STACK", RLIMIT_STACK },
    { NULL },
};

static const struct field rlimit_fields[] = {
    WORD(struct spec_rlimit, resource, "type", rlimit_types, .flags = FIELD_REQUIRED),
    FIELD(struct spec_rlimit, soft, "soft", .flags = FIELD_REQUIRED),
    FIELD(struct spec_rlimit, hard, "hard", .flags = FIELD_REQUIRED),
};

/* setrlimit(2) would say no more than EINVAL. */
static void check_rlimit(const struct node *node, void *target)
{
    const struct spec_rlimit *rlimit = target;
    if (rlimit->soft > rlimit->hard)
        member_error(node, "soft", "is above hard");
}

static bool rlimits_are_same(const void *one, const void *other)
{
    const struct spec_rlimit *a = one, *b = other;
    return a->resource == b->resource;
}

static const struct form rlimit_form = FORM(struct spec_rlimit, FIELDS(rlimit_fields),
                                            .check = check_rlimit, .same = rlimits_are_same);

const struct word spec_capability_names[] = {
#define CAPABILITY(name)                                                                           \
    {                                                                                              \
#name, name                                                                                \
    }
    CAPABILITY(CAP_CHOWN),
    CAPABILITY(CAP_DAC_OVERRIDE),
    CAPABILITY(CAP_DAC_READ_SEARCH),
    CAPABILITY(CAP_FOWNER),
    CAPABILITY(CAP_FSETID),
    CAPABILITY(CAP_KILL),
    CAPABILITY(CAP_SETGID),
    CAPABILITY(CAP_SETUID),
    CAPABILITY(CAP_SETPCAP),
    CAPABILITY(CAP_LINUX_IMMUTABLE),
    CAPABILITY(CAP_NET_BIND_SERVICE),
    CAPABILITY(CAP_NET_BROADCAST),
    CAPABILITY(CAP_NET_ADMIN),
    CAPABILITY(CAP_NET_RAW),
    CAPABILITY(CAP_IPC_LOCK),
    CAPABILITY(CAP_IPC_OWNER),
    CAPABILITY(CAP_SYS_MODULE),
    CAPABILITY(CAP_SYS_RAWIO),
    CAPABILITY(CAP_SYS_CHROOT),
    CAPABILITY(CAP_SYS_PTRACE),
    CAPABILITY(CAP_SYS_PACCT),
    CAPABILITY(CAP_SYS_ADMIN),
    CAPABILITY(CAP_SYS_BOOT),
    CAPABILITY(CAP_SYS_NICE),
    CAPABILITY(CAP_SYS_RESOURCE),
    CAPABILITY(CAP_SYS_TIME),
    CAPABILITY(CAP_SYS_TTY_CONFIG),
    CAPABILITY(CAP_MKNOD),
    CAPABILITY(CAP_LEASE),
    CAPABILITY(CAP_AUDIT_WRITE),
    CAPABILITY(CAP_AUDIT_CONTROL),
    CAPABILITY(CAP_SETFCAP),
    CAPABILITY(CAP_MAC_OVERRIDE),
    CAPABILITY(CAP_MAC_ADMIN),
    CAPABILITY(CAP_SYSLOG),
    CAPABILITY(CAP_WAKE_ALARM),
    CAPABILITY(CAP_BLOCK_SUSPEND),
    CAPABILITY(CAP_AUDIT_READ),
    CAPABILITY(CAP_PERFMON),
    CAPABILITY(CAP_BPF),
    CAPABILITY(CAP_CHECKPOINT_RESTORE),
    { NULL },
#undef CAPABILITY
};

/* "Any value which cannot be mapped to a relevant kernel interface ... MUST be logged as a warning"
 */
static void read_capability_set(const struct node *node, const struct field *field, void *target)
{
    if (!node_is(node, json_type_array))
        return;
    uint64_t set = 0;
    for (size_t i = 0; i < json_object_array_length(node->value); i++) {
        struct node element = node_element(node, i);
        const char *name = node_text(&element);
        const struct word *word = name ? word_find(spec_capability_names, name) : NULL;
        if (word)
            set |= UINT64_C(1) << word->value;
        else if (name)
            node_warning(&element, "unknown capability \"%s\" is not granted", name);
    }
    *(uint64_t *)((char *)target + field->offset) = set;
}

#define CAPABILITY_SET(set)                                                                        \
    {                                                                                              \
        .name = #set, .read = read_capability_set, PLACE(struct spec_process, capabilities.set)    \
    }

static const struct field capability_fields[] = {
    CAPABILITY_SET(bounding),  CAPABILITY_SET(effective), CAPABILITY_SET(inheritable),
    CAPABILITY_SET(permitted), CAPABILITY_SET(ambient),
};

static void check_capabilities(const struct node *node, void *target)
{
    struct spec_process *process = target;
    (void)node;
    process->capabilities.set = true;
}

static const struct form capabilities_form = { FIELDS(capability_fields),
                                               .check = check_capabilities };

/* glibc has no names for these (linux/sched/types.h and linux/sched.h do). */
enum { POLICY_ISO = 4, POLICY_DEADLINE = 6 };

static const struct word scheduler_policies[] = {
    { "SCHED_OTHER", SCHED_OTHER },
    { "SCHED_FIFO", SCHED_FIFO },
    { "SCHED_RR", SCHED_RR },
    { "SCHED_BATCH", SCHED_BATCH },
    { "SCHED_ISO", POLICY_ISO },
    { "SCHED_IDLE", SCHED_IDLE },
    { "SCHED_DEADLINE", POLICY_DEADLINE },
    { NULL },
};

static const struct word scheduler_flags[] = {
    { "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
    { "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
    { "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
    { "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
    { "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
    { "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
    { "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
    { NULL },
};

static const struct field scheduler_fields[] = {
    WORD(struct spec_scheduler, policy, "policy", scheduler_policies, .flags = FIELD_REQUIRED),
    FIELD(struct spec_scheduler, nice, "nice", RANGE(-20, 19)),
    FIELD(struct spec_scheduler, priority, "priority", RANGE(0, 99)),
    WORD_SET(struct spec_scheduler, flags, "flags", scheduler_flags),
    FIELD(struct spec_scheduler, runtime_ns, "runtime"),
    FIELD(struct spec_scheduler, deadline_ns, "deadline"),
    FIELD(struct spec_scheduler, period_ns, "period"),
};

/* sched_setattr(2): which policy takes which of the numbers. */
static void check_scheduler(const struct node *node, void *target)
{
    const struct spec_scheduler *scheduler = target;
    bool shares = scheduler->policy == SCHED_OTHER || scheduler->policy == SCHED_BATCH;
    bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
    bool deadline = scheduler->policy == POLICY_DEADLINE;
    if (scheduler->nice && !shares)
        member_error(node, "nice", "is for SCHED_OTHER and SCHED_BATCH only");
    if (scheduler->priority && !realtime)
        member_error(node, "priority", "is for SCHED_FIFO and SCHED_RR only");
    if (!scheduler->priority && realtime)
        member_error(node, "priority", "must be 1 to 99 for SCHED_FIFO and SCHED_RR");
    if (!deadline && (scheduler->runtime_ns || scheduler->deadline_ns || scheduler->period_ns))
        node_error(node, "runtime, deadline and period are for SCHED_DEADLINE only");
    if (deadline && (scheduler->runtime_ns > scheduler->deadline_ns ||
                     (scheduler->period_ns && scheduler->deadline_ns > scheduler->period_ns)))
        node_error(node, "SCHED_DEADLINE needs runtime <= deadline <= period");
}

static const struct form scheduler_form =
    FORM(struct spec_scheduler, FIELDS(scheduler_fields), .check = check_scheduler);

static const struct word io_priority_classes[] = {
    { "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
    { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
    { "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
    { NULL },
};

static const struct field io_priority_fields[] = {
    WORD(struct spec_io_priority, io_class, "class", io_priority_classes, .flags = FIELD_REQUIRED),
    FIELD(struct spec_io_priority, priority, "priority", RANGE(0, 7)),
};
static const struct form io_priority_form =
    FORM(struct spec_io_priority, FIELDS(io_priority_fields));

static void read_affinity(const struct node *node, const struct field *field, void *target)
{
    struct spec_cpu_list *list = (void *)((char *)target + field->offset);
    const char *text = node_text(node);
    if (!text || !*text)
        return;
    list->mask = cpu_list_decode(node, text, &list->mask_bits);
    list->text = text;
    list->set = true;
}

static const struct field affinity_fields[] = {
    CUSTOM("initial", read_affinity, PLACE(struct spec_process, initial_affinity)),
    CUSTOM("final", read_affinity, PLACE(struct spec_process, final_affinity)),
};
static const struct form affinity_form = { FIELDS(affinity_fields) };

static const struct field process_fields[] = {
    FIELD(struct spec_process, terminal, "terminal"),
    CUSTOM("consoleSize", read_console, .form = &console_form),
    FIELD(struct spec_process, cwd, "cwd", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    FIELD(struct spec_process, env, "env"),
    FIELD(struct spec_process, args, "args", .flags = FIELD_REQUIRED),
    ARRAY(struct spec_process, rlimits, rlimit_count, "rlimits", &rlimit_form),
    FIELD(struct spec_process, apparmor_profile, "apparmorProfile",
          .check_text = check_single_line),
    SECTION("capabilities", &capabilities_form),
    FIELD(struct spec_process, no_new_privileges, "noNewPrivileges"),
    FIELD(struct spec_process, oom_score_adj, "oomScoreAdj", RANGE(-1000, 1000)),
    FIELD(struct spec_process, selinux_label, "selinuxLabel", .check_text = check_single_line),
    OBJECT(struct spec_process, scheduler, "scheduler", &scheduler_form),
    OBJECT(struct spec_process, io_priority, "ioPriority", &io_priority_form),
    SECTION("execCPUAffinity", &affinity_form),
    SECTION("user", &user_form),
};

static const char *const empty_environment[] = { NULL };

static void check_process(const struct node *node, void *target)
{
    struct spec_process *process = target;
    (void)node;
    if (!process->env)
        process->env = empty_environment;
}

const struct form spec_process_form =
    FORM(struct spec_process, FIELDS(process_fields), .check = check_process);
