// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio over PCI (virtio 1.2, 4.1), the modern interface alone. BAR 0 holds the four structures,
 * one page each; BAR 1 holds the MSI-X table and its pending bits.
 */
#pragma once

#include "core/virtio/virtio_device.h"

/* Make the device's PCI function. `device->type`, and for a type without a count
 * `device->queue_count`, are set; `device->offered` gets the features of type and ring. */
void virtio_pci_initialize(struct virtio_device *device, const struct virtio_type *type,
                           const struct virtio_wiring *wiring);
