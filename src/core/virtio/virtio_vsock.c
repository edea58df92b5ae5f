// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_vsock.h"

#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"
#include "core/virtio/vsock_connection.h"

#define QUEUE_SIZE       128
#define PACKET_LIMIT     65536u /* of payload in one packet of the guest */
#define REFUSALS         32     /* resets for connections that are not ours, still to be said */
#define FIRST_LOCAL_PORT 49152u

enum { RECEIVE_QUEUE, TRANSMIT_QUEUE, EVENT_QUEUE, QUEUES };

struct refusal {
    uint32_t guest_port, host_port;
};

struct virtio_vsock {
    struct virtio_device device; /* first */
    struct platform_vsock *vsock;
    uint64_t guest_cid;
    uint32_t next_local_port;
    struct virtqueue_chain chain;    /* of what is said to the guest */
    struct virtqueue_chain incoming; /* of the packet being handled */
    unsigned refusal_count;
    struct refusal refusals[REFUSALS];
    struct vsock_connection connections[VSOCK_CONNECTIONS];
};

/* -- Connections -- */

static struct vsock_connection *find(struct virtio_vsock *vsock, uint32_t guest_port,
                                     uint32_t host_port)
{
    for (unsigned i = 0; i < VSOCK_CONNECTIONS; i++) {
        struct vsock_connection *connection = &vsock->connections[i];
        if (connection->state != VSOCK_FREE && connection->guest_port == guest_port &&
            connection->host_port == host_port)
            return connection;
    }
    return NULL;
}

static struct vsock_connection *find_free(struct virtio_vsock *vsock)
{
    for (unsigned i = 0; i < VSOCK_CONNECTIONS; i++)
        if (vsock->connections[i].state == VSOCK_FREE)
            return &vsock->connections[i];
    return NULL;
}

static void open_connection(struct virtio_vsock *vsock, struct vsock_connection *connection,
                            enum vsock_state state, uint32_t guest_port, uint32_t host_port)
{
    connection->device = vsock;
    connection->state = state;
    connection->pending = 0;
    connection->guest_port = guest_port;
    connection->host_port = host_port;
    connection->guest_finished = connection->host_finished = false;
    connection->buffered = connection->buffer_start = 0;
    connection->forwarded = connection->forwarded_told = 0;
    connection->peer_allocation = connection->peer_forwarded = connection->sent = 0;
}

static void drop_stream(struct vsock_connection *connection)
{
    if (connection->stream)
        platform_stream_close(connection->stream);
    connection->stream = NULL;
}

/* Nothing more is done but to tell the guest so, where it has to be told. */
static void close_connection(struct vsock_connection *connection, bool tell)
{
    drop_stream(connection);
    connection->pending = tell ? VSOCK_SAY_RST : 0;
    connection->state = tell ? VSOCK_CLOSING : VSOCK_FREE;
}

/* -- To the guest -- */

static bool send_packet(struct virtio_vsock *vsock, const struct vsock_header *header,
                        const uint8_t *bytes)
{
    if (!virtio_take(&vsock->device, RECEIVE_QUEUE, &vsock->chain))
        return false;
    size_t written = chain_write(&vsock->chain, 0, header, sizeof(*header));
    written += chain_write(&vsock->chain, sizeof(*header), bytes, header->length);
    virtio_give(&vsock->device, RECEIVE_QUEUE, &vsock->chain, (uint32_t)written);
    return true;
}

static struct vsock_header header_to(const struct virtio_vsock *vsock, uint32_t guest_port,
                                     uint32_t host_port, enum vsock_operation operation)
{
    return (struct vsock_header){
        .source_cid = VSOCK_CID_HOST,
        .destination_cid = vsock->guest_cid,
        .source_port = host_port,
        .destination_port = guest_port,
        .type = VSOCK_TYPE_STREAM,
        .operation = (uint16_t)operation,
        .buffer_allocation = VSOCK_BUFFER,
    };
}

