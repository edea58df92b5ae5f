// SPDX-License-Identifier: Apache-2.0
/* The guest's end of the control channel. */
#pragma once

#include "guest/protocol.h"
#include "guest/text.h"

struct channel {
    int fd; /* non-blocking */

    uint8_t *output; /* CHANNEL_OUTPUT_SIZE bytes, of which the middle waits to be written */
    size_t output_begin, output_end;

    struct guest_frame frame; /* being received */
    size_t header_length;     /* bytes of it that are there */
    uint8_t *payload;
    size_t payload_size, payload_length;
};

#define CHANNEL_OUTPUT_SIZE 65536

/*
 * Open the device that the kernel's parameter openvirt.control=NAME names, else the virtio console
 * port that has the name. Waits for it as long as `wait_ms`. 0 or -errno.
 */
int channel_open(struct channel *channel, int wait_ms);

/*
 * Read what is there and call `handler` for each frame that is complete; its payload may be
 * changed. 0, or -errno when the host is gone or speaks nonsense.
 */
typedef void channel_handler(void *context, const struct guest_frame *frame, uint8_t *payload);
int channel_receive(struct channel *channel, channel_handler *handler, void *context);

/* How many bytes of data a frame can carry that would not have to wait. */
size_t channel_room(const struct channel *channel);

/*
 * A frame whose data the caller fills in: where to, with room for GUEST_TO_HOST_LIMIT bytes or what
 * channel_room() said; then how much it became (0: no frame).
 */
uint8_t *channel_reserve(struct channel *channel);
void channel_commit(struct channel *channel, uint32_t type, uint32_t process, size_t length);

/* A frame of a struct and a string (NULL: none). Waits for room: it is never lost. */
void channel_send(struct channel *channel, uint32_t type, uint32_t process, const void *data,
                  size_t length, const char *string);

/* Write as much as the device takes. */
bool channel_has_output(const struct channel *channel);
void channel_write(struct channel *channel);

/* Wait until all is written and has left the machine. */
void channel_drain(struct channel *channel);

/* A line for the host's log: up to three parts, each may be NULL; `error` is -errno or 0. */
void channel_log(struct channel *channel, const char *what, const char *on, int error);
