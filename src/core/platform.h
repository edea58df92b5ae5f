// SPDX-License-Identifier: Apache-2.0
/*
 * Seam 2: what the virtual machine asks of the place where it runs. src/vm implements it over a
 * Linux process; a bootable image will implement it over bare metal. The functions are bound at
 * link time; `struct platform` is the host's own.
 *
 * Lock: every function of core/device, core/virtio, core/kvmpv and core/machine is called with the
 * lock of its machine held, and calls back into the platform with it held. The platform takes it
 * around what it calls by itself: expired timers, completed requests, received frames and bytes.
 * Nothing here blocks; requests complete later.
 */
#pragma once

#include <stdarg.h>

#include "core/types.h"

struct platform;

/* -- Memory: at set-up only -- */

/* Zeroed, aligned to 64 bytes, freed with the machine; NULL when there is none left. */
void *platform_allocate(struct platform *platform, size_t size);

/* Memory for generated code, mapped twice: what is written at `writable` executes at `executable`.
 * Never writable and executable at one address. */
struct code_memory {
    uint8_t *writable;
    const uint8_t *executable;
    size_t size;
};
int platform_allocate_code(struct platform *platform, size_t size, struct code_memory *memory);

/* Memory of a guest slice that the guest does not need now: it costs nothing any more and reads as
 * zeroes. Whole frames. */
void platform_memory_discard(struct platform *platform, uint8_t *address, size_t length);

/* -- Time -- */

/* Nanoseconds of the guest's time: monotonic, standing still while the machine is paused. Any
 * thread. */
uint64_t platform_clock(struct platform *platform);
/* Nanoseconds since the Unix epoch, UTC. */
uint64_t platform_wall_clock(struct platform *platform);
/* Of the host's time-stamp counter, as the guest sees it. */
uint64_t platform_tsc_frequency(struct platform *platform);

struct platform_timer {
    void (*expired)(void *context);
    void *context;
    uint64_t deadline; /* in platform_clock() */
    bool armed;
    struct platform_timer *next; /* the platform's */
};
void platform_timer_arm(struct platform *platform, struct platform_timer *timer, uint64_t deadline);
void platform_timer_cancel(struct platform *platform, struct platform_timer *timer);

/* -- Processors -- */

enum vcpu_signal {
    VCPU_SIGNAL_INTERRUPT, /* its interrupt controller has something to deliver: look at it */
    VCPU_SIGNAL_NMI,
    VCPU_SIGNAL_INIT,
    VCPU_SIGNAL_STARTUP, /* SIPI: starts at vector << 12 */
    VCPU_SIGNAL_KICK,    /* a paravirtual kick: leave HLT */
};
void platform_vcpu_signal(struct platform *platform, unsigned vcpu, enum vcpu_signal signal,
                          unsigned vector);
/* Nanoseconds that the vCPU wanted to run and did not (steal time). */
uint64_t platform_vcpu_stolen(struct platform *platform, unsigned vcpu);

enum machine_event { MACHINE_POWER_OFF, MACHINE_RESET, MACHINE_SLEEP, MACHINE_PANICKED };
void platform_machine_event(struct platform *platform, enum machine_event event);

/* -- Block -- */

struct platform_block;

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

struct slice {
    uint8_t *address;
    size_t length;
};

struct block_request {
    enum block_operation operation;
    uint64_t offset, length; /* bytes; length is the sum of the slices (or the extent to discard) */
    const struct slice *slices;
    unsigned slice_count;
    void (*done)(struct block_request *request, int status); /* 0 or negative errno */
    void *context;
    struct block_request *next; /* the platform's while it is under way */
    int status;                 /* the platform's while it is under way */
};
/* `request` and its slices belong to the platform until done() is called; done() may be called from
 * within platform_block_submit. */
void platform_block_submit(struct platform_block *block, struct block_request *request);
uint64_t platform_block_size(const struct platform_block *block); /* bytes */
bool platform_block_read_only(const struct platform_block *block);
/* Text that names the disk to the guest (virtio-blk serial, IDE serial number); at most 20 bytes.
 */
const char *platform_block_serial(const struct platform_block *block);

/* -- Network -- */

