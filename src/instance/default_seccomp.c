// SPDX-License-Identifier: Apache-2.0
#include "instance/default_seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/string.h"
#include "instance/json_build.h"

#define NO_CAPABILITY (-1)

struct denied_call {
    const char *name;
    int capability;   /* that lifts the denial; NO_CAPABILITY: none does */
    int error_number; /* EPERM, or ENOSYS where programs know what to do without the call */
    const char *reason;
};

static const struct denied_call denied_calls[] = {
    /* The host's kernel as a whole. */
    { "kexec_load", CAP_SYS_BOOT, EPERM, "replaces the host's kernel" },
    { "kexec_file_load", CAP_SYS_BOOT, EPERM, "replaces the host's kernel" },
    { "reboot", CAP_SYS_BOOT, EPERM, "in a pid namespace it ends it, elsewhere the host" },
    { "init_module", CAP_SYS_MODULE, EPERM, "code into the host's kernel" },
    { "finit_module", CAP_SYS_MODULE, EPERM, "code into the host's kernel" },
    { "delete_module", CAP_SYS_MODULE, EPERM, "takes drivers from the host" },
    { "create_module", CAP_SYS_MODULE, EPERM, "as init_module, long obsolete" },
    { "get_kernel_syms", CAP_SYS_MODULE, EPERM, "addresses of the host's kernel" },
    { "query_module", CAP_SYS_MODULE, EPERM, "modules of the host's kernel" },
    { "syslog", CAP_SYSLOG, EPERM, "the host's kernel log holds addresses and others' doings" },
    { "swapon", CAP_SYS_ADMIN, EPERM, "swap is the host's" },
    { "swapoff", CAP_SYS_ADMIN, EPERM, "swap is the host's" },
    { "acct", CAP_SYS_PACCT, EPERM, "process accounting of the host, and no namespace for it" },
    { "quotactl", CAP_SYS_ADMIN, EPERM, "quotas of the host's file systems" },
    { "quotactl_fd", CAP_SYS_ADMIN, EPERM, "quotas of the host's file systems" },
    { "nfsservctl", CAP_SYS_ADMIN, EPERM, "the host's NFS server, long obsolete" },
    { "lookup_dcookie", CAP_SYS_ADMIN, EPERM, "paths of the host by profiling cookies" },
    { "vhangup", CAP_SYS_TTY_CONFIG, EPERM, "hangs a terminal up for all who use it" },
    { "iopl", CAP_SYS_RAWIO, EPERM, "the machine's I/O ports" },
    { "ioperm", CAP_SYS_RAWIO, EPERM, "the machine's I/O ports" },

    /* Time has no namespace but for two clocks. */
    { "settimeofday", CAP_SYS_TIME, EPERM, "the clock is the host's" },
    { "stime", CAP_SYS_TIME, EPERM, "the clock is the host's" },
    { "clock_settime", CAP_SYS_TIME, EPERM, "the clock is the host's" },
    { "clock_settime64", CAP_SYS_TIME, EPERM, "the clock is the host's" },

    /* Mounts and namespaces: the parts of the kernel in which most escapes were found. */
    { "mount", CAP_SYS_ADMIN, EPERM, "file system parsers, and undoing of masked paths" },
    { "umount", CAP_SYS_ADMIN, EPERM, "undoing of masked paths" },
    { "umount2", CAP_SYS_ADMIN, EPERM, "undoing of masked paths" },
    { "pivot_root", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "open_tree", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "open_tree_attr", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "move_mount", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "fsopen", CAP_SYS_ADMIN, EPERM, "belongs to mount (CVE-2022-0185)" },
    { "fsconfig", CAP_SYS_ADMIN, EPERM, "belongs to mount (CVE-2022-0185)" },
    { "fsmount", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "fspick", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "mount_setattr", CAP_SYS_ADMIN, EPERM, "belongs to mount" },
    { "setns", CAP_SYS_ADMIN, EPERM, "into namespaces that a leaked descriptor names" },
    { "unshare", CAP_SYS_ADMIN, EPERM,
      "a user namespace gives all capabilities over fresh kernel objects (CVE-2022-0492)" },
    { "clone3", CAP_SYS_ADMIN, ENOSYS,
      "its flags are behind a pointer; libraries fall back to clone, which is looked into" },
    { "open_by_handle_at", CAP_DAC_READ_SEARCH, EPERM,
      "files of the host by their inode number (CVE-2014-3519)" },

    /* Tracing and observing the kernel. */
    { "bpf", CAP_BPF, EPERM, "verifier faults are kernel faults" },
    { "perf_event_open", CAP_PERFMON, EPERM, "counters that see the whole machine" },
    { "userfaultfd", CAP_SYS_PTRACE, EPERM, "stops the kernel in mid-copy: makes races winnable" },
    { "fanotify_init", CAP_SYS_ADMIN, EPERM, "sees what others do in a shared file system" },
    { "kcmp", CAP_SYS_PTRACE, EPERM, "compares kernel pointers" },

    /* Without a namespace, or with one that does not hold. */
    { "add_key", NO_CAPABILITY, EPERM, "keyrings are shared by all containers of one uid" },
    { "request_key", NO_CAPABILITY, EPERM, "runs a program on the host" },
    { "keyctl", NO_CAPABILITY, EPERM, "keyrings are shared by all containers of one uid" },
    { "move_pages", CAP_SYS_NICE, EPERM, "moves others' memory between nodes" },
    { "migrate_pages", CAP_SYS_NICE, EPERM, "moves others' memory between nodes" },

    /* Large and young, with programs that do without. */
    { "io_uring_setup", NO_CAPABILITY, ENOSYS, "its work escapes seccomp, and its bugs escaped" },
    { "io_uring_enter", NO_CAPABILITY, ENOSYS, "as io_uring_setup" },
    { "io_uring_register", NO_CAPABILITY, ENOSYS, "as io_uring_setup" },

    /* Relics with no user but attackers. */
    { "uselib", NO_CAPABILITY, EPERM, "maps a file as a library; gone from the C libraries" },
    { "ustat", NO_CAPABILITY, EPERM, "replaced by statfs" },
    { "sysfs", NO_CAPABILITY, EPERM, "file system types by number; replaced by /proc" },
    { "_sysctl", NO_CAPABILITY, EPERM, "replaced by /proc/sys" },
    { "vm86", NO_CAPABILITY, EPERM, "real mode in a process: a history of kernel faults" },
    { "vm86old", NO_CAPABILITY, EPERM, "as vm86" },
    { "modify_ldt", CAP_SYS_ADMIN, EPERM, "16-bit segments: a history of kernel faults" },
};

