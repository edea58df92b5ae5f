// SPDX-License-Identifier: Apache-2.0
/* Moving data: the loop of steps, requests to the disk, and PIO through the buffer. */
#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

void ide_run(struct ide_channel *channel)
{
    if (channel->running)
        return; /* the loop below goes on with it */
    channel->running = true;
    while (channel->next) {
        void (*step)(struct ide_channel *) = channel->next;
        channel->next = NULL;
        step(channel);
    }
    channel->running = false;
}

static void step_completed(struct ide_channel *channel)
{
    channel->completed(channel, channel->request_status);
}

static void request_done(struct block_request *request, int status)
{
    struct ide_channel *channel = request->context;
    channel->in_flight = false;
    if (channel->reset_pending) {
        ide_finish_reset(channel);
        return;
    }
    channel->request_status = status;
    channel->next = step_completed;
    ide_run(channel);
}

void ide_submit(struct ide_channel *channel, enum block_operation operation,
                void (*completed)(struct ide_channel *channel, int status))
{
    struct ide_drive *drive = channel->transfer.drive;
    drive->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
    channel->completed = completed;
    channel->request.operation = operation;
    channel->request.slices = channel->slices;
    channel->request.done = request_done;
    channel->request.context = channel;
    channel->in_flight = true;
    platform_block_submit(drive->block, &channel->request);
}

static void flushed(struct ide_channel *channel, int status)
{
    struct ide_drive *drive = channel->transfer.drive;
    if (status < 0)
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
    else
        ide_command_done(channel, drive);
}

void ide_flush(struct ide_channel *channel)
{
    channel->request.offset = 0;
    channel->request.length = 0;
    channel->request.slice_count = 0;
    ide_submit(channel, BLOCK_FLUSH, flushed);
}

void ide_transfer_finish(struct ide_channel *channel)
{
    if (channel->transfer.flush)
        ide_flush(channel);
    else
        ide_command_done(channel, channel->transfer.drive);
}

static bool reads(enum ide_protocol protocol)
{
    return protocol == IDE_PROTOCOL_PIO_IN || protocol == IDE_PROTOCOL_DMA_IN;
}

void ide_transfer_failed(struct ide_channel *channel)
{
    struct ide_transfer transfer = channel->transfer;
    ide_report_sector(channel, transfer.drive, transfer.sector, transfer.extended);
    ide_command_failed(channel, transfer.drive,
                       reads(transfer.protocol) ? IDE_ERROR_UNC : IDE_ERROR_ABRT);
}

void ide_transfer_advance(struct ide_channel *channel)
{
    struct ide_transfer *transfer = &channel->transfer;
    transfer->sector += transfer->moving;
    transfer->remaining -= transfer->moving;
    transfer->moving = 0;
}

/* -- PIO -- */

static uint32_t block_size(const struct ide_transfer *transfer)
{
    return transfer->remaining < transfer->block_sectors ? transfer->remaining
                                                         : transfer->block_sectors;
}

/* The guest may move `length` bytes of the buffer. */
static void open_data_port(struct ide_channel *channel, unsigned length)
{
    channel->transfer.position = 0;
    channel->transfer.length = length;
    channel->transfer.drive->error = 0;
    channel->transfer.drive->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
}

static void submit_buffer(struct ide_channel *channel, enum block_operation operation,
                          void (*completed)(struct ide_channel *channel, int status))
{
    struct ide_transfer *transfer = &channel->transfer;
    channel->slices[0].address = channel->buffer;
    channel->slices[0].length = (size_t)transfer->moving * IDE_SECTOR_SIZE;
    channel->request.slice_count = 1;
    channel->request.offset = transfer->sector * IDE_SECTOR_SIZE;
    channel->request.length = channel->slices[0].length;
    ide_submit(channel, operation, completed);
}

static void block_read(struct ide_channel *channel, int status)
{
    if (status < 0) {
        ide_transfer_failed(channel);
        return;
    }
    ide_send_buffer(channel, channel->transfer.moving);
}

static void read_block(struct ide_channel *channel)
{
    channel->transfer.moving = block_size(&channel->transfer);
    submit_buffer(channel, BLOCK_READ, block_read);
}

