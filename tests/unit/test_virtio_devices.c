// SPDX-License-Identifier: Apache-2.0
/* The virtio console, network card, balloon, 9P transport and sockets, over fakes of the host. */
#include "virtio_driver.h"

#include "core/device/internet_checksum.h"
#include "core/virtio/virtio_9p.h"
#include "core/virtio/virtio_balloon.h"
#include "core/virtio/virtio_console.h"
#include "core/virtio/virtio_net.h"
#include "core/virtio/virtio_vsock.h"
#include "core/virtio/vsock_connection.h"

#define BUFFER DRIVER_BUFFERS

struct fixture {
    struct driver driver; /* first */
    struct virtio_wiring wiring;
    struct platform_console console, control;
    struct platform_net net;
    struct platform_share share;
    struct platform_vsock vsock;
};

static int setup(void **state)
{
    struct fixture *f = aligned_alloc(4096, (sizeof(*f) + 4095) & ~4095u);
    memset(f, 0, sizeof(*f));
    f->wiring = driver_setup(&f->driver);
    f->console.accepts = f->control.accepts = SIZE_MAX;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_platform_free(&f->driver.platform);
    free(f);
    return 0;
}

static void offer_readable(struct fixture *f, unsigned queue, const void *bytes, uint32_t length)
{
    memcpy(f->driver.bytes + BUFFER, bytes, length);
    driver_descriptor(&f->driver, queue, 0, BUFFER, length, 0, 0);
    driver_offer(&f->driver, queue, 0);
}

/* Descriptor n of the queue: a page of its own to be filled. */
static uint8_t *offer_writable(struct fixture *f, unsigned queue, unsigned n, uint32_t length)
{
    uint64_t address = BUFFER + 0x1000 + 0x1000 * n;
    driver_descriptor(&f->driver, queue, n, address, length, DRIVER_WRITE, 0);
    driver_offer(&f->driver, queue, (uint16_t)n);
    return f->driver.bytes + address;
}

/* -- Console -- */

static void start_console(struct fixture *f, uint64_t features)
{
    const struct virtio_console_port_request ports[] = { { "", &f->console },
                                                         { "control", &f->control } };
    driver_plug(&f->driver, virtio_console_create(&f->wiring, ports, 2));
    driver_start(&f->driver, features);
}

static void a_console_writes_what_the_guest_prints(void **state)
{
    struct fixture *f = *state;
    start_console(f, 0);
    offer_readable(f, 1, "hello", 5);
    assert_int_equal(f->console.output_length, 5);
    assert_memory_equal(f->console.output, "hello", 5);
    assert_int_equal(driver_used(&f->driver, 1), 1);
}

static void output_waits_while_the_console_is_full(void **state)
{
    struct fixture *f = *state;
    start_console(f, 0);
    f->console.accepts = 2;
    offer_readable(f, 1, "hello", 5);
    assert_int_equal(driver_used(&f->driver, 1), 0);
    f->console.accepts = 100;
    f->console.receiver.writable(f->console.receiver.context);
    assert_memory_equal(f->console.output, "hello", 5);
    assert_int_equal(driver_used(&f->driver, 1), 1);
}

static void typed_bytes_reach_the_guest_when_it_has_room(void **state)
{
    struct fixture *f = *state;
    start_console(f, 0);
    assert_int_equal(f->console.receiver.room(f->console.receiver.context), 0);
    uint8_t *bytes = offer_writable(f, 0, 0, 64);
    assert_int_equal(f->console.receiver.room(f->console.receiver.context), 64);
    fake_console_type(&f->console, "ls\n");
    assert_memory_equal(bytes, "ls\n", 3);
    assert_int_equal(driver_used_length(&f->driver, 0), 3);
}

struct control {
    uint32_t port;
    uint16_t event, value;
};

