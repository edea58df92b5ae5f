// SPDX-License-Identifier: Apache-2.0
/*
 * The parent's half of making a container; init.c is the child's. What they say to each other:
 *
 *   parent                                child
 *   opens mount sources, sockets
 *   clone ------------------------------> exists
 *   records the pid, makes the cgroup
 *   SYNC_GO (cgroup descriptors) -------> enters cgroup and namespaces, mounts
 *   network devices, runtime hooks <----- SYNC_MOUNTED (only where there are any)
 *   SYNC_GO ----------------------------> pivots, limits itself
 *   compiles seccomp, or has it (where there is any)
 *   SYNC_GO ----------------------------> may outlive the parent
 *                              <--------- SYNC_WAITING
 */
#include "container/container.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/process.h"
#include "base/string.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/init.h"
#include "container/network.h"
#include "container/resctrl.h"
#include "container/seccomp_cache.h"
#include "container/seccomp_notify.h"
#include "container/spawn.h"
#include "container/sync.h"

struct creation {
    const struct container_request *request;
    struct namespaces namespaces;
    struct cgroup_mount_points cgroup_mounts;
    struct rootfs *rootfs;
    struct init init;
    struct spawned spawned;
    struct seccomp_program *seccomp; /* shared with the child, compiled while it works */
    char *notify_directory;          /* as long as the rootfs */
    int gate_fd, seccomp_listener_fd;
    bool resctrl_made;
};

static bool mounts_cgroups(const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++)
        if (spec->mounts[i].type && strncmp(spec->mounts[i].type, "cgroup", 6) == 0)
            return true;
    return false;
}

static bool has_runtime_hooks(const struct spec *spec)
{
    return spec->hooks[SPEC_HOOK_PRESTART].count || spec->hooks[SPEC_HOOK_CREATE_RUNTIME].count ||
           spec->network_device_count;
}

static int open_rootfs(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (mounts_cgroups(request->spec) && request->cgroup &&
        cgroup_mount_points(request->cgroup, &creation->cgroup_mounts, error) < 0)
        return -1;
    if (request->notify_socket)
        creation->notify_directory = string_format("%s/notify", request->state_directory);
    struct rootfs_request rootfs = {
        .spec = request->spec,
        .bundle = request->bundle,
        .root = request->root,
        .overlay = request->overlay,
        .new_user_namespace = namespaces_change_user(&creation->namespaces),
        .no_pivot = request->no_pivot,
        .cgroups = creation->cgroup_mounts.count ? &creation->cgroup_mounts : NULL,
        .notify_directory = creation->notify_directory,
        .console_socket_fd = request->console_socket_fd,
        .log = request->log,
    };
    return rootfs_open_sources(&rootfs, &creation->rootfs, error);
}

static int prepare_seccomp(struct creation *creation, struct error *error)
{
    const struct spec_seccomp *seccomp = creation->request->spec->seccomp;
    if (!seccomp)
        return 0;
    creation->seccomp = seccomp_program_new(seccomp, error);
    if (!creation->seccomp)
        return -1;
    creation->seccomp_listener_fd = seccomp_notify_connect(seccomp, error);
    return creation->seccomp_listener_fd == -1 ? -1 : 0;
}

/* All that can be prepared, and can fail, before there is a child. */
static int prepare(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (namespaces_open(request->spec, &creation->namespaces, error) < 0 ||
        open_rootfs(creation, error) < 0 || prepare_seccomp(creation, error) < 0)
        return -1;
    if (!request->start_at_once) {
        creation->gate_fd = gate_make(request->state_directory_fd, error);
        if (creation->gate_fd < 0)
            return -1;
    }
    creation->init = (struct init){
        .request = request,
        .namespaces = &creation->namespaces,
        .rootfs = creation->rootfs,
        .gate_fd = creation->gate_fd,
        .runtime_hooks = has_runtime_hooks(request->spec),
        .setup = {
            .spec = request->spec,
            .process = request->spec->process,
            .procfs_fd = -1,
            .in_user_namespace = namespaces_change_user(&creation->namespaces),
            .new_keyring = request->new_keyring,
            .container_id = request->id,
            .seccomp = creation->seccomp,
            .seccomp_listener_fd = creation->seccomp_listener_fd,
            .log = request->log,
        },
    };
    return 0;
}

static int spawn(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    struct spawn_request spawn_request = {
        .spec = request->spec,
        .namespaces = &creation->namespaces,
        .cgroup_fd = request->cgroup ? cgroup_clone_fd(request->cgroup) : -1,
        .child = init_main,
        .context = &creation->init,
    };
    return spawn_container(&spawn_request, &creation->spawned, error);
}

/* The host id of the container's root: who gets a delegated cgroup. */
static uid_t host_root(const struct spec *spec)
{
    for (size_t i = 0; i < spec->uid_mapping_count; i++)
        if (spec->uid_mappings[i].container_id == 0)
            return spec->uid_mappings[i].host_id;
    return 0;
}

/* What a child in its own user namespace has no right to set for itself. */
static int apply_host_limits(struct creation *creation, struct error *error)
{
    if (!(creation->namespaces.new_flags & CLONE_NEWUSER) || !creation->init.setup.process)
        return 0;
    return process_apply_host_limits(&creation->init.setup, creation->spawned.pid, error);
}

