// SPDX-License-Identifier: Apache-2.0
#include "container/execute.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/home.h"

int execute_session(int terminal_fd, struct error *error)
{
    if (setsid() < 0)
        return error_set(error, errno, "start a session");
    if (terminal_fd < 0)
        return 0;
    if (ioctl(terminal_fd, TIOCSCTTY, 0) < 0)
        return error_set(error, errno, "make the terminal the controlling one");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(terminal_fd, fd) < 0)
            return error_set(error, errno, "connect the terminal to the process");
    return 0;
}

/* sd_listen_fds(3): the pid is that of the process as it sees itself. */
static void add_listen_variables(struct string_list *environment, uint32_t listen_fds)
{
    if (!listen_fds)
        return;
    string_list_take(environment, string_format("LISTEN_FDS=%u", listen_fds));
    string_list_take(environment, string_format("LISTEN_PID=%d", getpid()));
    const char *names = getenv("LISTEN_FDNAMES");
    if (names)
        string_list_take(environment, string_format("LISTEN_FDNAMES=%s", names));
}

/*
 * What the caller blocks or ignores (conmon ignores SIGPIPE, `run` blocks what it will relay) is
 * not the program's business; handlers are reset by the execve.
 */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        if (signal_number != SIGKILL && signal_number != SIGSTOP)
            signal(signal_number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Whatever is open beyond the preserved ones does not reach the program (CVE-2024-21626). */
static int close_other_fds(uint32_t preserve_fds, struct error *error)
{
    if (close_range(STDERR_FILENO + 1 + preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return error_set(error, errno, "close file descriptors");
    return 0;
}

/* Programs expect HOME; where the specification has none it is the user's, as in other runtimes. */
static void add_home(struct string_list *environment, uid_t uid)
{
    for (size_t i = 0; i < environment->count; i++)
        if (string_starts_with(environment->items[i], "HOME="))
            return;
    AUTO_FREE char *home = home_directory_of(uid);
    string_list_take(environment, string_format("HOME=%s", home));
}

static void make_environment(struct execute_request *request)
{
    struct string_list *environment = &request->environment;
    for (const char *const *variable = request->setup->process->env; *variable; variable++)
        string_list_add(environment, *variable);
    add_home(environment, request->setup->process->user.uid);
    add_listen_variables(environment, request->listen_fds);
    if (request->notify_socket)
        string_list_add(environment, "NOTIFY_SOCKET=/run/notify/notify.sock");
}

/*
 * Programs that open /dev/stdout again (many do, to log there) need to own what is behind it.
 * Pipes, sockets and the container's own terminal are given to the user; a file or a terminal of
 * the host stays whose it is. What cannot be given (an id that is not mapped, a pipe of somebody
 * else's) is left.
 */
static void own_standard_streams(const struct spec_process *process)
{
    struct stat status;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &status) < 0 || status.st_uid == process->user.uid)
            continue;
        bool is_ours = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
                       (process->terminal && S_ISCHR(status.st_mode));
        if (is_ours && fchown(fd, process->user.uid, (gid_t)-1) < 0)
            continue;
    }
}

int execute_confine(struct execute_request *request, struct error *error)
{
    const struct process_setup *setup = request->setup;
    own_standard_streams(setup->process);
    if (process_drop_privileges(setup, error) < 0)
        return -1;
    make_environment(request); /* not earlier: it opens a file of the container's */
    request->path = process_find_executable(setup->process, error);
    if (!request->path)
        return -1;
    reset_signals();
    if (close_other_fds(request->preserve_fds, error) < 0)
        return -1;
    return process_confine(setup, error);
}

void execute_give_up(void)
{
    close_range(STDERR_FILENO + 1, ~0U, 0);
    _exit(EXIT_FAILURE);
}

int execute_program(const struct execute_request *request, struct error *error)
{
    execve(request->path, (char *const *)request->setup->process->args, request->environment.items);
    return process_exec_failed(request->path, errno, error);
}