/* The multi-port conversation of virtio 1.2, 5.3.6.2: ports are added, then named and opened. */
static void ports_are_announced_by_name(void **state)
{
    struct fixture *f = *state;
    const uint8_t *messages[8];
    start_console(f, 1 << 1);
    for (unsigned i = 0; i < 8; i++)
        messages[i] = offer_writable(f, 2, i, 64);
    offer_readable(f, 3, &(struct control){ 0, 0, 1 }, 8);
    assert_int_equal(driver_used(&f->driver, 2), 2);
    assert_memory_equal(messages[1], (&(struct control){ 1, 1, 0 }), 8);
    offer_readable(f, 3, &(struct control){ 1, 3, 1 }, 8);
    assert_int_equal(driver_used(&f->driver, 2), 4);
    assert_memory_equal(messages[2], (&(struct control){ 1, 7, 1 }), 8);
    assert_memory_equal(messages[2] + 8, "control", 7);
    assert_memory_equal(messages[3], (&(struct control){ 1, 6, 1 }), 8);
}

static void a_port_takes_bytes_once_the_guest_opened_it(void **state)
{
    struct fixture *f = *state;
    start_console(f, 1 << 1);
    offer_writable(f, 4, 0, 64);
    assert_int_equal(f->control.receiver.room(f->control.receiver.context), 0);
    offer_readable(f, 3, &(struct control){ 1, 6, 1 }, 8);
    assert_int_equal(f->control.receiver.room(f->control.receiver.context), 64);
}

static void control_messages_for_no_port_are_ignored(void **state)
{
    struct fixture *f = *state;
    start_console(f, 1 << 1);
    offer_readable(f, 3, &(struct control){ 99, 3, 1 }, 8);
    offer_readable(f, 3, &(struct control){ UINT32_MAX, 6, 1 }, 8);
    offer_readable(f, 3, "x", 1);
    assert_false(driver_needs_reset(&f->driver));
}

/* -- Network -- */

struct net_header {
    uint8_t flags, segmentation;
    uint16_t header_length, segment_size, checksum_start, checksum_offset, buffers;
};

static void start_net(struct fixture *f)
{
    memcpy(f->net.address, "\x52\x54\0\x12\x34\x56", 6);
    driver_plug(&f->driver, virtio_net_create(&f->wiring, &f->net));
    driver_start(&f->driver, 1 | 1 << 5 | 1 << 16);
}

static void the_address_is_in_the_configuration(void **state)
{
    struct fixture *f = *state;
    start_net(f);
    assert_int_equal(driver_read(&f->driver, 0x2000, 4), 0x12005452);
    assert_int_equal(driver_read(&f->driver, 0x2006, 2), 1); /* link up */
}

static void a_frame_is_sent_without_its_header(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[12 + 60] = { 0 };
    start_net(f);
    packet[12] = 0xff;
    offer_readable(f, 1, packet, sizeof(packet));
    assert_int_equal(f->net.frame_count, 1);
    assert_int_equal(f->net.lengths[0], 60);
    assert_int_equal(f->net.frames[0][0], 0xff);
}

/* The pseudo header's sum is in the field; the device adds the rest (virtio 1.2, 5.1.6.2). */
static void a_checksum_is_completed(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[12 + 54] = { 0 };
    const struct net_header header = { .flags = 1, .checksum_start = 34, .checksum_offset = 16 };
    start_net(f);
    memcpy(packet, &header, sizeof(header));
    packet[12 + 34] = 0x12;
    packet[12 + 35] = 0x34;
    packet[12 + 34 + 16] = 0x00;
    packet[12 + 34 + 17] = 0x11;
    offer_readable(f, 1, packet, sizeof(packet));
    assert_int_equal(f->net.frames[0][50] << 8 | f->net.frames[0][51], 0xffff ^ 0x1245);
}

static void a_checksum_outside_the_frame_sends_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[12 + 60] = { 0 };
    const struct net_header header = { .flags = 1, .checksum_start = 50, .checksum_offset = 9 };
    start_net(f);
    memcpy(packet, &header, sizeof(header));
    offer_readable(f, 1, packet, sizeof(packet));
    assert_int_equal(f->net.frame_count, 0);
    assert_int_equal(driver_used(&f->driver, 1), 1);
}

