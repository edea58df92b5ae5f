// SPDX-License-Identifier: Apache-2.0
/* The user-mode network, spoken to in frames as a machine's controller does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core/device/internet_checksum.h"
#include "net/net.h"

#define FRAMES      600u
#define FRAME_LIMIT 2048u
#define PATIENCE    5000 /* milliseconds */

static const uint8_t our_address[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

enum { GATEWAY = 2, NAME_SERVER = 3, OURS = 15 };

struct fixture {
    pthread_mutex_t lock;
    struct event_loop loop;
    pthread_t thread;
    struct platform_net *net;
    bool full; /* the receiver has no room */
    unsigned count, next;
    size_t lengths[FRAMES];
    uint8_t frames[FRAMES][FRAME_LIMIT];
};

static bool has_room(void *context)
{
    return !((struct fixture *)context)->full;
}

static void take_frame(void *context, const uint8_t *frame, size_t length)
{
    struct fixture *fixture = context;
    if (fixture->count == FRAMES || length > FRAME_LIMIT)
        return;
    memcpy(fixture->frames[fixture->count], frame, length);
    fixture->lengths[fixture->count++] = length;
}

static void *run_loop(void *context)
{
    event_loop_run(&((struct fixture *)context)->loop);
    return NULL;
}

static struct platform_net *open_net(struct fixture *fixture, const struct net_forward *forwards,
                                     size_t count, struct error *error)
{
    struct net_options options = { .kind = NET_USER,
                                   .forwards = forwards,
                                   .forward_count = count,
                                   .host_loopback = true,
                                   .loop = &fixture->loop,
                                   .log = &quiet };
    memcpy(options.address, our_address, 6);
    return net_open(&options, error);
}

static struct fixture *start(const struct net_forward *forwards, size_t count)
{
    AUTO_ERROR struct error error = { 0 };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(event_loop_open(&fixture->loop, &fixture->lock, &error), 0);
    fixture->net = open_net(fixture, forwards, count, &error);
    if (!fixture->net)
        fail_msg("%s", error.message);
    platform_net_set_receiver(fixture->net,
                              (struct platform_net_receiver){ has_room, take_frame, fixture });
    assert_int_equal(pthread_create(&fixture->thread, NULL, run_loop, fixture), 0);
    return fixture;
}

static void stop(struct fixture **fixture)
{
    event_loop_stop(&(*fixture)->loop);
    pthread_join((*fixture)->thread, NULL);
    net_close((*fixture)->net);
    event_loop_close(&(*fixture)->loop);
    free(*fixture);
}

#define AUTO_FIXTURE __attribute__((cleanup(stop)))

static void send_frame(struct fixture *fixture, uint8_t *frame, size_t length)
{
    const struct slice slices[] = { { frame, 20 }, { frame + 20, length - 20 } };
    pthread_mutex_lock(&fixture->lock);
    platform_net_send(fixture->net, slices, 2);
    pthread_mutex_unlock(&fixture->lock);
}

/* The next frame that came; NULL when none comes in time. */
static const uint8_t *next_frame(struct fixture *fixture, size_t *length)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        pthread_mutex_lock(&fixture->lock);
        bool there = fixture->next < fixture->count;
        pthread_mutex_unlock(&fixture->lock);
        if (there) {
            *length = fixture->lengths[fixture->next];
            return fixture->frames[fixture->next++];
        }
        poll(NULL, 0, 1);
    }
    return NULL;
}

/* -- Frames -- */

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t gateway[6] = { 0x52, 0x55, 10, 0, 2, 2 };

static void put_ethernet(uint8_t *frame, const uint8_t *to, uint16_t type)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, our_address, 6);
    put_be16(frame + 12, type);
}

static void put_ip(uint8_t *frame, uint8_t protocol, uint32_t to, size_t length)
{
    uint8_t *ip = frame + 14;
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(length - 14));
    ip[8] = 64;
    ip[9] = protocol;
    put_be32(ip + 12, 0x0a000200 | OURS);
    put_be32(ip + 16, to);
    put_be16(ip + 10, (uint16_t)~internet_sum(ip, 20, 0));
}

static void put_transport_sum(uint8_t *frame, size_t length, unsigned field)
{
    uint32_t payload = (uint32_t)length - 34;
    put_be16(frame + field, 0);
    uint16_t pseudo = internet_sum(frame + 26, 8, frame[23] + payload);
    put_be16(frame + field, (uint16_t)~internet_sum(frame + 34, payload, pseudo));
}

