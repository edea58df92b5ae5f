// SPDX-License-Identifier: Apache-2.0
/* Streams between programs of the host and ports of a guest, over real Unix sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/vsock.h"

struct fixture {
    pthread_mutex_t lock;
    struct event_loop loop;
    char directory[40], path[80];
    struct platform_vsock *vsock;
    /* What the guest's device saw. */
    struct platform_stream *asked;
    uint32_t port;
    bool refuse;
    size_t room;
    char received[256];
    unsigned ends, resets;
};

static bool guest_accepts(void *context, struct platform_stream *stream, uint32_t port)
{
    struct fixture *f = context;
    f->asked = stream;
    f->port = port;
    return !f->refuse;
}

static size_t guest_room(void *context)
{
    return ((struct fixture *)context)->room;
}

static void guest_receives(void *context, const uint8_t *bytes, size_t length)
{
    struct fixture *f = context;
    strncat(f->received, (const char *)bytes, length);
}

static void guest_writable(void *context)
{
    (void)context;
}

static void guest_ended(void *context, bool reset)
{
    struct fixture *f = context;
    f->ends += !reset;
    f->resets += reset;
}

static struct platform_stream_receiver receiver(struct fixture *f)
{
    return (struct platform_stream_receiver){ guest_room, guest_receives, guest_writable,
                                              guest_ended, f };
}

static int stop_soon(void *context)
{
    event_loop_stop(context);
    return 20;
}

/* Let the loop do what there is to do. */
static void turn(struct fixture *f)
{
    struct event_hook hook = { .before_wait = stop_soon, .context = &f->loop };
    for (unsigned i = 0; i < 4; i++) {
        pthread_mutex_lock(&f->lock);
        event_loop_add_hook(&f->loop, &hook);
        pthread_mutex_unlock(&f->lock);
        event_loop_run(&f->loop);
        pthread_mutex_lock(&f->lock);
        event_loop_remove_hook(&f->loop, &hook);
        pthread_mutex_unlock(&f->lock);
        atomic_store(&f->loop.stopping, false);
    }
}

static int setup(void **state)
{
    struct error error = { 0 };
    struct fixture *f = calloc(1, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->room = 100;
    strcpy(f->directory, "/tmp/openvirt-vsock-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/guest", f->directory);
    assert_int_equal(event_loop_open(&f->loop, &f->lock, &error), 0);
    f->vsock = vsock_open(&f->loop, f->path, &error);
    assert_non_null(f->vsock);
    platform_vsock_set_listener(f->vsock, (struct platform_vsock_listener){ guest_accepts, f });
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vsock_close(f->vsock);
    event_loop_close(&f->loop);
    int result = rmdir(f->directory); /* the socket is gone, too */
    free(f);
    return result;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int ask(struct fixture *f, const char *text)
{
    int fd = connect_to(f->path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    turn(f);
    return fd;
}

static void only_its_owner_reaches_the_socket(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_program_of_the_host_talks_to_a_port_of_the_guest(void **state)
{
    struct fixture *f = *state;
    char text[64] = "";
    int fd = ask(f, "CONNECT 22\nhello");
    assert_int_equal(f->port, 22);
    platform_stream_accept(f->asked, receiver(f));
    turn(f);
    assert_true(read(fd, text, sizeof(text)) > 0);
    assert_memory_equal(text, "OK ", 3);
    assert_string_equal(f->received, "hello"); /* what came with the line is not lost */
    assert_int_equal(platform_stream_write(f->asked, (const uint8_t *)"hi", 2), 2);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    close(fd);
    turn(f);
    assert_int_equal(f->ends, 1);
    platform_stream_close(f->asked);
}

static void nonsense_is_hung_up_on(void **state)
{
    static const char *const lines[] = { "HELLO\n",
                                         "CONNECT\n",
                                         "CONNECT x\n",
                                         "CONNECT -1\n",
                                         "CONNECT 4294967296\n",
                                         "CONNECT 1                      1" };
    struct fixture *f = *state;
    char byte;
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int fd = ask(f, lines[i]);
        assert_true(read(fd, &byte, 1) <= 0);
        assert_null(f->asked);
        close(fd);
    }
}

static void a_port_that_the_guest_refuses_is_hung_up(void **state)
{
    struct fixture *f = *state;
    char byte;
    f->refuse = true;
    int fd = ask(f, "CONNECT 22\n");
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
}

static void bytes_wait_while_the_guest_has_no_room(void **state)
{
    struct fixture *f = *state;
    int fd = ask(f, "CONNECT 22\n");
    f->room = 0;
    platform_stream_accept(f->asked, receiver(f));
    assert_int_equal(write(fd, "later", 5), 5);
    turn(f);
    assert_string_equal(f->received, "");
    f->room = 3;
    platform_stream_ready(f->asked);
    turn(f);
    assert_string_equal(f->received, "later");
    close(fd);
    platform_stream_close(f->asked);
}

static void the_guest_reaches_who_listens_beside_the_path(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char text[8] = "";
    assert_null(platform_vsock_connect(f->vsock, 80, receiver(f)));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s_80", f->path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    struct platform_stream *stream = platform_vsock_connect(f->vsock, 80, receiver(f));
    assert_non_null(stream);
    int fd = accept(listener, NULL, NULL);
    assert_int_equal(platform_stream_write(stream, (const uint8_t *)"GET", 3), 3);
    platform_stream_finish(stream);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_int_equal(read(fd, text, sizeof(text)), 0);
    platform_stream_close(stream);
    close(fd);
    close(listener);
    unlink(address.sun_path);
}

int main(void)
{
#define VSOCK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        VSOCK_TEST(only_its_owner_reaches_the_socket),
        VSOCK_TEST(a_program_of_the_host_talks_to_a_port_of_the_guest),
        VSOCK_TEST(nonsense_is_hung_up_on),
        VSOCK_TEST(a_port_that_the_guest_refuses_is_hung_up),
        VSOCK_TEST(bytes_wait_while_the_guest_has_no_room),
        VSOCK_TEST(the_guest_reaches_who_listens_beside_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
