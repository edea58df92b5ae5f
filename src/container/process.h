// SPDX-License-Identifier: Apache-2.0
/*
 * What makes a process the container's: identity, limits, scheduling, labels, filters. Both
 * `create` (the container's first process) and `exec` go through here, in the same order, in the
 * child.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "spec/spec.h"

struct process_setup {
    const struct spec *spec;            /* of the container: seccomp, labels, sysctl ... */
    const struct spec_process *process; /* of this process */
    int procfs_fd;                      /* from procfs_open() in the container's pid namespace */
    bool in_user_namespace; /* ids are mapped; some acts are not permitted and not owed */
    bool setgroups_denied;  /* /proc/self/setgroups says deny: additional groups stay */
    bool new_keyring;       /* join a new session keyring named after the container */
    const char *container_id;
    int seccomp_listener_fd; /* connected to seccomp.listenerPath; -1: none */
    char *container_state;   /* state JSON that goes with the seccomp descriptor */
    const struct log *log;
};

/*
 * While still privileged and before pivot_root: session keyring, oom_score_adj, rlimits, scheduler,
 * I/O priority, memory policy, personality, initial CPU affinity.
 */
int process_apply_privileged(const struct process_setup *setup, struct error *error);

/*
 * After pivot_root: working directory (with the getcwd check), labels for the exec, the seccomp
 * filter where no_new_privileges is not set, groups, uid and gid, capabilities, no_new_privs, the
 * seccomp filter otherwise, umask. After this the process is as confined as it will ever be.
 */
int process_drop_privileges(const struct process_setup *setup, struct error *error);

/*
 * Find args[0] in the container's PATH (of `env`), as execvpe would. The result is an absolute path
 * that the caller frees. The error text is "executable file not found in $PATH" or "permission
 * denied" as callers expect, and names a missing interpreter of a script (also one with CRLF).
 */
char *process_find_executable(const struct spec_process *process, struct error *error);
