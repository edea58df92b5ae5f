// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_pci.h"

#include "core/memory/copy.h"

#define VIRTIO_VENDOR     0x1af4
#define VIRTIO_DEVICE     0x1040 /* + virtio device ID */
#define REVISION_MODERN   1
#define CAPABILITY_VENDOR 0x09

/* 4.1.4: what a capability points at */
enum structure { COMMON = 1, NOTIFY = 2, INTERRUPT_STATUS = 3, DEVICE = 4, PCI_ACCESS = 5 };

#define STRUCTURE_SIZE      0x1000u
#define COMMON_OFFSET       (0 * STRUCTURE_SIZE)
#define STATUS_OFFSET       (1 * STRUCTURE_SIZE)
#define DEVICE_OFFSET       (2 * STRUCTURE_SIZE)
#define NOTIFY_OFFSET       (3 * STRUCTURE_SIZE)
#define BAR_SIZE            (4 * STRUCTURE_SIZE)
#define NOTIFY_MULTIPLIER   4u
#define MSIX_BAR            1
#define MSIX_PENDING_OFFSET 0x800u
#define MSIX_BAR_SIZE       0x1000u

/* The fields of the common configuration structure (4.1.4.3): offset and size. */
enum common_register {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_MSIX_VECTOR = 0x10,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
};

static struct virtqueue *selected_queue(struct virtio_device *device)
{
    return device->queue_select < device->queue_count ? &device->queues[device->queue_select]
                                                      : NULL;
}

static uint64_t queue_read(const struct virtqueue *queue, unsigned index, uint64_t offset)
{
    switch (offset) {
    case QUEUE_SIZE:
        return queue->size;
    case QUEUE_MSIX_VECTOR:
        return queue->message_vector;
    case QUEUE_ENABLE:
        return queue->enabled;
    case QUEUE_NOTIFY_OFF:
        return index;
    case QUEUE_DESC:
        return queue->descriptor_area;
    case QUEUE_DESC + 4:
        return queue->descriptor_area >> 32;
    case QUEUE_DRIVER:
        return queue->driver_area;
    case QUEUE_DRIVER + 4:
        return queue->driver_area >> 32;
    case QUEUE_DEVICE:
        return queue->device_area;
    case QUEUE_DEVICE + 4:
        return queue->device_area >> 32;
    default:
        return 0;
    }
}

static uint32_t half(uint64_t value, uint32_t select)
{
    return select == 0 ? (uint32_t)value : select == 1 ? (uint32_t)(value >> 32) : 0;
}

static uint64_t common_read(struct virtio_device *device, uint64_t offset)
{
    const struct virtqueue *queue = selected_queue(device);
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        return device->offered_select;
    case DEVICE_FEATURE:
        return half(device->offered, device->offered_select);
    case DRIVER_FEATURE_SELECT:
        return device->driver_select;
    case DRIVER_FEATURE:
        return half(device->negotiated, device->driver_select);
    case CONFIG_MSIX_VECTOR:
        return device->config_vector;
    case NUM_QUEUES:
        return device->queue_count;
    case DEVICE_STATUS:
        return device->status;
    case CONFIG_GENERATION:
        return device->config_generation;
    case QUEUE_SELECT:
        return device->queue_select;
    default:
        return queue ? queue_read(queue, device->queue_select, offset) : 0;
    }
}

static void set_half(uint64_t *value, bool high, uint64_t part)
{
    *value = high ? (*value & UINT32_MAX) | part << 32 : (*value & ~(uint64_t)UINT32_MAX) | part;
}

/* A vector that does not exist is refused: the driver reads NO_VECTOR back (4.1.5.1.2). */
static uint16_t checked_vector(const struct virtio_device *device, uint64_t value)
{
    return value < device->function.msix_count ? (uint16_t)value : 0xffff;
}

static void enable_queue(struct virtio_device *device, struct virtqueue *queue)
{
    queue->event_index = virtio_has(device, VIRTIO_F_EVENT_IDX);
    if (virtqueue_enable(queue, device->memory) < 0)
        virtio_fail(device, "enabled a queue that is not in memory");
}

static void write_area(gpa_t *area, uint64_t first, uint64_t offset, unsigned size, uint64_t value)
{
    if (size == 8)
        *area = value;
    else
        set_half(area, offset != first, value);
}

