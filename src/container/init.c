// SPDX-License-Identifier: Apache-2.0
#include "container/init.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/execute.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/id_map.h"
#include "container/network.h"
#include "container/spawn.h"
#include "container/sync.h"
#include "container/sysctl.h"

enum { MOST_CGROUP_FDS = 16 };

/* Enter the cgroups by writing "0": see cgroup_self_attach_fds(). */
static int enter_cgroups(int *fds, size_t count, struct error *error)
{
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        if (result == 0 && write_all(fds[i], "0", 1) < 0)
            result = error_set(error, errno, "enter the container's cgroup");
        close(fds[i]);
    }
    return result;
}

/*
 * The parent's go: id maps are written, the cgroup is there. Its value is our pid on the host, the
 * descriptors are those of the cgroups to enter.
 */
static int wait_for_parent(struct init *init, int sync_fd, struct error *error)
{
    int fds[MOST_CGROUP_FDS];
    size_t count = MOST_CGROUP_FDS;
    if (sync_expect_fds(sync_fd, SYNC_GO, &init->host_pid, fds, &count, error) < 0)
        return -1;
    return enter_cgroups(fds, count, error);
}

/* What was not made by the clone: namespaces to be joined, the cgroup namespace. */
static int enter_namespaces(struct init *init, struct error *error)
{
    if (!init->namespaces->by_helper) {
        if (namespaces_join(init->namespaces, false, error) < 0)
            return -1;
        if ((init->namespaces->new_flags & CLONE_NEWUSER) && spawn_become_root(error) < 0)
            return -1;
    }
    if (init->namespaces->new_cgroup && unshare(CLONE_NEWCGROUP) < 0)
        return error_set(error, errno, "linux.namespaces: make a cgroup namespace");
    return 0;
}

static int name_host(const struct spec *spec, struct error *error)
{
    if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
        return error_set(error, errno, "hostname: set \"%s\"", spec->hostname);
    if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
        return error_set(error, errno, "domainname: set \"%s\"", spec->domainname);
    return 0;
}

static int run_hooks(struct init *init, enum spec_hook_point point, const char *status,
                     struct error *error)
{
    const struct container_request *request = init->request;
    if (!request->spec->hooks[point].count)
        return 0;
    AUTO_FREE char *state = request->state(request->context, init->host_pid, status);
    return hooks_run(request->spec, point, state, error);
}

/* createRuntime hooks run on the parent's side, once the mounts are there and before pivot_root. */
static int let_parent_run_hooks(struct init *init, int sync_fd, struct error *error)
{
    if (!init->runtime_hooks)
        return 0;
    if (sync_send(sync_fd, SYNC_MOUNTED, 0, error) < 0)
        return -1;
    return sync_expect(sync_fd, SYNC_GO, NULL, error);
}

static int build_root(struct init *init, int sync_fd, struct error *error)
{
    struct rootfs *rootfs = init->rootfs;
    /* The preflight has refused it; what follows would take the host's mounts away. */
    if (!(init->namespaces->new_flags & CLONE_NEWNS))
        return error_set(error, 0, "no mount namespace of its own was made");
    if (rootfs_enter(rootfs, error) < 0 || rootfs_mount_all(rootfs, error) < 0 ||
        rootfs_make_devices(rootfs, error) < 0)
        return -1;
    if (let_parent_run_hooks(init, sync_fd, error) < 0 ||
        run_hooks(init, SPEC_HOOK_CREATE_CONTAINER, "creating", error) < 0)
        return -1;
    return 0;
}

static int open_terminal(struct init *init, int *terminal_fd, struct error *error)
{
    const struct spec_process *process = init->request->spec->process;
    if (!process || !process->terminal)
        return 0;
    *terminal_fd = rootfs_open_terminal(init->rootfs, error);
    return *terminal_fd < 0 ? -1 : 0;
}

