// SPDX-License-Identifier: Apache-2.0
/* The commands (ATA/ATAPI-7, volume 1, clause 6; DATA SET MANAGEMENT: ATA8-ACS, 7.10). */
#include "core/device/ide_parts.h"

#define LBA28_LIMIT UINT64_C(0x0fffffff)

struct command {
    void (*execute)(struct ide_channel *channel, struct ide_drive *drive,
                    const struct command *command);
    enum ide_protocol protocol;
    bool extended, multiple, force_unit_access;
};

static void set_sector(struct ide_drive *drive, uint8_t device_bits, struct ide_channel *channel,
                       uint64_t sector, bool extended)
{
    for (unsigned i = 0; i < 3; i++) {
        drive->current.lba[i] = (uint8_t)(sector >> 8 * i);
        if (extended)
            drive->previous.lba[i] = (uint8_t)(sector >> (24 + 8 * i));
    }
    if (!extended)
        channel->device = (uint8_t)((channel->device & 0xf0) | (device_bits & 0x0f));
}

void ide_report_sector(struct ide_channel *channel, struct ide_drive *drive, uint64_t sector,
                       bool extended)
{
    if (extended || channel->device & IDE_DEVICE_LBA) {
        set_sector(drive, (uint8_t)(sector >> 24), channel, sector, extended);
        return;
    }
    uint64_t track = sector / drive->sectors_per_track;
    uint64_t cylinder = track / drive->heads;
    set_sector(drive, (uint8_t)(track % drive->heads), channel,
               cylinder << 8 | (sector % drive->sectors_per_track + 1), false);
}

void ide_command_done(struct ide_channel *channel, struct ide_drive *drive)
{
    channel->transfer = (struct ide_transfer){ 0 };
    drive->status = IDE_STATUS_IDLE;
    drive->error = 0;
    ide_interrupt(channel, drive);
}

void ide_command_failed(struct ide_channel *channel, struct ide_drive *drive, uint8_t error)
{
    channel->transfer = (struct ide_transfer){ 0 };
    drive->status = IDE_STATUS_IDLE | IDE_STATUS_ERR;
    drive->error = error;
    ide_interrupt(channel, drive);
}

/* -- Where a command's sectors are -- */

static uint64_t lba48(const struct ide_drive *drive)
{
    uint64_t sector = 0;
    for (unsigned i = 0; i < 3; i++) {
        sector |= (uint64_t)drive->current.lba[i] << 8 * i;
        sector |= (uint64_t)drive->previous.lba[i] << (24 + 8 * i);
    }
    return sector;
}

static uint64_t lba28(const struct ide_channel *channel, const struct ide_drive *drive)
{
    return (uint64_t)(channel->device & 0x0f) << 24 | (uint64_t)drive->current.lba[2] << 16 |
           (uint64_t)drive->current.lba[1] << 8 | drive->current.lba[0];
}

/* Cylinder, head and sector; false: there is no such sector. */
static bool chs(const struct ide_channel *channel, const struct ide_drive *drive, uint64_t *sector)
{
    unsigned cylinder = (unsigned)drive->current.lba[2] << 8 | drive->current.lba[1];
    unsigned head = channel->device & 0x0f, number = drive->current.lba[0];
    if (head >= drive->heads || number == 0 || number > drive->sectors_per_track)
        return false;
    *sector = ((uint64_t)cylinder * drive->heads + head) * drive->sectors_per_track + number - 1;
    return true;
}

static bool address(const struct ide_channel *channel, const struct ide_drive *drive, bool extended,
                    uint64_t *sector)
{
    if (!extended && !(channel->device & IDE_DEVICE_LBA))
        return chs(channel, drive, sector);
    *sector = extended ? lba48(drive) : lba28(channel, drive);
    return true;
}

static uint32_t sector_count(const struct ide_drive *drive, bool extended)
{
    uint32_t count = drive->current.count;
    if (!extended)
        return count ? count : 256;
    count |= (uint32_t)drive->previous.count << 8;
    return count ? count : 65536;
}

/* False: the command has failed. */
static bool locate(struct ide_channel *channel, struct ide_drive *drive, bool extended,
                   uint64_t *sector, uint32_t *count)
{
    *count = sector_count(drive, extended);
    if (address(channel, drive, extended, sector) && *sector < drive->sectors &&
        *count <= drive->sectors - *sector)
        return true;
    ide_command_failed(channel, drive, IDE_ERROR_IDNF);
    return false;
}

/* -- Reading and writing -- */

static void abort_command(struct ide_channel *channel, struct ide_drive *drive,
                          const struct command *command)
{
    (void)command;
    ide_command_failed(channel, drive, IDE_ERROR_ABRT);
}

static void succeed(struct ide_channel *channel, struct ide_drive *drive,
                    const struct command *command)
{
    (void)command;
    ide_command_done(channel, drive);
}

