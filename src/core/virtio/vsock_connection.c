// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/vsock_connection.h"

#include "core/memory/copy.h"

void vsock_store(struct vsock_connection *connection, const uint8_t *bytes, uint32_t length)
{
    uint32_t end = (connection->buffer_start + connection->buffered) % VSOCK_BUFFER;
    uint32_t first = VSOCK_BUFFER - end < length ? VSOCK_BUFFER - end : length;
    copy_bytes(connection->buffer + end, bytes, first);
    copy_bytes(connection->buffer, bytes + first, length - first);
    connection->buffered += length;
}

void vsock_drain(struct vsock_connection *connection)
{
    while (connection->buffered > 0) {
        uint32_t part = VSOCK_BUFFER - connection->buffer_start;
        if (part > connection->buffered)
            part = connection->buffered;
        size_t taken = platform_stream_write(connection->stream,
                                             connection->buffer + connection->buffer_start, part);
        connection->buffer_start = (connection->buffer_start + (uint32_t)taken) % VSOCK_BUFFER;
        connection->buffered -= (uint32_t)taken;
        connection->forwarded += (uint32_t)taken;
        if (taken < part)
            return;
    }
}
