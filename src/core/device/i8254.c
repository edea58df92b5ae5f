// SPDX-License-Identifier: Apache-2.0
#include "core/device/i8254.h"

#define NS_PER_SECOND UINT64_C(1000000000)

#define ACCESS_LATCH 0
#define ACCESS_LOW   1
#define ACCESS_HIGH  2
#define ACCESS_BOTH  3

#define READ_BACK         3    /* in place of a counter's number */
#define READ_BACK_COUNT   0x20 /* active low, like the next */
#define READ_BACK_STATUS  0x10
#define STATUS_OUTPUT     0x80
#define STATUS_NULL_COUNT 0x40

#define SPEAKER_GATE     0x01
#define SPEAKER_WRITABLE 0x03 /* the others enable checks of parity, which there are none of */
#define SPEAKER_REFRESH  0x10
#define SPEAKER_OUTPUT   0x20
#define REFRESH_PERIOD   15085 /* ns */

/* Both in two parts: a product of all of it would not fit into 64 bits after four hours. */
static uint64_t ticks_of(uint64_t nanoseconds)
{
    return nanoseconds / NS_PER_SECOND * I8254_FREQUENCY +
           nanoseconds % NS_PER_SECOND * I8254_FREQUENCY / NS_PER_SECOND;
}

static uint64_t nanoseconds_of(uint64_t ticks)
{
    return ticks / I8254_FREQUENCY * NS_PER_SECOND +
           (ticks % I8254_FREQUENCY * NS_PER_SECOND + I8254_FREQUENCY - 1) / I8254_FREQUENCY;
}

static bool is_periodic(const struct i8254_counter *counter)
{
    return counter->mode == 2 || counter->mode == 3;
}

static bool waits_for_gate(const struct i8254_counter *counter)
{
    return counter->mode == 1 || counter->mode == 5;
}

static bool is_counting(const struct i8254_counter *counter)
{
    if (!counter->loaded)
        return false;
    return waits_for_gate(counter) ? counter->triggered : counter->gate;
}

static uint64_t elapsed_ticks(const struct i8254_counter *counter, uint64_t now)
{
    return counter->ticks + (is_counting(counter) ? ticks_of(now - counter->start) : 0);
}

/* A count that was written in the middle of a period takes effect at its end. */
static void settle(struct i8254_counter *counter, uint64_t now)
{
    if (!counter->next_count || elapsed_ticks(counter, now) < counter->count)
        return;
    counter->start += nanoseconds_of(counter->count - counter->ticks % counter->count);
    counter->ticks = 0;
    counter->count = counter->next_count;
    counter->next_count = 0;
}

static bool output(const struct i8254_counter *counter, uint64_t now)
{
    uint64_t ticks = elapsed_ticks(counter, now);
    switch (counter->mode) {
    case 0:
        return counter->loaded && ticks >= counter->count;
    case 1:
        return !counter->triggered || ticks >= counter->count;
    case 2:
        return !is_counting(counter) || ticks % counter->count != counter->count - 1;
    case 3:
        return !is_counting(counter) || ticks % counter->count < (counter->count + 1) / 2;
    default:
        return !is_counting(counter) || ticks != counter->count;
    }
}

static uint16_t decimal(uint32_t value)
{
    uint16_t digits = 0;
    for (unsigned shift = 0; shift < 16; shift += 4, value /= 10)
        digits |= (uint16_t)(value % 10 << shift);
    return digits;
}

static uint32_t from_decimal(uint16_t digits)
{
    uint32_t value = 0;
    for (int shift = 12; shift >= 0; shift -= 4)
        value = value * 10 + (digits >> shift & 15);
    return value;
}

static uint16_t current_count(const struct i8254_counter *counter, uint64_t now)
{
    uint64_t ticks = elapsed_ticks(counter, now);
    uint32_t modulus = counter->decimal ? 10000 : 65536, value;
    if (!counter->count)
        return 0;
    if (counter->mode == 3) /* by twos */
        value = counter->count - (uint32_t)(2 * ticks % counter->count & ~UINT64_C(1));
    else if (counter->mode == 2)
        value = counter->count - (uint32_t)(ticks % counter->count);
    else
        value = (uint32_t)((counter->count + modulus - ticks % modulus) % modulus);
    value %= modulus;
    return counter->decimal ? decimal(value) : (uint16_t)value;
}

