// SPDX-License-Identifier: Apache-2.0
/*
 * A directory of the host as the guest's virtio-9p device sees it: core/platform.h's
 * platform_share. File operations block, so a thread of the share's own makes them; it comes back
 * to the machine by an eventfd that the event loop waits for.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "core/platform.h"

struct share_request_details {
    const char *directory; /* of the host */
    const char *tag;       /* the name that the guest mounts it by, at most 31 bytes */
    bool read_only;
};

/* NULL: error. Ended by share_close. */
struct platform_share *share_open(const struct share_request_details *request, struct error *error);
/* Waits for what is under way; requests that are not begun are dropped. */
void share_close(struct platform_share *share);

/* Readable when share_complete has something to do. */
int share_event_fd(const struct platform_share *share);
/* Call done() of finished requests: on the event loop's thread, with the machine's lock held. */
void share_complete(struct platform_share *share);

/* The machine is made anew: no done() comes for what it has asked, what it had open is closed.
 * Waits for what is under way. */
void share_forget(struct platform_share *share);