static struct vsock_header connection_header(struct vsock_connection *connection,
                                             enum vsock_operation operation)
{
    struct vsock_header header =
        header_to(connection->device, connection->guest_port, connection->host_port, operation);
    header.forwarded = connection->forwarded_told = connection->forwarded;
    if (operation == VSOCK_SHUTDOWN)
        header.flags = VSOCK_SHUTDOWN_SEND;
    return header;
}

/* In this order: a response before data, a reset last. */
static const enum vsock_operation sayings[] = { VSOCK_REQUEST, VSOCK_RESPONSE, VSOCK_CREDIT_UPDATE,
                                                VSOCK_SHUTDOWN, VSOCK_RST };

static bool say_pending(struct vsock_connection *connection)
{
    for (unsigned i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        if (!(connection->pending & 1u << sayings[i]))
            continue;
        struct vsock_header header = connection_header(connection, sayings[i]);
        if (!send_packet(connection->device, &header, NULL))
            return false;
        connection->pending &= ~(1u << sayings[i]);
    }
    if (connection->state == VSOCK_CLOSING)
        connection->state = VSOCK_FREE;
    return true;
}

static bool say_refusals(struct virtio_vsock *vsock)
{
    while (vsock->refusal_count > 0) {
        const struct refusal *refusal = &vsock->refusals[vsock->refusal_count - 1];
        struct vsock_header header =
            header_to(vsock, refusal->guest_port, refusal->host_port, VSOCK_RST);
        if (!send_packet(vsock, &header, NULL))
            return false;
        vsock->refusal_count--;
    }
    return true;
}

static void say_all(struct virtio_vsock *vsock)
{
    if (!say_refusals(vsock))
        return;
    for (unsigned i = 0; i < VSOCK_CONNECTIONS; i++) {
        struct vsock_connection *connection = &vsock->connections[i];
        if (connection->state != VSOCK_FREE && connection->pending && !say_pending(connection))
            return;
    }
}

static void say(struct vsock_connection *connection, enum vsock_pending what)
{
    connection->pending |= what;
    say_pending(connection);
}

/* More refusals than there is room for: the guest's own time-out speaks for the rest. */
static void refuse(struct virtio_vsock *vsock, const struct vsock_header *header)
{
    if (vsock->refusal_count < REFUSALS)
        vsock->refusals[vsock->refusal_count++] =
            (struct refusal){ header->source_port, header->destination_port };
    say_refusals(vsock);
}

/* -- The host's stream, as its receiver -- */

static size_t room(void *context)
{
    struct vsock_connection *connection = context;
    struct virtio_vsock *vsock = connection->device;
    uint32_t credit = vsock_credit(connection);
    if (connection->state != VSOCK_CONNECTED || credit == 0 || connection->pending ||
        !virtio_take(&vsock->device, RECEIVE_QUEUE, &vsock->chain))
        return 0;
    virtqueue_untake(&vsock->device.queues[RECEIVE_QUEUE]);
    if (vsock->chain.writable_length <= sizeof(struct vsock_header))
        return 0;
    uint64_t space = vsock->chain.writable_length - sizeof(struct vsock_header);
    return space < credit ? space : credit;
}

static void receive(void *context, const uint8_t *bytes, size_t length)
{
    struct vsock_connection *connection = context;
    struct vsock_header header = connection_header(connection, VSOCK_RW);
    header.length = (uint32_t)length;
    if (connection->state == VSOCK_CONNECTED && send_packet(connection->device, &header, bytes))
        connection->sent += (uint32_t)length;
}

/* A quarter of the buffer became free, or the guest may be standing still: tell it. */
static void return_credit(struct vsock_connection *connection)
{
    uint32_t untold = connection->forwarded - connection->forwarded_told;
    if (untold >= VSOCK_BUFFER / 4)
        say(connection, VSOCK_SAY_CREDIT);
}

static void drain(struct vsock_connection *connection)
{
    vsock_drain(connection);
    if (connection->buffered == 0 && connection->guest_finished) {
        platform_stream_finish(connection->stream);
        if (connection->host_finished)
            close_connection(connection, true);
        return;
    }
    return_credit(connection);
}