/* -- Interrupt of counter 0 -- */

/* Ticks until OUT rises, counted as elapsed_ticks does; 0: never. */
static uint64_t next_rise(const struct i8254_counter *counter, uint64_t ticks)
{
    if (!is_counting(counter))
        return 0;
    if (is_periodic(counter))
        return (ticks / counter->count + 1) * counter->count;
    uint64_t end = counter->mode >= 4 ? counter->count + 1 : counter->count;
    return ticks < end ? end : 0;
}

static void arm(struct i8254 *timer, uint64_t earliest)
{
    struct i8254_counter *counter = &timer->counters[0];
    uint64_t now = platform_clock(timer->platform);
    settle(counter, now);
    uint64_t rise = next_rise(counter, elapsed_ticks(counter, now));
    uint64_t deadline = counter->start + nanoseconds_of(rise - counter->ticks);
    if (rise)
        platform_timer_arm(timer->platform, &timer->timer,
                           deadline > earliest ? deadline : earliest);
    else
        platform_timer_cancel(timer->platform, &timer->timer);
}

static void update(struct i8254 *timer)
{
    interrupt_line_set(&timer->output,
                       output(&timer->counters[0], platform_clock(timer->platform)));
    arm(timer, 0);
}

/* All but mode 0 have been low since the last rise, for a tick or for half of the period. */
static void expired(void *context)
{
    struct i8254 *timer = context;
    interrupt_line_set(&timer->output, false);
    interrupt_line_set(&timer->output, true);
    arm(timer, platform_clock(timer->platform) + TIMER_PERIOD_LEAST);
}

/* -- Registers -- */

static void load_count(struct i8254_counter *counter, uint16_t value, uint64_t now)
{
    uint32_t count = counter->decimal ? from_decimal(value) : value;
    if (!count)
        count = counter->decimal ? 10000 : 65536;
    if (counter->loaded && (is_periodic(counter) || waits_for_gate(counter))) {
        counter->next_count = count;
        return;
    }
    counter->count = count;
    counter->next_count = 0;
    counter->loaded = true;
    counter->ticks = 0;
    counter->start = now;
}

static void write_count(struct i8254_counter *counter, uint8_t value, uint64_t now)
{
    if (counter->access == ACCESS_LOW) {
        load_count(counter, value, now);
    } else if (counter->access == ACCESS_HIGH) {
        load_count(counter, (uint16_t)(value << 8), now);
    } else if (!counter->write_high) {
        counter->low_byte = value;
        counter->write_high = true;
        if (counter->mode == 0)
            counter->loaded = false; /* the first byte stops it */
    } else {
        counter->write_high = false;
        load_count(counter, (uint16_t)(value << 8 | counter->low_byte), now);
    }
}

static void latch_count(struct i8254_counter *counter, uint64_t now)
{
    if (counter->count_latched)
        return;
    counter->latched_count = current_count(counter, now);
    counter->count_latched = true;
}

static void latch_status(struct i8254_counter *counter, uint64_t now)
{
    if (counter->status_latched)
        return;
    counter->latched_status =
        (uint8_t)((output(counter, now) ? STATUS_OUTPUT : 0) |
                  (counter->loaded ? 0 : STATUS_NULL_COUNT) | counter->access << 4 |
                  counter->mode << 1 | counter->decimal);
    counter->status_latched = true;
}

static void read_back(struct i8254 *timer, uint8_t value, uint64_t now)
{
    for (unsigned i = 0; i < 3; i++) {
        struct i8254_counter *counter = &timer->counters[i];
        if (!(value >> (i + 1) & 1))
            continue;
        settle(counter, now);
        if (!(value & READ_BACK_COUNT))
            latch_count(counter, now);
        if (!(value & READ_BACK_STATUS))
            latch_status(counter, now);
    }
}

