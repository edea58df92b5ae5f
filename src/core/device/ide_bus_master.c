// SPDX-License-Identifier: Apache-2.0
/*
 * The bus master (Programming Interface for Bus Master IDE Controller 1.0).
 *
 * A table of physical region descriptors says where in memory a command's data is: address, byte
 * count (0: 64 KiB), and a bit for the last one. Each descriptor is read once. The table is in one
 * 64 KiB page, so it has at most 8192 of them; a request to the disk takes as many regions as give
 * whole sectors within IDE_SLICES.
 */
#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

#define DESCRIPTOR_SIZE     8u
#define DESCRIPTORS_MAXIMUM (65536u / DESCRIPTOR_SIZE)
#define DESCRIPTOR_LAST     (UINT32_C(1) << 31)

enum { BUS_MASTER_COMMAND = 0, BUS_MASTER_STATUS = 2, BUS_MASTER_TABLE = 4 };

/* What collecting regions for one request came to. */
struct collection {
    unsigned slices;  /* of them that make whole sectors */
    uint32_t bytes;   /* in those */
    bool fault;       /* a region is not memory, or the table is not */
    bool short_table; /* it ended before the data did */
};

/* The next region, if the current one is used up. False: there is none. */
static bool next_region(const struct guest_memory *memory, struct ide_region_cursor *cursor,
                        struct collection *result)
{
    if (cursor->remaining > 0)
        return true;
    if (cursor->last) {
        result->short_table = true;
        return false;
    }
    uint32_t descriptor[2];
    if (cursor->descriptors == DESCRIPTORS_MAXIMUM ||
        !guest_read(memory, cursor->table, descriptor, sizeof(descriptor))) {
        result->fault = true;
        return false;
    }
    cursor->descriptors++;
    cursor->table += DESCRIPTOR_SIZE;
    cursor->address = descriptor[0] & ~UINT32_C(1);
    cursor->remaining = descriptor[1] & 0xfffe;
    if (cursor->remaining == 0)
        cursor->remaining = 65536;
    cursor->last = descriptor[1] & DESCRIPTOR_LAST;
    return true;
}

static uint8_t *region_memory(const struct guest_memory *memory, uint32_t address, uint32_t length,
                              bool to_memory)
{
    return to_memory ? guest_slice_writable(memory, address, length)
                     : guest_slice(memory, address, length);
}

static void consume(struct ide_region_cursor *cursor, uint32_t bytes)
{
    cursor->address += bytes;
    cursor->remaining -= bytes;
}

/*
 * Slices for up to `wanted` bytes (whole sectors). When they run out within a sector, the cursor
 * goes back to where the last whole sector ended; `last_slice` is cut to that.
 */
static struct collection collect(struct ide_channel *channel, uint32_t wanted, bool to_memory)
{
    const struct guest_memory *memory = channel->controller->memory;
    struct ide_region_cursor cursor = channel->bus_master.cursor, whole = cursor;
    struct collection result = { 0 };
    uint32_t total = 0, last_length = 0;
    for (unsigned count = 0; count < IDE_SLICES && total < wanted; count++) {
        if (!next_region(memory, &cursor, &result))
            break;
        uint32_t length = cursor.remaining < wanted - total ? cursor.remaining : wanted - total;
        uint8_t *address = region_memory(memory, cursor.address, length, to_memory);
        if (!address) {
            result.fault = true;
            break;
        }
        channel->slices[count] = (struct slice){ address, length };
        channel->slice_addresses[count] = cursor.address;
        uint32_t sectors_end = (total + length) & ~(IDE_SECTOR_SIZE - 1);
        if (sectors_end > total) {
            result.slices = count + 1;
            result.bytes = sectors_end;
            last_length = sectors_end - total;
            whole = cursor;
            consume(&whole, last_length);
        }
        consume(&cursor, length);
        total += length;
    }
    if (result.slices > 0)
        channel->slices[result.slices - 1].length = last_length;
    channel->bus_master.cursor = result.slices > 0 ? whole : cursor;
    return result;
}