static bool writes(enum ide_protocol protocol)
{
    return protocol == IDE_PROTOCOL_PIO_OUT || protocol == IDE_PROTOCOL_DMA_OUT;
}

static void read_write(struct ide_channel *channel, struct ide_drive *drive,
                       const struct command *command)
{
    uint64_t sector;
    uint32_t count;
    if (command->multiple && drive->multiple == 0) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
        return;
    }
    if (writes(command->protocol) && platform_block_read_only(drive->block)) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT | IDE_ERROR_WP);
        return;
    }
    if (!locate(channel, drive, command->extended, &sector, &count))
        return;
    channel->transfer = (struct ide_transfer){
        .drive = drive,
        .protocol = command->protocol,
        .sector = sector,
        .remaining = count,
        .block_sectors = command->multiple ? drive->multiple : 1,
        .extended = command->extended,
        .flush = writes(command->protocol) && (command->force_unit_access || !drive->write_cache),
    };
    ide_transfer_start(channel);
}

/* READ VERIFY and SEEK: only whether the sectors are there. */
static void verify(struct ide_channel *channel, struct ide_drive *drive,
                   const struct command *command)
{
    uint64_t sector;
    uint32_t count;
    if (locate(channel, drive, command->extended, &sector, &count))
        ide_command_done(channel, drive);
}

static void seek(struct ide_channel *channel, struct ide_drive *drive,
                 const struct command *command)
{
    uint64_t sector;
    (void)command;
    if (address(channel, drive, false, &sector) && sector < drive->sectors)
        ide_command_done(channel, drive);
    else
        ide_command_failed(channel, drive, IDE_ERROR_IDNF);
}

static void flush(struct ide_channel *channel, struct ide_drive *drive,
                  const struct command *command)
{
    (void)command;
    channel->transfer = (struct ide_transfer){ .drive = drive };
    ide_flush(channel);
}

static void data_set_management(struct ide_channel *channel, struct ide_drive *drive,
                                const struct command *command)
{
    static const uint8_t trim = 1;
    uint32_t blocks = (uint32_t)drive->previous.count << 8 | drive->current.count;
    if (drive->current.feature != trim || blocks == 0 || blocks > IDE_TRIM_MAXIMUM ||
        platform_block_read_only(drive->block)) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
        return;
    }
    channel->transfer = (struct ide_transfer){
        .drive = drive, .protocol = command->protocol, .remaining = blocks, .extended = true
    };
    ide_transfer_start(channel);
}

/* -- Others -- */

static void identify(struct ide_channel *channel, struct ide_drive *drive,
                     const struct command *command)
{
    ide_identify(channel, drive, channel->buffer);
    channel->transfer =
        (struct ide_transfer){ .drive = drive, .protocol = command->protocol, .remaining = 1 };
    ide_send_buffer(channel, 1);
}

/* Both drives run it and Device 0 answers for them; it selects Device 0. */
static void diagnose(struct ide_channel *channel, struct ide_drive *drive,
                     const struct command *command)
{
    (void)command;
    uint8_t device = channel->device;
    ide_set_signature(channel);
    if (drive != &channel->drives[0])
        channel->device = device & IDE_DEVICE_DEV;
    ide_interrupt(channel, drive);
}

/* INITIALIZE DEVICE PARAMETERS: the translation for cylinders, heads and sectors. */
static void initialize_parameters(struct ide_channel *channel, struct ide_drive *drive,
                                  const struct command *command)
{
    (void)command;
    uint8_t sectors_per_track = drive->current.count;
    if (sectors_per_track == 0) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
        return;
    }
    drive->heads = (channel->device & 0x0f) + 1;
    drive->sectors_per_track = sectors_per_track;
    ide_command_done(channel, drive);
}

static void set_multiple(struct ide_channel *channel, struct ide_drive *drive,
                         const struct command *command)
{
    (void)command;
    uint8_t count = drive->current.count;
    if (count > IDE_MULTIPLE_MAXIMUM || (count & (count - 1)) != 0) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
        return;
    }
    drive->multiple = count;
    ide_command_done(channel, drive);
}

static void check_power_mode(struct ide_channel *channel, struct ide_drive *drive,
                             const struct command *command)
{
    static const uint8_t active_or_idle = 0xff;
    (void)command;
    drive->current.count = active_or_idle;
    ide_command_done(channel, drive);
}

static void read_native_maximum(struct ide_channel *channel, struct ide_drive *drive,
                                const struct command *command)
{
    uint64_t last = drive->sectors - 1;
    if (!command->extended && last > LBA28_LIMIT)
        last = LBA28_LIMIT;
    ide_report_sector(channel, drive, last, command->extended);
    ide_command_done(channel, drive);
}

