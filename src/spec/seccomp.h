// SPDX-License-Identifier: Apache-2.0
/* linux.seccomp; names become libseccomp's values in container/seccomp. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/value.h"

enum spec_seccomp_action {
    SPEC_SECCOMP_KILL_THREAD, /* SCMP_ACT_KILL and SCMP_ACT_KILL_THREAD */
    SPEC_SECCOMP_KILL_PROCESS,
    SPEC_SECCOMP_TRAP,
    SPEC_SECCOMP_ERRNO,
    SPEC_SECCOMP_TRACE,
    SPEC_SECCOMP_ALLOW,
    SPEC_SECCOMP_LOG,
    SPEC_SECCOMP_NOTIFY,
};

enum spec_seccomp_operator {
    SPEC_SECCOMP_NE,
    SPEC_SECCOMP_LT,
    SPEC_SECCOMP_LE,
    SPEC_SECCOMP_EQ,
    SPEC_SECCOMP_GE,
    SPEC_SECCOMP_GT,
    SPEC_SECCOMP_MASKED_EQ,
};

struct spec_seccomp_argument {
    uint32_t index; /* 0 to 5 */
    uint64_t value, value_two;
    enum spec_seccomp_operator op;
};

struct spec_seccomp_rule {
    const char *const *names; /* NULL-terminated */
    enum spec_seccomp_action action;
    struct spec_u32 errno_return; /* for ERRNO and TRACE; absent: EPERM */
    const struct spec_seccomp_argument *arguments;
    size_t argument_count;
};

struct spec_seccomp {
    enum spec_seccomp_action default_action;
    struct spec_u32 default_errno_return;
    const char *const *architectures; /* NULL-terminated "SCMP_ARCH_*"; may be NULL */
    bool flag_tsync, flag_log, flag_spec_allow, flag_wait_killable_recv;
    const char *listener_path, *listener_metadata;
    const struct spec_seccomp_rule *rules;
    size_t rule_count;
};
