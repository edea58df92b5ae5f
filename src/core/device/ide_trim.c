// SPDX-License-Identifier: Apache-2.0
/* DATA SET MANAGEMENT with TRIM: ranges of 8 bytes, a sector in 48 bits and a count in 16, where a
 * count of 0 is no range (ATA8-ACS, 4.22.2). The guest can no longer change them. */
#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

static void discard_next(struct ide_channel *channel);

static void discarded(struct ide_channel *channel, int status)
{
    if (status < 0)
        ide_command_failed(channel, channel->transfer.drive, IDE_ERROR_ABRT);
    else
        channel->next = discard_next;
}

/* False: not a range of this disk. */
static bool submit_range(struct ide_channel *channel, uint64_t sector, uint64_t count)
{
    uint64_t sectors = channel->transfer.drive->sectors;
    if (sector >= sectors || count > sectors - sector)
        return false;
    channel->request.offset = sector * IDE_SECTOR_SIZE;
    channel->request.length = count * IDE_SECTOR_SIZE;
    channel->request.slice_count = 0;
    ide_submit(channel, BLOCK_DISCARD, discarded);
    return true;
}

static void discard_next(struct ide_channel *channel)
{
    struct ide_transfer *transfer = &channel->transfer;
    while (transfer->range < transfer->ranges) {
        uint64_t entry;
        copy_bytes(&entry, channel->buffer + transfer->range++ * sizeof(entry), sizeof(entry));
        uint64_t sector = entry & ((UINT64_C(1) << 48) - 1), count = entry >> 48;
        if (count == 0)
            continue;
        if (!submit_range(channel, sector, count))
            ide_command_failed(channel, transfer->drive, IDE_ERROR_IDNF);
        return;
    }
    ide_transfer_finish(channel);
}

void ide_trim(struct ide_channel *channel)
{
    channel->transfer.range = 0;
    channel->transfer.ranges = channel->transfer.position / sizeof(uint64_t);
    channel->next = discard_next;
}