static int seal_root(struct init *init, struct error *error)
{
    if (rootfs_protect(init->rootfs, error) < 0)
        return -1;
    init->setup.procfs_fd = rootfs_procfs_fd(init->rootfs);
    init->setup.setgroups_denied = id_map_setgroups_denied(init->setup.procfs_fd);
    if (sysctl_apply(init->request->spec, init->setup.procfs_fd, error) < 0)
        return -1;
    if (init->setup.process && process_apply_privileged(&init->setup, error) < 0)
        return -1;
    return rootfs_pivot(init->rootfs, error);
}

/* A program that is not there is better told by `create` than by `start`. */
static int check_program(const struct spec_process *process, struct error *error)
{
    const char *name = process ? process->args[0] : NULL;
    if (!name || (strchr(name, '/') && name[0] != '/'))
        return 0;
    AUTO_FREE char *path = process_find_executable(process, error);
    return path ? 0 : -1;
}

static int prepare(struct init *init, int sync_fd, struct error *error)
{
    AUTO_CLOSE int terminal_fd = -1;
    const struct spec *spec = init->request->spec;
    close(init->request->state_directory_fd); /* with it goes our share of the maker's lock */
    if (wait_for_parent(init, sync_fd, error) < 0 || enter_namespaces(init, error) < 0 ||
        name_host(spec, error) < 0)
        return -1;
    if ((init->namespaces->new_flags & CLONE_NEWNET) && network_loopback_up(error) < 0)
        return -1;
    if (build_root(init, sync_fd, error) < 0 || open_terminal(init, &terminal_fd, error) < 0 ||
        seal_root(init, error) < 0)
        return -1;
    if (execute_session(terminal_fd, error) < 0)
        return -1;
    if (check_program(spec->process, error) < 0)
        return -1;
    /* The parent has recorded us, and compiled the filter: see container/seccomp.h. */
    return sync_expect(sync_fd, SYNC_GO, NULL, error);
}

/*
 * From here on the container outlives its creator. Returns the socket on which the one who opens
 * the gate listens for what becomes of it, or -1.
 */
static int wait_at_gate(struct init *init, int sync_fd, struct error *error)
{
    prctl(PR_SET_PDEATHSIG, init->gate_fd < 0 ? SIGKILL : 0);
    if (sync_send(sync_fd, SYNC_WAITING, 0, error) < 0)
        return -1;
    if (init->gate_fd >= 0)
        return gate_wait(init->gate_fd, error);
    return sync_expect(sync_fd, SYNC_GO, NULL, error) < 0 ? -1 : sync_fd;
}

static int start(struct init *init, struct error *error)
{
    const struct container_request *request = init->request;
    if (!init->setup.process)
        return error_set(error, 0, "config.json has no process: there is nothing to start");
    AUTO_FREE char *state = NULL;
    if (init->setup.seccomp_listener_fd >= 0)
        init->setup.container_state = state =
            request->state(request->context, init->host_pid, "created");
    struct execute_request execute = { .setup = &init->setup,
                                       .preserve_fds = request->preserve_fds,
                                       .listen_fds = request->listen_fds,
                                       .notify_socket = request->notify_socket };
    prctl(PR_SET_PDEATHSIG, 0);
    if (execute_confine(&execute, error) < 0 ||
        run_hooks(init, SPEC_HOOK_START_CONTAINER, "created", error) < 0)
        return -1;
    return execute_program(&execute, error);
}

void init_main(void *context, int sync_fd)
{
    struct init *init = context;
    AUTO_ERROR struct error error = { 0 };
    int caller = sync_fd;
    if (prepare(init, sync_fd, &error) == 0) {
        int gate = wait_at_gate(init, sync_fd, &error);
        /* The creator has gone: nobody is left to be told but whoever comes to the gate. */
        if (gate < 0)
            _exit(EXIT_FAILURE);
        caller = gate;
        if (init->gate_fd >= 0)
            close(sync_fd);
        start(init, &error);
    }
    sync_send_failure(caller, &error);
    execute_give_up();
}
