// SPDX-License-Identifier: Apache-2.0
/* `exec`: a further process in a running instance. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/socket.h"
#include "container/container.h"
#include "container/preflight.h"
#include "container/seccomp_cache.h"
#include "container/seccomp_notify.h"
#include "instance/create.h"
#include "instance/exec_process.h"
#include "instance/instance.h"
#include "instance/process_state.h"
#include "instance/state.h"
#include "instance/state_directory.h"
#include "instance/technique.h"
#include "instance/terminal_relay.h"

struct execution {
    const struct host *host;
    const struct instance_exec_request *request;
    struct instance *instance;
    struct spec *container, *process; /* of the container; what is to run */
    struct seccomp_program *seccomp;
    int seccomp_listener_fd;
    int state_directory_fd, init_pidfd, console_fd, terminal_end, master_fd;
    struct handed_fds handed_fds;
    struct container_child child;
};

static int check_status(const struct execution *execution, struct error *error)
{
    enum instance_status status = execution->instance->status;
    if (status == INSTANCE_RUNNING || status == INSTANCE_CREATED)
        return 0;
    if (status == INSTANCE_PAUSED && execution->request->ignore_paused)
        return 0;
    if (status == INSTANCE_PAUSED)
        return error_set_code(error, EINVAL, "it is paused; resume it, or use --ignore-paused");
    return error_set_code(error, ESRCH, "container not running");
}

static int load(struct execution *execution, struct error *error)
{
    int directory = state_directory_open(execution->host, execution->request->id, error);
    if (directory < 0)
        return -1;
    execution->state_directory_fd = directory;
    execution->instance =
        instance_load_from(execution->host, execution->request->id, directory, error);
    if (!execution->instance || check_status(execution, error) < 0)
        return -1;
    execution->container = state_directory_load_spec(directory, error);
    if (!execution->container)
        return -1;
    execution->process = exec_process_decode(execution->request, execution->container, error);
    if (!execution->process || preflight_check_labels(execution->process->process, error) < 0)
        return -1;
    execution->init_pidfd =
        process_state_open(execution->instance->pid, execution->instance->pid_start_time, error);
    return execution->init_pidfd < 0 ? -1 : 0;
}

static int open_console(struct execution *execution, struct error *error)
{
    const struct instance_exec_request *request = execution->request;
    bool terminal = execution->process->process->terminal;
    if (request->console_socket) {
        if (!terminal)
            return error_set(error, 0, "--console-socket is given, but there is no terminal");
        execution->console_fd = socket_connect(request->console_socket, error);
        return execution->console_fd < 0 ? -1 : 0;
    }
    if (!terminal)
        return 0;
    if (request->detach)
        return error_set(error, 0,
                         "a terminal and --detach: --console-socket is needed to hand the "
                         "terminal over");
    return terminal_socket_pair(&execution->console_fd, &execution->terminal_end, error);
}

/* The container's filter goes for every process in it. */
static int prepare_seccomp(struct execution *execution, struct error *error)
{
    const struct spec_seccomp *seccomp = execution->container->seccomp;
    if (!seccomp)
        return 0;
    AUTO_FREE char *cache = state_directory_seccomp_cache(execution->host);
    execution->seccomp = seccomp_program_new(seccomp, error);
    if (!execution->seccomp ||
        seccomp_cache_compile(cache, seccomp, execution->seccomp, &execution->host->log, error) < 0)
        return -1;
    execution->seccomp_listener_fd = seccomp_notify_connect(seccomp, error);
    return execution->seccomp_listener_fd == -1 ? -1 : 0;
}

static int start(struct execution *execution, struct error *error)
{
    const struct instance_exec_request *request = execution->request;
    AUTO_FREE char *state = instance_state_text(execution->instance, "running");
    struct container_exec_request container = {
        .init_pid = execution->instance->pid,
        .init_pidfd = execution->init_pidfd,
        .spec = execution->container,
        .process = execution->process->process,
        .cgroup = execution->instance->cgroup,
        .sub_cgroups = request->sub_cgroups,
        .console_socket_fd = execution->console_fd,
        .preserve_fds = execution->handed_fds.preserve,
        .listen_fds = execution->handed_fds.listen,
        .setup = {
            .spec = execution->container,
            .process = execution->process->process,
            .container_id = execution->instance->id,
            .seccomp = execution->seccomp,
            .seccomp_listener_fd = execution->seccomp_listener_fd,
            .container_state = state,
            .log = &execution->host->log,
        },
    };
    struct technique_exec exec = { .request = &container,
                                   .state_directory_fd = execution->state_directory_fd,
                                   .process = execution->process };
    const struct technique *technique = technique_find(execution->instance->technique, error);
    if (!technique || technique->exec(&exec, &execution->child, error) < 0)
        return -1;
    if (request->pid_file &&
        instance_write_pid_file(request->pid_file, execution->child.pid, error) < 0)
        return -1;
    if (request->pidfd_socket &&
        instance_send_pidfd(request->pidfd_socket, execution->child.pidfd, error) < 0)
        return -1;
    if (execution->terminal_end >= 0) {
        execution->master_fd = terminal_receive(execution->terminal_end, error);
        return execution->master_fd < 0 ? -1 : 0;
    }
    return 0;
}

static int wait_in_foreground(struct execution *execution, struct error *error)
{
    int wait_status;
    if (terminal_relay_run(execution->master_fd, execution->child.pidfd, error) < 0)
        return -1;
    if (process_wait(execution->child.pid, &wait_status) < 0)
        return error_set(error, errno, "wait for the process");
    return process_exit_status(wait_status);
}

static int execute(struct execution *execution, struct error *error)
{
    if (handed_fds_find(execution->request->preserve_fds, &execution->handed_fds, error) < 0 ||
        load(execution, error) < 0 || open_console(execution, error) < 0 ||
        prepare_seccomp(execution, error) < 0)
        return -1;
    if (start(execution, error) < 0) {
        container_child_abandon(&execution->child);
        return -1;
    }
    return execution->request->detach ? 0 : wait_in_foreground(execution, error);
}

static void release(struct execution *execution)
{
    container_child_close(&execution->child);
    cleanup_close(&execution->state_directory_fd);
    cleanup_close(&execution->init_pidfd);
    cleanup_close(&execution->console_fd);
    cleanup_close(&execution->terminal_end);
    cleanup_close(&execution->master_fd);
    cleanup_close(&execution->seccomp_listener_fd);
    seccomp_program_free(execution->seccomp);
    spec_free(execution->process);
    spec_free(execution->container);
    instance_free(execution->instance);
}

int instance_exec(const struct host *host, const struct instance_exec_request *request,
                  struct error *error)
{
    sigset_t previous;
    struct execution execution = { .host = host,
                                   .request = request,
                                   .state_directory_fd = -1,
                                   .init_pidfd = -1,
                                   .seccomp_listener_fd = -1,
                                   .console_fd = -1,
                                   .terminal_end = -1,
                                   .master_fd = -1,
                                   .child = { .pidfd = -1, .gate_fd = -1 } };
    if (!request->detach)
        terminal_relay_hold_signals(&previous);
    int status = execute(&execution, error);
    if (!request->detach)
        sigprocmask(SIG_SETMASK, &previous, NULL);
    release(&execution);
    return status < 0 ? error_wrap(error, "exec in %s", request->id) : status;
}
