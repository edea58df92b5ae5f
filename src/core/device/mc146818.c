// SPDX-License-Identifier: Apache-2.0
#include "core/device/mc146818.h"

#include "core/device/calendar.h"

#define NS_PER_SECOND UINT64_C(1000000000)

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REGISTER_A,
    REGISTER_B,
    REGISTER_C,
    REGISTER_D
};

#define A_UPDATE_IN_PROGRESS 0x80
#define A_DIVIDER            0x70
#define A_DIVIDER_RUNS       0x20 /* 32.768 kHz */
#define A_RATE               0x0f

#define B_SET      0x80
#define B_PERIODIC 0x40
#define B_ALARM    0x20
#define B_UPDATE   0x10
#define B_BINARY   0x04
#define B_24_HOURS 0x02

#define C_INTERRUPT 0x80 /* the other flags stand where their enables are in B */
#define D_VALID     0x80

#define HOUR_PM     0x80
#define ALARM_ANY   0xc0   /* both bits: matches always */
#define UPDATE_TIME 244000 /* ns before a second that UIP announces it (data sheet: tBUC) */

/* -- Registers and numbers -- */

static uint8_t encode(const struct mc146818 *clock, int value)
{
    if (clock->memory[REGISTER_B] & B_BINARY)
        return (uint8_t)value;
    return (uint8_t)(value / 10 << 4 | value % 10);
}

