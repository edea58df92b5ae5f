// SPDX-License-Identifier: Apache-2.0
/* ICW, OCW: initialization and operation command words, as the 8259A data sheet counts them. */
#include "core/device/i8259.h"

#define SLAVE_LINE 2 /* of the master */

#define ICW1            0x10
#define ICW1_ICW4       0x01
#define ICW1_SINGLE     0x02
#define ICW4_AUTOMATIC  0x02
#define ICW4_NESTED     0x10
#define OCW3            0x08
#define OCW3_READ_ISR   0x01
#define OCW3_READ       0x02
#define OCW3_POLL       0x04
#define OCW3_MASK       0x20
#define OCW3_MASK_WRITE 0x40
#define POLL_REQUEST    0x80

/* Lines in the order of priority, the highest first; 8: none. */
static unsigned highest(const struct i8259 *chip, uint8_t lines)
{
    for (unsigned i = 1; i <= 8; i++)
        if (lines >> ((chip->lowest + i) & 7) & 1)
            return i - 1;
    return 8;
}

static unsigned line_of(const struct i8259 *chip, unsigned priority)
{
    return (chip->lowest + 1 + priority) & 7;
}

/* The line that INT stands for; -1: INT is low. */
static int pending_line(const struct i8259 *chip, bool is_master)
{
    unsigned priority = highest(chip, chip->requests & ~chip->mask);
    uint8_t blocking = chip->in_service;
    /* Special mask mode: lines in service block those alone that they themselves are. */
    if (chip->special_mask)
        blocking &= (uint8_t)~chip->mask;
    /* Special fully nested mode: the slave in service does not block its own further requests. */
    if (chip->special_fully_nested && is_master)
        blocking &= (uint8_t) ~(1 << SLAVE_LINE);
    if (priority == 8 || priority >= highest(chip, blocking))
        return -1;
    return (int)line_of(chip, priority);
}

static void set_line(struct i8259 *chip, unsigned line, bool level)
{
    uint8_t bit = (uint8_t)(1 << line);
    bool rising = level && !(chip->lines & bit);
    chip->lines = (uint8_t)(level ? chip->lines | bit : chip->lines & ~bit);
    if (rising || (level && (chip->level_triggered & bit)))
        chip->requests |= bit;
    /* The chip would forget an edge as well whose line falls before INTA. Lines of ours fall in
     * guest time that a slow engine may not give the guest, so edges stay. */
    else if (!level && (chip->level_triggered & bit))
        chip->requests &= (uint8_t)~bit;
}

static void update(struct i8259_pair *pair)
{
    bool slave = pending_line(&pair->slave, false) >= 0;
    set_line(&pair->master, SLAVE_LINE, slave);
    if (!slave)
        pair->master.requests &= (uint8_t) ~(1 << SLAVE_LINE);
    interrupt_line_set(&pair->output, i8259_output(pair));
}

bool i8259_output(const struct i8259_pair *pair)
{
    return pending_line(&pair->master, true) >= 0;
}

void i8259_set_line(struct i8259_pair *pair, unsigned line, bool level)
{
    if (line == SLAVE_LINE || line > 15)
        return;
    set_line(line < 8 ? &pair->master : &pair->slave, line & 7, level);
    update(pair);
}

/* INTA: the line goes into service. */
static uint8_t take(struct i8259 *chip, bool is_master)
{
    int line = pending_line(chip, is_master);
    if (line < 0)
        return 7;
    uint8_t bit = (uint8_t)(1 << line);
    if (!(chip->level_triggered & bit))
        chip->requests &= (uint8_t)~bit;
    if (!chip->automatic_end)
        chip->in_service |= bit;
    else if (chip->automatic_rotation)
        chip->lowest = (uint8_t)line;
    return (uint8_t)line;
}

uint8_t i8259_acknowledge(struct i8259_pair *pair)
{
    bool from_slave = pending_line(&pair->master, true) == SLAVE_LINE;
    uint8_t vector = (uint8_t)(pair->master.vector_base + take(&pair->master, true));
    if (from_slave)
        vector = (uint8_t)(pair->slave.vector_base + take(&pair->slave, false));
    update(pair);
    return vector;
}

static void reset_chip(struct i8259 *chip, bool is_master)
{
    *chip = (struct i8259){
        .lines = chip->lines,
        .lowest = 7,
        .cascade = is_master ? 1 << SLAVE_LINE : SLAVE_LINE,
        /* Lines 0, 1, 2, 8 and 13 are edges for ever (PIIX, ELCR). */
        .level_writable = is_master ? 0xf8 : 0xde,
    };
}

void i8259_reset(struct i8259_pair *pair)
{
    reset_chip(&pair->master, true);
    reset_chip(&pair->slave, false);
    update(pair);
}

/* -- Commands -- */

