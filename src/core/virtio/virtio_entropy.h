// SPDX-License-Identifier: Apache-2.0
/* Virtio entropy device (virtio 1.2, 5.4): random bytes of the host's. */
#pragma once

#include "core/virtio/virtio_device.h"

struct virtio_device *virtio_entropy_create(const struct virtio_wiring *wiring);
