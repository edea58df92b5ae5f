// SPDX-License-Identifier: Apache-2.0
/*
 * One connection of a virtio socket device: a stream of the host's on one side, credit and a buffer
 * on the other (virtio 1.2, 5.10.6.3). The guest may have as much under way as the buffer holds, so
 * what the host's stream does not take at once always finds room here; a guest that sends more
 * breaks the rule, and its connection.
 */
#pragma once

#include "core/platform.h"
#include "core/virtio/vsock_packet.h"

#define VSOCK_BUFFER 32768u

struct virtio_vsock;

enum vsock_state {
    VSOCK_FREE,
    VSOCK_CONNECTING, /* the host asked, the guest has not answered */
    VSOCK_CONNECTED,
    VSOCK_CLOSING, /* only what is still to be said keeps it */
};

/* What is to be said to the guest as soon as it gives a receive buffer. */
enum vsock_pending {
    VSOCK_SAY_REQUEST = 1 << VSOCK_REQUEST,
    VSOCK_SAY_RESPONSE = 1 << VSOCK_RESPONSE,
    VSOCK_SAY_RST = 1 << VSOCK_RST,
    VSOCK_SAY_SHUTDOWN = 1 << VSOCK_SHUTDOWN,
    VSOCK_SAY_CREDIT = 1 << VSOCK_CREDIT_UPDATE,
};

struct vsock_connection {
    struct virtio_vsock *device;
    enum vsock_state state;
    unsigned pending; /* enum vsock_pending */
    uint32_t guest_port, host_port;
    struct platform_stream *stream;
    bool guest_finished, host_finished;
    /* Guest to host: bytes that the stream has not taken, and the total that left the buffer. */
    uint32_t buffered, buffer_start;
    uint32_t forwarded, forwarded_told;
    /* Host to guest. */
    uint32_t peer_allocation, peer_forwarded, sent;
    uint8_t buffer[VSOCK_BUFFER];
};

/* How many bytes the guest takes now. */
static inline uint32_t vsock_credit(const struct vsock_connection *connection)
{
    uint32_t under_way = connection->sent - connection->peer_forwarded;
    return under_way < connection->peer_allocation ? connection->peer_allocation - under_way : 0;
}

/* Room for `length` more bytes? */
static inline bool vsock_has_room(const struct vsock_connection *connection, uint32_t length)
{
    return length <= VSOCK_BUFFER - connection->buffered;
}

/* Put bytes that have room into the buffer. */
void vsock_store(struct vsock_connection *connection, const uint8_t *bytes, uint32_t length);
/* Hand the host's stream what is in the buffer, as far as it takes it. */
void vsock_drain(struct vsock_connection *connection);
