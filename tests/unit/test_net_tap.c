// SPDX-License-Identifier: Apache-2.0
/* A tap interface in a network namespace of the test's own; skipped where that cannot be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/net.h"

#define NAME "ovtap0"

struct fixture {
    pthread_mutex_t lock;
    struct event_loop loop;
    struct platform_net *net;
    int wire; /* the host's side of the interface */
    bool full;
    unsigned count, turns;
    uint8_t frame[2048];
    size_t length;
};

static bool has_room(void *context)
{
    return !((struct fixture *)context)->full;
}

static void take_frame(void *context, const uint8_t *frame, size_t length)
{
    struct fixture *fixture = context;
    if (length < 14 || frame[12] != 0x88 || frame[13] != 0xb5)
        return; /* the host looks for IPv6 routers by itself */
    fixture->count++;
    fixture->length = length;
    memcpy(fixture->frame, frame, length < 2048 ? length : 2048);
    event_loop_stop(&fixture->loop);
}

static int make_interface(void)
{
    struct ifreq request = { .ifr_name = NAME, .ifr_flags = IFF_TAP | IFF_NO_PI };
    AUTO_CLOSE int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0 || ioctl(tun, TUNSETPERSIST, 1) < 0)
        return -1;
    AUTO_CLOSE int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, &request);
}

static int open_wire(void)
{
    const struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                         .sll_protocol = htons(0x88b5), /* for experiments */
                                         .sll_ifindex = (int)if_nametoindex(NAME) };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x88b5));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static struct platform_net *open_tap(struct fixture *fixture, const char *name, struct error *error)
{
    const struct net_options options = {
        .kind = NET_TAP, .tap = name, .address = { 2, 0, 0, 0, 0, 1 }, .loop = &fixture->loop
    };
    return net_open(&options, error);
}

static int setup(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    if (unshare(CLONE_NEWNET) < 0 || make_interface() < 0) {
        print_message("no tap interface here: %s\n", strerror(errno));
        return 0;
    }
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(event_loop_open(&fixture->loop, &fixture->lock, &error), 0);
    fixture->net = open_tap(fixture, NAME, &error);
    if (!fixture->net)
        fail_msg("%s", error.message);
    platform_net_set_receiver(fixture->net,
                              (struct platform_net_receiver){ has_room, take_frame, fixture });
    fixture->wire = open_wire();
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (!fixture)
        return 0;
    close(fixture->wire);
    net_close(fixture->net);
    event_loop_close(&fixture->loop);
    free(fixture);
    return 0;
}

static const uint8_t frame[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 'x' };

static void run_loop(struct fixture *fixture)
{
    atomic_store(&fixture->loop.stopping, false);
    event_loop_run(&fixture->loop);
}

static void frames_go_out(void **state)
{
    struct fixture *fixture = *state;
    if (!fixture)
        skip();
    uint8_t bytes[64], got[2048];
    memcpy(bytes, frame, sizeof(bytes));
    const struct slice slices[] = { { bytes, 14 }, { bytes + 14, 50 } };
    platform_net_send(fixture->net, slices, 2);
    struct pollfd wire = { .fd = fixture->wire, .events = POLLIN };
    assert_int_equal(poll(&wire, 1, 5000), 1);
    assert_int_equal(recv(fixture->wire, got, sizeof(got), 0), 64);
    assert_memory_equal(got, frame, 64);
}

/* The loop ends after its third turn. */
static int look_once(void *context)
{
    struct fixture *fixture = context;
    if (++fixture->turns == 3)
        event_loop_stop(&fixture->loop);
    return 10;
}

static void frames_come_in_and_wait_for_room(void **state)
{
    struct fixture *fixture = *state;
    if (!fixture)
        skip();
    assert_int_equal(send(fixture->wire, frame, sizeof(frame), 0), 64);
    run_loop(fixture);
    assert_int_equal(fixture->length, 64);
    assert_memory_equal(fixture->frame, frame, 64);
    fixture->full = true; /* the loop looks, and leaves the frame where it is */
    assert_int_equal(send(fixture->wire, frame, sizeof(frame), 0), 64);
    struct event_hook stop_soon = { .before_wait = look_once, .context = fixture };
    event_loop_add_hook(&fixture->loop, &stop_soon);
    run_loop(fixture);
    event_loop_remove_hook(&fixture->loop, &stop_soon);
    assert_int_equal(fixture->count, 1);
    fixture->full = false;
    platform_net_ready(fixture->net);
    run_loop(fixture);
    assert_int_equal(fixture->count, 2);
}

static void an_interface_that_is_not_there_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    if (!fixture)
        skip();
    assert_null(open_tap(fixture, "nosuch0", &error));
    assert_non_null(strstr(error.message, "nosuch0"));
    assert_non_null(strstr(error.message, "ip tuntap add"));
    assert_int_equal(if_nametoindex("nosuch0"), 0);
    assert_null(open_tap(fixture, "a-name-that-is-too-long", &error));
    assert_non_null(strstr(error.message, "too long"));
    assert_null(open_tap(fixture, "lo", &error));
    assert_non_null(strstr(error.message, "as a tap interface"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_out),
        cmocka_unit_test(frames_come_in_and_wait_for_room),
        cmocka_unit_test(an_interface_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