static int decode(const struct mc146818 *clock, uint8_t value)
{
    if (clock->memory[REGISTER_B] & B_BINARY)
        return value;
    return (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const struct mc146818 *clock, int hour)
{
    if (clock->memory[REGISTER_B] & B_24_HOURS)
        return encode(clock, hour);
    return encode(clock, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct mc146818 *clock, uint8_t value)
{
    if (clock->memory[REGISTER_B] & B_24_HOURS)
        return decode(clock, value);
    return decode(clock, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

static bool is_running(const struct mc146818 *clock)
{
    return !(clock->memory[REGISTER_B] & B_SET) &&
           (clock->memory[REGISTER_A] & A_DIVIDER) == A_DIVIDER_RUNS;
}

static int64_t guest_seconds(const struct mc146818 *clock)
{
    return (int64_t)(platform_wall_clock(clock->platform) / NS_PER_SECOND) + clock->difference;
}

/* Bring the time registers up to date; while the clock stands they are what they are. */
static void update_registers(struct mc146818 *clock)
{
    if (!is_running(clock))
        return;
    struct calendar_time time = calendar_from_seconds(guest_seconds(clock));
    uint8_t *memory = clock->memory;
    memory[SECONDS] = encode(clock, time.second);
    memory[MINUTES] = encode(clock, time.minute);
    memory[HOURS] = encode_hour(clock, time.hour);
    memory[WEEKDAY] = encode(clock, time.weekday);
    memory[DAY] = encode(clock, time.day);
    memory[MONTH] = encode(clock, time.month);
    memory[YEAR] = encode(clock, time.year % 100);
    memory[CMOS_CENTURY] = encode(clock, time.year / 100 % 100);
}

/* The other way: the guest has set registers. Nonsense becomes some time or other. */
static void take_registers(struct mc146818 *clock)
{
    const uint8_t *memory = clock->memory;
    int month = decode(clock, memory[MONTH]);
    const struct calendar_time time = {
        .year = decode(clock, memory[CMOS_CENTURY]) * 100 + decode(clock, memory[YEAR]),
        .month = month >= 1 && month <= 12 ? month : 1,
        .day = decode(clock, memory[DAY]),
        .hour = decode_hour(clock, memory[HOURS]),
        .minute = decode(clock, memory[MINUTES]),
        .second = decode(clock, memory[SECONDS]),
    };
    clock->difference = 0;
    clock->difference = calendar_to_seconds(&time) - guest_seconds(clock);
}

/* -- Interrupts -- */

static void update_interrupt(struct mc146818 *clock)
{
    uint8_t *memory = clock->memory;
    bool level = memory[REGISTER_C] & memory[REGISTER_B] & (B_PERIODIC | B_ALARM | B_UPDATE);
    memory[REGISTER_C] = (uint8_t)((memory[REGISTER_C] & ~C_INTERRUPT) | (level ? C_INTERRUPT : 0));
    interrupt_line_set(&clock->interrupt, level);
}

/* Rates 1 and 2 are those of 8 and 9 (data sheet, table 5). 0: none. */
static uint64_t period(const struct mc146818 *clock)
{
    unsigned rate = clock->memory[REGISTER_A] & A_RATE;
    if (!rate || (clock->memory[REGISTER_A] & A_DIVIDER) != A_DIVIDER_RUNS)
        return 0;
    if (rate < 3)
        rate += 7;
    return NS_PER_SECOND * (1u << (rate - 1)) / 32768;
}

static bool alarm_matches(const struct mc146818 *clock, unsigned alarm, unsigned time)
{
    uint8_t value = clock->memory[alarm];
    return (value & ALARM_ANY) == ALARM_ANY || value == clock->memory[time];
}

/* Set the flags of what has happened since they were last looked at. */
static void update_flags(struct mc146818 *clock)
{
    uint64_t now = platform_clock(clock->platform), length = period(clock);
    uint64_t second = platform_wall_clock(clock->platform) / NS_PER_SECOND;
    if (length && now - clock->periodic_start >= length) {
        clock->periodic_start = now - (now - clock->periodic_start) % length;
        clock->memory[REGISTER_C] |= B_PERIODIC;
    }
    if (second == clock->updates_seen)
        return;
    clock->updates_seen = second;
    if (!is_running(clock))
        return;
    clock->memory[REGISTER_C] |= B_UPDATE;
    update_registers(clock);
    if (alarm_matches(clock, SECONDS_ALARM, SECONDS) &&
        alarm_matches(clock, MINUTES_ALARM, MINUTES) && alarm_matches(clock, HOURS_ALARM, HOURS))
        clock->memory[REGISTER_C] |= B_ALARM;
}

static void arm(struct platform *platform, struct platform_timer *timer, uint64_t delay)
{
    if (delay)
        platform_timer_arm(platform, timer, platform_clock(platform) + delay);
    else if (timer->armed)
        platform_timer_cancel(platform, timer);
}

static void arm_timers(struct mc146818 *clock)
{
    uint64_t length = period(clock);
    uint64_t elapsed = platform_clock(clock->platform) - clock->periodic_start;
    uint8_t enabled = clock->memory[REGISTER_B];
    bool waits = (enabled & (B_ALARM | B_UPDATE)) && is_running(clock);
    uint64_t fraction = platform_wall_clock(clock->platform) % NS_PER_SECOND;
    arm(clock->platform, &clock->periodic,
        (enabled & B_PERIODIC) && length > elapsed ? length - elapsed : 0);
    arm(clock->platform, &clock->update, waits ? NS_PER_SECOND - fraction : 0);
}

static void refresh(struct mc146818 *clock)
{
    update_flags(clock);
    update_interrupt(clock);
    arm_timers(clock);
}

static void expired(void *context)
{
    refresh(context);
}

/* -- Registers -- */

static uint8_t read_a(const struct mc146818 *clock)
{
    uint64_t left = NS_PER_SECOND - platform_wall_clock(clock->platform) % NS_PER_SECOND;
    bool updating = is_running(clock) && left <= UPDATE_TIME;
    return clock->memory[REGISTER_A] | (updating ? A_UPDATE_IN_PROGRESS : 0);
}

static uint8_t read_c(struct mc146818 *clock)
{
    update_flags(clock);
    update_interrupt(clock);
    uint8_t flags = clock->memory[REGISTER_C];
    clock->memory[REGISTER_C] = 0;
    update_interrupt(clock);
    return flags;
}

static void write_b(struct mc146818 *clock, uint8_t value)
{
    update_registers(clock);
    bool was_running = is_running(clock);
    clock->memory[REGISTER_B] = value & B_SET ? value & (uint8_t)~B_UPDATE : value;
    if (!was_running && is_running(clock))
        take_registers(clock);
    refresh(clock);
}

static void write_a(struct mc146818 *clock, uint8_t value)
{
    update_registers(clock);
    bool was_running = is_running(clock);
    clock->memory[REGISTER_A] = value & (uint8_t)~A_UPDATE_IN_PROGRESS;
    if (!was_running && is_running(clock))
        take_registers(clock);
    clock->periodic_start = platform_clock(clock->platform);
    refresh(clock);
}

static void write_time(struct mc146818 *clock, unsigned index, uint8_t value)
{
    update_registers(clock);
    clock->memory[index] = value;
    if (is_running(clock))
        take_registers(clock);
}

static void write_memory(struct mc146818 *clock, unsigned index, uint8_t value)
{
    switch (index) {
    case SECONDS:
    case MINUTES:
    case HOURS:
    case WEEKDAY ... YEAR:
    case CMOS_CENTURY:
        write_time(clock, index, value);
        break;
    case REGISTER_A:
        write_a(clock, value);
        break;
    case REGISTER_B:
        write_b(clock, value);
        break;
    case REGISTER_C:
    case REGISTER_D:
        break; /* read-only */
    default:
        clock->memory[index] = value;
    }
}

static uint8_t read_memory(struct mc146818 *clock, unsigned index)
{
    update_registers(clock);
    if (index == REGISTER_A)
        return read_a(clock);
    return index == REGISTER_C ? read_c(clock) : clock->memory[index];
}

static uint64_t read_port(void *device, uint64_t offset, unsigned size)
{
    struct mc146818 *clock = device;
    (void)size;
    return offset == 0 ? 0xff : read_memory(clock, clock->index); /* the index cannot be read */
}

static void write_port(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct mc146818 *clock = device;
    (void)size;
    if (offset == 0)
        clock->index = value & (MC146818_SIZE - 1);
    else
        write_memory(clock, clock->index, (uint8_t)value);
}

const struct register_range mc146818_registers = { read_port, write_port, .widest = 1 };

void mc146818_initialize(struct mc146818 *clock)
{
    clock->memory[REGISTER_A] = A_DIVIDER_RUNS | 6; /* 1024 Hz */
    clock->memory[REGISTER_B] = B_24_HOURS;
    clock->memory[REGISTER_D] = D_VALID;
    clock->periodic = (struct platform_timer){ .expired = expired, .context = clock };
    clock->update = (struct platform_timer){ .expired = expired, .context = clock };
    clock->periodic_start = platform_clock(clock->platform);
    clock->updates_seen = platform_wall_clock(clock->platform) / NS_PER_SECOND;
    update_registers(clock);
}

static void store_16(struct mc146818 *clock, unsigned index, uint64_t value)
{
    uint16_t word = (uint16_t)(value < 0xffff ? value : 0xffff);
    clock->memory[index] = (uint8_t)word;
    clock->memory[index + 1] = (uint8_t)(word >> 8);
}

/* Base memory at 15H and memory behind 1 MiB at 17H and 30H in KiB, that behind 16 MiB at 34H and
 * that behind 4 GiB at 5BH in units of 64 KiB: where firmware of PCs has them. */
void mc146818_set_memory_size(struct mc146818 *clock, uint64_t below_4_gib, uint64_t above)
{
    const uint64_t mib = UINT64_C(1) << 20;
    uint64_t extended = (below_4_gib - mib) / 1024;
    store_16(clock, 0x15, 640);
    store_16(clock, 0x17, extended);
    store_16(clock, 0x30, extended);
    store_16(clock, 0x34, below_4_gib > 16 * mib ? (below_4_gib - 16 * mib) >> 16 : 0);
    store_16(clock, 0x5b, above >> 16);
    clock->memory[0x5d] = (uint8_t)(above >> 32);
}
