// SPDX-License-Identifier: Apache-2.0
/*
 * The IDE function of the PIIX: two channels at their legacy ports and interrupt lines, up to two
 * ATA disks each, and the bus master that moves their data (Intel 82371AB data sheet, 290562,
 * chapters 4 and 5; Programming Interface for Bus Master IDE Controller 1.0; ATA/ATAPI-7, volumes
 * 1 and 2; ATA8-ACS for TRIM).
 *
 * A command runs in steps. Each step ends with the guest (it must move a block of data, or start
 * the bus master) or with a request to the disk, which may answer at once: ide_run() is the loop
 * that keeps one from growing the stack of the other.
 */
#pragma once

#include "core/device/device.h"
#include "core/device/pci.h"
#include "core/memory/guest_memory.h"
#include "core/platform.h"

#define IDE_SECTOR_SIZE      512u
#define IDE_MULTIPLE_MAXIMUM 16u /* sectors in one block of READ and WRITE MULTIPLE */
#define IDE_TRIM_MAXIMUM     8u  /* sectors of ranges that one DATA SET MANAGEMENT takes */
#define IDE_BUFFER_SIZE      (IDE_MULTIPLE_MAXIMUM * IDE_SECTOR_SIZE)
#define IDE_SLICES           512u /* of one request; more than 257, so that each moves a sector */

#define IDE_PRIMARY_COMMAND_PORT   0x1f0u
#define IDE_PRIMARY_CONTROL_PORT   0x3f6u
#define IDE_SECONDARY_COMMAND_PORT 0x170u
#define IDE_SECONDARY_CONTROL_PORT 0x376u

enum ide_status {
    IDE_STATUS_ERR = 1 << 0,
    IDE_STATUS_DRQ = 1 << 3,
    IDE_STATUS_DSC = 1 << 4,
    IDE_STATUS_DF = 1 << 5,
    IDE_STATUS_DRDY = 1 << 6,
    IDE_STATUS_BSY = 1 << 7,
    IDE_STATUS_IDLE = IDE_STATUS_DRDY | IDE_STATUS_DSC
};

enum ide_error {
    IDE_ERROR_ABRT = 1 << 2,
    IDE_ERROR_IDNF = 1 << 4,
    IDE_ERROR_UNC = 1 << 6, /* reads */
    IDE_ERROR_WP = 1 << 6   /* writes */
};

enum ide_device_bits { IDE_DEVICE_DEV = 1 << 4, IDE_DEVICE_LBA = 1 << 6 };

enum ide_control_bits {
    IDE_CONTROL_NIEN = 1 << 1,
    IDE_CONTROL_SRST = 1 << 2,
    IDE_CONTROL_HOB = 1 << 7
};

enum ide_bus_master_bits {
    IDE_BUS_MASTER_START = 1 << 0, /* command */
    IDE_BUS_MASTER_TO_MEMORY = 1 << 3,
    IDE_BUS_MASTER_ACTIVE = 1 << 0, /* status */
    IDE_BUS_MASTER_ERROR = 1 << 1,
    IDE_BUS_MASTER_INTERRUPT = 1 << 2,
    IDE_BUS_MASTER_CAPABLE = 3 << 5
};

/* Features/Error apart, the registers that a command takes its arguments from. */
struct ide_task_file {
    uint8_t feature, count, lba[3];
};

struct ide_drive {
    struct platform_block *block; /* NULL: no disk here */
    uint64_t sectors;
    struct ide_task_file current, previous; /* previous: what the 48-bit commands use, too */
    uint8_t status, error;
    bool interrupt_pending;
    uint8_t multiple; /* sectors a block of READ and WRITE MULTIPLE; 0: off */
    uint8_t dma_mode; /* as SET FEATURES 03h takes it: 20h + n multiword, 40h + n Ultra DMA */
    bool write_cache, look_ahead;
    uint8_t heads, sectors_per_track; /* of the translation that the guest chose */
};

enum ide_protocol {
    IDE_PROTOCOL_NONE,
    IDE_PROTOCOL_PIO_IN,
    IDE_PROTOCOL_PIO_OUT,
    IDE_PROTOCOL_DMA_IN,
    IDE_PROTOCOL_DMA_OUT,
    IDE_PROTOCOL_TRIM /* DMA out to the buffer, then discards */
};

/* Where the bus master is in its table of physical regions. */
struct ide_region_cursor {
    uint32_t table;       /* guest physical address of the next descriptor */
    uint32_t address;     /* of what is left of the current region */
    uint32_t remaining;   /* bytes */
    uint16_t descriptors; /* read so far */
    bool last;            /* the current region is the table's last */
};

struct ide_bus_master {
    uint8_t command, status;
    uint32_t table;
    struct ide_region_cursor cursor;
};

/* The command under way. */
struct ide_transfer {
    struct ide_drive *drive;
    enum ide_protocol protocol;
    uint64_t sector;
    uint32_t remaining;        /* sectors not yet moved */
    uint32_t block_sectors;    /* between two interrupts, PIO */
    uint32_t moving;           /* sectors in the step under way */
    bool extended;             /* a 48-bit command */
    bool flush;                /* before the command is done */
    unsigned position, length; /* of the buffer: bytes the guest has moved, and has to */
    unsigned range, ranges;    /* TRIM */
};

struct ide;

struct ide_channel {
    struct ide *controller;
    unsigned index;
    struct ide_drive drives[2];
    uint8_t device, control;
    struct interrupt_line line;
    bool line_level;
    struct ide_transfer transfer;
    struct ide_bus_master bus_master;
    bool in_flight;     /* `request` is the platform's */
    bool reset_pending; /* forget the request when it comes back, and reset then */
    bool running;       /* inside ide_run */
    void (*next)(struct ide_channel *channel);
    void (*completed)(struct ide_channel *channel, int status);
    int request_status;
    struct block_request request;
    struct slice slices[IDE_SLICES];
    gpa_t slice_addresses[IDE_SLICES];
    uint8_t buffer[IDE_BUFFER_SIZE] __attribute__((aligned(8)));
};

struct ide {
    struct pci_function function;
    struct platform *platform;
    const struct guest_memory *memory;
    struct ide_channel channels[2];
};

enum ide_model { IDE_PIIX3 = 0x7010, IDE_PIIX4 = 0x7111 };

struct ide_configuration {
    struct platform *platform;
    const struct guest_memory *memory;
    enum ide_model model;
    struct platform_block *disks[4]; /* primary 0 and 1, secondary 0 and 1; NULL: none */
    struct interrupt_line lines[2];  /* interrupts 14 and 15 */
};

/* `ide` (zeroed) is the machine's; plug in `ide->function`, and put the register ranges at the
 * legacy ports with &ide->channels[n] as their device. */
void ide_initialize(struct ide *ide, const struct ide_configuration *configuration);
/* Power-on state. A request under way comes back later and is forgotten. */
void ide_reset(struct ide *ide);

extern const struct register_range ide_command_registers; /* 8 ports */
extern const struct register_range ide_control_registers; /* 1 port */
