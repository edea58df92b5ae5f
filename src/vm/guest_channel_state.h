// SPDX-License-Identifier: Apache-2.0
/* What the two halves of the host's end share: requests (guest_channel.c) and reports. */
#pragma once

#include "vm/guest_channel.h"

enum { GUEST_OUTPUT_CREDIT = 65536, GUEST_LOG_LINES = 1000 };

struct guest_process {
    uint32_t number; /* 0: this place is free */
    bool started;
    bool input_ended;
    uint32_t input_credit;     /* bytes that it still takes */
    uint32_t output_credit[2]; /* bytes that it may still send: standard output, standard error */
};

struct guest_channel {
    const struct guest_channel_events *events;
    void *context;

    bool greeted, broken;
    unsigned int log_lines; /* that it may still send us */
    struct guest_process processes[GUEST_PROCESS_LIMIT];

    /* The frame that is being received. */
    struct guest_frame frame;
    size_t header_length, payload_length;
    uint8_t payload[GUEST_TO_HOST_LIMIT];

    uint8_t *output; /* [begin, end) waits for the guest */
    size_t output_begin, output_end, output_size;
};

/* NULL where no process has that number. */
struct guest_process *guest_process_find(const struct guest_channel *channel, uint32_t number);
