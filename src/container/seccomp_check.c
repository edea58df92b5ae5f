// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/string.h"
#include "container/seccomp.h"

static const struct {
    const char *name;
    uint32_t kernel_action;
    bool always; /* as old as the filter itself, no need to ask */
} actions[] = {
    [SPEC_SECCOMP_KILL_THREAD] = { "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, true },
    [SPEC_SECCOMP_KILL_PROCESS] = { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
    [SPEC_SECCOMP_TRAP] = { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, true },
    [SPEC_SECCOMP_ERRNO] = { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
    [SPEC_SECCOMP_TRACE] = { "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
    [SPEC_SECCOMP_ALLOW] = { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, true },
    [SPEC_SECCOMP_LOG] = { "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
    [SPEC_SECCOMP_NOTIFY] = { "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false },
};

static int check_action(enum spec_seccomp_action action, const char *field, unsigned *checked,
                        struct error *error)
{
    if (actions[action].always || *checked & 1U << action)
        return 0;
    *checked |= 1U << action;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[action].kernel_action) < 0)
        return error_set(error, errno, "linux.seccomp.%s: this kernel has no action %s", field,
                         actions[action].name);
    return 0;
}

/* With a filter at address 0 the kernel fails at that (EFAULT) only after it has read the flags. */
static int check_flags(unsigned long flags, struct error *error)
{
    if (!flags ||
        (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT))
        return 0;
    return error_set(error, errno,
                     "linux.seccomp.flags: this kernel does not know all of them "
                     "(mask 0x%lx)",
                     flags);
}

static int check_listener(const struct spec_seccomp *seccomp, struct error *error)
{
    if (seccomp_wants_listener(seccomp)) {
        if (!seccomp->listener_path)
            return error_set(error, 0,
                             "linux.seccomp.listenerPath: missing, and SCMP_ACT_NOTIFY is used");
        return 0;
    }
    if (seccomp->flag_wait_killable_recv)
        return error_set(error, 0,
                         "linux.seccomp.flags: WAIT_KILLABLE_RECV without any "
                         "SCMP_ACT_NOTIFY");
    return 0;
}

int seccomp_check(const struct spec_seccomp *seccomp, struct error *error)
{
    unsigned checked = 0;
    if (check_action(seccomp->default_action, "defaultAction", &checked, error) < 0)
        return -1;
    for (size_t i = 0; i < seccomp->rule_count; i++)
        if (check_action(seccomp->rules[i].action, "syscalls", &checked, error) < 0)
            return -1;
    if (check_listener(seccomp, error) < 0)
        return -1;
    return check_flags(seccomp_flags(seccomp), error);
}
