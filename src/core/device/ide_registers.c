// SPDX-License-Identifier: Apache-2.0
/* The Command Block and Control Block registers (ATA/ATAPI-7, volume 1, clause 5). */
#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

enum {
    REGISTER_DATA,
    REGISTER_ERROR_FEATURES,
    REGISTER_COUNT,
    REGISTER_LBA_LOW,
    REGISTER_LBA_MID,
    REGISTER_LBA_HIGH,
    REGISTER_DEVICE,
    REGISTER_STATUS_COMMAND
};

#define FLOATING_BUS 0xff

void ide_update_interrupt(struct ide_channel *channel)
{
    const struct ide_drive *drive = ide_selected(channel);
    bool level = drive->interrupt_pending && !(channel->control & IDE_CONTROL_NIEN);
    if (level == channel->line_level)
        return;
    channel->line_level = level;
    if (level) /* latched on the rising edge, whatever the command was */
        channel->bus_master.status |= IDE_BUS_MASTER_INTERRUPT;
    interrupt_line_set(&channel->line, level);
}

void ide_interrupt(struct ide_channel *channel, struct ide_drive *drive)
{
    drive->interrupt_pending = true;
    ide_update_interrupt(channel);
}

void ide_set_signature(struct ide_channel *channel)
{
    channel->device = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *drive = &channel->drives[i];
        drive->current = (struct ide_task_file){ .count = 1, .lba = { 1, 0, 0 } };
        drive->previous = (struct ide_task_file){ 0 };
        drive->error = 1; /* diagnostics passed */
        drive->status = drive->block ? IDE_STATUS_IDLE : 0;
    }
}

void ide_finish_reset(struct ide_channel *channel)
{
    channel->reset_pending = false;
    if (channel->control & IDE_CONTROL_SRST)
        return; /* when the guest lets go of it */
    ide_set_signature(channel);
    ide_update_interrupt(channel);
}

/* Resets do not take back a request: until it is done the drives are busy. */
void ide_channel_reset(struct ide_channel *channel)
{
    channel->transfer = (struct ide_transfer){ 0 };
    channel->next = NULL;
    channel->reset_pending = channel->in_flight;
    for (unsigned i = 0; i < 2; i++) {
        channel->drives[i].interrupt_pending = false;
        channel->drives[i].status = channel->drives[i].block ? IDE_STATUS_BSY : 0;
    }
    channel->bus_master.status &= (uint8_t)~IDE_BUS_MASTER_ACTIVE;
    ide_update_interrupt(channel);
    if (!channel->reset_pending)
        ide_finish_reset(channel);
}

static bool decoded(const struct ide_channel *channel)
{
    return channel->controller->function.config[0x41 + 2 * channel->index] & 0x80;
}

static uint8_t both_statuses(const struct ide_channel *channel)
{
    return channel->drives[0].status | channel->drives[1].status;
}

/*
 * Who answers a read. Device 0 answers for a Device 1 that is not there, with a status of 0
 * (ATA/ATAPI-7, volume 1, 9.16.1); nobody answers for Device 0.
 */
static const struct ide_drive *responder(struct ide_channel *channel)
{
    const struct ide_drive *selected = ide_selected(channel);
    if (selected->block)
        return selected;
    return selected == &channel->drives[1] && channel->drives[0].block ? &channel->drives[0] : NULL;
}

static uint8_t read_status(struct ide_channel *channel)
{
    if (!responder(channel))
        return FLOATING_BUS;
    const struct ide_drive *drive = ide_selected(channel);
    return drive->block ? drive->status : 0;
}

static uint8_t read_register(struct ide_channel *channel, unsigned number)
{
    const struct ide_drive *drive = responder(channel);
    if (!drive)
        return FLOATING_BUS;
    if (drive->status & IDE_STATUS_BSY)
        return read_status(channel);
    const struct ide_task_file *file =
        channel->control & IDE_CONTROL_HOB ? &drive->previous : &drive->current;
    switch (number) {
    case REGISTER_ERROR_FEATURES:
        return drive->error;
    case REGISTER_COUNT:
        return file->count;
    case REGISTER_DEVICE:
        return channel->device | 0xa0; /* bits that are obsolete and one */
    default:
        return file->lba[number - REGISTER_LBA_LOW];
    }
}

