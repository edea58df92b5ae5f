// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio balloon device (virtio 1.2, 5.5): the guest hands pages back, by demand (inflation) or of
 * itself (free page reporting), and they stop costing the host anything.
 */
#pragma once

#include "core/virtio/virtio_device.h"

struct virtio_balloon_statistics {
    uint64_t values[16]; /* by tag, 5.5.6.4; all ones: not told */
};

struct virtio_device *virtio_balloon_create(const struct virtio_wiring *wiring);
/* Ask the guest for `pages` pages of 4 KiB in all. */
void virtio_balloon_set_target(struct virtio_device *device, uint32_t pages);
uint32_t virtio_balloon_actual(const struct virtio_device *device);
/* What the guest said last; asks it to say so anew. */
struct virtio_balloon_statistics virtio_balloon_statistics(struct virtio_device *device);
