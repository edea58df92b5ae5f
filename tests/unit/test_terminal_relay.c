// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "base/socket.h"
#include "base/string.h"
#include "base/system_call.h"
#include "instance/signal_delivery.h"
#include "instance/terminal_relay.h"

enum { MOST_OUTPUT = 1 << 20 };

/* A process on a terminal of its own, as the container's side makes it. */
struct guest {
    int master_fd, pidfd;
    pid_t pid;
};

static void become_guest(const char *slave_name, const char *command)
{
    setsid();
    int slave = open(slave_name, O_RDWR);
    ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd <= 2; fd++)
        dup2(slave, fd);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static struct guest start_guest(const char *command)
{
    struct guest guest = { .master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) };
    grantpt(guest.master_fd);
    unlockpt(guest.master_fd);
    char name[64];
    assert_int_equal(ptsname_r(guest.master_fd, name, sizeof(name)), 0);
    guest.pid = fork();
    if (guest.pid == 0)
        become_guest(name, command);
    guest.pidfd = (int)syscall(SYS_pidfd_open, guest.pid, 0);
    assert_true(guest.pidfd >= 0);
    return guest;
}

static int end_guest(struct guest *guest)
{
    int status;
    assert_int_equal(waitpid(guest->pid, &status, 0), guest->pid);
    close(guest->master_fd);
    close(guest->pidfd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The relay in a process of its own, whose standard streams are pipes or files. */
static pid_t start_relay(const struct guest *guest, int input_fd, int output_fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    dup2(input_fd, STDIN_FILENO);
    dup2(output_fd, STDOUT_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) /* the test's ends of the pipes among them */
        if (fd != guest->master_fd && fd != guest->pidfd)
            close(fd);
    AUTO_ERROR struct error error = { 0 };
    _exit(terminal_relay_run(guest->master_fd, guest->pidfd, &error) == 0 ? 0 : 1);
}

static char *relayed_output(const char *command, const char *input, int *status)
{
    struct guest guest = start_guest(command);
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(write_all(in[1], input, strlen(input)), 0);
    pid_t relay = start_relay(&guest, in[0], out[1]);
    close(in[1]);
    close(in[0]);
    close(out[1]);
    AUTO_ERROR struct error error = { 0 };
    char *text = read_fd(out[0], "relay", MOST_OUTPUT, NULL, &error);
    close(out[0]);
    int relay_status;
    waitpid(relay, &relay_status, 0);
    assert_int_equal(relay_status, 0);
    *status = end_guest(&guest);
    return text;
}

static void all_that_was_written_before_the_end_comes_out(void **state)
{
    (void)state;
    int status;
    AUTO_FREE char *text = relayed_output("stty -opost; seq 1 20000; exit 7", "", &status);
    assert_int_equal(status, 7);
    assert_non_null(text);
    assert_true(string_starts_with(text, "1\n2\n"));
    assert_true(string_ends_with(text, "\n19999\n20000\n"));
}

static void the_end_of_a_piped_input_is_the_end_for_the_reader(void **state)
{
    (void)state;
    int status;
    AUTO_FREE char *text = relayed_output("stty -echo -opost; cat; echo end", "hello\n", &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "hello\n"));
    assert_true(string_ends_with(text, "end\n"));
}

static void a_process_may_close_its_terminal_and_open_it_again(void **state)
{
    (void)state;
    int status;
    AUTO_FREE char *text = relayed_output(
        "t=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.1; echo back >$t", "", &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "back"));
}

static void a_signal_reaches_the_process(void **state)
{
    (void)state;
    struct guest guest =
        start_guest("trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done");
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t relay = start_relay(&guest, null_fd, out[1]);
    char ready[5];
    assert_int_equal(read_all(out[0], ready, sizeof(ready)), sizeof(ready));
    kill(relay, SIGTERM);
    int relay_status;
    waitpid(relay, &relay_status, 0);
    assert_int_equal(relay_status, 0);
    assert_int_equal(end_guest(&guest), 42);
    close(out[0]);
    close(out[1]);
}

