// SPDX-License-Identifier: Apache-2.0
/*
 * A process of a guest has no pid on the host, so one of ours stands for it: it hands our standard
 * streams to the monitor (vm/control.h), passes signals and the window's size on, and ends with
 * the status of the process in the guest.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/process.h"
#include "base/string.h"
#include "container/execute.h"
#include "container/spawn.h"
#include "container/sync.h"
#include "instance/vm_create.h"
#include "vm/control.h"
#include "vm/monitor.h"
#include "vm/terminal.h"

struct stand_in {
    const struct technique_exec *exec;
    int monitor_fd, document_fd, signal_fd;
};

static int begin_session(const struct stand_in *stand_in, struct error *error)
{
    const struct container_exec_request *request = stand_in->exec->request;
    if (!request->process->terminal)
        return execute_session(-1, error);
    return terminal_become_controlled(request->process, request->console_socket_fd, error);
}

static int hold_signals(struct stand_in *stand_in, struct error *error)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    stand_in->signal_fd = signalfd(-1, &all, SFD_CLOEXEC);
    return stand_in->signal_fd < 0 ? error_set(error, errno, "make a signal descriptor") : 0;
}

static int send_window_size(const struct stand_in *stand_in, struct error *error)
{
    struct control_message message = { .type = CONTROL_WINDOW_SIZE };
    terminal_size(&message.rows, &message.columns);
    if (!message.rows)
        return 0;
    return control_send(stand_in->monitor_fd, &message, NULL, 0, error);
}

/* Ask for the process, and wait until it runs in the guest. */
static int start(struct stand_in *stand_in, struct error *error)
{
    const int fds[CONTROL_EXEC_FDS] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO,
                                        stand_in->document_fd };
    struct control_message message = { .type = CONTROL_EXEC };
    if (begin_session(stand_in, error) < 0 || hold_signals(stand_in, error) < 0 ||
        control_send(stand_in->monitor_fd, &message, fds, CONTROL_EXEC_FDS, error) < 0 ||
        control_receive(stand_in->monitor_fd, &message, error) < 0)
        return -1;
    return stand_in->exec->request->process->terminal ? send_window_size(stand_in, error) : 0;
}

static int pass_signal_on(const struct stand_in *stand_in, struct error *error)
{
    struct signalfd_siginfo info;
    if (read(stand_in->signal_fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    if (info.ssi_signo == SIGWINCH)
        return send_window_size(stand_in, error);
    if (info.ssi_signo == SIGCHLD || info.ssi_signo == SIGPIPE)
        return 0;
    struct control_message message = { .type = CONTROL_SIGNAL, .value = (int)info.ssi_signo };
    return control_send(stand_in->monitor_fd, &message, NULL, 0, error);
}

/* The exit status of the process in the guest. */
static int stand(const struct stand_in *stand_in, struct error *error)
{
    struct control_message message;
    for (;;) {
        struct pollfd polls[] = { { .fd = stand_in->monitor_fd, .events = POLLIN },
                                  { .fd = stand_in->signal_fd, .events = POLLIN } };
        if (poll(polls, ARRAY_LENGTH(polls), -1) < 0)
            continue;
        if (polls[0].revents) {
            if (control_receive(stand_in->monitor_fd, &message, error) < 0)
                return MONITOR_FAILED;
            if (message.type == CONTROL_EXITED)
                return message.value;
        } else if (pass_signal_on(stand_in, error) < 0) {
            return MONITOR_FAILED;
        }
    }
}

static _Noreturn void stand_in_main(struct stand_in *stand_in, int sync_fd)
{
    AUTO_ERROR struct error error = { 0 };
    prctl(PR_SET_NAME, "openvirt-exec");
    if (start(stand_in, &error) < 0) {
        sync_send_failure(sync_fd, &error);
        _exit(MONITOR_FAILED);
    }
    close(sync_fd); /* it runs */
    int status = stand(stand_in, &error);
    if (error.message)
        log_error(stand_in->exec->request->setup.log, "%s", error.message);
    _exit(status);
}

static int write_document(const struct spec *process, struct error *error)
{
    AUTO_FREE char *text = json_text(process->document);
    AUTO_CLOSE int fd = memfd_create("openvirt-process", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, text, strlen(text)) < 0)
        return error_set(error, errno, "write the process to start");
    return take_fd(&fd);
}

static int spawn(struct stand_in *stand_in, struct container_child *child, struct error *error)
{
    int sync[2];
    if (sync_pair(sync, error) < 0)
        return -1;
    child->pid = spawn_clone(0, -1, &child->pidfd, error);
    if (child->pid == 0) {
        close(sync[0]);
        stand_in_main(stand_in, sync[1]);
    }
    close(sync[1]);
    int result = child->pid < 0 ? -1 : sync_expect_end(sync[0], error);
    close(sync[0]);
    return result;
}

int instance_exec_vm(const struct technique_exec *exec, struct container_child *child,
                     struct error *error)
{
    *child = (struct container_child){ .pidfd = -1, .gate_fd = -1 };
    if (exec->request->preserve_fds)
        return error_set(error, 0, "descriptors cannot be handed over to a virtual machine");
    AUTO_CLOSE int document_fd = write_document(exec->process, error);
    AUTO_CLOSE int monitor_fd =
        document_fd < 0 ? -1 : control_connect(exec->state_directory_fd, error);
    if (monitor_fd < 0)
        return -1;
    struct stand_in stand_in = {
        .exec = exec, .monitor_fd = monitor_fd, .document_fd = document_fd, .signal_fd = -1
    };
    return spawn(&stand_in, child, error);
}