static void write_control(struct i8254 *timer, uint8_t value)
{
    uint64_t now = platform_clock(timer->platform);
    unsigned number = value >> 6;
    if (number == READ_BACK) {
        read_back(timer, value, now);
        return;
    }
    struct i8254_counter *counter = &timer->counters[number];
    settle(counter, now);
    if ((value >> 4 & 3) == ACCESS_LATCH) {
        latch_count(counter, now);
        return;
    }
    unsigned mode = value >> 1 & 7;
    *counter = (struct i8254_counter){
        .count = counter->count,
        .gate = counter->gate,
        .access = value >> 4 & 3,
        .mode = (uint8_t)(mode > 5 ? mode & 3 : mode), /* 6 and 7 are 2 and 3 */
        .decimal = value & 1,
    };
    if (number == 0)
        update(timer);
}

static uint8_t read_counter(struct i8254_counter *counter, uint64_t now)
{
    settle(counter, now);
    if (counter->status_latched) {
        counter->status_latched = false;
        return counter->latched_status;
    }
    uint16_t count = counter->count_latched ? counter->latched_count : current_count(counter, now);
    bool high =
        counter->access == ACCESS_HIGH || (counter->access == ACCESS_BOTH && counter->read_high);
    if (counter->access == ACCESS_BOTH)
        counter->read_high = !counter->read_high;
    if (counter->access != ACCESS_BOTH || high)
        counter->count_latched = false;
    return (uint8_t)(high ? count >> 8 : count);
}

static uint64_t read_register(void *device, uint64_t offset, unsigned size)
{
    struct i8254 *timer = device;
    (void)size;
    if (offset == 3)
        return 0xff; /* the control word cannot be read */
    return read_counter(&timer->counters[offset], platform_clock(timer->platform));
}

static void write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8254 *timer = device;
    (void)size;
    if (offset == 3) {
        write_control(timer, (uint8_t)value);
        return;
    }
    uint64_t now = platform_clock(timer->platform);
    settle(&timer->counters[offset], now);
    write_count(&timer->counters[offset], (uint8_t)value, now);
    if (offset == 0)
        update(timer);
}

const struct register_range i8254_registers = { read_register, write_register, .widest = 1 };

/* -- Port 61H -- */

/* A falling gate stops modes 0 and 4 where they are; a rising one begins the others anew. */
static void set_gate(struct i8254_counter *counter, bool gate, uint64_t now)
{
    if (gate == counter->gate)
        return;
    settle(counter, now);
    counter->ticks = elapsed_ticks(counter, now);
    counter->start = now;
    counter->gate = gate;
    if (!gate || counter->mode == 0 || counter->mode == 4)
        return;
    counter->ticks = 0;
    counter->triggered = counter->loaded;
    if (counter->next_count) {
        counter->count = counter->next_count;
        counter->next_count = 0;
    }
}

static uint64_t read_speaker(void *device, uint64_t offset, unsigned size)
{
    struct i8254 *timer = device;
    uint64_t now = platform_clock(timer->platform);
    (void)offset, (void)size;
    settle(&timer->counters[2], now);
    return timer->speaker | (now / REFRESH_PERIOD & 1 ? SPEAKER_REFRESH : 0) |
           (output(&timer->counters[2], now) ? SPEAKER_OUTPUT : 0);
}

static void write_speaker(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8254 *timer = device;
    (void)offset, (void)size;
    timer->speaker = value & SPEAKER_WRITABLE;
    set_gate(&timer->counters[2], value & SPEAKER_GATE, platform_clock(timer->platform));
}

const struct register_range i8254_speaker_registers = { read_speaker, write_speaker, .widest = 1 };

/* As firmware leaves it: counter 0 ticks at 18.2 Hz, counter 1 asks for refreshes. */
void i8254_initialize(struct i8254 *timer)
{
    timer->timer = (struct platform_timer){ .expired = expired, .context = timer };
    for (unsigned i = 0; i < 3; i++)
        timer->counters[i] = (struct i8254_counter){ .count = 65536, .gate = i < 2 };
    static const struct {
        uint8_t control, counter;
        uint16_t count;
    } rows[] = { { 0x36, 0, 0 }, { 0x54, 1, 18 }, { 0xb6, 2, 0 } };
    for (unsigned i = 0; i < 3; i++) {
        write_register(timer, 3, 1, rows[i].control);
        write_register(timer, rows[i].counter, 1, rows[i].count);
        if (rows[i].counter != 1)
            write_register(timer, rows[i].counter, 1, rows[i].count >> 8);
    }
}
