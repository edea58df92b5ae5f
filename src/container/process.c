// SPDX-License-Identifier: Apache-2.0
#include "container/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "base/string.h"
#include "container/capabilities.h"
#include "container/identity.h"
#include "container/keyring.h"
#include "container/labels.h"
#include "container/procfs.h"
#include "container/rlimits.h"
#include "container/scheduling.h"
#include "container/seccomp_notify.h"
#include "container/working_directory.h"

static const uint64_t SYS_ADMIN = 1ULL << CAP_SYS_ADMIN;

static int set_oom_score_adj(const struct process_setup *setup, pid_t pid, struct error *error)
{
    const struct spec_i64 *score = &setup->process->oom_score_adj;
    if (!score->set)
        return 0;
    AUTO_FREE char *text = string_format("%lld", (long long)score->value);
    AUTO_FREE char *path = string_format("/proc/%d/oom_score_adj", pid);
    int result = pid ? write_file_at(AT_FDCWD, path, text, error)
                     : procfs_write(setup->procfs_fd, "self/oom_score_adj", text, error);
    if (result == 0)
        return 0;
    if (error->code == EACCES || error->code == EPERM)
        return error_wrap(error, "process.oomScoreAdj: lowering it to %s needs CAP_SYS_RESOURCE",
                          text);
    return error_wrap(error, "process.oomScoreAdj");
}

int process_apply_host_limits(const struct process_setup *setup, pid_t pid, struct error *error)
{
    const struct spec_process *process = setup->process;
    if (set_oom_score_adj(setup, pid, error) < 0)
        return -1;
    if (setup->in_user_namespace && rlimits_raise(process, pid, error) < 0)
        return -1;
    if (process->scheduler && scheduler_set(process->scheduler, pid, error) < 0)
        return -1;
    if (process->io_priority && io_priority_set(process->io_priority, pid, error) < 0)
        return -1;
    return 0;
}

int process_apply_privileged(const struct process_setup *setup, struct error *error)
{
    const struct spec *spec = setup->spec;
    const struct spec_process *process = setup->process;
    if (!setup->in_user_namespace && process_apply_host_limits(setup, 0, error) < 0)
        return -1;
    if (setup->new_keyring && keyring_join(setup->container_id, process->selinux_label,
                                           setup->procfs_fd, setup->log, error) < 0)
        return -1;
    if (spec->memory_policy && memory_policy_set(spec->memory_policy, error) < 0)
        return -1;
    if (spec->personality.set && personality(spec->personality.persona) < 0)
        return error_set(error, errno, "linux.personality: set 0x%lx", spec->personality.persona);
    if (setup->exec)
        return cpu_affinity_set(&process->initial_affinity, "initial", 0, error);
    return 0;
}

/* As root, and where root may not enter (a user's directory on NFS or FUSE) as the user. */
static int enter_directory_again(const struct process_setup *setup, struct error *error)
{
    int result = working_directory_enter(setup->process->cwd, false, error);
    if (result > 0)
        return error_set(error, EACCES, "process.cwd: change to directory %s", setup->process->cwd);
    return result;
}

/* Without no_new_privs only CAP_SYS_ADMIN may load a filter (seccomp(2)). */
static uint64_t kept_for_filter(const struct process_setup *setup)
{
    return setup->seccomp && !setup->process->no_new_privileges ? SYS_ADMIN : 0;
}

int process_drop_privileges(const struct process_setup *setup, struct error *error)
{
    const struct spec_process *process = setup->process;
    int entered = working_directory_enter(process->cwd, !setup->exec, error);
    if (entered < 0)
        return -1;
    if (labels_set(process, setup->procfs_fd, error) < 0)
        return -1;
    if (setup->exec && cpu_affinity_set(&process->final_affinity, "final", 0, error) < 0)
        return -1;
    if (rlimits_set(process, error) < 0)
        return -1;
    if (capabilities_drop_bounding(&process->capabilities, error) < 0)
        return -1;
    if (identity_set(&process->user, setup->setgroups_denied, setup->log, error) < 0)
        return -1;
    if (entered > 0 && enter_directory_again(setup, error) < 0)
        return -1;
    if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "process.noNewPrivileges");
    return capabilities_set(&process->capabilities, kept_for_filter(setup), setup->log, error);
}

static int load_with_listener(const struct process_setup *setup, struct error *error)
{
    const struct spec_seccomp *seccomp = setup->spec->seccomp;
    AUTO_FREE char *message =
        seccomp_notify_message(seccomp, setup->container_state, setup->pid, error);
    if (!message)
        return error_wrap(error, "linux.seccomp: state for the listener");
    return seccomp_notify_load(setup->seccomp, setup->seccomp_listener_fd, message, error);
}

int process_confine(const struct process_setup *setup, struct error *error)
{
    if (!setup->seccomp)
        return 0;
    int loaded = setup->seccomp_listener_fd >= 0 ? load_with_listener(setup, error)
                                                 : seccomp_install(setup->seccomp, NULL, error);
    if (loaded < 0)
        return -1;
    uint64_t kept = kept_for_filter(setup);
    return kept ? capabilities_give_up(&setup->process->capabilities, kept, error) : 0;
}
