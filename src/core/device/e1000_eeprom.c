// SPDX-License-Identifier: Apache-2.0
/*
 * The EEPROM: 64 words (317453, 5.6), read bit by bit through EECD, or word by word through EERD.
 * Bit by bit: after CS rises come a start bit, a command of two bits and an address of six, each
 * taken on the rising edge of SK; READ then gives bits, the most significant first, one on each
 * further rising edge, and goes on with the next word. It cannot be written.
 */
#include "core/device/e1000_parts.h"

#define WORD_INITIALIZATION_1 0x0a
#define WORD_SUBSYSTEM        0x0b
#define WORD_SUBSYSTEM_VENDOR 0x0c
#define WORD_DEVICE           0x0d
#define WORD_VENDOR           0x0e
#define WORD_INITIALIZATION_2 0x0f
#define WORD_CHECKSUM         0x3f
#define CHECKSUM              0xbaba /* what all words add up to */

#define COMMAND_BITS 9u     /* start, command, address */
#define COMMAND_READ 0x180u /* 1 10 ...... */
#define COMMAND_MASK 0x1c0u
#define ADDRESS_MASK 0x3fu

#define EERD_START         (UINT32_C(1) << 0)
#define EERD_DONE          (UINT32_C(1) << 4)
#define EERD_ADDRESS_SHIFT 8
#define EERD_DATA_SHIFT    16

void e1000_eeprom_initialize(struct e1000_eeprom *eeprom, const uint8_t address[6])
{
    uint16_t *words = eeprom->words, sum = 0;
    for (unsigned i = 0; i < 3; i++)
        words[i] = (uint16_t)(address[2 * i] | address[2 * i + 1] << 8);
    words[WORD_INITIALIZATION_1] = 0x4408; /* signature of a valid EEPROM, what follows is loaded */
    words[WORD_SUBSYSTEM] = 0x001e;
    words[WORD_SUBSYSTEM_VENDOR] = 0x8086;
    words[WORD_DEVICE] = 0x100e;
    words[WORD_VENDOR] = 0x8086;
    words[WORD_INITIALIZATION_2] = 0x3040; /* advertise pause frames */
    for (unsigned i = 0; i < WORD_CHECKSUM; i++)
        sum = (uint16_t)(sum + words[i]);
    words[WORD_CHECKSUM] = (uint16_t)(CHECKSUM - sum);
}

static void deselect(struct e1000_eeprom *eeprom)
{
    eeprom->shift = 0;
    eeprom->bits = 0;
    eeprom->reading = false;
    eeprom->data_out = true; /* ready; the line is pulled up */
}

static void give_bit(struct e1000_eeprom *eeprom)
{
    eeprom->data_out = eeprom->words[eeprom->address] >> (15 - eeprom->output) & 1;
    if (++eeprom->output < 16)
        return;
    eeprom->output = 0;
    eeprom->address = (eeprom->address + 1) % E1000_EEPROM_WORDS;
}

static void take_bit(struct e1000_eeprom *eeprom, bool bit)
{
    if (eeprom->bits == 0 && !bit)
        return; /* before the start bit */
    eeprom->shift = eeprom->shift << 1 | bit;
    if (++eeprom->bits < COMMAND_BITS)
        return;
    eeprom->reading = (eeprom->shift & COMMAND_MASK) == COMMAND_READ;
    eeprom->address = eeprom->shift & ADDRESS_MASK;
    eeprom->output = 0;
    eeprom->shift = 0;
    eeprom->bits = 0;
    eeprom->data_out = !eeprom->reading; /* READ: a zero comes before the data */
}

void e1000_written_eecd(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    struct e1000_eeprom *eeprom = &e1000->eeprom;
    uint32_t eecd = e1000_get(e1000, offset);
    if (!(eecd & E1000_EECD_CS)) {
        deselect(eeprom);
        return;
    }
    if (!(before & E1000_EECD_CS))
        deselect(eeprom);
    if (!(eecd & E1000_EECD_SK) || before & E1000_EECD_SK)
        return;
    if (eeprom->reading)
        give_bit(eeprom);
    else
        take_bit(eeprom, eecd & E1000_EECD_DI);
}

uint32_t e1000_read_eecd(struct e1000 *e1000, uint32_t offset)
{
    uint32_t value = e1000_get(e1000, offset);
    value |= value & E1000_EECD_REQ ? E1000_EECD_GNT : 0;
    return value | (e1000->eeprom.data_out ? E1000_EECD_DO : 0);
}

void e1000_written_eerd(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    uint32_t *eerd = e1000_register(e1000, offset);
    uint32_t address = *eerd >> EERD_ADDRESS_SHIFT & 0xff;
    (void)before;
    if (!(*eerd & EERD_START))
        return;
    uint32_t word = address < E1000_EEPROM_WORDS ? e1000->eeprom.words[address] : 0xffff;
    *eerd = word << EERD_DATA_SHIFT | address << EERD_ADDRESS_SHIFT | EERD_DONE;
}