static void a_frame_is_received(void **state)
{
    struct fixture *f = *state;
    const uint8_t frame[64] = { 1, 2, 3 };
    start_net(f);
    assert_false(f->net.receiver.ready(f->net.receiver.context));
    const uint8_t *bytes = offer_writable(f, 0, 0, 1526);
    assert_true(f->net.receiver.ready(f->net.receiver.context));
    f->net.receiver.receive(f->net.receiver.context, frame, sizeof(frame));
    assert_int_equal(driver_used_length(&f->driver, 0), 76);
    assert_int_equal(bytes[10], 1); /* one buffer */
    assert_memory_equal(bytes + 12, frame, sizeof(frame));
}

/* An IPv4 frame with an empty UDP datagram, as GUEST_CSUM asks us to look at it. */
static void a_frame_whose_checksums_are_right_is_marked(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[60] = { [12] = 8, [14] = 0x45, [17] = 28, [22] = 64, [23] = 17, [39] = 8 };
    driver_plug(&f->driver, virtio_net_create(&f->wiring, &f->net));
    driver_start(&f->driver, 1 << 1);
    put_be16(frame + 24, (uint16_t)~internet_sum(frame + 14, 20, 0));
    put_be16(frame + 40, (uint16_t)~internet_sum(frame + 34, 8, 17 + 8));
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *bytes = offer_writable(f, 0, i, 1526);
        frame[41] ^= i == 1; /* wrong */
        f->net.receiver.receive(f->net.receiver.context, frame, sizeof(frame));
        assert_int_equal(bytes[0], i == 0 ? 2 : 0);
        frame[12] = i == 1 ? 9 : 8; /* not IPv4 */
    }
}

static void an_answer_within_the_sending_harms_neither_queue(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[12 + 60] = { 0 };
    start_net(f);
    f->net.echo = true;
    packet[12] = 0x77;
    const uint8_t *bytes = offer_writable(f, 0, 3, 1526);
    offer_readable(f, 1, packet, sizeof(packet));
    assert_int_equal(driver_used_head(&f->driver, 1), 0);
    assert_int_equal(driver_used_length(&f->driver, 1), 0);
    assert_int_equal(driver_used_head(&f->driver, 0), 3);
    assert_int_equal(driver_used_length(&f->driver, 0), 72);
    assert_int_equal(bytes[12], 0x77);
}

static void a_frame_that_does_not_fit_is_dropped(void **state)
{
    struct fixture *f = *state;
    const uint8_t frame[64] = { 0 };
    start_net(f);
    offer_writable(f, 0, 0, 32);
    f->net.receiver.receive(f->net.receiver.context, frame, sizeof(frame));
    assert_int_equal(driver_used(&f->driver, 0), 0);
}

/* -- Balloon -- */

static void a_page_that_is_given_up_reads_as_zero(void **state)
{
    struct fixture *f = *state;
    const uint32_t pages[2] = { 0xf0, 0xffffffff }; /* the second is no memory */
    driver_plug(&f->driver, virtio_balloon_create(&f->wiring));
    driver_start(&f->driver, 1 << 1);
    f->driver.bytes[0xf0000] = 7;
    offer_readable(f, 0, pages, sizeof(pages));
    assert_int_equal(f->driver.bytes[0xf0000], 0);
    assert_int_equal(driver_used(&f->driver, 0), 1);
}

static void a_target_is_told_and_the_answer_kept(void **state)
{
    struct fixture *f = *state;
    driver_plug(&f->driver, virtio_balloon_create(&f->wiring));
    driver_start(&f->driver, 1 << 1);
    virtio_balloon_set_target(f->driver.device, 256);
    assert_int_equal(driver_read(&f->driver, 0x2000, 4), 256);
    assert_int_equal(f->driver.interrupts, 1);
    driver_write(&f->driver, 0x2004, 4, 200);
    assert_int_equal(virtio_balloon_actual(f->driver.device), 200);
    driver_write(&f->driver, 0x2000, 4, 1); /* not the driver's to write */
    assert_int_equal(driver_read(&f->driver, 0x2000, 4), 256);
}