static bool to_memory(const struct ide_channel *channel)
{
    return channel->transfer.protocol == IDE_PROTOCOL_DMA_IN;
}

/* The table was exactly as long as the data: the bus master stops by itself. Longer: it stays
 * active until the guest stops it. */
static void stop_after_data(struct ide_bus_master *bus_master)
{
    if (bus_master->cursor.last && bus_master->cursor.remaining == 0)
        bus_master->status &= (uint8_t)~IDE_BUS_MASTER_ACTIVE;
}

static void move_sectors(struct ide_channel *channel);

static void sectors_moved(struct ide_channel *channel, int status)
{
    struct ide_transfer *transfer = &channel->transfer;
    if (to_memory(channel))
        for (unsigned i = 0; i < channel->request.slice_count; i++)
            guest_written(channel->controller->memory, channel->slice_addresses[i],
                          channel->slices[i].length);
    if (status < 0) {
        ide_transfer_failed(channel);
        return;
    }
    ide_transfer_advance(channel);
    if (transfer->remaining > 0) {
        channel->next = move_sectors;
        return;
    }
    stop_after_data(&channel->bus_master);
    ide_transfer_finish(channel);
}

/* Memory that is not there: the bus master reports it, the drive gives the command up. */
static void memory_fault(struct ide_channel *channel)
{
    channel->bus_master.status |= IDE_BUS_MASTER_ERROR;
    channel->bus_master.status &= (uint8_t)~IDE_BUS_MASTER_ACTIVE;
    ide_command_failed(channel, channel->transfer.drive, IDE_ERROR_ABRT);
}

/* A table that ends before the data leaves the drive waiting, with neither Active nor Interrupt
 * set: that is how a driver knows. Only a reset gets the drive out of it. */
static void starve(struct ide_channel *channel)
{
    channel->bus_master.status &= (uint8_t)~IDE_BUS_MASTER_ACTIVE;
    channel->bus_master.command &= (uint8_t)~IDE_BUS_MASTER_START;
    channel->transfer.drive->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
}

static void copy_ranges(struct ide_channel *channel, const struct collection *collection)
{
    struct ide_transfer *transfer = &channel->transfer;
    for (unsigned i = 0; i < collection->slices; i++) {
        copy_bytes(channel->buffer + transfer->position, channel->slices[i].address,
                   channel->slices[i].length);
        transfer->position += (unsigned)channel->slices[i].length;
    }
    transfer->remaining -= collection->bytes / IDE_SECTOR_SIZE;
    if (transfer->remaining > 0) {
        channel->next = move_sectors;
        return;
    }
    stop_after_data(&channel->bus_master);
    ide_trim(channel);
}

static void submit_sectors(struct ide_channel *channel, const struct collection *collection)
{
    struct ide_transfer *transfer = &channel->transfer;
    transfer->moving = collection->bytes / IDE_SECTOR_SIZE;
    channel->request.offset = transfer->sector * IDE_SECTOR_SIZE;
    channel->request.length = collection->bytes;
    channel->request.slice_count = collection->slices;
    ide_submit(channel, to_memory(channel) ? BLOCK_READ : BLOCK_WRITE, sectors_moved);
}

static bool started(const struct ide_channel *channel)
{
    return channel->bus_master.command & IDE_BUS_MASTER_START &&
           pci_bus_master(&channel->controller->function);
}

static void move_sectors(struct ide_channel *channel)
{
    if (!started(channel)) { /* stopped in the middle: the drive waits */
        channel->transfer.drive->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
        return;
    }
    struct collection collection =
        collect(channel, channel->transfer.remaining * IDE_SECTOR_SIZE, to_memory(channel));
    if (collection.slices == 0 && collection.short_table)
        starve(channel);
    else if (collection.slices == 0)
        memory_fault(channel);
    else if (channel->transfer.protocol == IDE_PROTOCOL_TRIM)
        copy_ranges(channel, &collection);
    else
        submit_sectors(channel, &collection);
}

