// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/process.h"
#include "base/string.h"
#include "container/gate.h"
#include "container/sync.h"

struct directory {
    char path[32];
    int fd;
};

static int make_directory(void **state)
{
    struct directory *directory = allocate(1, sizeof(*directory));
    strcpy(directory->path, "/tmp/test-gate-XXXXXX");
    if (!mkdtemp(directory->path))
        return -1;
    directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = directory;
    return directory->fd < 0;
}

static int remove_directory(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    remove_tree_at(AT_FDCWD, directory->path, &error);
    close(directory->fd);
    free(directory);
    return 0;
}

/* A child that waits at the gate and then does `act` with the connection. */
static pid_t waiting_child(int listen_fd, void (*act)(int connection))
{
    pid_t pid = fork();
    if (pid)
        return pid;
    AUTO_ERROR struct error error = { 0 };
    int connection = gate_wait(listen_fd, &error);
    if (connection < 0)
        _exit(42);
    act(connection);
    _exit(0);
}

static void execute_true(int connection)
{
    (void)connection; /* close-on-exec: the exec itself is the answer */
    execl("/bin/true", "true", (char *)NULL);
}

static void report_failure(int connection)
{
    AUTO_ERROR struct error why = { 0 };
    error_set(&why, ENOENT, "exec /nowhere");
    sync_send_failure(connection, &why);
}

static int exit_status(pid_t pid)
{
    int wait_status;
    assert_true(process_wait(pid, &wait_status) >= 0);
    return process_exit_status(wait_status);
}

static void opening_returns_when_the_program_was_executed(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int listen_fd = gate_make(directory->fd, &error);
    assert_true(listen_fd >= 0);
    assert_true(gate_is_closed(directory->fd));
    pid_t pid = waiting_child(listen_fd, execute_true);
    assert_int_equal(gate_open(directory->fd, &error), 0);
    assert_false(gate_is_closed(directory->fd));
    assert_int_equal(exit_status(pid), 0);
}

static void the_one_who_opens_gets_the_error_of_the_exec(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int listen_fd = gate_make(directory->fd, &error);
    pid_t pid = waiting_child(listen_fd, report_failure);
    assert_int_equal(gate_open(directory->fd, &error), -1);
    assert_string_equal(error.message, "exec /nowhere: No such file or directory");
    assert_int_equal(error.code, ENOENT);
    exit_status(pid);
}

static void a_gate_opens_once(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int listen_fd = gate_make(directory->fd, &error);
    pid_t pid = waiting_child(listen_fd, execute_true);
    assert_int_equal(gate_open(directory->fd, &error), 0);
    assert_int_equal(gate_open(directory->fd, &error), -1);
    assert_int_equal(error.code, ENOENT);
    exit_status(pid);
}

static void a_caller_who_dies_before_its_go_ends_the_one_who_waits(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int listen_fd = gate_make(directory->fd, &error);
    pid_t pid = waiting_child(listen_fd, execute_true);
    /* What gate_open() does, up to the moment at which it is killed. */
    pid_t caller = fork();
    if (caller == 0) {
        AUTO_FREE char *path = string_format("/proc/self/fd/%d/gate", directory->fd);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        _exit(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0);
    }
    assert_int_equal(exit_status(caller), 0);
    assert_int_equal(exit_status(pid), 42);
}

/* Connect as gate_open() does, and nothing more. */
static int come_to_gate(const struct directory *directory)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/gate", directory->fd);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The first in the queue is the one who finds the gate removed by the second. */
static void of_two_callers_the_one_who_removes_the_gate_opens_it(void **state)
{
    struct directory *directory = *state;
    AUTO_ERROR struct error error = { 0 };
    AUTO_CLOSE int listen_fd = gate_make(directory->fd, &error);
    pid_t pid = waiting_child(listen_fd, execute_true);
    int first = come_to_gate(directory), second = come_to_gate(directory);
    close(first);
    assert_int_equal(sync_send(second, SYNC_GO, 0, &error), 0);
    assert_int_equal(sync_expect_end(second, &error), 0);
    close(second);
    assert_int_equal(exit_status(pid), 0);
}

static void a_failure_longer_than_a_message_is_cut_not_lost(void **state)
{
    (void)state;
    int pair[2];
    AUTO_ERROR struct error error = { 0 }, received = { 0 };
    assert_int_equal(sync_pair(pair, &error), 0);
    AUTO_FREE char *text = allocate(10000, 1);
    memset(text, 'x', 9999);
    error_set(&error, 0, "%s", text);
    sync_send_failure(pair[0], &error);
    assert_int_equal(sync_expect(pair[1], SYNC_GO, NULL, &received), -1);
    assert_true(strlen(received.message) > 1000 && strlen(received.message) < 9999);
    close(pair[0]);
    close(pair[1]);
}

static void the_end_of_the_other_side_is_an_error_where_a_message_is_due(void **state)
{
    (void)state;
    int pair[2];
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(sync_pair(pair, &error), 0);
    close(pair[0]);
    assert_int_equal(sync_expect(pair[1], SYNC_WAITING, NULL, &error), -1);
    assert_int_equal(error.code, EPIPE);
    close(pair[1]);
}

#define TEST_IN_DIRECTORY(test)                                                                    \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_DIRECTORY(opening_returns_when_the_program_was_executed),
        TEST_IN_DIRECTORY(the_one_who_opens_gets_the_error_of_the_exec),
        TEST_IN_DIRECTORY(a_gate_opens_once),
        TEST_IN_DIRECTORY(a_caller_who_dies_before_its_go_ends_the_one_who_waits),
        TEST_IN_DIRECTORY(of_two_callers_the_one_who_removes_the_gate_opens_it),
        cmocka_unit_test(a_failure_longer_than_a_message_is_cut_not_lost),
        cmocka_unit_test(the_end_of_the_other_side_is_an_error_where_a_message_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
