// SPDX-License-Identifier: Apache-2.0
/*
 * One poll loop over five descriptors: standard input and output, the terminal's master, a
 * signalfd, and the process's pidfd. Each direction has one small buffer and reads only when it is
 * empty, so a slow reader slows the process down and signals go through all the same.
 *
 * We keep the slave end open ourselves (TIOCGPTPEER): a process that closes its terminal and opens
 * it again, as an init does with its console, must not look like the end. The end is the pidfd;
 * after it, what is still in the terminal is read until nothing is left (a read that returns EAGAIN
 * has flushed the kernel's buffers first, drivers/tty/n_tty.c).
 */
#include "instance/terminal_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/socket.h"
#include "instance/signal_delivery.h"

/* One direction. */
struct pump {
    int from, to;
    size_t start, end; /* buffer[start .. end) is still to be written */
    bool ended;        /* nothing more will be read */
    char buffer[4096]; /* at most PIPE_BUF: poll's POLLOUT then means that write will not block */
};

struct relay {
    int master_fd, peer_fd, pidfd, signal_fd;
    struct pump input, output;
    bool exited, done, raw;
    size_t left_after_exit; /* bytes still taken: what others in the terminal write is not ours */
    struct termios saved;
};

/* More than the kernel holds for one terminal (TTYB_DEFAULT_MEM_LIMIT and N_TTY_BUF_SIZE). */
enum { MOST_LEFT_AFTER_EXIT = 128 * 1024 };

/* Signals that are about ourselves: faults, our children, and job control of our own terminal. */
static const int kept_signals[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                    SIGSYS,  SIGTRAP, SIGABRT, SIGTSTP, SIGTTIN, SIGTTOU };

static void relayed_signals(sigset_t *set)
{
    sigfillset(set);
    for (size_t i = 0; i < ARRAY_LENGTH(kept_signals); i++)
        sigdelset(set, kept_signals[i]);
}

void terminal_relay_hold_signals(sigset_t *previous)
{
    sigset_t set;
    relayed_signals(&set);
    sigprocmask(SIG_BLOCK, &set, previous);
}

int terminal_socket_pair(int *container_end, int *our_end, struct error *error)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_set(error, errno, "make a socket pair for the terminal");
    *container_end = sockets[0];
    *our_end = sockets[1];
    return 0;
}

static void copy_size(int master_fd)
{
    struct winsize size;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
            ioctl(master_fd, TIOCSWINSZ, &size);
            return;
        }
}

int terminal_receive(int socket_fd, struct error *error)
{
    char name[256];
    int master_fd = -1;
    size_t count = 1;
    ssize_t length = socket_receive_fds(socket_fd, name, sizeof(name), &master_fd, &count, error);
    if (length < 0)
        return error_wrap(error, "receive the terminal");
    if (count != 1)
        return error_set(error, 0, "receive the terminal: the other side is gone");
    copy_size(master_fd);
    return master_fd;
}