static void queue_write(struct virtio_device *device, struct virtqueue *queue, uint64_t offset,
                        unsigned size, uint64_t value)
{
    if (offset == QUEUE_MSIX_VECTOR)
        queue->message_vector = checked_vector(device, value);
    if (queue->enabled) /* the rest is fixed until the next reset (4.1.4.3.2) */
        return;
    switch (offset) {
    case QUEUE_SIZE:
        queue->size = value <= device->type->queue_size ? (uint16_t)value : queue->size;
        break;
    case QUEUE_ENABLE:
        if (value == 1)
            enable_queue(device, queue);
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        write_area(&queue->descriptor_area, QUEUE_DESC, offset, size, value);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        write_area(&queue->driver_area, QUEUE_DRIVER, offset, size, value);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        write_area(&queue->device_area, QUEUE_DEVICE, offset, size, value);
        break;
    default:
        break;
    }
}

static void common_write(struct virtio_device *device, uint64_t offset, unsigned size,
                         uint64_t value)
{
    struct virtqueue *queue = selected_queue(device);
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        device->offered_select = (uint32_t)value;
        break;
    case DRIVER_FEATURE_SELECT:
        device->driver_select = (uint32_t)value;
        break;
    case DRIVER_FEATURE: /* fixed once FEATURES_OK is set (3.1.1) */
        if (!(device->status & VIRTIO_STATUS_FEATURES_OK) && device->driver_select < 2)
            set_half(&device->negotiated, device->driver_select == 1, value & UINT32_MAX);
        break;
    case CONFIG_MSIX_VECTOR:
        device->config_vector = checked_vector(device, value);
        break;
    case DEVICE_STATUS:
        virtio_set_status(device, (uint8_t)value);
        break;
    case QUEUE_SELECT:
        device->queue_select = (uint16_t)value;
        break;
    default:
        if (queue)
            queue_write(device, queue, offset, size, value);
    }
}

static uint64_t config_read(struct virtio_device *device, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    if (offset + size <= device->type->config_size)
        device->type->config_read(device, (unsigned)offset, size, (uint8_t *)&value);
    return value;
}

static void config_write(struct virtio_device *device, uint64_t offset, unsigned size,
                         uint64_t value)
{
    if (device->type->config_write && offset + size <= device->type->config_size)
        device->type->config_write(device, (unsigned)offset, size, (const uint8_t *)&value);
}

static uint64_t read_interrupt_status(struct virtio_device *device)
{
    uint8_t value = device->interrupt_status;
    device->interrupt_status = 0;
    pci_set_interrupt(&device->function, false);
    return value;
}

static uint64_t bar_read(void *context, uint64_t offset, unsigned size)
{
    struct virtio_device *device = context;
    switch (offset & ~(uint64_t)(STRUCTURE_SIZE - 1)) {
    case COMMON_OFFSET:
        return common_read(device, offset);
    case STATUS_OFFSET:
        return offset == STATUS_OFFSET ? read_interrupt_status(device) : 0;
    case DEVICE_OFFSET:
        return config_read(device, offset - DEVICE_OFFSET, size);
    default:
        return 0;
    }
}

static void notify(struct virtio_device *device, uint64_t offset)
{
    uint64_t queue = offset / NOTIFY_MULTIPLIER;
    if (queue < device->queue_count && virtio_running(device) && device->queues[queue].enabled)
        device->type->notified(device, (unsigned)queue);
}

static void bar_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_device *device = context;
    switch (offset & ~(uint64_t)(STRUCTURE_SIZE - 1)) {
    case COMMON_OFFSET:
        common_write(device, offset, size, value);
        break;
    case DEVICE_OFFSET:
        config_write(device, offset - DEVICE_OFFSET, size, value);
        break;
    case NOTIFY_OFFSET:
        notify(device, offset - NOTIFY_OFFSET);
        break;
    default:
        break;
    }
}

static uint64_t msix_read(void *context, uint64_t offset, unsigned size)
{
    struct virtio_device *device = context;
    return pci_msix_read(&device->function, offset, size);
}

static void msix_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_device *device = context;
    pci_msix_write(&device->function, offset, size, value);
}

static const struct register_range bar_registers = { .read = bar_read, .write = bar_write };
static const struct register_range msix_registers = { .read = msix_read, .write = msix_write };

struct vendor_capability { /* struct virtio_pci_cap, 4.1.4 */
    uint8_t length, type, bar, identifier, padding[2];
    uint32_t offset, size, multiplier;
} __attribute__((packed));

static unsigned add_structure(struct virtio_device *device, enum structure type, uint32_t offset,
                              uint32_t size)
{
    struct pci_function *function = &device->function;
    bool has_multiplier = type == NOTIFY || type == PCI_ACCESS;
    struct vendor_capability capability = {
        .length = has_multiplier ? 20 : 16,
        .type = (uint8_t)type,
        .offset = offset,
        .size = size,
        .multiplier = type == NOTIFY ? NOTIFY_MULTIPLIER : 0,
    };
    unsigned at = pci_add_capability(function, CAPABILITY_VENDOR, capability.length);
    copy_bytes(&function->config[at + 2], &capability, capability.length - 2u);
    return at;
}

