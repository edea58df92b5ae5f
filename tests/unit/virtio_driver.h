// SPDX-License-Identifier: Apache-2.0
/*
 * A driver for virtio devices, as a guest's: it speaks to the registers of BAR 0 and keeps the
 * rings in a small guest memory. What it does wrong it does on purpose. Include it in one file of a
 * test.
 */
#pragma once

#include "fake_platform.h"

#include "core/virtio/virtio_device.h"

#define DRIVER_MEMORY (1u << 20)
#define DRIVER_RING(n)                                                                             \
    (0x10000u + 0x4000u * (n)) /* descriptors, +0x2000 available, +0x3000 used                     \
                                */
#define DRIVER_BUFFERS    0x80000u
#define DRIVER_QUEUE_SIZE 16u

struct driver {
    struct platform platform;
    struct guest_memory memory;
    uint8_t bytes[DRIVER_MEMORY] __attribute__((aligned(4096)));
    struct frame frames[DRIVER_MEMORY / FRAME_SIZE];
    struct virtio_device *device;
    unsigned interrupts; /* times that the pin went up */
    unsigned next[VIRTIO_MAX_QUEUES];
};

struct driver_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

enum { DRIVER_NEXT = 1, DRIVER_WRITE = 2, DRIVER_INDIRECT = 4 };

static inline void driver_map(void *context, struct pci_function *function, unsigned bar,
                              uint64_t address)
{
    (void)context, (void)function, (void)bar, (void)address;
}

static inline void driver_message(void *context, uint64_t address, uint32_t data)
{
    (void)context, (void)address, (void)data;
}

static inline void driver_interrupt(void *context, struct pci_function *function, bool level)
{
    (void)function;
    ((struct driver *)context)->interrupts += level;
}

static inline struct virtio_wiring driver_setup(struct driver *driver)
{
    memset(driver, 0, sizeof(*driver));
    guest_memory_add(&driver->memory, 0, DRIVER_MEMORY, driver->bytes, driver->frames, false);
    return (struct virtio_wiring){ &driver->platform, &driver->memory };
}

static inline uint64_t driver_read(struct driver *driver, uint64_t offset, unsigned size)
{
    return driver->device->function.bars[0].registers->read(driver->device, offset, size);
}

static inline void driver_write(struct driver *driver, uint64_t offset, unsigned size,
                                uint64_t value)
{
    driver->device->function.bars[0].registers->write(driver->device, offset, size, value);
}

static inline uint8_t driver_status(struct driver *driver)
{
    return (uint8_t)driver_read(driver, 0x14, 1);
}

static inline void driver_plug(struct driver *driver, struct virtio_device *device)
{
    static const struct pci_bus_operations bus = { driver_map, driver_message, driver_interrupt };
    driver->device = device;
    device->function.bus = &bus;
    device->function.bus_context = driver;
    pci_config_write(&device->function, 4, 2, 6); /* memory and bus master */
}

/* Up to FEATURES_OK; whether the device took them. */
static inline bool driver_negotiate(struct driver *driver, uint64_t features)
{
    driver_write(driver, 0x14, 1, 0);
    driver_write(driver, 0x14, 1, VIRTIO_STATUS_ACKNOWLEDGE);
    driver_write(driver, 0x14, 1, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    for (unsigned half = 0; half < 2; half++) {
        driver_write(driver, 0x08, 4, half);
        driver_write(driver, 0x0c, 4, features >> 32 * half & UINT32_MAX);
    }
    driver_write(driver, 0x14, 1, 11);
    return driver_status(driver) & VIRTIO_STATUS_FEATURES_OK;
}

static inline void driver_enable_queue(struct driver *driver, unsigned queue)
{
    driver_write(driver, 0x16, 2, queue);
    driver_write(driver, 0x18, 2, DRIVER_QUEUE_SIZE);
    driver_write(driver, 0x20, 4, DRIVER_RING(queue));
    driver_write(driver, 0x28, 4, DRIVER_RING(queue) + 0x2000);
    driver_write(driver, 0x30, 4, DRIVER_RING(queue) + 0x3000);
    driver_write(driver, 0x1c, 2, 1);
}

static inline void driver_start(struct driver *driver, uint64_t features)
{
    assert_true(driver_negotiate(driver, features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
    for (unsigned queue = 0; queue < driver->device->queue_count && queue < 16; queue++)
        driver_enable_queue(driver, queue);
    driver_write(driver, 0x14, 1, 15);
    assert_int_equal(driver_status(driver), 15);
}

static inline void driver_descriptor(struct driver *driver, unsigned queue, unsigned index,
                                     uint64_t address, uint32_t length, uint16_t flags,
                                     uint16_t next)
{
    const struct driver_descriptor descriptor = { address, length, flags, next };
    memcpy(driver->bytes + DRIVER_RING(queue) + 16 * index, &descriptor, sizeof(descriptor));
}

/* Make descriptor `head` available and notify. */
static inline void driver_offer(struct driver *driver, unsigned queue, uint16_t head)
{
    uint8_t *available = driver->bytes + DRIVER_RING(queue) + 0x2000;
    uint16_t index = (uint16_t)driver->next[queue]++;
    memcpy(available + 4 + 2 * (index % DRIVER_QUEUE_SIZE), &head, 2);
    index++;
    memcpy(available + 2, &index, 2);
    driver_write(driver, 0x3000 + 4 * queue, 2, queue);
}

static inline unsigned driver_used(const struct driver *driver, unsigned queue)
{
    uint16_t index;
    memcpy(&index, driver->bytes + DRIVER_RING(queue) + 0x3002, 2);
    return index;
}

/* Which chain came back last. */
static inline uint32_t driver_used_head(const struct driver *driver, unsigned queue)
{
    uint32_t head;
    unsigned slot = (driver_used(driver, queue) - 1) % DRIVER_QUEUE_SIZE;
    memcpy(&head, driver->bytes + DRIVER_RING(queue) + 0x3004 + 8 * slot, 4);
    return head;
}

/* How much the device said that it wrote, of the latest chain. */
static inline uint32_t driver_used_length(const struct driver *driver, unsigned queue)
{
    uint32_t length;
    unsigned slot = (driver_used(driver, queue) - 1) % DRIVER_QUEUE_SIZE;
    memcpy(&length, driver->bytes + DRIVER_RING(queue) + 0x3004 + 8 * slot + 4, 4);
    return length;
}

static inline bool driver_needs_reset(struct driver *driver)
{
    return driver_status(driver) & VIRTIO_STATUS_NEEDS_RESET;
}
