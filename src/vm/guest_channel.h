// SPDX-License-Identifier: Apache-2.0
/*
 * The host's end of the control channel (guest/protocol.h): bytes that came from the guest go in
 * and become calls of `events`; requests become bytes that wait to be given to the guest. It knows
 * no descriptor, no device and no clock, and is used by one thread.
 *
 * Everything from the guest is hostile. A frame is taken only when its size, its type, its process
 * and that process's state allow it; text for people comes without control characters. The first
 * wrong byte breaks the channel for good: the caller ends the machine. What the guest can make us
 * keep is bounded: one frame, and the requests that it does not read, of which only input grows,
 * up to its credit.
 *
 * Events may be followed by requests at once, from inside of the callback; the channel must not be
 * freed there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "guest/protocol.h"
#include "spec/process.h"

struct guest_channel;

/* Every member must be set. Pointers are valid during the call. */
struct guest_channel_events {
    /* The guest is there: requests that are made now arrive. */
    void (*hello)(void *context, const char *kernel_release, unsigned int word_bits);
    void (*started)(void *context, uint32_t process, uint32_t pid);
    /* `process` was not started; 0: the machine could not be set up. `on` may be "". */
    void (*failed)(void *context, uint32_t process, enum guest_step step, int error,
                   const char *on);
    /* `stream` is GUEST_STDOUT or GUEST_STDERR; to be answered by guest_channel_passed_on(). */
    void (*output)(void *context, uint32_t process, enum guest_report stream, const void *data,
                   size_t length);
    /* The process takes more input: as much as guest_channel_input_room() says. */
    void (*input_room)(void *context, uint32_t process);
    void (*exited)(void *context, uint32_t process, unsigned int status, unsigned int signal);
    void (*log)(void *context, const char *text);
    /* All is unmounted: the machine may be switched off. */
    void (*down)(void *context);
};

struct guest_channel *guest_channel_new(const struct guest_channel_events *events, void *context);
void guest_channel_free(struct guest_channel *channel); /* NULL is fine */

static inline void guest_channel_cleanup(struct guest_channel **channel)
{
    guest_channel_free(*channel);
}
#define AUTO_GUEST_CHANNEL __attribute__((cleanup(guest_channel_cleanup)))

/* Take bytes from the guest, in pieces of any size. After -1 it always fails. */
int guest_channel_receive(struct guest_channel *channel, const void *bytes, size_t length,
                          struct error *error);

/* Bytes that wait for the guest, and how many of them it has got since. */
size_t guest_channel_pending(const struct guest_channel *channel, const uint8_t **bytes);
void guest_channel_sent(struct guest_channel *channel, size_t length);

/* Requests. Those for setting the machine up are made in the order in which they are to be done,
 * after hello and before the first start; none is answered, but `failed` may come. */

struct guest_channel_mount {
    const char *source; /* "LABEL=...", "SERIAL=..." wait for a disk; a 9p tag; "none" */
    const char *target; /* absolute; made where it is missing */
    const char *type, *options;
    uint32_t mount_flags; /* MS_* */
    bool on_file;         /* the target is a file */
};

void guest_channel_root(struct guest_channel *channel, const char *disk, const char *type,
                        const char *options, bool read_only, uint32_t wait_ms);
void guest_channel_mount(struct guest_channel *channel, const struct guest_channel_mount *mount);
/* NULL: leave it. */
void guest_channel_host_name(struct guest_channel *channel, const char *host, const char *domain);
/* `domains` are separated by blanks; NULL: none. */
void guest_channel_network(struct guest_channel *channel, const struct guest_network *network,
                           const char *domains);

/*
 * Start a process under a number (not 0) that no other has at present. -1: there are
 * GUEST_PROCESS_LIMIT already, the number is taken, or what it carries is too long.
 */
int guest_channel_start(struct guest_channel *channel, uint32_t process,
                        const struct spec_process *spec, struct error *error);

/* What follows is about a process that was started; for one that has ended it does nothing. */

/* How many bytes of input it takes now. */
size_t guest_channel_input_room(const struct guest_channel *channel, uint32_t process);
/* Give it input; the count that was taken, at most the room. */
size_t guest_channel_input(struct guest_channel *channel, uint32_t process, const void *data,
                           size_t length);
void guest_channel_input_end(struct guest_channel *channel, uint32_t process);
/* So much of its output was passed on: it may write as much again. */
void guest_channel_passed_on(struct guest_channel *channel, uint32_t process,
                             enum guest_report stream, size_t length);
void guest_channel_window_size(struct guest_channel *channel, uint32_t process, uint16_t rows,
                               uint16_t columns);
void guest_channel_signal(struct guest_channel *channel, uint32_t process, int number);

/* To every process of the guest but its first. */
void guest_channel_signal_all(struct guest_channel *channel, int number);
/* End all processes, unmount, switch off. */
void guest_channel_power_off(struct guest_channel *channel, enum guest_power how);
/* Let the image's own init be the first process, with a terminal such as "/dev/ttyS0". */
void guest_channel_hand_over(struct guest_channel *channel, const char *path, const char *console);

/* Put what the guest said has failed into words. Returns -1 always. */
int guest_failure_error(enum guest_step step, int failure, const char *on, struct error *error);