/*
 * Denied for some arguments only, by number as in the C library's call. Not for socket(2), though
 * AF_VSOCK and AF_ALG would be worth it: on 32-bit x86 it is a part of socketcall(2), of which a
 * filter sees no arguments, and libseccomp would deny it as a whole.
 */
static const struct denied_argument {
    const char *name;
    int capability, error_number;
    unsigned int index;
    bool any_of; /* deny when a bit of `value` is set, instead of when it is equal */
    uint64_t value;
    const char *reason;
} denied_arguments[] = {
    { "clone", CAP_SYS_ADMIN, EPERM, 0, true,
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
          CLONE_NEWNET,
      "namespaces, as unshare" },
    { "ioctl", NO_CAPABILITY, EPERM, 1, false, 0x5412,
      "TIOCSTI: types into a terminal (CVE-2017-5226)" },
    { "ioctl", NO_CAPABILITY, EPERM, 1, false, 0x541c,
      "TIOCLINUX: pastes into a console (CVE-2023-28100)" },
};

#if defined(__x86_64__)
static const char *const architectures[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
                                             NULL };
#elif defined(__aarch64__)
static const char *const architectures[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL };
#else
static const char *const architectures[] = { NULL }; /* the native one alone */
#endif

static bool is_lifted(int capability, uint64_t capabilities)
{
    return capability != NO_CAPABILITY && (capabilities & (1ULL << capability));
}

static struct json_object *add_rule(struct json_object *rules, int error_number)
{
    struct json_object *rule = json_object_new_object();
    json_add(rule, "names", json_object_new_array());
    json_add_string(rule, "action", "SCMP_ACT_ERRNO");
    json_add(rule, "errnoRet", json_object_new_int(error_number));
    json_object_array_add(rules, rule);
    return rule;
}

static void add_name(struct json_object *rule, const char *name)
{
    json_object_array_add(json_object_object_get(rule, "names"), json_object_new_string(name));
}

/* All calls that fail alike share a rule. */
static void add_calls(struct json_object *rules, uint64_t capabilities)
{
    struct json_object *not_permitted = add_rule(rules, EPERM);
    struct json_object *not_there = add_rule(rules, ENOSYS);
    for (size_t i = 0; i < ARRAY_LENGTH(denied_calls); i++)
        if (!is_lifted(denied_calls[i].capability, capabilities))
            add_name(denied_calls[i].error_number == ENOSYS ? not_there : not_permitted,
                     denied_calls[i].name);
}

static void add_argument_rule(struct json_object *rules, const struct denied_argument *denied,
                              uint64_t mask, uint64_t value)
{
    struct json_object *rule = add_rule(rules, denied->error_number);
    struct json_object *argument = json_object_new_object(), *arguments = json_object_new_array();
    add_name(rule, denied->name);
    json_add(argument, "index", json_object_new_int64(denied->index));
    json_add(argument, "value", json_object_new_uint64(mask));
    json_add(argument, "valueTwo", json_object_new_uint64(value));
    json_add_string(argument, "op", "SCMP_CMP_MASKED_EQ");
    json_object_array_add(arguments, argument);
    json_add(rule, "args", arguments);
}

/*
 * "Any of these bits" is a rule a bit: a filter can only compare all bits under a mask. Equality is
 * of the lower 32 bits, all that the kernel takes of these arguments (CVE-2019-10063: with the
 * upper ones compared, a set one got past the filter).
 */
static void add_arguments(struct json_object *rules, uint64_t capabilities)
{
    for (size_t i = 0; i < ARRAY_LENGTH(denied_arguments); i++) {
        const struct denied_argument *denied = &denied_arguments[i];
        if (is_lifted(denied->capability, capabilities))
            continue;
        if (!denied->any_of)
            add_argument_rule(rules, denied, UINT32_MAX, denied->value);
        for (uint64_t bits = denied->any_of ? denied->value : 0; bits; bits &= bits - 1)
            add_argument_rule(rules, denied, bits & -bits, bits & -bits);
    }
}

struct json_object *default_seccomp(uint64_t capabilities)
{
    struct json_object *profile = json_object_new_object(), *rules = json_object_new_array();
    json_add_string(profile, "defaultAction", "SCMP_ACT_ALLOW");
    json_add(profile, "architectures", json_string_array(architectures));
    add_calls(rules, capabilities);
    add_arguments(rules, capabilities);
    json_add(profile, "syscalls", rules);
    return profile;
}
