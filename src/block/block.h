// SPDX-License-Identifier: Apache-2.0
/*
 * The disks of a virtual machine: struct platform_block of core/platform.h over a file or a block
 * device, written directly or through a throw-away overlay.
 *
 * Threads. platform_block_submit and everything here is called with the lock of the machine held.
 * What the page cache holds is read at once, within submit. All else is done by the kernel
 * (io_uring) or by one worker thread for the disk, neither of which calls anybody: they make
 * block_event_fd() readable, and block_complete() then calls the requests' done(), in the thread of
 * its caller.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "core/platform.h"

#define BLOCK_SERIAL_MAXIMUM 20

enum block_engine { BLOCK_ENGINE_AUTO, BLOCK_ENGINE_IO_URING, BLOCK_ENGINE_THREAD };

struct block_options {
    const char *path;
    const char *serial; /* NULL: none */
    bool read_only;
    /* Writes go to an unlinked file in this directory and are gone with the machine; the image is
     * only read. NULL: writes go to the image. */
    const char *overlay_directory;
    enum block_engine engine;
    const struct log *log; /* outlives the disk */
};

/*
 * A writable image is locked against everybody, one that is only read against writers (open file
 * description locks), until it is closed.
 */
struct platform_block *block_open(const struct block_options *options, struct error *error);
/* Waits for the requests under way and forgets them: no done() is called any more. */
void block_close(struct platform_block *block);

/* Readable: there is something to complete. */
int block_event_fd(const struct platform_block *block);
void block_complete(struct platform_block *block);
/* Waits until nothing is under way, and completes it. Before a pause, a snapshot, a reset. */
void block_drain(struct platform_block *block);
/* "io_uring" or "thread". */
const char *block_engine_name(const struct platform_block *block);