void ide_send_buffer(struct ide_channel *channel, uint32_t sectors)
{
    channel->transfer.moving = sectors;
    open_data_port(channel, sectors * IDE_SECTOR_SIZE);
    ide_interrupt(channel, channel->transfer.drive);
}

static void await_block(struct ide_channel *channel)
{
    channel->transfer.moving = block_size(&channel->transfer);
    open_data_port(channel, channel->transfer.moving * IDE_SECTOR_SIZE);
}

static void block_written(struct ide_channel *channel, int status)
{
    if (status < 0) {
        ide_transfer_failed(channel);
        return;
    }
    ide_transfer_advance(channel);
    if (channel->transfer.remaining == 0) {
        ide_transfer_finish(channel);
        return;
    }
    await_block(channel);
    ide_interrupt(channel, channel->transfer.drive);
}

static void write_block(struct ide_channel *channel)
{
    submit_buffer(channel, BLOCK_WRITE, block_written);
}

/* The last block of a PIO read ends without an interrupt (ATA/ATAPI-7, volume 2, figure 26). */
static void block_taken(struct ide_channel *channel)
{
    struct ide_drive *drive = channel->transfer.drive;
    ide_transfer_advance(channel);
    if (channel->transfer.remaining > 0) {
        read_block(channel);
        return;
    }
    channel->transfer = (struct ide_transfer){ 0 };
    drive->status = IDE_STATUS_IDLE;
}

void ide_transfer_start(struct ide_channel *channel)
{
    switch (channel->transfer.protocol) {
    case IDE_PROTOCOL_PIO_IN:
        channel->next = read_block;
        break;
    case IDE_PROTOCOL_PIO_OUT: /* no interrupt before the first block */
        channel->next = await_block;
        break;
    default:
        channel->next = ide_dma_ready;
        break;
    }
    ide_run(channel);
}

/* How many bytes the guest may move through the data port now, in `direction`. */
static size_t data_room(const struct ide_channel *channel, enum ide_protocol direction)
{
    const struct ide_transfer *transfer = &channel->transfer;
    if (transfer->protocol != direction || !(transfer->drive->status & IDE_STATUS_DRQ))
        return 0;
    return transfer->length - transfer->position;
}

static size_t take(struct ide_channel *channel, uint8_t *bytes, size_t length)
{
    size_t room = data_room(channel, IDE_PROTOCOL_PIO_IN);
    size_t taken = length < room ? length : room;
    copy_bytes(bytes, channel->buffer + channel->transfer.position, taken);
    channel->transfer.position += (unsigned)taken;
    if (taken > 0 && taken == room) {
        channel->next = block_taken;
        ide_run(channel);
    }
    return taken;
}

static size_t give(struct ide_channel *channel, const uint8_t *bytes, size_t length)
{
    size_t room = data_room(channel, IDE_PROTOCOL_PIO_OUT);
    size_t given = length < room ? length : room;
    copy_bytes(channel->buffer + channel->transfer.position, bytes, given);
    channel->transfer.position += (unsigned)given;
    if (given > 0 && given == room) {
        channel->next = write_block;
        ide_run(channel);
    }
    return given;
}

uint64_t ide_data_read(struct ide_channel *channel, unsigned size)
{
    uint64_t value = ~UINT64_C(0);
    take(channel, (uint8_t *)&value, size);
    return value;
}

void ide_data_write(struct ide_channel *channel, unsigned size, uint64_t value)
{
    give(channel, (const uint8_t *)&value, size);
}

/* A block may follow at once: a disk that answers without delay opens the port again. */
void ide_data_read_string(struct ide_channel *channel, uint8_t *bytes, size_t length)
{
    size_t done = 0, taken;
    while (done < length && (taken = take(channel, bytes + done, length - done)) > 0)
        done += taken;
    fill_bytes(bytes + done, 0xff, length - done);
}

void ide_data_write_string(struct ide_channel *channel, const uint8_t *bytes, size_t length)
{
    size_t done = 0, given;
    while (done < length && (given = give(channel, bytes + done, length - done)) > 0)
        done += given;
}
