// SPDX-License-Identifier: Apache-2.0
/* Virtio 9P transport (virtio 1.2 lists it as device 9; the layout is that of Linux'
 * uapi/linux/virtio_9p.h): carries messages of 9P2000.L to a server of the host's. */
#pragma once

#include "core/virtio/virtio_device.h"

struct virtio_device *virtio_9p_create(const struct virtio_wiring *wiring,
                                       struct platform_share *share);
