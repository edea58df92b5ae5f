// SPDX-License-Identifier: Apache-2.0
/*
 * `run`: create and start in one, and in the foreground stay until the program ends. There is no
 * start gate then: the socket between us and the child serves.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/socket.h"
#include "instance/create.h"
#include "instance/destroy.h"
#include "instance/instance.h"
#include "instance/start.h"
#include "instance/state_directory.h"
#include "instance/terminal_relay.h"

struct run {
    const struct instance_create_request *request;
    struct instance_build build;
    int console_fd;   /* the container's end; -1: no terminal */
    int terminal_end; /* ours, when we are the console; -1: somebody else is */
    int master_fd;
};

/* The console is a socket of the caller's, or in the foreground ourselves. */
static int open_console(struct run *run, struct error *error)
{
    if (run->request->console_socket) {
        run->console_fd = socket_connect(run->request->console_socket, error);
        return run->console_fd < 0 ? error_wrap(error, "--console-socket") : 0;
    }
    if ((run->request->foreground_terminal && !run->request->detach) ||
        run->request->terminal_master)
        return terminal_socket_pair(&run->console_fd, &run->terminal_end, error);
    return 0;
}

/* The child has sent the master by now; one without a terminal sends nothing. */
static int receive_terminal(struct run *run, struct error *error)
{
    const struct spec_process *process = run->build.spec->process;
    if (run->terminal_end < 0 || !process || !process->terminal)
        return 0;
    run->master_fd = terminal_receive(run->terminal_end, error);
    return run->master_fd < 0 ? -1 : 0;
}

static int start_child(struct run *run, struct error *error)
{
    struct instance_build *build = &run->build;
    AUTO_FREE char *directory = state_directory_path(build->host, run->request->id);
    AUTO_CLOSE int notify_fd = -1;
    if (instance_bind_notify_socket(build->state_directory_fd, directory, &notify_fd, error) < 0)
        return -1;
    state_directory_unlock(build->state_directory_fd);
    if (build->technique->start_child(&build->child, error) < 0)
        return -1;
    return instance_after_start(build->instance, build->spec, notify_fd, build->child.pidfd, error);
}

static int create_and_start(struct run *run, const struct host *host, struct error *error)
{
    run->build = (struct instance_build){ .host = host,
                                          .request = run->request,
                                          .state_directory_fd = -1,
                                          .child = { .pidfd = -1, .gate_fd = -1 } };
    if (open_console(run, error) < 0 ||
        instance_build(&run->build, true, run->console_fd, error) < 0)
        return -1;
    if (receive_terminal(run, error) < 0 || start_child(run, error) < 0) {
        instance_build_abandon(&run->build);
        return -1;
    }
    if (run->request->terminal_master)
        *run->request->terminal_master = take_fd(&run->master_fd);
    return 0;
}

/* Stay until it has ended; the exit status. The instance goes with it unless it is to be kept. */
static int wait_in_foreground(struct run *run, struct error *error)
{
    struct instance_build *build = &run->build;
    int wait_status;
    if (terminal_relay_run(run->master_fd, build->child.pidfd, error) < 0 ||
        process_wait(build->child.pid, &wait_status) < 0) {
        if (!error->message)
            error_set(error, errno, "wait for the container");
        return -1;
    }
    if (!run->request->keep &&
        instance_destroy(build->host, build->instance, build->spec, error) < 0)
        return -1;
    return process_exit_status(wait_status);
}

static int run_instance(struct run *run, const struct host *host, struct error *error)
{
    if (create_and_start(run, host, error) < 0)
        return -1;
    int status = run->request->detach ? 0 : wait_in_foreground(run, error);
    if (status < 0)
        instance_build_abandon(&run->build);
    else
        instance_build_close(&run->build);
    return status;
}

int instance_run(const struct host *host, const struct instance_create_request *request,
                 struct error *error)
{
    sigset_t previous;
    struct run run = { .request = request, .console_fd = -1, .terminal_end = -1, .master_fd = -1 };
    if (!request->detach)
        terminal_relay_hold_signals(&previous);
    int status = run_instance(&run, host, error);
    if (!request->detach)
        sigprocmask(SIG_SETMASK, &previous, NULL);
    cleanup_close(&run.console_fd);
    cleanup_close(&run.terminal_end);
    cleanup_close(&run.master_fd);
    return status < 0 ? error_wrap(error, "run %s", request->id) : status;
}