static void send_arp(struct fixture *fixture, uint16_t operation, const uint8_t *to,
                     uint32_t target)
{
    static const uint8_t head[] = { 0, 1, 8, 0, 6, 4 };
    uint8_t frame[60] = { 0 };
    put_ethernet(frame, to, 0x0806);
    memcpy(frame + 14, head, sizeof(head));
    put_be16(frame + 20, operation);
    memcpy(frame + 22, our_address, 6);
    put_be32(frame + 28, 0x0a000200 | OURS);
    put_be32(frame + 38, target);
    send_frame(fixture, frame, sizeof(frame));
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct connection {
    uint32_t peer;
    uint16_t port, peer_port;
    uint32_t sent, seen; /* next sequence numbers */
};

static void send_tcp(struct fixture *fixture, struct connection *connection, uint8_t flags,
                     const char *data)
{
    size_t size = strlen(data), length = 54 + size;
    uint8_t frame[1514];
    put_ethernet(frame, gateway, 0x0800);
    put_ip(frame, 6, connection->peer, length);
    uint8_t *tcp = frame + 34;
    put_be16(tcp, connection->port);
    put_be16(tcp + 2, connection->peer_port);
    put_be32(tcp + 4, connection->sent);
    put_be32(tcp + 8, connection->seen);
    tcp[12] = 0x50;
    tcp[13] = flags;
    put_be16(tcp + 14, 8192);
    put_be32(tcp + 16, 0);
    memcpy(tcp + 20, data, size);
    put_transport_sum(frame, length, 50);
    send_frame(fixture, frame, length);
    connection->sent += (uint32_t)size + !!(flags & (SYN | FIN));
}

/* The next TCP segment; answers ARP on the way. Its flags; *payload is what it carries. */
static uint8_t receive_tcp(struct fixture *fixture, struct connection *connection, char *payload)
{
    size_t length;
    const uint8_t *frame;
    while ((frame = next_frame(fixture, &length))) {
        if (get_be16(frame + 12) == 0x0806 && get_be16(frame + 20) == 1)
            send_arp(fixture, 2, gateway, get_be32(frame + 28));
        if (get_be16(frame + 12) != 0x0800 || frame[23] != 6)
            continue;
        const uint8_t *tcp = frame + 34;
        size_t header = (tcp[12] >> 4) * 4u, size = get_be16(frame + 16) - 20 - header;
        assert_int_equal(internet_sum(frame + 14, 20, 0), 0xffff);
        connection->peer = get_be32(frame + 26);
        connection->peer_port = get_be16(tcp);
        connection->port = get_be16(tcp + 2);
        connection->seen = get_be32(tcp + 4) + (uint32_t)size + !!(tcp[13] & (SYN | FIN));
        memcpy(payload, tcp + header, size);
        payload[size] = '\0';
        return tcp[13];
    }
    fail_msg("no TCP segment came");
    return 0;
}

static int listening_socket(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(*address);
    *address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

/* -- Tests -- */

static void the_gateway_answers_arp(void **state)
{
    (void)state;
    AUTO_FIXTURE struct fixture *fixture = start(NULL, 0);
    size_t length = 0;
    send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    const uint8_t *frame = next_frame(fixture, &length);
    assert_non_null(frame);
    assert_int_equal(get_be16(frame + 12), 0x0806);
    assert_int_equal(get_be16(frame + 20), 2);
    assert_memory_equal(frame + 22, gateway, 6);
}

static void dhcp_offers_the_address_gateway_and_name_server(void **state)
{
    (void)state;
    AUTO_FIXTURE struct fixture *fixture = start(NULL, 0);
    uint8_t frame[342] = { 0 };
    put_ethernet(frame, broadcast, 0x0800);
    put_ip(frame, 17, 0xffffffff, sizeof(frame));
    put_be16(frame + 34, 68);
    put_be16(frame + 36, 67);
    put_be16(frame + 38, sizeof(frame) - 34);
    static const uint8_t bootp[] = { 1, 1, 6, 0, 1, 2, 3, 4 };
    static const uint8_t discover[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
    memcpy(frame + 42, bootp, sizeof(bootp));
    memcpy(frame + 70, our_address, 6);
    memcpy(frame + 278, discover, sizeof(discover));
    put_transport_sum(frame, sizeof(frame), 40);
    send_frame(fixture, frame, sizeof(frame));
    size_t length = 0;
    const uint8_t *offer = next_frame(fixture, &length);
    assert_non_null(offer);
    assert_int_equal(get_be32(offer + 58), 0x0a000200 | OURS);
    static const uint8_t router[] = { 3, 4, 10, 0, 2, GATEWAY };
    static const uint8_t names[] = { 6, 4, 10, 0, 2, NAME_SERVER };
    assert_non_null(memmem(offer, length, router, sizeof(router)));
    assert_non_null(memmem(offer, length, names, sizeof(names)));
}

static void a_connection_of_the_machine_reaches_the_host(void **state)
{
    (void)state;
    struct sockaddr_in address;
    AUTO_CLOSE int listener = listening_socket(&address);
    AUTO_FIXTURE struct fixture *fixture = start(NULL, 0);
    struct connection connection = { .peer = 0x0a000200 | GATEWAY,
                                     .port = 40000,
                                     .peer_port = ntohs(address.sin_port),
                                     .sent = 1000 };
    char payload[2048];
    send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    send_tcp(fixture, &connection, SYN, "");
    assert_int_equal(receive_tcp(fixture, &connection, payload), SYN | ACK);
    send_tcp(fixture, &connection, ACK, "");
    AUTO_CLOSE int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    send_tcp(fixture, &connection, ACK | PSH, "from the machine");
    assert_int_equal(recv(peer, payload, sizeof(payload), 0), 16);
    assert_memory_equal(payload, "from the machine", 16);
    assert_int_equal(send(peer, "from the host", 13, 0), 13);
    do
        receive_tcp(fixture, &connection, payload);
    while (!*payload);
    assert_string_equal(payload, "from the host");
    send_tcp(fixture, &connection, ACK | FIN, "");
    assert_int_equal(recv(peer, payload, sizeof(payload), 0), 0);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address;
    AUTO_CLOSE int fd = listening_socket(&address);
    assert_true(fd >= 0);
    return ntohs(address.sin_port);
}

static void a_published_port_leads_to_the_machine(void **state)
{
    (void)state;
    const struct net_forward forward = { .host_address.s_addr = htonl(INADDR_LOOPBACK),
                                         .host_port = free_port(),
                                         .guest_port = 80 };
    AUTO_FIXTURE struct fixture *fixture = start(&forward, 1);
    struct connection connection = { .sent = 5000 };
    char payload[2048];
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr = forward.host_address,
                                         .sin_port = htons(forward.host_port) };
    AUTO_CLOSE int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(receive_tcp(fixture, &connection, payload), SYN);
    assert_int_equal(connection.port, 80);
    send_tcp(fixture, &connection, SYN | ACK, "");
    assert_int_equal(send(client, "GET /", 5, 0), 5);
    do
        receive_tcp(fixture, &connection, payload);
    while (!*payload);
    assert_string_equal(payload, "GET /");
    send_tcp(fixture, &connection, ACK | PSH, "200");
    assert_int_equal(recv(client, payload, sizeof(payload), 0), 3);
}

static void a_published_udp_port_leads_to_the_machine(void **state)
{
    (void)state;
    const struct net_forward forward = { .host_address.s_addr = htonl(INADDR_LOOPBACK),
                                         .host_port = free_port(),
                                         .guest_port = 53,
                                         .udp = true };
    AUTO_FIXTURE struct fixture *fixture = start(&forward, 1);
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr = forward.host_address,
                                         .sin_port = htons(forward.host_port) };
    AUTO_CLOSE int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    size_t length = 0;
    assert_non_null(next_frame(fixture, &length));
    assert_int_equal(
        sendto(client, "query", 5, 0, (const struct sockaddr *)&address, sizeof(address)), 5);
    const uint8_t *frame;
    while ((frame = next_frame(fixture, &length)) && get_be16(frame + 12) != 0x0800)
        if (get_be16(frame + 20) == 1)
            send_arp(fixture, 2, gateway, get_be32(frame + 28));
    assert_non_null(frame);
    assert_int_equal(frame[23], 17);
    assert_int_equal(get_be16(frame + 36), 53);
    assert_memory_equal(frame + 42, "query", 5);
}

/* A ring of the machine that is full holds frames back, in their order. */
static void frames_wait_for_room(void **state)
{
    (void)state;
    AUTO_FIXTURE struct fixture *fixture = start(NULL, 0);
    fixture->full = true;
    send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    send_arp(fixture, 1, broadcast, 0x0a000200 | NAME_SERVER);
    for (unsigned i = 0; i < 1000; i++)
        send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    assert_int_equal(fixture->count, 0);
    pthread_mutex_lock(&fixture->lock);
    fixture->full = false;
    platform_net_ready(fixture->net);
    pthread_mutex_unlock(&fixture->lock);
    assert_int_equal(fixture->count, 256); /* the rest is lost, as on a cable */
    assert_int_equal(get_be32(fixture->frames[0] + 28), 0x0a000200 | GATEWAY);
    assert_int_equal(get_be32(fixture->frames[1] + 28), 0x0a000200 | NAME_SERVER);
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    struct sockaddr_in address;
    AUTO_CLOSE int listener = listening_socket(&address);
    assert_true(listener >= 0);
    AUTO_ERROR struct error error = { 0 };
    struct net_forward forwards[] = { { .host_address.s_addr = htonl(INADDR_LOOPBACK),
                                        .host_port = free_port(),
                                        .guest_port = 80 },
                                      { .host_address.s_addr = htonl(INADDR_LOOPBACK),
                                        .host_port = ntohs(address.sin_port),
                                        .guest_port = 80 } };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(event_loop_open(&fixture->loop, &fixture->lock, &error), 0);
    assert_null(open_net(fixture, forwards, 2, &error));
    char expected[128];
    snprintf(expected, sizeof(expected), "publish port 127.0.0.1:%u/tcp: Address already in use",
             forwards[1].host_port);
    assert_string_equal(error.message, expected);
    event_loop_close(&fixture->loop);
    free(fixture);
}

static void nonsense_harms_nobody(void **state)
{
    (void)state;
    AUTO_FIXTURE struct fixture *fixture = start(NULL, 0);
    uint8_t frame[1600];
    uint64_t seed = 1;
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned j = 0; j < sizeof(frame); j++)
            frame[j] = (uint8_t)((seed = seed * UINT64_C(6364136223846793005) + 1) >> 56);
        put_ethernet(frame, i & 1 ? broadcast : gateway, i & 2 ? 0x0800 : 0x0806);
        if (i & 4)
            frame[14] = 0x45;
        send_frame(fixture, frame, 20 + i % 1500);
    }
    size_t length = 0;
    send_arp(fixture, 1, broadcast, 0x0a000200 | GATEWAY);
    assert_non_null(next_frame(fixture, &length));
}

