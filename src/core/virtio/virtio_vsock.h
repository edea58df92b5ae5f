// SPDX-License-Identifier: Apache-2.0
/* Virtio socket device (virtio 1.2, 5.10): stream connections between guest and host. */
#pragma once

#include "core/virtio/virtio_device.h"

#define VSOCK_CONNECTIONS 64

struct virtio_device *virtio_vsock_create(const struct virtio_wiring *wiring,
                                          struct platform_vsock *vsock, uint64_t guest_cid);
