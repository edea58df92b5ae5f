// SPDX-License-Identifier: Apache-2.0
/*
 * How it comes to be: monitor_start() makes the pipes and forks. The child starts a session, puts
 * the pipes in place of its standard streams, where the instance's first process inherits them, and
 * runs the instance as its own child. What came of it goes back over a report pipe. Then it waits
 * for what comes first: output, signals, the end.
 */
#include "instance/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/process.h"
#include "instance/log_file.h"
#include "instance/signal_delivery.h"
#include "instance/terminal_relay.h"

enum { MOST_REPORT_BYTES = 1 << 20, MOST_LEFT_AFTER_EXIT = 4 << 20 };

struct monitor {
    struct host host; /* a copy whose log goes to the caller's standard error until the start */
    const struct instance_create_request *request;
    struct storage *storage;
    const struct storage_record *record;
    struct storage_run run;
    int output_fds[LOG_STREAM_COUNT]; /* what the instance writes, by stream; -1: ended */
    int peer_fd;                      /* slave of its terminal: kept open, see terminal_relay.c */
    int signal_fd, pidfd, oom_fd;
    pid_t pid;
    struct cgroup *cgroup; /* of the instance */
    struct log_file log;
};

/* errno, then the message; 0 and none after a success. Who reads it may be gone. */
static void report(int report_fd, const struct error *error)
{
    const char *message = error->message ? error->message : "";
    if (write_all(report_fd, &error->code, sizeof(error->code)) == 0)
        (void)!write_all(report_fd, message, strlen(message));
    close(report_fd);
}

static int read_report(int report_fd, struct error *error)
{
    size_t length;
    AUTO_FREE char *report =
        read_fd(report_fd, "the monitor's report", MOST_REPORT_BYTES, &length, error);
    if (!report)
        return -1;
    if (length < sizeof(error->code))
        return error_set(error, 0, "the monitor of the instance was killed");
    if (length == sizeof(error->code))
        return 0;
    error_set(error, 0, "%s", report + sizeof(error->code));
    memcpy(&error->code, report, sizeof(error->code));
    return -1;
}

/* Put a pipe in place of one of our standard streams; our end goes to the stream's place. */
static int replace_stream(int standard_fd, int *our_end, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, errno, "make a pipe for the output");
    *our_end = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int result =
        dup2(ends[1], standard_fd) < 0 ? error_set(error, errno, "replace standard output") : 0;
    close(ends[1]);
    return result;
}

static int close_standard_streams(struct error *error)
{
    AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null_fd < 0 || dup2(null_fd, fd) < 0)
            return error_set(error, errno, "open /dev/null");
    return 0;
}

/* Messages go on to the caller's standard error while it waits for us. */
static int keep_caller_log(struct monitor *monitor, struct error *error)
{
    if (monitor->host.log.target != LOG_TARGET_STDERR)
        return 0;
    monitor->host.log.fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return monitor->host.log.fd < 0 ? error_set(error, errno, "keep standard error") : 0;
}

static void let_caller_log_go(struct monitor *monitor)
{
    if (monitor->host.log.target != LOG_TARGET_STDERR)
        return;
    close(monitor->host.log.fd);
    monitor->host.log.fd = STDERR_FILENO; /* /dev/null by now */
}

static int set_up(struct monitor *monitor, bool terminal, struct error *error)
{
    if (setsid() < 0 || chdir("/") < 0)
        return error_set(error, errno, "go into the background");
    if (keep_caller_log(monitor, error) < 0 || close_standard_streams(error) < 0)
        return -1;
    if (log_file_open(&monitor->log, monitor->storage->directory_fd, monitor->record->log_size,
                      error) < 0)
        return -1;
    if (!terminal &&
        (replace_stream(STDOUT_FILENO, &monitor->output_fds[LOG_STREAM_STDOUT], error) < 0 ||
         replace_stream(STDERR_FILENO, &monitor->output_fds[LOG_STREAM_STDERR], error) < 0))
        return -1;
    monitor->run =
        (struct storage_run){ .keeper = getpid(), .detached = true, .started = time_text_now() };
    return storage_write_run(monitor->storage, &monitor->run, error);
}

static void take_terminal(struct monitor *monitor, int master_fd)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    if (master_fd < 0)
        return;
    fcntl(master_fd, F_SETFL, O_RDWR | O_NONBLOCK);
    ioctl(master_fd, TIOCSWINSZ, &size);
    monitor->peer_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    monitor->output_fds[LOG_STREAM_STDOUT] = master_fd;
}

/* Everything that is needed to wait for it. It is our child, so its pid is its own till waitpid. */
static int attach(struct monitor *monitor, struct error *error)
{
    struct instance *instance = instance_load(&monitor->host, monitor->request->id, error);
    if (!instance)
        return -1;
    monitor->pid = instance->pid;
    monitor->cgroup = instance->cgroup;
    instance->cgroup = NULL;
    instance_free(instance);
    monitor->pidfd = (int)syscall(SYS_pidfd_open, monitor->pid, 0);
    if (monitor->pidfd < 0)
        return error_set(error, errno, "open a pidfd of the instance");
    sigset_t previous, all;
    terminal_relay_hold_signals(&previous);
    sigfillset(&all);
    monitor->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    AUTO_ERROR struct error no_events = { 0 };
    if (monitor->cgroup)
        monitor->oom_fd = cgroup_open_oom_events(monitor->cgroup, &no_events);
    return 0;
}