struct platform_net;

/* Ethernet frames without FCS. A full queue drops: that is what Ethernet does. The network may
 * answer at once: receive() may be called from within. */
void platform_net_send(struct platform_net *net, const struct slice *slices, unsigned slice_count);
struct platform_net_receiver {
    bool (*ready)(void *context); /* false: the platform holds frames back until it is told */
    void (*receive)(void *context, const uint8_t *frame, size_t length);
    void *context;
};
void platform_net_set_receiver(struct platform_net *net, struct platform_net_receiver receiver);
void platform_net_ready(struct platform_net *net); /* ready() may answer true now */
const uint8_t *platform_net_address(const struct platform_net *net); /* 6 bytes, MAC */

/* -- Byte streams: consoles, serial lines, control channels -- */

struct platform_console;

/* How many bytes were taken; when not all, `writable` of the receiver is called when there is room.
 */
size_t platform_console_write(struct platform_console *console, const uint8_t *bytes,
                              size_t length);
struct platform_console_receiver {
    size_t (*room)(void *context); /* how many bytes receive() takes now */
    void (*receive)(void *context, const uint8_t *bytes, size_t length);
    void (*writable)(void *context);
    void (*resized)(void *context, unsigned columns, unsigned rows); /* may be NULL */
    void *context;
};
void platform_console_set_receiver(struct platform_console *console,
                                   struct platform_console_receiver receiver);
void platform_console_ready(struct platform_console *console); /* room() may have grown */

/* -- Shared directories: a server of the host speaks 9P2000.L -- */

struct platform_share;

struct share_request {
    const struct slice *request, *reply; /* one 9P message, and room for its answer */
    unsigned request_count, reply_count;
    uint64_t request_length, reply_length;
    /* `length` bytes of the reply's room are filled; 0: the message was none. */
    void (*done)(struct share_request *request, uint32_t length);
    void *context;
    struct share_request *next; /* the platform's while it is under way */
};
/* Request, slices and reply belong to the platform until done(), which may be called from within.
 */
void platform_share_submit(struct platform_share *share, struct share_request *request);
/* The guest's driver starts anew: what it had open is closed. */
void platform_share_reset(struct platform_share *share);
const char *platform_share_tag(const struct platform_share *share); /* what the guest mounts */

/* -- Streams between guest and host by port number: vsock -- */

struct platform_vsock;  /* the host's side of one guest */
struct platform_stream; /* one connection */

struct platform_stream_receiver {
    size_t (*room)(void *context);
    void (*receive)(void *context, const uint8_t *bytes, size_t length);
    void (*writable)(void *context);          /* platform_stream_write takes more */
    void (*ended)(void *context, bool reset); /* the host's end sends no more, or broke it */
    void *context;
};
/* A guest connects to a port of the host. NULL: nobody listens. */
struct platform_stream *platform_vsock_connect(struct platform_vsock *vsock, uint32_t port,
                                               struct platform_stream_receiver receiver);
/* Somebody on the host connects to a port of the guest: `accept` says whether the device takes it;
 * the answer comes by platform_stream_accept once the guest has given it. */
struct platform_vsock_listener {
    bool (*accept)(void *context, struct platform_stream *stream, uint32_t port);
    void *context;
};
void platform_vsock_set_listener(struct platform_vsock *vsock,
                                 struct platform_vsock_listener listener);
void platform_stream_accept(struct platform_stream *stream,
                            struct platform_stream_receiver receiver);
size_t platform_stream_write(struct platform_stream *stream, const uint8_t *bytes, size_t length);
void platform_stream_ready(struct platform_stream *stream);  /* room() may have grown */
void platform_stream_finish(struct platform_stream *stream); /* the guest sends no more */
void platform_stream_close(struct platform_stream *stream);  /* and the stream is gone */

/* -- The rest -- */

void platform_random(struct platform *platform, uint8_t *bytes, size_t length);

enum platform_log_level { PLATFORM_LOG_ERROR, PLATFORM_LOG_WARNING, PLATFORM_LOG_DEBUG };
/* One line; guests can cause it, so the platform limits its rate. */
void platform_log(struct platform *platform, enum platform_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
