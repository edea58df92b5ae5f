// SPDX-License-Identifier: Apache-2.0
#include "core/virtio/virtio_block.h"

#include "core/memory/copy.h"
#include "core/virtio/virtio_pci.h"

#define QUEUE_SIZE          128
#define SECTOR_SHIFT        9
#define SEGMENTS            (VIRTQUEUE_MAX_SEGMENTS - 2) /* header and status take two */
#define SERIAL_SIZE         20                           /* 5.2.6, GET_ID */
#define MAX_DISCARD_SECTORS (1u << 22)                   /* 2 GiB a request */

enum feature {
    SEG_MAX = 2,
    RO = 5,
    BLK_SIZE = 6,
    FLUSH = 9,
    DISCARD = 13,
    WRITE_ZEROES = 14,
};

enum request_type {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,
};

enum status { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2 };

struct header {
    uint32_t type, reserved;
    uint64_t sector;
};

struct range { /* of discard and write zeroes */
    uint64_t sector;
    uint32_t sectors, flags;
};

struct config { /* 5.2.4 */
    uint64_t capacity;
    uint32_t size_max, seg_max;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t block_size;
    uint8_t physical_block_exponent, alignment_offset;
    uint16_t minimum_io;
    uint32_t optimal_io;
    uint8_t writeback, unused;
    uint16_t queue_count;
    uint32_t max_discard_sectors, max_discard_segments, discard_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_segments;
    uint8_t write_zeroes_may_unmap, unused_2[3];
} __attribute__((packed));
_Static_assert(sizeof(struct config) == 60, "virtio 1.2, 5.2.4");

struct virtio_block;

struct request {
    struct virtio_block *owner;
    struct block_request block;
    struct virtqueue_chain chain;
    struct slice slices[VIRTQUEUE_MAX_SEGMENTS];
    struct request *next_free;
};

struct virtio_block {
    struct virtio_device device; /* first */
    struct platform_block *block;
    struct request *free;
    struct request requests[QUEUE_SIZE];
};

/* The status byte is the last of the writable part (5.2.6). */
static void finish(struct request *request, enum status status, uint32_t data_length)
{
    struct virtio_block *disk = request->owner;
    uint8_t byte = (uint8_t)status;
    uint64_t last = request->chain.writable_length - 1;
    chain_write(&request->chain, last, &byte, 1);
    virtio_give(&disk->device, 0, &request->chain,
                status == STATUS_OK && data_length ? data_length + 1 : (uint32_t)last + 1);
    request->next_free = disk->free;
    disk->free = request;
}

static void completed(struct block_request *block, int status)
{
    struct request *request = block->context;
    struct virtio_block *disk = request->owner;
    uint32_t length = block->operation == BLOCK_READ ? (uint32_t)block->length : 0;
    finish(request, status == 0 ? STATUS_OK : STATUS_IOERR, length);
    virtio_release(&disk->device);
}

static void submit(struct request *request, enum block_operation operation, uint64_t offset,
                   uint64_t length)
{
    struct virtio_block *disk = request->owner;
    request->block = (struct block_request){
        .operation = operation,
        .offset = offset,
        .length = length,
        .slices = request->slices,
        .slice_count = request->block.slice_count,
        .done = completed,
        .context = request,
    };
    virtio_hold(&disk->device);
    platform_block_submit(disk->block, &request->block);
}

/* Does [sector, + length bytes) lie on the disk, in whole sectors? */
static bool on_disk(const struct virtio_block *disk, uint64_t sector, uint64_t length)
{
    uint64_t sectors = platform_block_size(disk->block) >> SECTOR_SHIFT;
    return !(length & 511) && sector <= sectors && length >> SECTOR_SHIFT <= sectors - sector;
}

static void transfer(struct request *request, const struct header *header)
{
    struct virtio_block *disk = request->owner;
    const struct virtqueue_chain *chain = &request->chain;
    bool read = header->type == TYPE_IN;
    uint64_t length =
        read ? chain->writable_length - 1 : chain->readable_length - sizeof(struct header);
    if (!on_disk(disk, header->sector, length) ||
        (!read && platform_block_read_only(disk->block))) {
        finish(request, STATUS_IOERR, 0);
        return;
    }
    request->block.slice_count =
        read ? chain_writable_range(chain, 0, length, request->slices)
             : chain_readable_range(chain, sizeof(struct header), length, request->slices);
    submit(request, read ? BLOCK_READ : BLOCK_WRITE, header->sector << SECTOR_SHIFT, length);
}

