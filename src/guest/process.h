// SPDX-License-Identifier: Apache-2.0
/* The processes that the host started, and their streams. */
#pragma once

#include "guest/channel.h"
#include "guest/fields.h"

enum { STREAM_STDOUT, STREAM_STDERR, STREAM_COUNT };

struct process {
    uint32_t number; /* the host's; 0: this place is free */
    int pid;
    bool terminal;
    bool exited;
    int wait_status;

    int output_fds[STREAM_COUNT]; /* -1: at its end; a terminal has the first one alone */
    uint32_t credit[STREAM_COUNT];
    bool drained[STREAM_COUNT]; /* the last read found nothing */

    int input_fd;   /* -1: the process does not want it */
    uint8_t *input; /* GUEST_INPUT_CREDIT bytes, or NULL while there were none */
    size_t input_length;
    bool input_ends; /* behind what is there */
};

struct processes {
    struct process slots[GUEST_PROCESS_LIMIT];
};

struct process *process_find(struct processes *processes, uint32_t number);
struct process *process_with_pid(struct processes *processes, int pid);

/* GUEST_START. 0, or -errno with the step and on what it failed. */
int process_start(struct processes *processes, uint32_t number, struct fields *fields,
                  struct guest_failed *failed, const char **on);

/* Data for its standard input, or (length 0) the end of it. 0, or -ENOBUFS: more than its credit.
 */
int process_input(struct process *process, struct channel *channel, const uint8_t *data,
                  size_t length);

void process_set_window_size(const struct process *process, const struct guest_window_size *size);

/* Move what can be moved. Tells of the end, and frees the place, when all is said. */
void process_pump(struct process *process, struct channel *channel);

/* Whether reading from it makes sense now: for poll(2). */
bool process_wants_output(const struct process *process, int stream, const struct channel *channel);
bool process_has_input(const struct process *process);