/* SET FEATURES 03h: the upper five bits are the kind of mode, the lower three its number. */
static bool set_transfer_mode(struct ide_drive *drive, uint8_t mode)
{
    static const struct {
        uint8_t kind, highest;
        bool dma;
    } kinds[] = { { 0, 1, false }, { 1, 4, false }, { 4, 2, true }, { 8, 5, true } };
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (mode >> 3 != kinds[i].kind)
            continue;
        if (kinds[i].dma && (mode & 7) <= kinds[i].highest)
            drive->dma_mode = mode;
        return (mode & 7) <= kinds[i].highest;
    }
    return false;
}

static bool set_feature(struct ide_drive *drive)
{
    switch (drive->current.feature) {
    case 0x02:
    case 0x82:
        drive->write_cache = drive->current.feature == 0x02;
        return true;
    case 0x03:
        return set_transfer_mode(drive, drive->current.count);
    case 0x55:
    case 0xaa:
        drive->look_ahead = drive->current.feature == 0xaa;
        return true;
    case 0x66: /* keep settings over a software reset, or do not: they are kept always */
    case 0xcc:
        return true;
    default:
        return false;
    }
}

static void set_features(struct ide_channel *channel, struct ide_drive *drive,
                         const struct command *command)
{
    if (!set_feature(drive)) {
        ide_command_failed(channel, drive, IDE_ERROR_ABRT);
        return;
    }
    if (drive->current.feature == 0x82)
        flush(channel, drive, command); /* what the cache holds */
    else
        ide_command_done(channel, drive);
}

/* Not in the table: aborted. Among those NOP, which always is, SMART and SET MAX ADDRESS, which
 * IDENTIFY DEVICE does not offer. */
static const struct command commands[256] = {
    [0x06] = { data_set_management, IDE_PROTOCOL_TRIM, .extended = true },
    [0x10] = { succeed },
    [0x20] = { read_write, IDE_PROTOCOL_PIO_IN },
    [0x21] = { read_write, IDE_PROTOCOL_PIO_IN },
    [0x24] = { read_write, IDE_PROTOCOL_PIO_IN, .extended = true },
    [0x25] = { read_write, IDE_PROTOCOL_DMA_IN, .extended = true },
    [0x27] = { read_native_maximum, .extended = true },
    [0x29] = { read_write, IDE_PROTOCOL_PIO_IN, .extended = true, .multiple = true },
    [0x30] = { read_write, IDE_PROTOCOL_PIO_OUT },
    [0x31] = { read_write, IDE_PROTOCOL_PIO_OUT },
    [0x34] = { read_write, IDE_PROTOCOL_PIO_OUT, .extended = true },
    [0x35] = { read_write, IDE_PROTOCOL_DMA_OUT, .extended = true },
    [0x39] = { read_write, IDE_PROTOCOL_PIO_OUT, .extended = true, .multiple = true },
    [0x3d] = { read_write, IDE_PROTOCOL_DMA_OUT, .extended = true, .force_unit_access = true },
    [0x40] = { verify },
    [0x41] = { verify },
    [0x42] = { verify, .extended = true },
    [0x70] = { seek },
    [0x90] = { diagnose },
    [0x91] = { initialize_parameters },
    [0x94] = { succeed }, /* STANDBY IMMEDIATE and so on, by their old numbers */
    [0x95] = { succeed },
    [0x96] = { succeed },
    [0x97] = { succeed },
    [0x98] = { check_power_mode },
    [0x99] = { succeed },
    [0xc4] = { read_write, IDE_PROTOCOL_PIO_IN, .multiple = true },
    [0xc5] = { read_write, IDE_PROTOCOL_PIO_OUT, .multiple = true },
    [0xc6] = { set_multiple },
    [0xc8] = { read_write, IDE_PROTOCOL_DMA_IN },
    [0xc9] = { read_write, IDE_PROTOCOL_DMA_IN },
    [0xca] = { read_write, IDE_PROTOCOL_DMA_OUT },
    [0xcb] = { read_write, IDE_PROTOCOL_DMA_OUT },
    [0xce] = { read_write, IDE_PROTOCOL_PIO_OUT, .extended = true, .multiple = true,
               .force_unit_access = true },
    [0xe0] = { flush }, /* STANDBY IMMEDIATE: what is cached is written first */
    [0xe1] = { succeed },
    [0xe2] = { flush },
    [0xe3] = { succeed },
    [0xe5] = { check_power_mode },
    [0xe6] = { flush },
    [0xe7] = { flush },
    [0xea] = { flush },
    [0xec] = { identify, IDE_PROTOCOL_PIO_IN },
    [0xef] = { set_features },
    [0xf8] = { read_native_maximum },
};

void ide_execute(struct ide_channel *channel, struct ide_drive *drive, uint8_t opcode)
{
    const struct command *command = &commands[opcode];
    if (command->execute)
        command->execute(channel, drive, command);
    else
        abort_command(channel, drive, command);
}