static void our_terminal_is_as_it_was_afterwards(void **state)
{
    (void)state;
    AUTO_CLOSE int our_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    unlockpt(our_master);
    char name[64];
    assert_int_equal(ptsname_r(our_master, name, sizeof(name)), 0);
    AUTO_CLOSE int our_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios before, after;
    assert_int_equal(tcgetattr(our_slave, &before), 0);
    struct winsize size = { .ws_row = 33, .ws_col = 77 };
    ioctl(our_slave, TIOCSWINSZ, &size);
    struct guest guest = start_guest("sleep 0.2; stty size; read line; echo got-$line");
    pid_t relay = start_relay(&guest, our_slave, our_slave);
    assert_int_equal(write_all(our_master, "word\r", 5), 0);
    int relay_status;
    waitpid(relay, &relay_status, 0);
    assert_int_equal(relay_status, 0);
    assert_int_equal(end_guest(&guest), 0);
    assert_int_equal(tcgetattr(our_slave, &after), 0);
    assert_int_equal(before.c_iflag, after.c_iflag);
    assert_int_equal(before.c_oflag, after.c_oflag);
    assert_int_equal(before.c_lflag, after.c_lflag);
    char output[512] = "";
    assert_true(read(our_master, output, sizeof(output) - 1) > 0);
    assert_non_null(strstr(output, "33 77"));
    assert_non_null(strstr(output, "got-word"));
}

static void the_master_comes_over_the_socket(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int container_end = -1, our_end = -1;
    assert_int_equal(terminal_socket_pair(&container_end, &our_end, &error), 0);
    AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(socket_send_fds(container_end, "/dev/ptmx", 9, &master, 1, &error), 0);
    AUTO_CLOSE int received = terminal_receive(our_end, &error);
    assert_true(received >= 0);
    assert_true(isatty(received));
    close(take_fd(&container_end));
    assert_int_equal(terminal_receive(our_end, &error), -1);
}

/* The first process of a pid namespace that sleeps, as `run debian -- sleep 60` makes it. */
static pid_t first_process(void (*prepare)(void))
{
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    struct clone_args arguments = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
    pid_t pid = sys_clone3(&arguments);
    if (pid == 0) {
        prepare();
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    char byte;
    if (pid > 0)
        (void)!read(ready[0], &byte, 1);
    close(ready[0]);
    return pid;
}

static void on_signal(int number)
{
    _exit(number == SIGTERM ? 42 : 1);
}

static void catch_term(void)
{
    signal(SIGTERM, on_signal);
}

static void leave_term(void)
{
}

static int status_after_term(void (*prepare)(void), bool *lost)
{
    pid_t pid = first_process(prepare);
    if (pid < 0 && errno == EPERM)
        return -1;
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    AUTO_ERROR struct error error = { 0 };
    *lost = signal_would_be_lost(pidfd, SIGTERM);
    assert_int_equal(signal_deliver(pidfd, SIGTERM, &error), 0);
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void a_signal_that_the_kernel_would_drop_kills(void **state)
{
    (void)state;
    bool lost = false;
    int status = status_after_term(leave_term, &lost);
    if (status < 0) {
        print_message("not permitted to make a pid namespace\n");
        skip();
    }
    assert_true(lost);
    assert_int_equal(status, 128 + SIGKILL);
}

static void a_signal_that_is_handled_is_sent_as_it_is(void **state)
{
    (void)state;
    bool lost = true;
    int status = status_after_term(catch_term, &lost);
    if (status < 0) {
        print_message("not permitted to make a pid namespace\n");
        skip();
    }
    assert_false(lost);
    assert_int_equal(status, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_written_before_the_end_comes_out),
        cmocka_unit_test(the_end_of_a_piped_input_is_the_end_for_the_reader),
        cmocka_unit_test(a_process_may_close_its_terminal_and_open_it_again),
        cmocka_unit_test(a_signal_reaches_the_process),
        cmocka_unit_test(our_terminal_is_as_it_was_afterwards),
        cmocka_unit_test(the_master_comes_over_the_socket),
        cmocka_unit_test(a_signal_that_the_kernel_would_drop_kills),
        cmocka_unit_test(a_signal_that_is_handled_is_sent_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
