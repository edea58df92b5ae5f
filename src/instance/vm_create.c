// SPDX-License-Identifier: Apache-2.0
/*
 * Making a virtual machine, as container/create.c makes a container:
 *
 *   parent                                child
 *   checks, makes cgroup, gate, socket
 *   clone ------------------------------> exists
 *   SYNC_GO (cgroup descriptors) -------> enters the cgroup, builds the machine
 *   records the pid
 *   SYNC_GO ----------------------------> may outlive the parent
 *                              <--------- SYNC_WAITING
 */
#include "instance/vm_create.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/execute.h"
#include "container/gate.h"
#include "container/hooks.h"
#include "container/spawn.h"
#include "container/sync.h"
#include "instance/create.h"
#include "instance/state.h"
#include "vm/control.h"
#include "vm/monitor.h"
#include "vm/terminal.h"

enum { MOST_CGROUP_FDS = 16 };

struct vm_creation {
    const struct technique_create *create;
    struct vm_settings settings;
    struct namespaces namespaces; /* none: they are the host's, until the monitor is jailed */
    struct spawned spawned;
    int gate_fd, control_fd;
    struct log log; /* child: the host's until the command runs */
    int caller_fd;  /* child: who waits to hear that the command runs */
};

/* -- The child -- */

static int enter_cgroups(int sync_fd, struct error *error)
{
    int fds[MOST_CGROUP_FDS], result = 0;
    size_t count = MOST_CGROUP_FDS;
    if (sync_expect_fds(sync_fd, SYNC_GO, NULL, fds, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (result == 0 && write_all(fds[i], "0", 1) < 0)
            result = error_set(error, errno, "enter the instance's cgroup");
        close(fds[i]);
    }
    return result;
}

static int compare_numbers(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

/* What the maker holds (locks, its caller's pipes) must not live as long as we do. */
static void close_all_but(int *kept, size_t count)
{
    int first = STDERR_FILENO + 1;
    qsort(kept, count, sizeof(*kept), compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < first)
            continue;
        if (kept[i] > first)
            close_range((unsigned)first, (unsigned)kept[i] - 1, 0);
        first = kept[i] + 1;
    }
    close_range((unsigned)first, ~0U, 0);
}

static void close_others(const struct vm_creation *creation, int sync_fd)
{
    const struct technique_create *create = creation->create;
    int kept[] = { sync_fd, creation->gate_fd, creation->control_fd, create->console_socket_fd,
                   create->host->log.fd };
    close_all_but(kept, ARRAY_LENGTH(kept));
}

static int begin_session(const struct vm_creation *creation, struct error *error)
{
    const struct spec_process *process = creation->create->spec->process;
    if (!process->terminal)
        return execute_session(-1, error);
    int result = terminal_become_controlled(process, creation->create->console_socket_fd, error);
    close(creation->create->console_socket_fd);
    return result;
}

static void on_started(void *context)
{
    struct vm_creation *creation = context;
    close(creation->caller_fd);
    /* In the background our maker's standard error is not ours: its reader waits for its end. */
    if (creation->log.target == LOG_TARGET_STDERR && creation->log.fd > STDERR_FILENO) {
        close(creation->log.fd);
        creation->log.fd = STDERR_FILENO;
    }
}

static void on_failed(void *context, const struct error *why)
{
    struct vm_creation *creation = context;
    sync_send_failure(creation->caller_fd, why);
    close(creation->caller_fd);
}

static struct monitor *build_monitor(struct vm_creation *creation, int sync_fd, struct error *error)
{
    const struct technique_create *create = creation->create;
    creation->log = create->host->log;
    prctl(PR_SET_NAME, "openvirt-vm");
    close_others(creation, sync_fd);
    if (enter_cgroups(sync_fd, error) < 0 || begin_session(creation, error) < 0)
        return NULL;
    struct monitor_request request = {
        .spec = create->spec,
        .settings = &creation->settings,
        .overlay_directory = create->instance->bundle,
        .control_fd = creation->control_fd,
        .log = &creation->log,
        .started = on_started,
        .failed = on_failed,
        .context = creation,
    };
    struct monitor *monitor = monitor_open(&request, error);
    /* Not earlier: to pack an ordinary user's directory into a disk newuidmap has to gain some. */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return monitor;
}

/* From here on it outlives its maker; who opens the gate hears what becomes of it. */
static int wait_at_gate(struct vm_creation *creation, int sync_fd, struct error *error)
{
    if (sync_expect(sync_fd, SYNC_GO, NULL, error) < 0)
        return -1;
    prctl(PR_SET_PDEATHSIG, creation->gate_fd < 0 ? SIGKILL : 0);
    if (sync_send(sync_fd, SYNC_WAITING, 0, error) < 0)
        return -1;
    if (creation->gate_fd < 0)
        return sync_expect(sync_fd, SYNC_GO, NULL, error) < 0 ? -1 : sync_fd;
    close(sync_fd);
    int caller = gate_wait(creation->gate_fd, error);
    close(creation->gate_fd);
    return caller;
}

static void child_main(void *context, int sync_fd)
{
    struct vm_creation *creation = context;
    AUTO_ERROR struct error error = { 0 };
    /* Unprivileged, our own /proc/self has to stay open to us. */
    prctl(PR_SET_DUMPABLE, geteuid() != 0);
    struct monitor *monitor = build_monitor(creation, sync_fd, &error);
    if (!monitor) {
        sync_send_failure(sync_fd, &error);
        _exit(MONITOR_FAILED);
    }
    creation->caller_fd = wait_at_gate(creation, sync_fd, &error);
    if (creation->caller_fd < 0)
        _exit(MONITOR_FAILED);
    prctl(PR_SET_PDEATHSIG, 0);
    int status = monitor_run(monitor);
    monitor_close(monitor);
    _exit(status);
}

/* -- The parent -- */

static int prepare(struct vm_creation *creation, struct error *error)
{
    const struct technique_create *create = creation->create;
    if (!create->spec->process)
        return error_set(error, 0, "config.json has no process: there is nothing to start");
    if (create->handed_fds.preserve)
        return error_set(error, 0, "descriptors cannot be handed over to a virtual machine");
    if (create->instance->cgroup &&
        cgroup_make(create->instance->cgroup, create->spec->resources, error) < 0)
        return -1;
    creation->control_fd = control_listen(create->state_directory_fd, error);
    if (creation->control_fd < 0)
        return -1;
    if (!create->start_at_once) {
        creation->gate_fd = gate_make(create->state_directory_fd, error);
        return creation->gate_fd < 0 ? -1 : 0;
    }
    return 0;
}

static int spawn(struct vm_creation *creation, struct error *error)
{
    const struct cgroup *cgroup = creation->create->instance->cgroup;
    struct spawn_request request = {
        .spec = creation->create->spec,
        .namespaces = &creation->namespaces,
        .cgroup_fd = cgroup ? cgroup_clone_fd(cgroup) : -1,
        .child = child_main,
        .context = creation,
    };
    return spawn_container(&request, &creation->spawned, error);
}

static int attach_and_go(struct vm_creation *creation, struct error *error)
{
    struct cgroup *cgroup = creation->create->instance->cgroup;
    const int *fds = NULL;
    size_t count = cgroup ? cgroup_self_attach_fds(cgroup, &fds) : 0;
    if (cgroup && count == 0 && cgroup_clone_fd(cgroup) < 0 &&
        cgroup_attach(cgroup, creation->spawned.pid, creation->create->spec->resources, error) < 0)
        return -1;
    return sync_send_fds(creation->spawned.sync_fd, SYNC_GO, creation->spawned.pid, fds, count,
                         error);
}

static int run_hooks(const struct vm_creation *creation, struct error *error)
{
    const struct spec *spec = creation->create->spec;
    if (!spec->hooks[SPEC_HOOK_PRESTART].count && !spec->hooks[SPEC_HOOK_CREATE_RUNTIME].count)
        return 0;
    AUTO_FREE char *state = instance_state_text(creation->create->instance, "creating");
    if (hooks_run(spec, SPEC_HOOK_PRESTART, state, error) < 0)
        return -1;
    return hooks_run(spec, SPEC_HOOK_CREATE_RUNTIME, state, error);
}

static int make(struct vm_creation *creation, struct error *error)
{
    if (prepare(creation, error) < 0 || spawn(creation, error) < 0)
        return -1;
    int sync_fd = creation->spawned.sync_fd;
    if (attach_and_go(creation, error) < 0 ||
        instance_record_pid(creation->create, creation->spawned.pid, error) < 0 ||
        run_hooks(creation, error) < 0 || sync_send(sync_fd, SYNC_GO, 0, error) < 0)
        return -1;
    return sync_expect(sync_fd, SYNC_WAITING, NULL, error);
}

static int create_machine(enum machine_kind machine, const struct technique_create *create,
                          struct container_child *child, struct error *error)
{
    struct vm_creation creation = {
        .create = create,
        .spawned = { .pidfd = -1, .sync_fd = -1 },
        .gate_fd = -1,
        .control_fd = -1,
        .caller_fd = -1,
    };
    for (size_t i = 0; i < SPEC_NAMESPACE_COUNT; i++)
        creation.namespaces.join_fds[i] = -1;
    *child = (struct container_child){ .pidfd = -1, .gate_fd = -1 };
    int result = vm_settings_decode(create->spec, machine, &creation.settings, error);
    if (result == 0)
        result = make(&creation, error);
    if (result < 0) {
        spawn_kill(&creation.spawned);
    } else {
        child->pid = creation.spawned.pid;
        child->pidfd = take_fd(&creation.spawned.pidfd);
        child->gate_fd = create->start_at_once ? take_fd(&creation.spawned.sync_fd) : -1;
    }
    cleanup_close(&creation.spawned.sync_fd);
    cleanup_close(&creation.gate_fd);
    cleanup_close(&creation.control_fd);
    vm_settings_free(&creation.settings);
    return result;
}

int instance_create_full(const struct technique_create *create, struct container_child *child,
                         struct error *error)
{
    return create_machine(MACHINE_PC, create, child, error);
}

int instance_create_para(const struct technique_create *create, struct container_child *child,
                         struct error *error)
{
    return create_machine(MACHINE_MICRO, create, child, error);
}

/* Wait for the guest's answer, or a signal; those that end things are held by now. */
static int wait_for_answer(int gate_fd, int signal_fd, struct error *error)
{
    struct pollfd polls[] = { { .fd = gate_fd, .events = POLLIN },
                              { .fd = signal_fd, .events = POLLIN } };
    while (poll(polls, ARRAY_LENGTH(polls), -1) < 0)
        if (errno != EINTR)
            return error_set(error, errno, "wait for the guest");
    if (!polls[0].revents)
        return error_set(error, 0, "interrupted while the guest was booting");
    return sync_expect_end(gate_fd, error);
}

int instance_start_vm_child(struct container_child *child, struct error *error)
{
    sigset_t ending, previous;
    sigemptyset(&ending);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGQUIT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, &previous);
    AUTO_CLOSE int signal_fd = signalfd(-1, &ending, SFD_CLOEXEC);
    int result = sync_send(child->gate_fd, SYNC_GO, 0, error);
    if (result == 0)
        result = wait_for_answer(child->gate_fd, signal_fd, error);
    close(take_fd(&child->gate_fd));
    /* Who was interrupted is to say so, and not to be ended by the signal now. */
    struct signalfd_siginfo info;
    struct pollfd pending = { .fd = signal_fd, .events = POLLIN };
    if (result < 0)
        while (poll(&pending, 1, 0) > 0 && read(signal_fd, &info, sizeof(info)) > 0)
            continue;
    sigprocmask(SIG_SETMASK, &previous, NULL);
    return result;
}

int instance_pause_vm(int state_directory_fd, struct error *error)
{
    return control_command(state_directory_fd, CONTROL_PAUSE, error);
}

int instance_resume_vm(int state_directory_fd, struct error *error)
{
    return control_command(state_directory_fd, CONTROL_RESUME, error);
}
