// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/calendar.h"
#include "core/device/mc146818.h"

/* Sunday, 22 November 2026, 19:59:58 UTC, and 0.25 s. */
#define START (UINT64_C(1795377598) * NS_PER_SECOND + 250000000)

struct fixture {
    struct platform platform;
    struct mc146818 clock;
    struct fake_line line;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->platform.wall_clock = START;
    f->clock.platform = &f->platform;
    f->clock.interrupt = fake_line(&f->line);
    mc146818_initialize(&f->clock);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint8_t get(struct fixture *f, uint8_t index)
{
    mc146818_registers.write(&f->clock, 0, 1, index);
    return (uint8_t)mc146818_registers.read(&f->clock, 1, 1);
}

static void put(struct fixture *f, uint8_t index, uint8_t value)
{
    mc146818_registers.write(&f->clock, 0, 1, index);
    mc146818_registers.write(&f->clock, 1, 1, value);
}

static void expect_time(struct fixture *f, const char *text)
{
    char found[64];
    snprintf(found, sizeof(found), "%02x%02x-%02x-%02x %02x:%02x:%02x, %x", get(f, 0x32), get(f, 9),
             get(f, 8), get(f, 7), get(f, 4), get(f, 2), get(f, 0), get(f, 6));
    assert_string_equal(found, text);
}

static void the_calendar_goes_both_ways(void **state)
{
    static const struct {
        int64_t seconds;
        struct calendar_time time;
    } rows[] = {
        { 0, { 1970, 1, 1, 0, 0, 0, 5 } },
        { 951782399, { 2000, 2, 28, 23, 59, 59, 2 } },
        { 951782400, { 2000, 2, 29, 0, 0, 0, 3 } },
        { 1709251199, { 2024, 2, 29, 23, 59, 59, 5 } },
        { 4107542400, { 2100, 3, 1, 0, 0, 0, 2 } },
        { 253402300799, { 9999, 12, 31, 23, 59, 59, 6 } },
        { -1, { 1969, 12, 31, 23, 59, 59, 4 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct calendar_time time = calendar_from_seconds(rows[i].seconds);
        assert_memory_equal(&time, &rows[i].time, sizeof(time));
        assert_int_equal(calendar_to_seconds(&time), rows[i].seconds);
    }
}

static void registers_have_their_initial_values(void **state)
{
    struct fixture *f = *state;
    expect_time(f, "2026-11-22 19:59:58, 1");
    assert_int_equal(get(f, 0x0a), 0x26);
    assert_int_equal(get(f, 0x0b), 0x02);
    assert_int_equal(get(f, 0x0c), 0x00);
    assert_int_equal(get(f, 0x0d), 0x80);
    assert_int_equal(mc146818_registers.read(&f->clock, 0, 1), 0xff);
}

static void time_goes_on(void **state)
{
    struct fixture *f = *state;
    fake_advance(&f->platform, 750000000);
    expect_time(f, "2026-11-22 19:59:59, 1");
    fake_advance(&f->platform, NS_PER_SECOND);
    expect_time(f, "2026-11-22 20:00:00, 1");
}

static void numbers_are_binary_and_hours_twelve_if_asked_for(void **state)
{
    struct fixture *f = *state;
    put(f, 0x0b, 0x06);
    assert_int_equal(get(f, 0), 58);
    assert_int_equal(get(f, 9), 26);
    put(f, 0x0b, 0x00);
    assert_int_equal(get(f, 4), 0x87); /* 7 PM */
    fake_advance(&f->platform, 5 * 3600 * NS_PER_SECOND);
    assert_int_equal(get(f, 4), 0x12); /* midnight */
    put(f, 4, 0x92);
    put(f, 0x0b, 0x02);
    assert_int_equal(get(f, 4), 0x12); /* noon */
}

static void setting_the_clock_stops_it_meanwhile(void **state)
{
    static const uint8_t values[][2] = { { 0, 0x30 }, { 2, 0x15 }, { 4, 0x06 },   { 7, 0x28 },
                                         { 8, 0x02 }, { 9, 0x24 }, { 0x32, 0x20 } };
    struct fixture *f = *state;
    put(f, 0x0b, 0x82);
    fake_advance(&f->platform, 10 * NS_PER_SECOND);
    assert_int_equal(get(f, 0), 0x58);
    for (size_t i = 0; i < 7; i++)
        put(f, values[i][0], values[i][1]);
    put(f, 0x0b, 0x02);
    expect_time(f, "2024-02-28 06:15:30, 4");
    fake_advance(&f->platform, 86400 * NS_PER_SECOND);
    expect_time(f, "2024-02-29 06:15:30, 5");
}

static void nonsense_is_survived(void **state)
{
    struct fixture *f = *state;
    for (unsigned index = 0; index < 256; index++)
        put(f, (uint8_t)index, 0xff);
    for (unsigned index = 0; index < 256; index++)
        get(f, (uint8_t)index);
    put(f, 0x0a, 0x26);
    put(f, 0x0b, 0x02);
    for (unsigned index = 0; index < 10; index++)
        put(f, (uint8_t)index, 0xff);
    fake_advance(&f->platform, 3 * NS_PER_SECOND);
    get(f, 0);
}

static void an_update_is_announced(void **state)
{
    struct fixture *f = *state;
    fake_advance(&f->platform, 749755000);
    assert_int_equal(get(f, 0x0a), 0x26);
    fake_advance(&f->platform, 2000);
    assert_int_equal(get(f, 0x0a), 0xa6);
    fake_advance(&f->platform, 243000);
    assert_int_equal(get(f, 0x0a), 0x26);
    assert_int_equal(get(f, 0), 0x59);
}

static void updates_interrupt(void **state)
{
    struct fixture *f = *state;
    put(f, 0x0b, 0x12);
    assert_false(f->line.level);
    fake_advance(&f->platform, 750000000);
    assert_true(f->line.level);
    assert_int_equal(get(f, 0x0c) & 0xb0, 0x90);
    assert_false(f->line.level);
    assert_int_equal(get(f, 0x0c), 0x00);
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(f->line.rises, 2);
    put(f, 0x0b, 0x92); /* SET clears the enable of updates */
    assert_int_equal(get(f, 0x0b), 0x82);
}

static void alarms_interrupt_when_they_match(void **state)
{
    struct fixture *f = *state;
    put(f, 1, 0x01);
    put(f, 3, 0x00);
    put(f, 5, 0xff); /* any hour */
    put(f, 0x0b, 0x22);
    fake_advance(&f->platform, 2 * NS_PER_SECOND);
    assert_false(f->line.level);
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_true(f->line.level);
    assert_int_equal(get(f, 0x0c) & 0xb0, 0xb0);
    fake_advance(&f->platform, 3600 * NS_PER_SECOND);
    assert_true(f->line.level);
}

static void periods_interrupt_at_every_rate(void **state)
{
    static const unsigned per_second[] = { 0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                           256, 128, 64,  32,   16,   8,    4,    2 };
    struct fixture *f = *state;
    put(f, 0x0b, 0x42);
    for (unsigned rate = 0; rate < 16; rate++) {
        put(f, 0x0a, (uint8_t)(0x20 | rate));
        get(f, 0x0c);
        unsigned count = 0;
        for (unsigned i = 0; i < per_second[rate] + 2; i++) {
            if (f->platform.timers == NULL)
                break;
            uint64_t wait = f->platform.timers->deadline - f->platform.clock;
            fake_advance(&f->platform, wait);
            count += get(f, 0x0c) == 0xc0 || f->line.rises > 0;
        }
        assert_int_equal(count > 0, per_second[rate] > 0);
        if (per_second[rate])
            assert_in_range(f->platform.timers->deadline - f->platform.clock,
                            NS_PER_SECOND / per_second[rate] - 1, NS_PER_SECOND / per_second[rate]);
    }
}

static void flags_are_set_without_interrupts_too(void **state)
{
    struct fixture *f = *state;
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, 0x0c), 0x50);
    assert_int_equal(f->line.rises, 0);
    assert_null(f->platform.timers);
}

static void memory_remembers_and_tells_its_size(void **state)
{
    struct fixture *f = *state;
    put(f, 0x0f, 0x0a);
    assert_int_equal(get(f, 0x8f), 0x0a); /* bit 7 is the mask of NMI */
    mc146818_set_memory_size(&f->clock, UINT64_C(1) << 30, UINT64_C(5) << 30);
    assert_int_equal(get(f, 0x15) | get(f, 0x16) << 8, 640);
    assert_int_equal(get(f, 0x17) | get(f, 0x18) << 8, 0xffff);
    assert_int_equal(get(f, 0x34) | get(f, 0x35) << 8, (1024 - 16) * 16);
    assert_int_equal(get(f, 0x5b) | get(f, 0x5c) << 8 | get(f, 0x5d) << 16, 0x1ffff);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_goes_both_ways),
        TEST(registers_have_their_initial_values),
        TEST(time_goes_on),
        TEST(numbers_are_binary_and_hours_twelve_if_asked_for),
        TEST(setting_the_clock_stops_it_meanwhile),
        TEST(nonsense_is_survived),
        TEST(an_update_is_announced),
        TEST(updates_interrupt),
        TEST(alarms_interrupt_when_they_match),
        TEST(periods_interrupt_at_every_rate),
        TEST(flags_are_set_without_interrupts_too),
        TEST(memory_remembers_and_tells_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
