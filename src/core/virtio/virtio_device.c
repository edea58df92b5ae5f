// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_device.h"

#define NO_VECTOR 0xffff

enum { INTERRUPT_QUEUE = 1, INTERRUPT_CONFIGURATION = 2 };

void virtio_signal(struct virtio_device *device, uint16_t vector, uint8_t interrupt_status)
{
    if (pci_msix_enabled(&device->function)) {
        if (vector != NO_VECTOR)
            pci_msix_signal(&device->function, vector);
        return;
    }
    device->interrupt_status |= interrupt_status;
    pci_set_interrupt(&device->function, true);
}

void virtio_config_changed(struct virtio_device *device)
{
    device->config_generation++;
    if (device->status & VIRTIO_STATUS_DRIVER_OK)
        virtio_signal(device, device->config_vector, INTERRUPT_CONFIGURATION);
}

void virtio_fail(struct virtio_device *device, const char *why)
{
    if (device->status & VIRTIO_STATUS_NEEDS_RESET)
        return;
    platform_log(device->platform, PLATFORM_LOG_WARNING, "%s: the guest's driver %s; it is stopped",
                 device->type->name, why);
    device->status |= VIRTIO_STATUS_NEEDS_RESET;
    virtio_config_changed(device);
}

bool virtio_take(struct virtio_device *device, unsigned queue, struct virtqueue_chain *chain)
{
    if (!virtio_running(device) || !pci_bus_master(&device->function))
        return false;
    enum virtqueue_result result = virtqueue_take(&device->queues[queue], chain);
    if (result == VIRTQUEUE_BROKEN)
        virtio_fail(device, "put a malformed chain into its queue");
    return result == VIRTQUEUE_CHAIN;
}

void virtio_give(struct virtio_device *device, unsigned queue, const struct virtqueue_chain *chain,
                 uint32_t written)
{
    struct virtqueue *ring = &device->queues[queue];
    if (!virtio_running(device))
        return;
    virtqueue_give(ring, chain, written);
    if (virtqueue_should_signal(ring))
        virtio_signal(device, ring->message_vector, INTERRUPT_QUEUE);
}

static void finish_reset(struct virtio_device *device)
{
    device->resetting = false;
    device->status = 0;
    device->negotiated = 0;
    device->offered_select = device->driver_select = 0;
    device->queue_select = 0;
    device->config_vector = NO_VECTOR;
    device->interrupt_status = 0;
    pci_set_interrupt(&device->function, false);
    for (unsigned i = 0; i < device->queue_count; i++) {
        virtqueue_reset(&device->queues[i]);
        device->queues[i].size = device->type->queue_size;
    }
    if (device->type->reset)
        device->type->reset(device);
}

void virtio_reset(struct virtio_device *device)
{
    device->resetting = true;
    if (device->held == 0)
        finish_reset(device);
}

void virtio_hold(struct virtio_device *device)
{
    device->held++;
}

void virtio_release(struct virtio_device *device)
{
    if (--device->held == 0 && device->resetting)
        finish_reset(device);
}

/* Features are acceptable when they are a subset of what was offered and VERSION_1 is among them:
 * there is no legacy interface (virtio 1.2, 6.1). */
static bool features_are_acceptable(const struct virtio_device *device)
{
    return !(device->negotiated & ~device->offered) &&
           device->negotiated & VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_device *device, uint8_t status)
{
    if (status == 0) {
        virtio_reset(device);
        return;
    }
    if (device->resetting)
        return;
    uint8_t added = status & ~device->status;
    if (added & VIRTIO_STATUS_FEATURES_OK && !features_are_acceptable(device))
        status &= ~VIRTIO_STATUS_FEATURES_OK;
    /* The driver cannot clear the device's own bit, and only a reset takes others away. */
    device->status |= status & ~VIRTIO_STATUS_NEEDS_RESET;
    if (added & VIRTIO_STATUS_DRIVER_OK && device->type->started)
        device->type->started(device);
}