static int run_instance(struct monitor *monitor, bool terminal, struct error *error)
{
    int master_fd = -1;
    struct instance_create_request request = *monitor->request;
    request.detach = true;
    request.terminal_master = terminal ? &master_fd : NULL;
    if (set_up(monitor, terminal, error) < 0 || instance_run(&monitor->host, &request, error) < 0)
        return -1;
    take_terminal(monitor, master_fd);
    if (attach(monitor, error) == 0)
        return 0;
    AUTO_ERROR struct error ignored = { 0 };
    instance_delete(&monitor->host, request.id, true, &ignored);
    return -1;
}

static void take_output(struct monitor *monitor, enum log_stream stream)
{
    char buffer[16384];
    int *fd = &monitor->output_fds[stream];
    ssize_t count = read(*fd, buffer, sizeof(buffer));
    if (count > 0)
        log_file_take(&monitor->log, stream, buffer, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
    }
}

/*
 * After the end nobody of the instance writes any more, but who was given the pipe (a process that
 * `exec` started elsewhere) might: what is there is taken, more is not waited for.
 */
static void take_rest(struct monitor *monitor, enum log_stream stream)
{
    struct pollfd poll_fd = { .fd = monitor->output_fds[stream], .events = POLLIN };
    for (size_t taken = 0; taken < MOST_LEFT_AFTER_EXIT; taken += 16384) {
        if (monitor->output_fds[stream] < 0 || poll(&poll_fd, 1, 0) <= 0)
            return;
        take_output(monitor, stream);
    }
}

static void take_signal(struct monitor *monitor)
{
    struct signalfd_siginfo info;
    AUTO_ERROR struct error ignored = { 0 };
    if (read(monitor->signal_fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGPIPE)
        signal_deliver(monitor->pidfd, (int)info.ssi_signo, &ignored);
}

static void take_oom_event(struct monitor *monitor)
{
    uint64_t kills = 0;
    AUTO_ERROR struct error gone = { 0 };
    if (cgroup_read_oom_events(monitor->cgroup, monitor->oom_fd, &kills, &gone) < 0) {
        close(monitor->oom_fd);
        monitor->oom_fd = -1;
    }
    monitor->run.out_of_memory |= kills > 0;
}

enum { AT_STDOUT, AT_STDERR, AT_SIGNALS, AT_OOM, AT_PROCESS, POLLED };

static void wait_for_end(struct monitor *monitor)
{
    for (;;) {
        struct pollfd polls[POLLED] = {
            [AT_STDOUT] = { .fd = monitor->output_fds[LOG_STREAM_STDOUT], .events = POLLIN },
            [AT_STDERR] = { .fd = monitor->output_fds[LOG_STREAM_STDERR], .events = POLLIN },
            [AT_SIGNALS] = { .fd = monitor->signal_fd, .events = POLLIN },
            [AT_OOM] = { .fd = monitor->oom_fd, .events = POLLIN },
            [AT_PROCESS] = { .fd = monitor->pidfd, .events = POLLIN },
        };
        if (poll(polls, POLLED, -1) < 0 && errno != EINTR)
            return;
        if (polls[AT_STDOUT].revents)
            take_output(monitor, LOG_STREAM_STDOUT);
        if (polls[AT_STDERR].revents)
            take_output(monitor, LOG_STREAM_STDERR);
        if (polls[AT_SIGNALS].revents)
            take_signal(monitor);
        if (polls[AT_OOM].revents)
            take_oom_event(monitor);
        if (polls[AT_PROCESS].revents)
            return;
    }
}

/* The run is over: record it, and take away what it needed. */
static void finish(struct monitor *monitor)
{
    int wait_status = 0;
    AUTO_ERROR struct error error = { 0 };
    take_rest(monitor, LOG_STREAM_STDOUT);
    take_rest(monitor, LOG_STREAM_STDERR);
    log_file_flush(&monitor->log);
    process_wait(monitor->pid, &wait_status);
    monitor->run.exit_status = process_exit_status(wait_status);
    monitor->run.finished = time_text_now();
    if (instance_delete(&monitor->host, monitor->request->id, true, &error) < 0)
        log_warning(&monitor->host.log, "%s", error.message);
    error_clear(&error);
    if (monitor->record->remove_when_stopped)
        storage_remove(monitor->storage, &error);
    else
        storage_write_run(monitor->storage, &monitor->run, &error);
}

static _Noreturn void become_monitor(struct monitor *monitor, bool terminal, int report_fd)
{
    AUTO_ERROR struct error error = { 0 };
    if (run_instance(monitor, terminal, &error) < 0) {
        report(report_fd, &error);
        _exit(1);
    }
    /* Not earlier: the instance would inherit them, and without privileges /proc/self is needed. */
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "openvirt-keeper");
    close_standard_streams(&error);
    let_caller_log_go(monitor);
    error_clear(&error);
    report(report_fd, &error);
    wait_for_end(monitor);
    finish(monitor);
    _exit(0);
}

int monitor_start(const struct host *host, const struct instance_create_request *request,
                  struct storage *storage, const struct storage_record *record, bool terminal,
                  struct error *error)
{
    int report[2];
    struct monitor monitor = {
        .host = *host,
        .request = request,
        .storage = storage,
        .record = record,
        .output_fds = { -1, -1 },
        .peer_fd = -1,
        .signal_fd = -1,
        .pidfd = -1,
        .oom_fd = -1,
    };
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set(error, errno, "make a pipe for the monitor");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        become_monitor(&monitor, terminal, report[1]);
    }
    close(report[1]);
    int result =
        pid < 0 ? error_set(error, errno, "start the monitor") : read_report(report[0], error);
    close(report[0]);
    int ignored_status;
    if (pid > 0 && result < 0)
        process_wait(pid, &ignored_status);
    return result;
}
