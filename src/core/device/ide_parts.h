// SPDX-License-Identifier: Apache-2.0
/* What the files of the IDE controller tell each other. */
#pragma once

#include "core/device/ide.h"

static inline struct ide_drive *ide_selected(struct ide_channel *channel)
{
    return &channel->drives[channel->device & IDE_DEVICE_DEV ? 1 : 0];
}

/* -- ide_registers.c -- */

/* INTRQ is what the selected drive says, gated by nIEN. */
void ide_update_interrupt(struct ide_channel *channel);
/* The drive has something to tell: data to move, or the end of the command. */
void ide_interrupt(struct ide_channel *channel, struct ide_drive *drive);
/* What power on, SRST and EXECUTE DEVICE DIAGNOSTIC leave in the registers (ATA/ATAPI-7, volume 1,
 * 9.12: device signatures). */
void ide_set_signature(struct ide_channel *channel);
void ide_channel_reset(struct ide_channel *channel);
/* The request that the reset waited for is back. */
void ide_finish_reset(struct ide_channel *channel);

/* -- ide_command.c -- */

void ide_execute(struct ide_channel *channel, struct ide_drive *drive, uint8_t opcode);
/* The end of the command under way, with an interrupt. */
void ide_command_done(struct ide_channel *channel, struct ide_drive *drive);
void ide_command_failed(struct ide_channel *channel, struct ide_drive *drive, uint8_t error);

/* `sector` goes to the LBA registers: as 48 bits, as 28, or as cylinder, head and sector. */
void ide_report_sector(struct ide_channel *channel, struct ide_drive *drive, uint64_t sector,
                       bool extended);

/* -- ide_identify.c -- */

void ide_identify(const struct ide_channel *channel, const struct ide_drive *drive,
                  uint8_t bytes[IDE_SECTOR_SIZE]);

/* -- ide_transfer.c -- */

void ide_run(struct ide_channel *channel);
/* Give `channel->request` to the disk; its slices and extent are filled in. */
void ide_submit(struct ide_channel *channel, enum block_operation operation,
                void (*completed)(struct ide_channel *channel, int status));
/* Begin to move the data of the command in `channel->transfer`. */
void ide_transfer_start(struct ide_channel *channel);
/* `moving` sectors have been moved. */
void ide_transfer_advance(struct ide_channel *channel);
/* All sectors have been moved: flush if it must be, and end the command. */
void ide_transfer_finish(struct ide_channel *channel);
/* The disk failed at the sectors of this step, or the guest's memory did. */
void ide_transfer_failed(struct ide_channel *channel);
/* The buffer holds `sectors` that the command answers with. */
void ide_send_buffer(struct ide_channel *channel, uint32_t sectors);
/* The command ends when all that was written is on the disk. */
void ide_flush(struct ide_channel *channel);
uint64_t ide_data_read(struct ide_channel *channel, unsigned size);
void ide_data_write(struct ide_channel *channel, unsigned size, uint64_t value);
void ide_data_read_string(struct ide_channel *channel, uint8_t *bytes, size_t length);
void ide_data_write_string(struct ide_channel *channel, const uint8_t *bytes, size_t length);

/* -- ide_bus_master.c -- */

extern const struct register_range ide_bus_master_registers;
/* The command waits for the bus master, which may have been started already. */
void ide_dma_ready(struct ide_channel *channel);

/* -- ide_trim.c -- */

/* The ranges are in the buffer. */
void ide_trim(struct ide_channel *channel);
