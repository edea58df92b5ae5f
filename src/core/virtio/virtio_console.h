// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio console device (virtio 1.2, 5.3) with several ports: port 0 is the guest's console, the
 * others are byte streams that the guest finds by name.
 */
#pragma once

#include "core/virtio/virtio_device.h"

#define VIRTIO_CONSOLE_PORTS 4

struct virtio_console_port_request {
    const char *name; /* static text, "" for the console */
    struct platform_console *console;
};

struct virtio_device *virtio_console_create(const struct virtio_wiring *wiring,
                                            const struct virtio_console_port_request *ports,
                                            unsigned port_count);