static bool waits_for_bus_master(const struct ide_channel *channel)
{
    return channel->transfer.protocol >= IDE_PROTOCOL_DMA_IN && !channel->in_flight &&
           channel->transfer.drive->status & IDE_STATUS_DRQ;
}

void ide_dma_ready(struct ide_channel *channel)
{
    channel->transfer.drive->error = 0;
    channel->transfer.drive->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
    if (started(channel))
        channel->next = move_sectors;
}

/* -- Registers -- */

static void start(struct ide_channel *channel)
{
    struct ide_bus_master *bus_master = &channel->bus_master;
    bus_master->status |= IDE_BUS_MASTER_ACTIVE;
    bus_master->cursor = (struct ide_region_cursor){ .table = bus_master->table };
    if (!waits_for_bus_master(channel))
        return;
    channel->next = move_sectors;
    ide_run(channel);
}

static void write_command(struct ide_channel *channel, uint8_t value)
{
    struct ide_bus_master *bus_master = &channel->bus_master;
    uint8_t before = bus_master->command;
    bus_master->command = value & (IDE_BUS_MASTER_START | IDE_BUS_MASTER_TO_MEMORY);
    if (!(value & IDE_BUS_MASTER_START))
        bus_master->status &= (uint8_t)~IDE_BUS_MASTER_ACTIVE;
    else if (!(before & IDE_BUS_MASTER_START))
        start(channel);
}

static void write_status(struct ide_bus_master *bus_master, uint8_t value)
{
    uint8_t cleared = value & (IDE_BUS_MASTER_ERROR | IDE_BUS_MASTER_INTERRUPT);
    bus_master->status = (uint8_t)((bus_master->status & ~cleared & ~IDE_BUS_MASTER_CAPABLE) |
                                   (value & IDE_BUS_MASTER_CAPABLE));
}

static uint8_t read_byte(const struct ide_channel *channel, unsigned number)
{
    const struct ide_bus_master *bus_master = &channel->bus_master;
    switch (number) {
    case BUS_MASTER_COMMAND:
        return bus_master->command;
    case BUS_MASTER_STATUS:
        return bus_master->status;
    case BUS_MASTER_TABLE ... BUS_MASTER_TABLE + 3:
        return (uint8_t)(bus_master->table >> 8 * (number - BUS_MASTER_TABLE));
    default:
        return 0;
    }
}

static void write_byte(struct ide_channel *channel, unsigned number, uint8_t value)
{
    struct ide_bus_master *bus_master = &channel->bus_master;
    unsigned shift = 8 * (number - BUS_MASTER_TABLE);
    switch (number) {
    case BUS_MASTER_COMMAND:
        write_command(channel, value);
        break;
    case BUS_MASTER_STATUS:
        write_status(bus_master, value);
        break;
    case BUS_MASTER_TABLE ... BUS_MASTER_TABLE + 3:
        bus_master->table = (bus_master->table & ~(UINT32_C(0xff) << shift)) | (uint32_t)value
                                                                                   << shift;
        bus_master->table &= ~UINT32_C(3);
        break;
    default:
        break;
    }
}

static uint64_t bus_master_read(void *device, uint64_t offset, unsigned size)
{
    struct ide *ide = device;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned number = ((unsigned)offset + i) & 15;
        value |= (uint64_t)read_byte(&ide->channels[number / 8], number % 8) << 8 * i;
    }
    return value;
}

static void bus_master_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ide *ide = device;
    for (unsigned i = 0; i < size; i++) {
        unsigned number = ((unsigned)offset + i) & 15;
        write_byte(&ide->channels[number / 8], number % 8, (uint8_t)(value >> 8 * i));
    }
}

const struct register_range ide_bus_master_registers = { .read = bus_master_read,
                                                         .write = bus_master_write };
