// SPDX-License-Identifier: Apache-2.0
/*
 * A further process in a running container. A helper joins the container's namespaces by one
 * setns() on its first process's pidfd, all or none, and clones the process as a sibling, since a
 * pid namespace is entered by children only. Until its execve the process is not dumpable, so
 * nobody inside can ptrace it or look through its descriptors (CVE-2016-9962).
 */
#include "container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/process.h"
#include "base/string.h"
#include "container/execute.h"
#include "container/id_map.h"
#include "container/namespaces.h"
#include "container/procfs.h"
#include "container/spawn.h"
#include "container/sync.h"
#include "container/terminal.h"

/* The names below /proc/PID/ns. */
static const char *const namespace_files[SPEC_NAMESPACE_COUNT] = {
    [SPEC_NAMESPACE_USER] = "user",   [SPEC_NAMESPACE_CGROUP] = "cgroup",
    [SPEC_NAMESPACE_IPC] = "ipc",     [SPEC_NAMESPACE_UTS] = "uts",
    [SPEC_NAMESPACE_NETWORK] = "net", [SPEC_NAMESPACE_PID] = "pid",
    [SPEC_NAMESPACE_MOUNT] = "mnt",   [SPEC_NAMESPACE_TIME] = "time",
};

/* Joining a namespace that is ours already is refused for some types: leave those out. */
static int differing_namespaces(pid_t pid, uint64_t *flags, struct error *error)
{
    *flags = 0;
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++) {
        struct stat ours, theirs;
        AUTO_FREE char *our_path = string_format("/proc/self/ns/%s", namespace_files[type]);
        AUTO_FREE char *their_path = string_format("/proc/%d/ns/%s", pid, namespace_files[type]);
        if (stat(our_path, &ours) < 0)
            continue; /* a type that this kernel does not have */
        if (stat(their_path, &theirs) < 0)
            return error_set(error, errno, "look at the container's %s namespace",
                             namespace_name(type));
        if (ours.st_ino != theirs.st_ino)
            *flags |= namespace_flag(type);
    }
    return 0;
}

/* The process itself, in all of the container's namespaces. */
static int process_main(const struct container_exec_request *request, bool changed_user,
                        pid_t host_pid, struct error *error)
{
    AUTO_CLOSE int terminal_fd = -1;
    AUTO_CLOSE int procfs_fd = procfs_open(error);
    if (procfs_fd < 0)
        return -1;
    if (changed_user && spawn_become_root(error) < 0)
        return -1;
    if (request->process->terminal) {
        terminal_fd =
            terminal_open_in(AT_FDCWD, request->process, request->console_socket_fd, error);
        if (terminal_fd < 0)
            return -1;
    }
    if (execute_session(terminal_fd, error) < 0)
        return -1;
    struct process_setup setup = request->setup;
    setup.exec = true;
    setup.pid = host_pid;
    setup.procfs_fd = procfs_fd;
    setup.in_user_namespace = changed_user;
    setup.setgroups_denied = id_map_setgroups_denied(procfs_fd);
    struct execute_request execute = { .setup = &setup,
                                       .preserve_fds = request->preserve_fds,
                                       .listen_fds = request->listen_fds };
    if (process_apply_privileged(&setup, error) < 0)
        return -1;
    /* A detached process outlives the one that asked for it; said before a filter may refuse it. */
    prctl(PR_SET_PDEATHSIG, 0);
    if (execute_confine(&execute, error) < 0)
        return -1;
    return execute_program(&execute, error);
}

/* Only the seccomp listener needs to know; the process itself cannot see its pid on the host. */
static bool tells_host_pid(const struct container_exec_request *request)
{
    return request->setup.seccomp_listener_fd >= 0;
}

static int helper_main(const struct container_exec_request *request, uint64_t flags, bool joins,
                       int sync_fd, struct error *error)
{
    spawn_guard();
    if (joins && cgroup_join_self(request->cgroup, error) < 0)
        return -1;
    if (sync_expect(sync_fd, SYNC_GO, NULL, error) < 0)
        return -1;
    if ((flags & CLONE_NEWUSER) && process_apply_host_limits(&request->setup, 0, error) < 0)
        return -1;
    if (setns(request->init_pidfd, (int)flags) < 0)
        return error_set(error, errno, "join the container's namespaces");
    spawn_guard();
    pid_t pid = spawn_clone(CLONE_PARENT, -1, NULL, error);
    if (pid < 0)
        return -1;
    if (pid > 0)
        return sync_send(sync_fd, SYNC_CHILD, pid, error);
    spawn_guard();
    int32_t host_pid = 0;
    if (tells_host_pid(request) && sync_expect(sync_fd, SYNC_GO, &host_pid, error) < 0)
        return -1;
    return process_main(request, flags & CLONE_NEWUSER, host_pid, error);
}

static int serve_helper(const struct container_exec_request *request, pid_t helper, bool joins,
                        int sync_fd, struct container_child *child, struct error *error)
{
    if (request->cgroup && !joins &&
        cgroup_attach_exec(request->cgroup, helper, request->sub_cgroups, error) < 0)
        return -1;
    if (sync_send(sync_fd, SYNC_GO, 0, error) < 0 ||
        sync_expect(sync_fd, SYNC_CHILD, &child->pid, error) < 0)
        return -1;
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pidfd < 0)
        return error_set(error, errno, "open the new process");
    if (tells_host_pid(request) && sync_send(sync_fd, SYNC_GO, child->pid, error) < 0)
        return -1;
    return sync_expect_end(sync_fd, error);
}

/*
 * Born in the container's v2 cgroup, and joining the v1 ones by itself: moving a process from
 * outside costs RCU grace periods, many times what all the rest does. Where that is not to be
 * (a v2 cgroup with others below it takes no processes), it is moved after all.
 */
static pid_t clone_helper(const struct container_exec_request *request, bool *joins,
                          struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 };
    *joins = request->cgroup && !request->sub_cgroups &&
             cgroup_prepare_exec(request->cgroup, &ignored) == 0;
    pid_t helper = -1;
    if (*joins)
        helper = spawn_clone(0, cgroup_clone_fd(request->cgroup), NULL, &ignored);
    if (helper >= 0)
        return helper;
    *joins = false;
    return spawn_clone(0, -1, NULL, error);
}

static int exec_by_helper(const struct container_exec_request *request, uint64_t flags,
                          const int sync[2], struct container_child *child, struct error *error)
{
    bool joins;
    pid_t helper = clone_helper(request, &joins, error);
    if (helper < 0)
        return -1;
    if (helper == 0) {
        AUTO_ERROR struct error failure = { 0 };
        close(sync[0]);
        int result = helper_main(request, flags, joins, sync[1], &failure);
        if (result < 0)
            sync_send_failure(sync[1], &failure);
        if (result < 0)
            execute_give_up();
        _exit(EXIT_SUCCESS);
    }
    close(sync[1]);
    int wait_status, result = serve_helper(request, helper, joins, sync[0], child, error);
    if (result < 0)
        kill(helper, SIGKILL);
    process_wait(helper, &wait_status);
    return result;
}

int container_exec(const struct container_exec_request *request, struct container_child *child,
                   struct error *error)
{
    uint64_t flags;
    int sync[2];
    *child = (struct container_child){ .pidfd = -1, .gate_fd = -1 };
    if (differing_namespaces(request->init_pid, &flags, error) < 0 || sync_pair(sync, error) < 0)
        return -1;
    int result = exec_by_helper(request, flags, sync, child, error);
    close(sync[0]);
    if (result < 0)
        container_child_abandon(child);
    return result;
}