/* -- 9P -- */

static void a_message_goes_to_the_server_and_back(void **state)
{
    struct fixture *f = *state;
    driver_plug(&f->driver, virtio_9p_create(&f->wiring, &f->share));
    driver_start(&f->driver, 1);
    assert_int_equal(driver_read(&f->driver, 0x2000, 2), 4);
    driver_descriptor(&f->driver, 0, 0, BUFFER, 20, DRIVER_NEXT, 1);
    driver_descriptor(&f->driver, 0, 1, BUFFER + 64, 100, DRIVER_WRITE, 0);
    driver_offer(&f->driver, 0, 0);
    assert_non_null(f->share.request);
    assert_int_equal(f->share.request->request_length, 20);
    assert_int_equal(f->share.request->reply_length, 100);
    memset(f->share.request->reply[0].address, 9, 11);
    f->share.request->done(f->share.request, 11);
    assert_int_equal(driver_used_length(&f->driver, 0), 11);
}

/* -- Sockets -- */

#define GUEST_CID 3u

static void start_vsock(struct fixture *f)
{
    f->vsock.stream.accepts = SIZE_MAX;
    driver_plug(&f->driver, virtio_vsock_create(&f->wiring, &f->vsock, GUEST_CID));
    driver_start(&f->driver, 0);
}

static struct vsock_header packet(enum vsock_operation operation, uint32_t port)
{
    return (struct vsock_header){
        .source_cid = GUEST_CID,
        .destination_cid = VSOCK_CID_HOST,
        .source_port = 1000,
        .destination_port = port,
        .type = VSOCK_TYPE_STREAM,
        .operation = (uint16_t)operation,
        .buffer_allocation = 4096,
    };
}

static void send_to_host(struct fixture *f, enum vsock_operation operation, uint32_t port)
{
    const struct vsock_header header = packet(operation, port);
    offer_readable(f, 1, &header, sizeof(header));
}

static void send_data(struct fixture *f, const char *text, uint32_t length)
{
    uint8_t bytes[4096];
    struct vsock_header header = packet(VSOCK_RW, 80);
    header.length = length;
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), text, strlen(text));
    offer_readable(f, 1, bytes, (uint32_t)(sizeof(header) + strlen(text)));
}

static struct vsock_header received(const uint8_t *bytes)
{
    struct vsock_header header;
    memcpy(&header, bytes, sizeof(header));
    return header;
}

static void a_guest_connects_to_a_port_of_the_host(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    const uint8_t *answer = offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 80);
    assert_int_equal(received(answer).operation, VSOCK_RESPONSE);
    assert_int_equal(received(answer).buffer_allocation, VSOCK_BUFFER);
    send_data(f, "GET", 3);
    assert_memory_equal(f->vsock.stream.bytes, "GET", 3);
}

static void a_port_where_nobody_listens_is_reset(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    f->vsock.refused_port = 81;
    const uint8_t *answer = offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 81);
    assert_int_equal(received(answer).operation, VSOCK_RST);
}

/* The answer waits until the guest gives a buffer for it. */
static void a_reset_waits_for_room(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    send_to_host(f, VSOCK_RW, 99);
    assert_int_equal(driver_used(&f->driver, 0), 0);
    const uint8_t *answer = offer_writable(f, 0, 0, 128);
    assert_int_equal(received(answer).operation, VSOCK_RST);
    assert_int_equal(received(answer).source_port, 99);
}

static void the_host_sends_no_more_than_the_guest_has_room_for(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 80);
    const struct platform_stream_receiver *receiver = &f->vsock.stream.receiver;
    for (unsigned i = 1; i < 8; i++)
        offer_writable(f, 0, i, 4096);
    size_t room = receiver->room(receiver->context), total = 0;
    while (room > 0) {
        uint8_t bytes[4096] = { 0 };
        receiver->receive(receiver->context, bytes, room);
        total += room;
        room = receiver->room(receiver->context);
    }
    assert_int_equal(total, 4096); /* buf_alloc of the guest */
}

/* What the host's end does not take stays in the buffer; more than was granted breaks the
 * connection. */