static void what_is_published_is_parsed(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct net_forward forward;
    assert_int_equal(net_forward_parse("8080:80", &forward, &error), 0);
    assert_int_equal(forward.host_address.s_addr, 0);
    assert_int_equal(forward.host_port, 8080);
    assert_int_equal(forward.guest_port, 80);
    assert_false(forward.udp);
    assert_int_equal(net_forward_parse("127.0.0.1:53:5353/udp", &forward, &error), 0);
    assert_int_equal(forward.host_address.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(forward.guest_port, 5353);
    assert_true(forward.udp);
    assert_int_equal(net_forward_parse("1:2/tcp", &forward, &error), 0);
    static const char *const wrong[] = { "",      "80",       "0:80",      "80:0",      "80:65536",
                                         "80:x",  "x:80",     "1.2.3:1:2", ":80",       "80:",
                                         "1:2:3", "1:2/sctp", "[::1]:1:2", "1:2/udp/x", "+1:2" };
    for (unsigned i = 0; i < ARRAY_LENGTH(wrong); i++) {
        assert_int_equal(net_forward_parse(wrong[i], &forward, &error), -1);
        assert_int_equal(strncmp(error.message, "publish ", 8), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gateway_answers_arp),
        cmocka_unit_test(dhcp_offers_the_address_gateway_and_name_server),
        cmocka_unit_test(a_connection_of_the_machine_reaches_the_host),
        cmocka_unit_test(a_published_port_leads_to_the_machine),
        cmocka_unit_test(a_published_udp_port_leads_to_the_machine),
        cmocka_unit_test(frames_wait_for_room),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(nonsense_harms_nobody),
        cmocka_unit_test(what_is_published_is_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