static void identify(struct request *request)
{
    const char *serial = platform_block_serial(request->owner->block);
    uint8_t bytes[SERIAL_SIZE] = { 0 };
    for (unsigned i = 0; i < SERIAL_SIZE && serial[i]; i++)
        bytes[i] = (uint8_t)serial[i];
    if (request->chain.writable_length < SERIAL_SIZE + 1) {
        finish(request, STATUS_IOERR, 0);
        return;
    }
    chain_write(&request->chain, 0, bytes, SERIAL_SIZE);
    finish(request, STATUS_OK, SERIAL_SIZE);
}

/* One segment a request: config says so. */
static void discard(struct request *request, const struct header *header)
{
    struct virtio_block *disk = request->owner;
    struct range range;
    if (chain_read(&request->chain, sizeof(*header), &range, sizeof(range)) != sizeof(range) ||
        range.sectors > MAX_DISCARD_SECTORS || platform_block_read_only(disk->block) ||
        !on_disk(disk, range.sector, (uint64_t)range.sectors << SECTOR_SHIFT)) {
        finish(request, STATUS_IOERR, 0);
        return;
    }
    request->block.slice_count = 0;
    submit(request, header->type == TYPE_DISCARD ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES,
           range.sector << SECTOR_SHIFT, (uint64_t)range.sectors << SECTOR_SHIFT);
}

static void execute(struct request *request)
{
    struct header header;
    chain_read(&request->chain, 0, &header, sizeof(header));
    switch (header.type) {
    case TYPE_IN:
    case TYPE_OUT:
        transfer(request, &header);
        break;
    case TYPE_FLUSH:
        request->block.slice_count = 0;
        submit(request, BLOCK_FLUSH, 0, 0);
        break;
    case TYPE_GET_ID:
        identify(request);
        break;
    case TYPE_DISCARD:
    case TYPE_WRITE_ZEROES:
        discard(request, &header);
        break;
    default:
        finish(request, STATUS_UNSUPP, 0);
    }
}

/* There are as many requests as the queue has descriptors, so a chain always finds one. */
static void take_more(struct virtio_block *disk)
{
    while (disk->free && virtio_take(&disk->device, 0, &disk->free->chain)) {
        struct request *request = disk->free;
        if (request->chain.readable_length < sizeof(struct header) ||
            request->chain.writable_length < 1) {
            virtio_fail(&disk->device, "sent a request without header or status");
            return;
        }
        disk->free = request->next_free;
        execute(request);
    }
}

static void notified(struct virtio_device *device, unsigned queue)
{
    (void)queue;
    take_more((struct virtio_block *)device);
}

static void config_read(struct virtio_device *device, unsigned offset, unsigned size,
                        uint8_t *bytes)
{
    const struct virtio_block *disk = (struct virtio_block *)device;
    const struct config config = {
        .capacity = platform_block_size(disk->block) >> SECTOR_SHIFT,
        .seg_max = SEGMENTS,
        .block_size = 512,
        .writeback = 1,
        .queue_count = 1,
        .max_discard_sectors = MAX_DISCARD_SECTORS,
        .max_discard_segments = 1,
        .discard_alignment = 8,
        .max_write_zeroes_sectors = MAX_DISCARD_SECTORS,
        .max_write_zeroes_segments = 1,
        .write_zeroes_may_unmap = 1,
    };
    copy_bytes(bytes, (const uint8_t *)&config + offset, size);
}

static const struct virtio_type type = {
    .name = "virtio-blk",
    .identifier = 2,
    .class_code = 0x018000, /* other mass storage */
    .features = VIRTIO_FEATURE(SEG_MAX) | VIRTIO_FEATURE(BLK_SIZE) | VIRTIO_FEATURE(FLUSH),
    .queue_count = 1,
    .queue_size = QUEUE_SIZE,
    .notified = notified,
    .config_size = sizeof(struct config),
    .config_read = config_read,
};

struct virtio_device *virtio_block_create(const struct virtio_wiring *wiring,
                                          struct platform_block *block)
{
    struct virtio_block *disk = platform_allocate(wiring->platform, sizeof(*disk));
    if (!disk)
        return NULL;
    disk->block = block;
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        disk->requests[i].owner = disk;
        disk->requests[i].next_free = disk->free;
        disk->free = &disk->requests[i];
    }
    disk->device.offered = platform_block_read_only(block)
                               ? VIRTIO_FEATURE(RO)
                               : VIRTIO_FEATURE(DISCARD) | VIRTIO_FEATURE(WRITE_ZEROES);
    virtio_pci_initialize(&disk->device, &type, wiring);
    return &disk->device;
}
