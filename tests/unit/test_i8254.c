// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/i8254.h"

struct fixture {
    struct platform platform;
    struct i8254 timer;
    struct fake_line output;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->timer.platform = &f->platform;
    f->timer.output = fake_line(&f->output);
    i8254_initialize(&f->timer);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void write_port(struct fixture *f, unsigned offset, uint8_t value)
{
    i8254_registers.write(&f->timer, offset, 1, value);
}

static uint8_t read_port(struct fixture *f, unsigned offset)
{
    return (uint8_t)i8254_registers.read(&f->timer, offset, 1);
}

static void program(struct fixture *f, unsigned counter, unsigned mode, uint16_t count)
{
    write_port(f, 3, (uint8_t)(counter << 6 | 0x30 | mode << 1));
    write_port(f, counter, (uint8_t)count);
    write_port(f, counter, (uint8_t)(count >> 8));
}

static uint16_t count_of(struct fixture *f, unsigned counter)
{
    write_port(f, 3, (uint8_t)(counter << 6));
    uint8_t low = read_port(f, counter);
    return (uint16_t)(read_port(f, counter) << 8 | low);
}

static uint8_t speaker(struct fixture *f)
{
    return (uint8_t)i8254_speaker_registers.read(&f->timer, 0, 1);
}

static void set_speaker(struct fixture *f, uint8_t value)
{
    i8254_speaker_registers.write(&f->timer, 0, 1, value);
}

/* Time passes until `ticks` are over. */
static void tick(struct fixture *f, uint64_t ticks)
{
    fake_advance(&f->platform, (ticks * NS_PER_SECOND + I8254_FREQUENCY - 1) / I8254_FREQUENCY);
}

static void firmware_leaves_a_clock_of_18_hertz(void **state)
{
    struct fixture *f = *state;
    f->output.rises = 0;
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(f->output.rises, 18);
    assert_int_equal(read_port(f, 3), 0xff);
}

static void mode_0_interrupts_once(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 0, 1000);
    assert_false(f->output.level);
    tick(f, 400);
    assert_int_equal(count_of(f, 0), 600);
    assert_false(f->output.level);
    tick(f, 600);
    assert_true(f->output.level);
    f->output.rises = 0;
    tick(f, 100000);
    assert_int_equal(f->output.rises, 0);
}

static void mode_0_counts_on_below_zero(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 0, 10);
    tick(f, 15);
    assert_int_equal(count_of(f, 0), 0xfffb);
}

static void mode_2_interrupts_each_period(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 2, 1193);
    f->output.rises = 0;
    tick(f, 1193 * 5);
    assert_int_equal(f->output.rises, 5);
    tick(f, 193);
    assert_int_equal(count_of(f, 0), 1000);
}

static void mode_3_counts_by_twos(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 3, 1000);
    f->output.rises = 0;
    tick(f, 100);
    assert_int_equal(count_of(f, 0), 800);
    tick(f, 450);
    assert_int_equal(count_of(f, 0), 900); /* the second half */
    tick(f, 450);
    assert_int_equal(f->output.rises, 1);
}

static void mode_4_strobes_once(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 4, 100);
    assert_true(f->output.level);
    f->output.rises = 0;
    tick(f, 99);
    assert_int_equal(f->output.rises, 0);
    tick(f, 1000);
    assert_int_equal(f->output.rises, 1);
}

static void modes_1_and_5_wait_for_the_gate(void **state)
{
    struct fixture *f = *state;
    program(f, 2, 1, 100);
    tick(f, 500);
    assert_true(speaker(f) & 0x20);
    set_speaker(f, 1);
    assert_false(speaker(f) & 0x20);
    tick(f, 99);
    assert_false(speaker(f) & 0x20);
    tick(f, 1);
    assert_true(speaker(f) & 0x20);
    set_speaker(f, 0);
    set_speaker(f, 1); /* again */
    assert_false(speaker(f) & 0x20);

    program(f, 2, 5, 100);
    set_speaker(f, 0);
    set_speaker(f, 1);
    tick(f, 100);
    assert_false(speaker(f) & 0x20);
    tick(f, 1);
    assert_true(speaker(f) & 0x20);
}

static void the_gate_of_counter_2_holds_mode_0(void **state)
{
    struct fixture *f = *state;
    program(f, 2, 0, 1000); /* the gate is low */
    tick(f, 300);
    assert_int_equal(count_of(f, 2), 1000);
    set_speaker(f, 1);
    tick(f, 300);
    assert_int_equal(count_of(f, 2), 700);
    set_speaker(f, 0);
    tick(f, 300);
    assert_int_equal(count_of(f, 2), 700);
    set_speaker(f, 3);
    assert_false(speaker(f) & 0x20);
    tick(f, 700);
    assert_true(speaker(f) & 0x20);
    assert_int_equal(speaker(f) & 0x0f, 3);
}

