// SPDX-License-Identifier: Apache-2.0
/*
 * What every virtio device has in common (virtio 1.2, chapter 2): status, features, queues, reset.
 * The transport (virtio_pci.h) calls down; a device's file supplies a `struct virtio_type`.
 *
 * Reset. Requests that the platform still works on write into guest memory, and nothing can call
 * them back. So a reset is finished only when none is under way; until then the status reads as it
 * was (2.4.2: the driver waits for 0). Devices count their requests with virtio_hold and
 * virtio_release.
 */
#pragma once

#include "core/device/pci.h"
#include "core/virtio/virtqueue.h"

#define VIRTIO_MAX_QUEUES 16

#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1     32
#define VIRTIO_FEATURE(bit)    (UINT64_C(1) << (bit))

enum virtio_status {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

struct virtio_device;

struct virtio_type {
    const char *name;
    uint16_t identifier;  /* virtio device ID, chapter 5 */
    uint32_t class_code;  /* PCI */
    uint64_t features;    /* beyond those of the ring and VERSION_1 */
    unsigned queue_count; /* 0: the device says it in `queue_count` itself */
    uint16_t queue_size;
    /* The driver has put chains into a queue. */
    void (*notified)(struct virtio_device *device, unsigned queue);
    void (*started)(struct virtio_device *device); /* DRIVER_OK; may be NULL */
    void (*reset)(struct virtio_device *device);   /* may be NULL */
    /* Device configuration: `offset` and `size` lie within config_size. Write may be NULL. */
    unsigned config_size;
    void (*config_read)(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes);
    void (*config_write)(struct virtio_device *device, unsigned offset, unsigned size,
                         const uint8_t *bytes);
};

struct virtio_device {
    const struct virtio_type *type;
    struct platform *platform;
    const struct guest_memory *memory;
    struct pci_function function;
    uint64_t offered, negotiated;
    uint32_t offered_select, driver_select; /* which half the driver looks at */
    uint8_t status;
    bool resetting;
    unsigned held; /* requests that the platform works on */
    uint8_t config_generation;
    uint16_t config_vector, queue_select;
    uint8_t interrupt_status; /* bit 0: queue, bit 1: configuration */
    unsigned queue_count;
    struct virtqueue queues[VIRTIO_MAX_QUEUES];
    uint8_t access_window; /* offset of the PCI configuration access capability */
};

struct virtio_wiring {
    struct platform *platform;
    const struct guest_memory *memory;
};

static inline bool virtio_has(const struct virtio_device *device, unsigned feature)
{
    return device->negotiated & VIRTIO_FEATURE(feature);
}

static inline bool virtio_running(const struct virtio_device *device)
{
    return (device->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
               VIRTIO_STATUS_DRIVER_OK &&
           !device->resetting;
}

/* Take the next chain of a queue; a broken one puts the device into its error state. */
bool virtio_take(struct virtio_device *device, unsigned queue, struct virtqueue_chain *chain);
/* Give it back, and signal the driver where it wants that. */
void virtio_give(struct virtio_device *device, unsigned queue, const struct virtqueue_chain *chain,
                 uint32_t written);
/* The driver broke a rule: DEVICE_NEEDS_RESET, and nothing more is done for it (2.1.2). */
void virtio_fail(struct virtio_device *device, const char *why);
/* Device configuration changed by itself. */
void virtio_config_changed(struct virtio_device *device);

void virtio_hold(struct virtio_device *device);
void virtio_release(struct virtio_device *device);

/* -- For the transport -- */

void virtio_set_status(struct virtio_device *device, uint8_t status);
void virtio_reset(struct virtio_device *device);
void virtio_signal(struct virtio_device *device, uint16_t vector, uint8_t interrupt_status);