static void writable(void *context)
{
    struct vsock_connection *connection = context;
    if (connection->state == VSOCK_CONNECTED)
        drain(connection);
}

static void ended(void *context, bool reset)
{
    struct vsock_connection *connection = context;
    struct virtio_vsock *vsock = connection->device;
    connection->host_finished = true;
    if (reset || connection->guest_finished || connection->state != VSOCK_CONNECTED)
        close_connection(connection, true);
    else
        connection->pending |= VSOCK_SAY_SHUTDOWN;
    say_all(vsock);
}

static struct platform_stream_receiver receiver_of(struct vsock_connection *connection)
{
    return (struct platform_stream_receiver){
        .room = room,
        .receive = receive,
        .writable = writable,
        .ended = ended,
        .context = connection,
    };
}

/* A local port that no connection to this guest port has. */
static uint32_t choose_port(struct virtio_vsock *vsock, uint32_t guest_port)
{
    do {
        if (++vsock->next_local_port < FIRST_LOCAL_PORT)
            vsock->next_local_port = FIRST_LOCAL_PORT;
    } while (find(vsock, guest_port, vsock->next_local_port));
    return vsock->next_local_port;
}

static bool accept(void *context, struct platform_stream *stream, uint32_t port)
{
    struct virtio_vsock *vsock = context;
    struct vsock_connection *connection = find_free(vsock);
    if (!virtio_running(&vsock->device) || !connection)
        return false;
    open_connection(vsock, connection, VSOCK_CONNECTING, port, choose_port(vsock, port));
    connection->stream = stream;
    say(connection, VSOCK_SAY_REQUEST);
    return true;
}

/* -- From the guest -- */

static void requested(struct virtio_vsock *vsock, const struct vsock_header *header)
{
    struct vsock_connection *connection = find_free(vsock);
    if (!connection) {
        refuse(vsock, header);
        return;
    }
    open_connection(vsock, connection, VSOCK_CONNECTED, header->source_port,
                    header->destination_port);
    connection->peer_allocation = header->buffer_allocation;
    connection->peer_forwarded = header->forwarded;
    connection->stream =
        platform_vsock_connect(vsock->vsock, header->destination_port, receiver_of(connection));
    if (!connection->stream)
        close_connection(connection, true);
    else
        connection->pending |= VSOCK_SAY_RESPONSE;
    say_pending(connection);
}

static void responded(struct vsock_connection *connection)
{
    if (connection->state != VSOCK_CONNECTING) {
        close_connection(connection, true);
        say_pending(connection);
        return;
    }
    connection->state = VSOCK_CONNECTED;
    platform_stream_accept(connection->stream, receiver_of(connection));
}

static void arrived(struct vsock_connection *connection, const struct virtqueue_chain *chain,
                    uint32_t length)
{
    struct slice slices[VIRTQUEUE_MAX_SEGMENTS];
    if (connection->state != VSOCK_CONNECTED || connection->guest_finished ||
        !vsock_has_room(connection, length)) {
        close_connection(connection, true);
        return;
    }
    unsigned count = chain_readable_range(chain, sizeof(struct vsock_header), length, slices);
    for (unsigned i = 0; i < count; i++)
        vsock_store(connection, slices[i].address, (uint32_t)slices[i].length);
    drain(connection);
}

static void shut_down(struct vsock_connection *connection, uint32_t flags)
{
    if (flags & VSOCK_SHUTDOWN_RECEIVE)
        connection->host_finished = true;
    if (flags & VSOCK_SHUTDOWN_SEND)
        connection->guest_finished = true;
    if (connection->state == VSOCK_CONNECTED)
        drain(connection);
}