/* Put the child into its cgroup, or give it the means, and let it go on. */
static int attach_and_go(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    struct cgroup *cgroup = request->cgroup;
    const int *fds = NULL;
    size_t count = cgroup ? cgroup_self_attach_fds(cgroup, &fds) : 0;
    if (cgroup && count == 0 && cgroup_clone_fd(cgroup) < 0 &&
        cgroup_attach(cgroup, creation->spawned.pid, request->spec->resources, error) < 0)
        return -1;
    if (cgroup && creation->namespaces.new_cgroup &&
        (creation->namespaces.new_flags & CLONE_NEWUSER) &&
        cgroup_delegate(cgroup, host_root(request->spec), error) < 0)
        return -1;
    return sync_send_fds(creation->spawned.sync_fd, SYNC_GO, creation->spawned.pid, fds, count,
                         error);
}

static int apply_resctrl(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (!request->spec->intel_rdt)
        return 0;
    AUTO_FREE char *root = resctrl_mount_point();
    if (!root)
        return error_set(error, 0, "linux.intelRdt: no resctrl file system is mounted");
    return resctrl_apply(root, request->id, request->spec->intel_rdt, creation->spawned.pid,
                         &creation->resctrl_made, error);
}

static int serve_runtime_hooks(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (!creation->init.runtime_hooks)
        return 0;
    if (sync_expect(creation->spawned.sync_fd, SYNC_MOUNTED, NULL, error) < 0)
        return -1;
    if (request->spec->network_device_count &&
        network_move_devices(request->spec, creation->spawned.pid, error) < 0)
        return -1;
    AUTO_FREE char *state = request->state(request->context, creation->spawned.pid, "creating");
    if (hooks_run(request->spec, SPEC_HOOK_PRESTART, state, error) < 0 ||
        hooks_run(request->spec, SPEC_HOOK_CREATE_RUNTIME, state, error) < 0)
        return -1;
    return sync_send(creation->spawned.sync_fd, SYNC_GO, 0, error);
}

static int compile_seccomp(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (!creation->seccomp)
        return 0;
    return seccomp_cache_compile(request->seccomp_cache, request->spec->seccomp, creation->seccomp,
                                 request->log, error);
}

static int create(struct creation *creation, struct error *error)
{
    const struct container_request *request = creation->request;
    if (prepare(creation, error) < 0)
        return -1;
    if (request->cgroup && cgroup_make(request->cgroup, request->spec->resources, error) < 0)
        return -1;
    if (spawn(creation, error) < 0)
        return -1;
    if (apply_host_limits(creation, error) < 0 || attach_and_go(creation, error) < 0 ||
        request->created(request->context, creation->spawned.pid, error) < 0 ||
        apply_resctrl(creation, error) < 0 || serve_runtime_hooks(creation, error) < 0 ||
        compile_seccomp(creation, error) < 0 ||
        sync_send(creation->spawned.sync_fd, SYNC_GO, 0, error) < 0)
        return -1;
    return sync_expect(creation->spawned.sync_fd, SYNC_WAITING, NULL, error);
}

/* A child that went without a word was killed: most often there was not enough memory for it. */
static void explain_death(pid_t pid, struct error *error)
{
    int wait_status;
    if (error->code != EPIPE || pid <= 0 || waitpid(pid, &wait_status, WNOHANG) != pid)
        return;
    if (WIFSIGNALED(wait_status))
        error_set(
            error, 0,
            "the container's process was killed by signal %d while it was set up; is its memory "
            "limit too low?",
            WTERMSIG(wait_status));
}

static void undo(struct creation *creation, struct error *error)
{
    AUTO_ERROR struct error ignored = { 0 };
    const struct spec_intel_rdt *rdt = creation->request->spec->intel_rdt;
    explain_death(creation->spawned.pid, error);
    spawn_kill(&creation->spawned);
    if (creation->resctrl_made) {
        AUTO_FREE char *root = resctrl_mount_point();
        resctrl_remove(root, rdt->clos_id ? rdt->clos_id : creation->request->id, &ignored);
    }
}

int container_create(const struct container_request *request, struct container_child *child,
                     struct error *error)
{
    struct creation creation = { .request = request,
                                 .spawned = { .pidfd = -1, .sync_fd = -1 },
                                 .gate_fd = -1,
                                 .seccomp_listener_fd = -1 };
    *child = (struct container_child){ .pidfd = -1, .gate_fd = -1 };
    int result = create(&creation, error);
    if (result < 0) {
        undo(&creation, error);
    } else {
        child->pid = creation.spawned.pid;
        child->pidfd = take_fd(&creation.spawned.pidfd);
        child->gate_fd = request->start_at_once ? take_fd(&creation.spawned.sync_fd) : -1;
        child->resctrl_made = creation.resctrl_made;
    }
    cleanup_close(&creation.spawned.sync_fd);
    cleanup_close(&creation.gate_fd);
    cleanup_close(&creation.seccomp_listener_fd);
    seccomp_program_free(creation.seccomp);
    namespaces_close(&creation.namespaces);
    rootfs_free(creation.rootfs);
    free(creation.notify_directory);
    cgroup_mount_points_free(&creation.cgroup_mounts);
    return result;
}

int container_start_child(struct container_child *child, struct error *error)
{
    if (sync_send(child->gate_fd, SYNC_GO, 0, error) < 0)
        return -1;
    int result = sync_expect_end(child->gate_fd, error);
    close(take_fd(&child->gate_fd));
    return result;
}

void container_child_close(struct container_child *child)
{
    cleanup_close(&child->pidfd);
    cleanup_close(&child->gate_fd);
    *child = (struct container_child){ .pid = child->pid, .pidfd = -1, .gate_fd = -1 };
}

void container_child_abandon(struct container_child *child)
{
    int wait_status;
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        process_wait(child->pid, &wait_status);
    }
    container_child_close(child);
}
