// SPDX-License-Identifier: Apache-2.0
/* process of config.json, and the whole of process.json that `exec --process` takes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/value.h"

struct spec_rlimit {
    int resource; /* RLIMIT_* */
    uint64_t soft, hard;
};

/* Bit n is capability number n (linux/capability.h). Unknown names were reported as warnings. */
struct spec_capabilities {
    bool set; /* absent section: no capability at all, in no set, as crun and runc do */
    uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* sched_setattr(2) */
struct spec_scheduler {
    uint32_t policy; /* SCHED_* */
    int32_t nice;
    uint32_t priority;
    uint64_t flags; /* SCHED_FLAG_* */
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* ioprio_set(2) */
struct spec_io_priority {
    int io_class; /* IOPRIO_CLASS_* */
    int priority; /* 0 (highest) to 7 */
};

/* CPU lists ("0-3,7") as masks; bits beyond the host's CPUs are the preflight's business. */
struct spec_cpu_list {
    bool set;
    const char *text;
    const uint64_t *mask;
    size_t mask_bits;
};

struct spec_user {
    uint32_t uid, gid;
    struct spec_u32 umask;
    const uint32_t *additional_gids;
    size_t additional_gid_count;
};

struct spec_process {
    bool terminal;
    uint16_t console_height, console_width; /* 0: not given */
    const char *cwd;                        /* absolute */
    const char *const *env;                 /* NULL-terminated, never NULL */
    const char *const *args;                /* NULL-terminated, at least one */
    const struct spec_rlimit *rlimits;
    size_t rlimit_count;
    const char *apparmor_profile, *selinux_label;
    struct spec_capabilities capabilities;
    bool no_new_privileges;
    struct spec_i64 oom_score_adj;
    const struct spec_scheduler *scheduler;
    const struct spec_io_priority *io_priority;
    struct spec_cpu_list initial_affinity, final_affinity; /* execCPUAffinity */
    struct spec_user user;
};