static uint8_t read_byte(struct ide_channel *channel, unsigned number)
{
    if (number != REGISTER_STATUS_COMMAND)
        return read_register(channel, number);
    uint8_t status = read_status(channel);
    ide_selected(channel)->interrupt_pending = false;
    ide_update_interrupt(channel);
    return status;
}

static void write_command(struct ide_channel *channel, uint8_t opcode)
{
    static const uint8_t execute_device_diagnostic = 0x90;
    struct ide_drive *drive = ide_selected(channel);
    if (opcode == execute_device_diagnostic && channel->drives[0].block)
        drive = &channel->drives[0]; /* both take it, Device 0 answers */
    if (!drive->block || both_statuses(channel) & (IDE_STATUS_BSY | IDE_STATUS_DRQ))
        return;
    drive->interrupt_pending = false;
    ide_update_interrupt(channel);
    ide_execute(channel, drive, opcode);
}

static uint8_t *task_file_byte(struct ide_task_file *file, unsigned number)
{
    switch (number) {
    case REGISTER_ERROR_FEATURES:
        return &file->feature;
    case REGISTER_COUNT:
        return &file->count;
    default:
        return &file->lba[number - REGISTER_LBA_LOW];
    }
}

/* Both drives listen; each register is two deep. */
static void write_task_file(struct ide_channel *channel, unsigned number, uint8_t value)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *drive = &channel->drives[i];
        uint8_t *current = task_file_byte(&drive->current, number);
        *task_file_byte(&drive->previous, number) = *current;
        *current = value;
    }
}

static void write_byte(struct ide_channel *channel, unsigned number, uint8_t value)
{
    channel->control &= (uint8_t)~IDE_CONTROL_HOB;
    if (number == REGISTER_STATUS_COMMAND) {
        write_command(channel, value);
        return;
    }
    if (both_statuses(channel) & IDE_STATUS_BSY)
        return;
    if (number != REGISTER_DEVICE) {
        write_task_file(channel, number, value);
        return;
    }
    channel->device = value;
    ide_update_interrupt(channel);
}

static uint64_t command_read(void *device, uint64_t offset, unsigned size)
{
    struct ide_channel *channel = device;
    if (!decoded(channel))
        return ~UINT64_C(0);
    if (offset == REGISTER_DATA)
        return ide_data_read(channel, size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read_byte(channel, (unsigned)offset + i) << 8 * i;
    return value;
}

static void command_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ide_channel *channel = device;
    if (!decoded(channel))
        return;
    if (offset == REGISTER_DATA) {
        ide_data_write(channel, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_byte(channel, (unsigned)offset + i, (uint8_t)(value >> 8 * i));
}

static void command_read_string(void *device, uint64_t offset, unsigned size, void *bytes,
                                size_t count)
{
    struct ide_channel *channel = device;
    uint8_t *to = bytes;
    if (offset == REGISTER_DATA && decoded(channel)) {
        ide_data_read_string(channel, to, size * count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value = command_read(channel, offset, size);
        copy_bytes(to + i * size, &value, size);
    }
}

static void command_write_string(void *device, uint64_t offset, unsigned size, const void *bytes,
                                 size_t count)
{
    struct ide_channel *channel = device;
    const uint8_t *from = bytes;
    if (offset == REGISTER_DATA && decoded(channel)) {
        ide_data_write_string(channel, from, size * count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        copy_bytes(&value, from + i * size, size);
        command_write(channel, offset, size, value);
    }
}

/* Alternate Status: no interrupt is acknowledged by it. */
static uint64_t control_read(void *device, uint64_t offset, unsigned size)
{
    struct ide_channel *channel = device;
    (void)offset;
    if (!decoded(channel))
        return ~UINT64_C(0);
    return read_status(channel) | (size > 1 ? ~UINT64_C(0xff) : 0);
}

static void control_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ide_channel *channel = device;
    (void)offset, (void)size;
    if (!decoded(channel))
        return;
    uint8_t before = channel->control;
    channel->control = (uint8_t)value;
    if ((before ^ channel->control) & IDE_CONTROL_SRST)
        ide_channel_reset(channel);
    ide_update_interrupt(channel);
}

const struct register_range ide_command_registers = {
    .read = command_read,
    .write = command_write,
    .read_string = command_read_string,
    .write_string = command_write_string,
};
const struct register_range ide_control_registers = { .read = control_read,
                                                      .write = control_write };