static void a_guest_that_ignores_its_credit_is_reset(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 80);
    f->vsock.stream.accepts = 0;
    const uint8_t *answer = offer_writable(f, 0, 1, 128);
    char text[1025];
    memset(text, 'x', 1024);
    text[1024] = 0;
    for (unsigned i = 0; i < VSOCK_BUFFER / 1024; i++)
        send_data(f, text, 1024);
    assert_false(f->vsock.stream.closed);
    send_data(f, text, 1024);
    assert_true(f->vsock.stream.closed);
    assert_int_equal(received(answer).operation, VSOCK_RST);
}

static void credit_comes_back_when_the_host_has_read(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 80);
    char text[1025];
    memset(text, 'x', 1024);
    text[1024] = 0;
    const uint8_t *answer = offer_writable(f, 0, 1, 128);
    for (unsigned i = 0; i < VSOCK_BUFFER / 4096; i++)
        send_data(f, text, 1024);
    assert_int_equal(received(answer).operation, VSOCK_CREDIT_UPDATE);
    assert_int_equal(received(answer).forwarded, VSOCK_BUFFER / 4);
}

static void the_host_connects_to_a_port_of_the_guest(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    const uint8_t *asked = offer_writable(f, 0, 0, 128);
    assert_true(f->vsock.listener.accept(f->vsock.listener.context, &f->vsock.stream, 22));
    struct vsock_header header = received(asked);
    assert_int_equal(header.operation, VSOCK_REQUEST);
    assert_int_equal(header.destination_port, 22);
    struct vsock_header answer = packet(VSOCK_RESPONSE, header.source_port);
    answer.source_port = 22;
    offer_readable(f, 1, &answer, sizeof(answer));
    assert_non_null(f->vsock.stream.receiver.receive);
}

static void a_packet_shorter_than_it_says_stops_the_device(void **state)
{
    struct fixture *f = *state;
    start_vsock(f);
    offer_writable(f, 0, 0, 128);
    send_to_host(f, VSOCK_REQUEST, 80);
    send_data(f, "GET", 4000);
    assert_true(driver_needs_reset(&f->driver));
}

int main(void)
{
#define DEVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(a_console_writes_what_the_guest_prints),
        DEVICE_TEST(output_waits_while_the_console_is_full),
        DEVICE_TEST(typed_bytes_reach_the_guest_when_it_has_room),
        DEVICE_TEST(ports_are_announced_by_name),
        DEVICE_TEST(a_port_takes_bytes_once_the_guest_opened_it),
        DEVICE_TEST(control_messages_for_no_port_are_ignored),
        DEVICE_TEST(the_address_is_in_the_configuration),
        DEVICE_TEST(a_frame_is_sent_without_its_header),
        DEVICE_TEST(a_checksum_is_completed),
        DEVICE_TEST(a_checksum_outside_the_frame_sends_nothing),
        DEVICE_TEST(a_frame_is_received),
        DEVICE_TEST(a_frame_whose_checksums_are_right_is_marked),
        DEVICE_TEST(an_answer_within_the_sending_harms_neither_queue),
        DEVICE_TEST(a_frame_that_does_not_fit_is_dropped),
        DEVICE_TEST(a_page_that_is_given_up_reads_as_zero),
        DEVICE_TEST(a_target_is_told_and_the_answer_kept),
        DEVICE_TEST(a_message_goes_to_the_server_and_back),
        DEVICE_TEST(a_guest_connects_to_a_port_of_the_host),
        DEVICE_TEST(a_port_where_nobody_listens_is_reset),
        DEVICE_TEST(a_reset_waits_for_room),
        DEVICE_TEST(the_host_sends_no_more_than_the_guest_has_room_for),
        DEVICE_TEST(a_guest_that_ignores_its_credit_is_reset),
        DEVICE_TEST(credit_comes_back_when_the_host_has_read),
        DEVICE_TEST(the_host_connects_to_a_port_of_the_guest),
        DEVICE_TEST(a_packet_shorter_than_it_says_stops_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