/* ICW1 clears edge detection, mask, service, and begins the sequence. */
static void initialize(struct i8259 *chip, uint8_t value)
{
    chip->requests = chip->lines & chip->level_triggered;
    chip->mask = 0;
    chip->in_service = 0;
    chip->lowest = 7;
    chip->special_mask = false;
    chip->read_in_service = false;
    chip->poll = false;
    chip->automatic_end = false;
    chip->automatic_rotation = false;
    chip->special_fully_nested = false;
    chip->expects_icw4 = value & ICW1_ICW4;
    chip->single = value & ICW1_SINGLE;
    chip->next_command = 2;
}

static void end_of_interrupt(struct i8259 *chip, bool specific, unsigned line, bool rotate)
{
    if (!specific) {
        uint8_t served = chip->in_service;
        if (chip->special_mask)
            served &= (uint8_t)~chip->mask;
        unsigned priority = highest(chip, served);
        if (priority == 8)
            return;
        line = line_of(chip, priority);
    }
    chip->in_service &= (uint8_t) ~(1 << line);
    if (rotate)
        chip->lowest = (uint8_t)line;
}

/* OCW2: R, SL, EOI in bits 7-5. */
static void command_2(struct i8259 *chip, uint8_t value)
{
    bool rotate = value & 0x80, specific = value & 0x40, end = value & 0x20;
    unsigned line = value & 7;
    if (end)
        end_of_interrupt(chip, specific, line, rotate);
    else if (rotate && specific)
        chip->lowest = (uint8_t)line;
    else if (!specific)
        chip->automatic_rotation = rotate;
}

static void command_3(struct i8259 *chip, uint8_t value)
{
    if (value & OCW3_POLL)
        chip->poll = true;
    if (value & OCW3_READ)
        chip->read_in_service = value & OCW3_READ_ISR;
    if (value & OCW3_MASK_WRITE)
        chip->special_mask = value & OCW3_MASK;
}

static void write_data(struct i8259 *chip, uint8_t value)
{
    switch (chip->next_command) {
    case 2:
        chip->vector_base = value & 0xf8;
        chip->next_command = chip->single ? (chip->expects_icw4 ? 4 : 0) : 3;
        break;
    case 3:
        chip->cascade = value;
        chip->next_command = chip->expects_icw4 ? 4 : 0;
        break;
    case 4:
        chip->automatic_end = value & ICW4_AUTOMATIC;
        chip->special_fully_nested = value & ICW4_NESTED;
        chip->next_command = 0;
        break;
    default:
        chip->mask = value;
    }
}

static void write_chip(struct i8259_pair *pair, struct i8259 *chip, uint64_t offset, uint8_t value)
{
    if (offset == 1)
        write_data(chip, value);
    else if (value & ICW1)
        initialize(chip, value);
    else if (value & OCW3)
        command_3(chip, value);
    else
        command_2(chip, value);
    update(pair);
}

static uint8_t read_poll(struct i8259_pair *pair, struct i8259 *chip)
{
    bool is_master = chip == &pair->master;
    chip->poll = false;
    if (pending_line(chip, is_master) < 0)
        return 0;
    uint8_t line = take(chip, is_master);
    update(pair);
    return POLL_REQUEST | line;
}

static uint8_t read_chip(struct i8259_pair *pair, struct i8259 *chip, uint64_t offset)
{
    if (chip->poll)
        return read_poll(pair, chip);
    if (offset == 1)
        return chip->mask;
    return chip->read_in_service ? chip->in_service : chip->requests;
}

static uint64_t read_master(void *device, uint64_t offset, unsigned size)
{
    struct i8259_pair *pair = device;
    (void)size;
    return read_chip(pair, &pair->master, offset);
}

static void write_master(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8259_pair *pair = device;
    (void)size;
    write_chip(pair, &pair->master, offset, (uint8_t)value);
}

static uint64_t read_slave(void *device, uint64_t offset, unsigned size)
{
    struct i8259_pair *pair = device;
    (void)size;
    return read_chip(pair, &pair->slave, offset);
}

static void write_slave(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8259_pair *pair = device;
    (void)size;
    write_chip(pair, &pair->slave, offset, (uint8_t)value);
}

static uint64_t read_level(void *device, uint64_t offset, unsigned size)
{
    const struct i8259_pair *pair = device;
    uint16_t both = (uint16_t)(pair->master.level_triggered | pair->slave.level_triggered << 8);
    (void)size;
    return both >> (8 * offset);
}

static void set_level_triggered(struct i8259 *chip, uint8_t value)
{
    chip->level_triggered = value & chip->level_writable;
    chip->requests |= chip->lines & chip->level_triggered;
}

static void write_level(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8259_pair *pair = device;
    if (offset == 0)
        set_level_triggered(&pair->master, (uint8_t)value);
    if (offset == 1 || size > 1)
        set_level_triggered(&pair->slave, (uint8_t)(offset == 1 ? value : value >> 8));
    update(pair);
}

const struct register_range i8259_master_registers = { read_master, write_master, .widest = 1 };
const struct register_range i8259_slave_registers = { read_slave, write_slave, .widest = 1 };
const struct register_range i8259_level_registers = { read_level, write_level };
