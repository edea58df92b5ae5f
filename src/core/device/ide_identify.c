// SPDX-License-Identifier: Apache-2.0
/* The answer to IDENTIFY DEVICE (ATA/ATAPI-7, volume 1, 6.17, table 23). */
#include "core/device/ide_parts.h"
#include "core/memory/copy.h"

#define LBA28_SECTORS_MAXIMUM UINT64_C(0x0fffffff)
#define CYLINDERS_MAXIMUM     16383u
#define HEADS                 16u
#define SECTORS_PER_TRACK     63u
#define WRITE_CACHE           (1 << 5) /* in words 82 and 85 */
#define LOOK_AHEAD            (1 << 6)

static const struct {
    uint8_t word;
    uint16_t value;
} constant_words[] = {
    { 0, 0x0040 }, /* ATA, not removable */
    { 3, HEADS },    { 6, SECTORS_PER_TRACK }, { 47, 0x8000 | IDE_MULTIPLE_MAXIMUM },
    { 49, 0x2f00 },  /* standby timer, IORDY, LBA, DMA */
    { 50, 0x4000 },  /* valid, nothing in it */
    { 51, 0x0200 },  /* PIO mode 2, for those who know no word 64 */
    { 53, 0x0007 },  /* words 54-58, 64-70 and 88 are valid */
    { 64, 0x0003 },  /* PIO modes 3 and 4 */
    { 65, 120 },     /* nanoseconds: multiword DMA cycle, minimum */
    { 66, 120 },     /* recommended */
    { 67, 120 },     /* PIO cycle without IORDY */
    { 68, 120 },     /* with IORDY */
    { 80, 0x00f0 },  /* ATA/ATAPI-4 to -7 */
    { 82, 0x4068 },  /* NOP, look-ahead, write cache, power management */
    { 83, 0x7400 },  /* FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses */
    { 84, 0x4040 },  /* WRITE DMA FUA EXT */
    { 86, 0x3400 },  /* as word 83, switched on */
    { 87, 0x4040 },  /* as word 84 */
    { 106, 0x6003 }, /* 8 logical sectors in a physical one */
    { 217, 0x0001 }, /* does not rotate */
};

/* Text is padded with blanks, its bytes swapped in each word. */
static void put_text(uint16_t *words, unsigned length, const char *text)
{
    for (unsigned i = 0; i < length; i++) {
        uint8_t byte = ' ';
        if (*text)
            byte = (uint8_t)*text++;
        words[i / 2] |= (uint16_t)(byte << (i & 1 ? 0 : 8));
    }
}

static void put_number(uint16_t *words, unsigned count, uint64_t value)
{
    for (unsigned i = 0; i < count; i++)
        words[i] = (uint16_t)(value >> 16 * i);
}

static void put_geometry(const struct ide_drive *drive, uint16_t *words)
{
    uint64_t cylinders = drive->sectors / (HEADS * SECTORS_PER_TRACK);
    words[1] = (uint16_t)(cylinders < CYLINDERS_MAXIMUM ? cylinders : CYLINDERS_MAXIMUM);
    uint32_t track = (uint32_t)drive->heads * drive->sectors_per_track;
    uint64_t capacity = (uint64_t)words[1] * HEADS * SECTORS_PER_TRACK;
    uint64_t current = capacity / track < 65535 ? capacity / track : 65535;
    words[54] = (uint16_t)current;
    words[55] = drive->heads;
    words[56] = drive->sectors_per_track;
    put_number(&words[57], 2, current * track);
}

/* The selected mode, in the upper byte of the word that lists the modes of its kind. */
static void put_dma_modes(const struct ide_drive *drive, uint16_t *words)
{
    words[63] = 0x0007; /* multiword 0-2 */
    words[88] = 0x003f; /* Ultra 0-5 */
    if (drive->dma_mode)
        words[drive->dma_mode & 0x40 ? 88 : 63] |= (uint16_t)(0x100 << (drive->dma_mode & 7));
}

static void put_state(const struct ide_channel *channel, const struct ide_drive *drive,
                      uint16_t *words)
{
    words[59] = (uint16_t)(drive->multiple ? 0x100 | drive->multiple : 0);
    words[85] = (uint16_t)(0x4008 | (drive->write_cache ? WRITE_CACHE : 0) |
                           (drive->look_ahead ? LOOK_AHEAD : 0));
    words[93] = drive == &channel->drives[0] ? 0x600b : 0x6b00; /* 80 wires, jumpered, passed */
    if (!platform_block_read_only(drive->block)) {
        words[105] = IDE_TRIM_MAXIMUM;
        words[169] = 1; /* TRIM */
    }
}

void ide_identify(const struct ide_channel *channel, const struct ide_drive *drive,
                  uint8_t bytes[IDE_SECTOR_SIZE])
{
    uint16_t words[IDE_SECTOR_SIZE / 2];
    fill_bytes(words, 0, sizeof(words));
    for (unsigned i = 0; i < sizeof(constant_words) / sizeof(constant_words[0]); i++)
        words[constant_words[i].word] = constant_words[i].value;
    put_text(&words[10], 20, platform_block_serial(drive->block));
    put_text(&words[23], 8, "1.0");
    put_text(&words[27], 40, "OPENVIRT HARDDISK");
    put_geometry(drive, words);
    put_dma_modes(drive, words);
    put_state(channel, drive, words);
    put_number(&words[60], 2,
               drive->sectors < LBA28_SECTORS_MAXIMUM ? drive->sectors : LBA28_SECTORS_MAXIMUM);
    put_number(&words[100], 4, drive->sectors);
    copy_bytes(bytes, words, IDE_SECTOR_SIZE);
    bytes[510] = 0xa5; /* integrity word: all bytes add up to 0 */
    uint8_t sum = 0;
    for (unsigned i = 0; i < 511; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[511] = (uint8_t)-sum;
}
