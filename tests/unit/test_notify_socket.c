// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/socket.h"
#include "base/string.h"
#include "container/notify_socket.h"

struct scene {
    char directory[64];
    char host_path[96], container_path[96];
    int host, container; /* bound sockets: the manager's, ours */
    pid_t pid;           /* plays the container's process */
    int pidfd;
};

static int bind_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int set_up(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct scene *scene = allocate(1, sizeof(*scene));
    strcpy(scene->directory, "/tmp/test_notify.XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    snprintf(scene->host_path, sizeof(scene->host_path), "%s/host", scene->directory);
    snprintf(scene->container_path, sizeof(scene->container_path), "%s/notify/notify.sock",
             scene->directory);
    scene->host = bind_socket(scene->host_path);
    scene->container = notify_socket_make(scene->directory, &error);
    assert_true(scene->container >= 0);
    scene->pid = fork();
    if (scene->pid == 0)
        for (;;)
            pause();
    scene->pidfd = pidfd_open(scene->pid, 0);
    alarm(30);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct scene *scene = *state;
    alarm(0);
    kill(scene->pid, SIGKILL);
    waitpid(scene->pid, NULL, 0);
    close(scene->pidfd);
    close(scene->host);
    close(scene->container);
    int result = remove_tree_at(AT_FDCWD, scene->directory, &error);
    free(scene);
    return result;
}

static void say(const struct scene *scene, const char *text, int fd)
{
    AUTO_ERROR struct error error = { 0 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, scene->container_path);
    AUTO_CLOSE int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(sender, (struct sockaddr *)&address, sizeof(address)), 0);
    if (socket_send_fds(sender, text, strlen(text), &fd, fd >= 0, &error) < 0)
        fail_msg("%s", error.message);
}

static char *heard(const struct scene *scene)
{
    char text[4096] = { 0 };
    ssize_t length = recv(scene->host, text, sizeof(text) - 1, MSG_DONTWAIT);
    return string_copy(length < 0 ? "nothing" : text);
}

static int relay(const struct scene *scene)
{
    AUTO_ERROR struct error error = { 0 };
    int result =
        notify_socket_relay(scene->container, scene->host_path, scene->pid, scene->pidfd, &error);
    if (result < 0)
        print_error("%s\n", error.message);
    return result;
}

static void ready_is_passed_on_with_the_pid_that_the_host_knows(void **state)
{
    struct scene *scene = *state;
    say(scene, "STATUS=starting\n", -1);
    say(scene, "READY=1\nMAINPID=1", -1);
    assert_int_equal(relay(scene), 0);
    AUTO_FREE char *first = heard(scene), *second = heard(scene);
    AUTO_FREE char *expected = string_format("READY=1\nMAINPID=%d\n", scene->pid);
    assert_string_equal(first, "STATUS=starting\n");
    assert_string_equal(second, expected);
}

static void a_container_names_no_process_and_stores_no_descriptor_with_the_host(void **state)
{
    struct scene *scene = *state;
    say(scene, "MAINPID=1", -1);
    say(scene, "FDSTORE=1\nFDNAME=x", -1);
    say(scene, "NOTREADY=1\nXREADY=1\nREADY=12", -1);
    say(scene, "READY=1", -1);
    assert_int_equal(relay(scene), 0);
    AUTO_FREE char *first = heard(scene), *second = heard(scene), *third = heard(scene);
    assert_string_equal(first, "NOTREADY=1\nXREADY=1\nREADY=12\n");
    assert_true(string_starts_with(second, "READY=1\nMAINPID="));
    assert_string_equal(third, "nothing");
}

static void a_barrier_is_answered_by_closing_its_descriptor(void **state)
{
    struct scene *scene = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    say(scene, "BARRIER=1", ends[1]);
    close(ends[1]);
    say(scene, "READY=1", -1);
    struct pollfd event = { .fd = ends[0], .events = POLLIN };
    assert_int_equal(poll(&event, 1, 0), 0);
    assert_int_equal(relay(scene), 0);
    assert_int_equal(poll(&event, 1, 0), 1);
    assert_true(event.revents & POLLHUP);
    close(ends[0]);
}

static void the_relay_ends_with_the_process(void **state)
{
    struct scene *scene = *state;
    say(scene, "STATUS=last words", -1);
    kill(scene->pid, SIGKILL);
    assert_int_equal(relay(scene), 0);
    AUTO_FREE char *text = heard(scene);
    assert_string_equal(text, "STATUS=last words\n");
}

static void any_user_of_the_container_may_write_to_it(void **state)
{
    struct scene *scene = *state;
    struct stat status;
    AUTO_FREE char *directory = string_format("%s/notify", scene->directory);
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0777);
    assert_int_equal(stat(scene->container_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0777);
}

static void an_address_that_is_none_is_an_error(void **state)
{
    struct scene *scene = *state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(notify_socket_relay(scene->container, "relative", 1, scene->pidfd, &error),
                     -1);
    assert_string_equal(error.message,
                        "NOTIFY_SOCKET: \"relative\" is not the address of a socket");
    assert_int_equal(notify_socket_relay(scene->container, "/no/such", 1, scene->pidfd, &error),
                     -1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(ready_is_passed_on_with_the_pid_that_the_host_knows),
        test(a_container_names_no_process_and_stores_no_descriptor_with_the_host),
        test(a_barrier_is_answered_by_closing_its_descriptor),
        test(the_relay_ends_with_the_process),
        test(any_user_of_the_container_may_write_to_it),
        test(an_address_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
