// SPDX-License-Identifier: Apache-2.0
/* Virtio network device (virtio 1.2, 5.1): one pair of queues; checksums of what the guest sends
 * are completed here. */
#pragma once

#include "core/virtio/virtio_device.h"

struct virtio_device *virtio_net_create(const struct virtio_wiring *wiring,
                                        struct platform_net *net);