static void the_gate_restarts_modes_2_and_3(void **state)
{
    struct fixture *f = *state;
    set_speaker(f, 1);
    program(f, 2, 2, 1000);
    tick(f, 400);
    set_speaker(f, 0);
    assert_true(speaker(f) & 0x20);
    set_speaker(f, 1);
    assert_int_equal(count_of(f, 2), 1000);
}

static void a_latched_count_stays_until_it_is_read(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 2, 60000);
    tick(f, 1000);
    write_port(f, 3, 0x00);
    tick(f, 1000);
    write_port(f, 3, 0x00); /* ignored */
    uint8_t low = read_port(f, 0);
    assert_int_equal(read_port(f, 0) << 8 | low, 59000);
    low = read_port(f, 0); /* not latched: as it is now */
    assert_int_equal(read_port(f, 0) << 8 | low, 58000);
}

static void read_back_latches_status_and_count_of_several(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 2, 5000);
    write_port(f, 3, 0xb0); /* counter 2: mode 0, no count yet */
    tick(f, 100);
    write_port(f, 3, 0xca);                  /* count and status of 0 and 2 */
    assert_int_equal(read_port(f, 0), 0xb4); /* OUT, both bytes, mode 2 */
    uint8_t low = read_port(f, 0);
    assert_int_equal(read_port(f, 0) << 8 | low, 4900);
    assert_int_equal(read_port(f, 2), 0x70); /* null count, both bytes, mode 0 */
}

static void bytes_are_low_high_or_both(void **state)
{
    struct fixture *f = *state;
    write_port(f, 3, 0x14); /* low */
    write_port(f, 0, 200);
    tick(f, 50);
    assert_int_equal(read_port(f, 0), 150);
    assert_int_equal(read_port(f, 0), 150);
    write_port(f, 3, 0x24); /* high */
    write_port(f, 0, 2);
    tick(f, 256);
    assert_int_equal(read_port(f, 0), 1);
}

static void a_count_of_zero_is_the_largest(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 2, 0);
    tick(f, 1);
    assert_int_equal(count_of(f, 0), 0xffff);
    write_port(f, 3, 0x35); /* decimal */
    write_port(f, 0, 0);
    write_port(f, 0, 0);
    tick(f, 1);
    assert_int_equal(count_of(f, 0), 0x9999);
}

static void a_new_count_waits_for_the_end_of_the_period(void **state)
{
    struct fixture *f = *state;
    program(f, 0, 2, 1000);
    tick(f, 500);
    write_port(f, 0, 0xd0); /* 2000, without a control word */
    write_port(f, 0, 0x07);
    assert_int_equal(count_of(f, 0), 500);
    f->output.rises = 0;
    tick(f, 500);
    assert_int_equal(f->output.rises, 1);
    assert_int_equal(count_of(f, 0), 2000);
    tick(f, 1999);
    assert_int_equal(f->output.rises, 1);
    tick(f, 1);
    assert_int_equal(f->output.rises, 2);
}

static void modes_6_and_7_are_2_and_3(void **state)
{
    struct fixture *f = *state;
    write_port(f, 3, 0x3c);
    write_port(f, 3, 0xe2);
    assert_int_equal(read_port(f, 0) & 0x0e, 4);
    write_port(f, 3, 0x3e);
    write_port(f, 3, 0xe2);
    assert_int_equal(read_port(f, 0) & 0x0e, 6);
}

static void refresh_toggles(void **state)
{
    struct fixture *f = *state;
    uint8_t before = speaker(f) & 0x10;
    fake_advance(&f->platform, 15085);
    assert_int_not_equal(speaker(f) & 0x10, before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(firmware_leaves_a_clock_of_18_hertz),
        TEST(mode_0_interrupts_once),
        TEST(mode_0_counts_on_below_zero),
        TEST(mode_2_interrupts_each_period),
        TEST(mode_3_counts_by_twos),
        TEST(mode_4_strobes_once),
        TEST(modes_1_and_5_wait_for_the_gate),
        TEST(the_gate_of_counter_2_holds_mode_0),
        TEST(the_gate_restarts_modes_2_and_3),
        TEST(a_latched_count_stays_until_it_is_read),
        TEST(read_back_latches_status_and_count_of_several),
        TEST(bytes_are_low_high_or_both),
        TEST(a_count_of_zero_is_the_largest),
        TEST(a_new_count_waits_for_the_end_of_the_period),
        TEST(modes_6_and_7_are_2_and_3),
        TEST(refresh_toggles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
