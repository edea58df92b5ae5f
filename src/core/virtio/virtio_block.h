// SPDX-License-Identifier: Apache-2.0
/* Virtio block device (virtio 1.2, 5.2): one queue, any number of requests under way at once. */
#pragma once

#include "core/virtio/virtio_device.h"

/* NULL: no memory. The function is in `device->function`, to be plugged into a bus. */
struct virtio_device *virtio_block_create(const struct virtio_wiring *wiring,
                                          struct platform_block *block);
