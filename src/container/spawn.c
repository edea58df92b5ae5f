// SPDX-License-Identifier: Apache-2.0
#include "container/spawn.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/process.h"
#include "base/system_call.h"
#include "container/id_map.h"
#include "container/sync.h"

pid_t spawn_clone(uint64_t flags, int cgroup_fd, int *pidfd, struct error *error)
{
    struct clone_args arguments = {
        .flags = flags | (pidfd ? CLONE_PIDFD : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    if (cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)cgroup_fd;
    }
    pid_t pid = sys_clone3(&arguments);
    if (pid < 0)
        error_set(error, errno, "create the container's process%s",
                  errno == ENOSYS ? " (clone3, of Linux 5.3; seccomp of a container around us may "
                                    "hide it)"
                                  : "");
    return pid;
}

void spawn_guard(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
}

/* EINVAL: id 0 is not mapped; EPERM of setgroups(): it is denied in this user namespace. */
int spawn_become_root(struct error *error)
{
    if (setgroups(0, NULL) < 0 && errno != EPERM && errno != EINVAL)
        return error_set(error, errno, "drop the additional groups");
    if (setresgid(0, 0, 0) < 0 && errno != EINVAL)
        return error_set(error, errno, "become group 0 of the user namespace");
    if (setresuid(0, 0, 0) < 0 && errno != EINVAL)
        return error_set(error, errno, "become root of the user namespace");
    spawn_guard();
    return 0;
}

void spawn_kill(struct spawned *spawned)
{
    if (spawned->pid > 0) {
        kill(spawned->pid, SIGKILL);
        int wait_status;
        process_wait(spawned->pid, &wait_status);
    }
    cleanup_close(&spawned->pidfd);
    cleanup_close(&spawned->sync_fd);
    *spawned = (struct spawned){ .pidfd = -1, .sync_fd = -1 };
}

/*
 * newuidmap refuses a process that it cannot inspect, and so does /proc/PID/uid_map for anybody but
 * root; until its ids are mapped an unprivileged caller's child has to be dumpable. Nothing of the
 * container can see it yet.
 */
static void guard_before_mapping(const struct namespaces *namespaces)
{
    /* It was born dumpable, and may not cease to be for a moment: the parent is mapping already. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, (namespaces->new_flags & CLONE_NEWUSER) && geteuid() != 0 ? 1 : 0);
}

static void child_enter(const struct spawn_request *request, int sync_fd)
{
    guard_before_mapping(request->namespaces);
    request->child(request->context, sync_fd);
    _exit(EXIT_FAILURE);
}

static int map_ids(const struct spawn_request *request, pid_t pid, struct error *error)
{
    if (!(request->namespaces->new_flags & CLONE_NEWUSER))
        return 0;
    return id_map_write(pid, request->spec, error);
}

/*
 * The child has what we have at its birth, and its maps may be written before it has run at all: so
 * for that moment an unprivileged caller itself is what its child has to be.
 */
static void let_child_be_mapped(const struct namespaces *namespaces, bool begin)
{
    if ((namespaces->new_flags & CLONE_NEWUSER) && geteuid() != 0)
        prctl(PR_SET_DUMPABLE, begin ? 1 : 0);
}

static int spawn_directly(const struct spawn_request *request, const int sync[2],
                          struct spawned *spawned, struct error *error)
{
    let_child_be_mapped(request->namespaces, true);
    spawned->pid =
        spawn_clone(request->namespaces->new_flags, request->cgroup_fd, &spawned->pidfd, error);
    if (spawned->pid < 0)
        return -1;
    if (spawned->pid == 0) {
        close(sync[0]);
        child_enter(request, sync[1]);
    }
    let_child_be_mapped(request->namespaces, false);
    return map_ids(request, spawned->pid, error);
}

/*
 * Root of a user namespace that we joined, where it has one (EINVAL: id 0 is not mapped). Its
 * mappings, and whether it may set groups (EPERM), are the business of who made it.
 */
static int become_root_of_joined(struct error *error)
{
    if ((setgroups(0, NULL) < 0 && errno != EPERM) || (setresgid(0, 0, 0) < 0 && errno != EINVAL) ||
        (setresuid(0, 0, 0) < 0 && errno != EINVAL))
        return error_set(error, errno, "become root of the user namespace");
    spawn_guard();
    return 0;
}

/*
 * The helper's work: join what belongs to the host's user namespace, enter the container's, join
 * the rest, make the new ones, and clone the container's process as a sibling.
 */
static int helper_enter(const struct spawn_request *request, int sync_fd, struct error *error)
{
    struct namespaces *namespaces = request->namespaces;
    bool change_user = namespaces_change_user(namespaces);
    bool join_user = namespaces->join_fds[SPEC_NAMESPACE_USER] >= 0;
    guard_before_mapping(namespaces);
    if (namespaces_join(namespaces, change_user, error) < 0 ||
        namespaces_join_user(namespaces, error) < 0)
        return -1;
    if (join_user && become_root_of_joined(error) < 0)
        return -1;
    if (namespaces->new_flags & CLONE_NEWUSER) {
        if (unshare(CLONE_NEWUSER) < 0)
            return error_set(error, errno, "linux.namespaces: make a user namespace");
        guard_before_mapping(namespaces);
        if (sync_send(sync_fd, SYNC_MAP_IDS, 0, error) < 0 ||
            sync_expect(sync_fd, SYNC_GO, NULL, error) < 0)
            return -1;
    }
    if (change_user && spawn_become_root(error) < 0)
        return -1;
    if (namespaces_join(namespaces, false, error) < 0)
        return -1;
    return namespaces->new_time ? namespaces_make_time(request->spec, error) : 0;
}

static void helper_main(const struct spawn_request *request, int sync_fd)
{
    AUTO_ERROR struct error error = { 0 };
    pid_t pid = -1;
    if (helper_enter(request, sync_fd, &error) == 0) {
        uint64_t flags = request->namespaces->new_flags & ~(uint64_t)CLONE_NEWUSER;
        pid = spawn_clone(flags | CLONE_PARENT, -1, NULL, &error);
    }
    if (pid == 0)
        child_enter(request, sync_fd);
    if (pid < 0 || sync_send(sync_fd, SYNC_CHILD, pid, &error) < 0)
        sync_send_failure(sync_fd, &error);
    _exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int serve_helper(const struct spawn_request *request, pid_t helper, struct spawned *spawned,
                        struct error *error)
{
    if (request->namespaces->new_flags & CLONE_NEWUSER) {
        if (sync_expect(spawned->sync_fd, SYNC_MAP_IDS, NULL, error) < 0 ||
            map_ids(request, helper, error) < 0 ||
            sync_send(spawned->sync_fd, SYNC_GO, 0, error) < 0)
            return -1;
    }
    if (sync_expect(spawned->sync_fd, SYNC_CHILD, &spawned->pid, error) < 0)
        return -1;
    spawned->pidfd = (int)syscall(SYS_pidfd_open, spawned->pid, 0);
    if (spawned->pidfd < 0)
        return error_set(error, errno, "open the container's process");
    return 0;
}

static int spawn_by_helper(const struct spawn_request *request, const int sync[2],
                           struct spawned *spawned, struct error *error)
{
    pid_t helper = spawn_clone(0, request->cgroup_fd, NULL, error);
    if (helper < 0)
        return -1;
    if (helper == 0) {
        close(sync[0]);
        helper_main(request, sync[1]);
    }
    int wait_status, result = serve_helper(request, helper, spawned, error);
    if (result < 0)
        kill(helper, SIGKILL);
    process_wait(helper, &wait_status);
    return result;
}

int spawn_container(const struct spawn_request *request, struct spawned *spawned,
                    struct error *error)
{
    int sync[2];
    *spawned = (struct spawned){ .pidfd = -1, .sync_fd = -1 };
    if (sync_pair(sync, error) < 0)
        return -1;
    spawned->sync_fd = sync[0];
    int result = request->namespaces->by_helper ? spawn_by_helper(request, sync, spawned, error)
                                                : spawn_directly(request, sync, spawned, error);
    close(sync[1]);
    if (result < 0)
        spawn_kill(spawned);
    return result;
}