static void make_raw(struct relay *relay)
{
    struct termios raw = relay->saved;
    cfmakeraw(&raw);
    if (relay->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void relay_cleanup(struct relay *relay)
{
    if (relay->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->saved);
    cleanup_close(&relay->peer_fd);
    cleanup_close(&relay->signal_fd);
}

static void unblock(sigset_t *previous)
{
    sigprocmask(SIG_SETMASK, previous, NULL);
}

/* /dev/null and its like are what stands there when no input was asked for: not relayed. */
static bool input_is_wanted(void)
{
    struct stat status;
    return fstat(STDIN_FILENO, &status) == 0 && (isatty(STDIN_FILENO) || !S_ISCHR(status.st_mode));
}

static int set_up(struct relay *relay, struct error *error)
{
    sigset_t set;
    relayed_signals(&set);
    relay->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (relay->signal_fd < 0)
        return error_set(error, errno, "make a signal descriptor");
    if (relay->master_fd < 0)
        return 0;
    if (fcntl(relay->master_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return error_set(error, errno, "set up the terminal");
    relay->peer_fd = ioctl(relay->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    copy_size(relay->master_fd);
    relay->raw = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &relay->saved) == 0;
    make_raw(relay);
    return 0;
}

/* At the end of a file or pipe, the terminal's reader gets what Ctrl-D would give it. */
static void end_input(struct relay *relay)
{
    struct termios settings;
    struct pump *input = &relay->input;
    input->ended = true;
    if (!isatty(STDIN_FILENO) && tcgetattr(relay->master_fd, &settings) == 0)
        input->buffer[input->end++] = (char)settings.c_cc[VEOF];
}

static bool pump_is_empty(const struct pump *pump)
{
    return pump->start == pump->end;
}

static void fill_input(struct relay *relay)
{
    struct pump *input = &relay->input;
    input->start = input->end = 0;
    ssize_t count = read(input->from, input->buffer, sizeof(input->buffer));
    if (count > 0)
        input->end = (size_t)count;
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
        end_input(relay);
}

static void fill_output(struct relay *relay)
{
    struct pump *output = &relay->output;
    output->start = output->end = 0;
    ssize_t count = read(output->from, output->buffer, sizeof(output->buffer));
    if (count > 0 && output->to >= 0)
        output->end = (size_t)count;
    if (count > 0 && relay->exited) {
        output->ended = (size_t)count > relay->left_after_exit;
        relay->left_after_exit -= output->ended ? 0 : (size_t)count;
        return;
    }
    bool nothing_yet = count < 0 && (errno == EINTR || errno == EAGAIN);
    if (count <= 0 && (relay->exited || !nothing_yet))
        output->ended = true;
}

/* False when the other side cannot be written to any more; what was left is dropped then. */
static bool drain(struct pump *pump)
{
    ssize_t count = write(pump->to, pump->buffer + pump->start, pump->end - pump->start);
    if (count >= 0)
        pump->start += (size_t)count;
    else if (errno != EINTR && errno != EAGAIN)
        pump->start = pump->end = 0;
    return count >= 0 || errno == EINTR || errno == EAGAIN;
}

/*
 * Our output is gone: the process learns it as from a terminal that hangs up. One that goes on
 * writing all the same must not block, so what it writes is read and dropped.
 */
static int hang_up(struct relay *relay, struct error *error)
{
    relay->output.to = -1;
    return relay->exited ? 0 : signal_deliver(relay->pidfd, SIGHUP, error);
}

static int take_signal(struct relay *relay, struct error *error)
{
    struct signalfd_siginfo info;
    if (read(relay->signal_fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    int number = (int)info.ssi_signo;
    if (number == SIGPIPE) /* write() has told already */
        return 0;
    if (number == SIGCONT) /* who stopped us may have set our terminal back */
        make_raw(relay);
    if (number == SIGWINCH || number == SIGCONT) {
        if (relay->master_fd >= 0)
            copy_size(relay->master_fd);
        return 0;
    }
    if (!relay->exited)
        return signal_deliver(relay->pidfd, number, error);
    relay->output.ended = true; /* nobody reads what is left, and somebody wants us to go */
    return 0;
}

enum { AT_INPUT, AT_OUTPUT, AT_MASTER, AT_SIGNALS, AT_PROCESS, POLLED };

/* A descriptor of which nothing is wanted is left out: its hang-up would wake us for ever. */
static struct pollfd polled(int fd, int events)
{
    return (struct pollfd){ .fd = events ? fd : -1, .events = (short)events };
}

static void choose(const struct relay *relay, struct pollfd *polls)
{
    const struct pump *input = &relay->input, *output = &relay->output;
    bool read_input = !input->ended && pump_is_empty(input) && !relay->exited;
    bool write_master = !pump_is_empty(input) && !relay->exited;
    bool read_master = !output->ended && pump_is_empty(output);
    polls[AT_INPUT] = polled(input->from, read_input ? POLLIN : 0);
    polls[AT_OUTPUT] = polled(output->to, pump_is_empty(output) ? 0 : POLLOUT);
    polls[AT_MASTER] = polled(relay->master_fd, (read_master && !relay->exited ? POLLIN : 0) |
                                                    (write_master ? POLLOUT : 0));
    polls[AT_SIGNALS] = polled(relay->signal_fd, POLLIN);
    polls[AT_PROCESS] = polled(relay->pidfd, relay->exited ? 0 : POLLIN);
}

static int move_data(struct relay *relay, const struct pollfd *polls, struct error *error)
{
    if (polls[AT_INPUT].revents)
        fill_input(relay);
    if (polls[AT_MASTER].revents && !pump_is_empty(&relay->input))
        drain(&relay->input);
    if (polls[AT_OUTPUT].revents && !drain(&relay->output))
        return hang_up(relay, error);
    bool readable = relay->exited || (polls[AT_MASTER].revents & ~POLLOUT);
    if (readable && !relay->output.ended && pump_is_empty(&relay->output))
        fill_output(relay);
    return 0;
}

static int step(struct relay *relay, struct error *error)
{
    struct pollfd polls[POLLED];
    choose(relay, polls);
    if (poll(polls, POLLED, relay->exited && pump_is_empty(&relay->output) ? 0 : -1) < 0)
        return errno == EINTR ? 0 : error_set(error, errno, "wait for the process");
    if (polls[AT_SIGNALS].revents && take_signal(relay, error) < 0)
        return -1;
    if (polls[AT_PROCESS].revents)
        relay->exited = true;
    if (move_data(relay, polls, error) < 0)
        return -1;
    relay->done = relay->exited && relay->output.ended && pump_is_empty(&relay->output);
    return 0;
}

int terminal_relay_run(int master_fd, int process_pidfd, struct error *error)
{
    __attribute__((cleanup(unblock))) sigset_t previous;
    terminal_relay_hold_signals(&previous);
    __attribute__((cleanup(relay_cleanup))) struct relay relay = {
        .master_fd = master_fd,
        .peer_fd = -1,
        .signal_fd = -1,
        .pidfd = process_pidfd,
        .left_after_exit = MOST_LEFT_AFTER_EXIT,
        .input = { .from = STDIN_FILENO, .to = master_fd },
        .output = { .from = master_fd, .to = STDOUT_FILENO },
    };
    relay.input.ended = master_fd < 0 || !input_is_wanted();
    relay.output.ended = master_fd < 0;
    if (set_up(&relay, error) < 0)
        return -1;
    while (!relay.done)
        if (step(&relay, error) < 0)
            return -1;
    return 0;
}