/*
 * 4.1.4.9: a window on BAR 0 through configuration space, which a driver may use before memory
 * decoding is on. Its bar, offset, length and data are the driver's to write; the data bytes act.
 */
#define WINDOW_BAR    4
#define WINDOW_OFFSET 8
#define WINDOW_LENGTH 12
#define WINDOW_DATA   16

static uint32_t config_u32(const struct pci_function *function, unsigned offset)
{
    uint32_t value;
    copy_bytes(&value, &function->config[offset], sizeof(value));
    return value;
}

static bool window(const struct virtio_device *device, uint32_t *offset, uint32_t *length)
{
    const struct pci_function *function = &device->function;
    unsigned at = device->access_window;
    *offset = config_u32(function, at + WINDOW_OFFSET);
    *length = config_u32(function, at + WINDOW_LENGTH);
    return function->config[at + WINDOW_BAR] == 0 &&
           (*length == 1 || *length == 2 || *length == 4) && *offset <= BAR_SIZE - *length;
}

static bool touches_data(const struct virtio_device *device, unsigned offset, unsigned size)
{
    unsigned data = device->access_window + WINDOW_DATA;
    return offset + size > data && offset < data + 4;
}

static void config_space_written(void *context, unsigned offset, unsigned size)
{
    struct virtio_device *device = context;
    unsigned data = device->access_window + WINDOW_DATA;
    uint32_t at, length;
    if (touches_data(device, offset, size) && window(device, &at, &length))
        bar_write(device, at, length, config_u32(&device->function, data));
}

static void config_space_reading(void *context, unsigned offset, unsigned size)
{
    struct virtio_device *device = context;
    uint32_t at, length;
    if (!touches_data(device, offset, size) || !window(device, &at, &length))
        return;
    uint32_t value = (uint32_t)bar_read(device, at, length);
    copy_bytes(&device->function.config[device->access_window + WINDOW_DATA], &value, length);
}

static void add_access_window(struct virtio_device *device)
{
    unsigned at = add_structure(device, PCI_ACCESS, 0, 0);
    device->access_window = (uint8_t)at;
    fill_bytes(&device->function.writable[at + WINDOW_BAR], 0xff, 1);
    fill_bytes(&device->function.writable[at + WINDOW_OFFSET], 0xff, 12);
    device->function.config_written = config_space_written;
    device->function.config_reading = config_space_reading;
}

static void add_bars(struct virtio_device *device)
{
    const struct pci_bar structures = {
        .kind = PCI_BAR_MEMORY32, .size = BAR_SIZE, .registers = &bar_registers, .device = device
    };
    const struct pci_bar msix = { .kind = PCI_BAR_MEMORY32,
                                  .size = MSIX_BAR_SIZE,
                                  .registers = &msix_registers,
                                  .device = device };
    pci_add_bar(&device->function, 0, &structures);
    pci_add_bar(&device->function, MSIX_BAR, &msix);
}

void virtio_pci_initialize(struct virtio_device *device, const struct virtio_type *type,
                           const struct virtio_wiring *wiring)
{
    const struct pci_identity identity = {
        .vendor = VIRTIO_VENDOR,
        .device = VIRTIO_DEVICE + type->identifier,
        .subsystem_vendor = VIRTIO_VENDOR,
        .subsystem = type->identifier,
        .class_code = type->class_code,
        .revision = REVISION_MODERN,
        .interrupt_pin = 1,
    };
    device->type = type;
    device->platform = wiring->platform;
    device->memory = wiring->memory;
    if (type->queue_count)
        device->queue_count = type->queue_count;
    device->offered |= type->features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |
                       VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    pci_function_initialize(&device->function, type->name, &identity, device);
    add_bars(device);
    add_structure(device, COMMON, COMMON_OFFSET, STRUCTURE_SIZE);
    add_structure(device, INTERRUPT_STATUS, STATUS_OFFSET, 1);
    add_structure(device, DEVICE, DEVICE_OFFSET, STRUCTURE_SIZE);
    add_structure(device, NOTIFY, NOTIFY_OFFSET, STRUCTURE_SIZE);
    add_access_window(device);
    pci_add_msix(&device->function, MSIX_BAR, 0, MSIX_PENDING_OFFSET, device->queue_count + 1);
    virtio_reset(device);
}