static void handle(struct vsock_connection *connection, const struct vsock_header *header,
                   const struct virtqueue_chain *chain)
{
    connection->peer_allocation = header->buffer_allocation;
    connection->peer_forwarded = header->forwarded;
    switch (header->operation) {
    case VSOCK_RESPONSE:
        responded(connection);
        break;
    case VSOCK_RW:
        arrived(connection, chain, header->length);
        break;
    case VSOCK_SHUTDOWN:
        shut_down(connection, header->flags);
        break;
    case VSOCK_RST:
        close_connection(connection, false);
        break;
    case VSOCK_CREDIT_REQUEST:
        connection->pending |= VSOCK_SAY_CREDIT;
        break;
    case VSOCK_CREDIT_UPDATE:
        break;
    default:
        close_connection(connection, true);
    }
    if (connection->pending)
        say_pending(connection);
    if (connection->stream && connection->state == VSOCK_CONNECTED)
        platform_stream_ready(connection->stream);
}

static void dispatch(struct virtio_vsock *vsock, const struct vsock_header *header)
{
    struct vsock_connection *connection =
        find(vsock, header->source_port, header->destination_port);
    if (header->destination_cid != VSOCK_CID_HOST || header->source_cid != vsock->guest_cid ||
        header->type != VSOCK_TYPE_STREAM)
        refuse(vsock, header);
    else if (connection)
        handle(connection, header, &vsock->incoming);
    else if (header->operation == VSOCK_REQUEST)
        requested(vsock, header);
    else if (header->operation != VSOCK_RST)
        refuse(vsock, header);
}

static void transmit(struct virtio_vsock *vsock)
{
    struct virtqueue_chain *chain = &vsock->incoming;
    struct vsock_header header;
    while (virtio_take(&vsock->device, TRANSMIT_QUEUE, chain)) {
        bool whole = chain_read(chain, 0, &header, sizeof(header)) == sizeof(header) &&
                     header.length <= PACKET_LIMIT &&
                     header.length <= chain->readable_length - sizeof(header);
        if (whole)
            dispatch(vsock, &header);
        virtio_give(&vsock->device, TRANSMIT_QUEUE, chain, 0);
        if (!whole) {
            virtio_fail(&vsock->device, "sent a packet that is shorter than it says");
            return;
        }
    }
}

static void offer_room(struct virtio_vsock *vsock)
{
    say_all(vsock);
    for (unsigned i = 0; i < VSOCK_CONNECTIONS; i++)
        if (vsock->connections[i].state == VSOCK_CONNECTED && vsock->connections[i].stream)
            platform_stream_ready(vsock->connections[i].stream);
}

static void notified(struct virtio_device *device, unsigned queue)
{
    struct virtio_vsock *vsock = (struct virtio_vsock *)device;
    if (queue == TRANSMIT_QUEUE)
        transmit(vsock);
    else if (queue == RECEIVE_QUEUE)
        offer_room(vsock);
}

static void reset(struct virtio_device *device)
{
    struct virtio_vsock *vsock = (struct virtio_vsock *)device;
    vsock->refusal_count = 0;
    for (unsigned i = 0; i < VSOCK_CONNECTIONS; i++)
        close_connection(&vsock->connections[i], false);
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const struct virtio_vsock *vsock = (struct virtio_vsock *)device;
    copy_bytes(bytes, (const uint8_t *)&vsock->guest_cid + offset, size);
}

static const struct virtio_type type = {
    .name = "virtio-vsock",
    .identifier = 19,
    .class_code = 0x028000, /* other network controller */
    .queue_count = QUEUES,
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .reset = reset,
    .config_size = sizeof(uint64_t),
    .config_read = config_read,
};

struct virtio_device *virtio_vsock_create(const struct virtio_wiring *wiring,
                                          struct platform_vsock *host, uint64_t guest_cid)
{
    struct virtio_vsock *vsock = platform_allocate(wiring->platform, sizeof(*vsock));
    if (!vsock)
        return NULL;
    vsock->vsock = host;
    vsock->guest_cid = guest_cid;
    vsock->next_local_port = FIRST_LOCAL_PORT;
    virtio_pci_initialize(&vsock->device, &type, wiring);
    platform_vsock_set_listener(
        host, (struct platform_vsock_listener){ .accept = accept, .context = vsock });
    return &vsock->device;
}
