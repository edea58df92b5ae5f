// SPDX-License-Identifier: Apache-2.0
/*
 * What makes a process the container's: identity, limits, scheduling, labels, filters. Both
 * `create` (the container's first process) and `exec` go through here, in the same order:
 *
 *   parent, at any time   process_apply_host_limits (only for a child in a user namespace)
 *   child, before pivot   process_apply_privileged
 *   child, after pivot    process_drop_privileges, process_find_executable
 *   child, at the gate    process_confine, then nothing but execve
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "container/seccomp.h"
#include "spec/spec.h"

struct process_setup {
    const struct spec *spec;            /* of the container: seccomp, labels, sysctl ... */
    const struct spec_process *process; /* of this process */
    int procfs_fd;                      /* from procfs_open() in the container's pid namespace */
    bool exec;              /* not the container's first process: execCPUAffinity applies, a missing
                               working directory is not made */
    bool in_user_namespace; /* ids are mapped; some acts are not permitted and not owed */
    bool setgroups_denied;  /* /proc/self/setgroups says deny: additional groups stay */
    bool new_keyring;       /* join a new session keyring named after the container */
    const char *container_id;
    const struct seccomp_program *seccomp; /* compiled by the parent; NULL: no filter */
    int seccomp_listener_fd;               /* from seccomp_notify_connect(); negative: none */
    const char *container_state;           /* state JSON that goes with the seccomp descriptor */
    pid_t pid; /* of this process on the host, for that descriptor; 0: the one in the state */
    const struct log *log;
};

/*
 * What needs privileges over the host, which a process in a user namespace does not have:
 * oom_score_adj, hard limits that are to be raised, scheduler, I/O priority. Called by the parent
 * for a child in a new user namespace, or by the child itself (pid 0) before it joins one; of no
 * use where there is none (process_apply_privileged does it).
 */
int process_apply_host_limits(const struct process_setup *setup, pid_t pid, struct error *error);

/*
 * Child, while still privileged and before pivot_root: session keyring, memory policy, personality,
 * initial CPU affinity (exec); and, where in_user_namespace is not set, process_apply_host_limits.
 */
int process_apply_privileged(const struct process_setup *setup, struct error *error);

/*
 * Child, after pivot_root: working directory (with the getcwd check), labels for the exec, final
 * CPU affinity, rlimits, groups, uid and gid, bounding set, umask, no_new_privs, capabilities.
 * Without no_new_privileges CAP_SYS_ADMIN stays until the filter is loaded (seccomp(2) wants it).
 * The parent-death signal is lost here when the uid changes (prctl(2)): set it again if needed.
 */
int process_drop_privileges(const struct process_setup *setup, struct error *error);

/*
 * Child, last: the seccomp filter, its listener told, and the capabilities that were kept for it
 * dropped. After this the process is as confined as it will ever be. Where startContainer hooks are
 * to run, they run after this, so that they are confined as well.
 */
int process_confine(const struct process_setup *setup, struct error *error);

/*
 * Find args[0] in the container's PATH (of `env`), as execvpe would. The result is an absolute path
 * that the caller frees. The error text is "executable file not found in $PATH" or "Permission
 * denied", as callers expect.
 */
char *process_find_executable(const struct spec_process *process, struct error *error);

/*
 * Why execve() of that path failed: names a script's missing interpreter (also one with CRLF) or a
 * missing dynamic loader. Returns -1.
 */
int process_exec_failed(const char *path, int exec_errno, struct error *error);
