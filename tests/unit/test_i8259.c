// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/i8259.h"

struct fixture {
    struct i8259_pair pair;
    struct fake_line output;
};

static void command(struct fixture *f, bool slave, unsigned offset, uint8_t value)
{
    (slave ? &i8259_slave_registers : &i8259_master_registers)->write(&f->pair, offset, 1, value);
}

static uint8_t status(struct fixture *f, bool slave, unsigned offset)
{
    const struct register_range *range = slave ? &i8259_slave_registers : &i8259_master_registers;
    return (uint8_t)range->read(&f->pair, offset, 1);
}

static void initialize(struct fixture *f, uint8_t master_icw4)
{
    const uint8_t words[2][4] = { { 0x11, 0x30, 0x04, master_icw4 }, { 0x11, 0x38, 0x02, 0x01 } };
    for (unsigned chip = 0; chip < 2; chip++)
        for (unsigned i = 0; i < 4; i++)
            command(f, chip, i > 0, words[chip][i]);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->pair.output = fake_line(&f->output);
    i8259_reset(&f->pair);
    initialize(f, 0x01);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void set(struct fixture *f, unsigned line, bool level)
{
    i8259_set_line(&f->pair, line, level);
}

static void initialization_clears_mask_and_service(void **state)
{
    struct fixture *f = *state;
    command(f, false, 1, 0xaa);
    set(f, 0, true);
    i8259_acknowledge(&f->pair);
    command(f, false, 0, 0x0b); /* read ISR */
    initialize(f, 0x01);
    assert_int_equal(status(f, false, 1), 0);
    assert_int_equal(status(f, false, 0), 0); /* IRR is read again; edges are forgotten */
    command(f, false, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0);
}

static void a_line_becomes_a_vector(void **state)
{
    struct fixture *f = *state;
    set(f, 4, true);
    assert_true(f->output.level);
    assert_int_equal(status(f, false, 0), 0x10);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x34);
    assert_false(f->output.level);
    assert_int_equal(status(f, false, 0), 0);
    command(f, false, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0x10);
}

static void the_slave_comes_through_line_2(void **state)
{
    struct fixture *f = *state;
    set(f, 12, true);
    assert_int_equal(status(f, false, 0), 0x04);
    assert_int_equal(status(f, true, 0), 0x10);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x3c);
    command(f, false, 0, 0x0b);
    command(f, true, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0x04);
    assert_int_equal(status(f, true, 0), 0x10);
    set(f, 9, true); /* higher in the slave, but the master serves line 2 */
    assert_false(f->output.level);
    command(f, true, 0, 0x20);
    command(f, false, 0, 0x20);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x39);
}

static void special_fully_nested_mode_lets_the_slave_nest(void **state)
{
    struct fixture *f = *state;
    initialize(f, 0x11);
    set(f, 12, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x3c);
    set(f, 9, true);
    assert_true(f->output.level);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x39);
}

static void lower_priorities_wait_for_the_end_of_interrupt(void **state)
{
    struct fixture *f = *state;
    set(f, 3, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x33);
    set(f, 5, true);
    assert_false(f->output.level);
    set(f, 1, true);
    assert_true(f->output.level);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x31);
    command(f, false, 0, 0x20); /* ends 1 */
    assert_false(f->output.level);
    command(f, false, 0, 0x20); /* ends 3 */
    assert_int_equal(i8259_acknowledge(&f->pair), 0x35);
}

static void a_specific_end_ends_that_line(void **state)
{
    struct fixture *f = *state;
    set(f, 5, true);
    i8259_acknowledge(&f->pair);
    set(f, 1, true);
    i8259_acknowledge(&f->pair);
    command(f, false, 0, 0x65);
    command(f, false, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0x02);
}

static void masked_lines_are_remembered(void **state)
{
    struct fixture *f = *state;
    command(f, false, 1, 0x10);
    set(f, 4, true);
    assert_false(f->output.level);
    assert_int_equal(status(f, false, 0), 0x10);
    assert_int_equal(status(f, false, 1), 0x10);
    command(f, false, 1, 0);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x34);
}

static void an_edge_counts_once_and_a_level_while_it_lasts(void **state)
{
    struct fixture *f = *state;
    set(f, 5, true);
    i8259_acknowledge(&f->pair);
    command(f, false, 0, 0x20);
    set(f, 5, true); /* no new edge */
    assert_false(f->output.level);

    i8259_level_registers.write(&f->pair, 0, 2, 0xffff);
    assert_int_equal(i8259_level_registers.read(&f->pair, 0, 2), 0xdef8);
    assert_int_equal(i8259_level_registers.read(&f->pair, 1, 1), 0xde);
    assert_true(f->output.level);
    i8259_acknowledge(&f->pair);
    assert_false(f->output.level);
    command(f, false, 0, 0x20);
    assert_true(f->output.level);
    set(f, 5, false);
    assert_false(f->output.level);
}

static void requests_that_have_gone_are_spurious(void **state)
{
    struct fixture *f = *state;
    i8259_level_registers.write(&f->pair, 0, 1, 0x20);
    set(f, 5, true);
    set(f, 5, false);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x37);
    command(f, false, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0); /* and are not in service */
}

static void automatic_end_keeps_nothing_in_service(void **state)
{
    struct fixture *f = *state;
    initialize(f, 0x03);
    set(f, 3, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x33);
    set(f, 6, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x36);
}

static void priorities_rotate(void **state)
{
    struct fixture *f = *state;
    set(f, 3, true);
    i8259_acknowledge(&f->pair);
    command(f, false, 0, 0xa0); /* rotate on the end of it: 3 is the lowest now */
    set(f, 2 + 1, false);
    set(f, 3, true);
    set(f, 4, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x34);
    command(f, false, 0, 0x20);
    command(f, false, 0, 0xc5); /* 5 the lowest: 6 the highest */
    set(f, 6, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x36);
    command(f, false, 0, 0xe6); /* specific, and rotate */
    set(f, 7, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x37);
}

static void automatic_rotation_follows_each_acknowledge(void **state)
{
    struct fixture *f = *state;
    initialize(f, 0x03);
    command(f, false, 0, 0x80);
    set(f, 0, true);
    i8259_acknowledge(&f->pair);
    set(f, 0, false);
    set(f, 0, true);
    set(f, 1, true);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x31);
}

static void special_mask_mode_admits_all_but_the_masked(void **state)
{
    struct fixture *f = *state;
    set(f, 1, true);
    i8259_acknowledge(&f->pair);
    set(f, 6, true);
    assert_false(f->output.level);
    command(f, false, 1, 0x02);
    command(f, false, 0, 0x68); /* special mask mode on */
    assert_true(f->output.level);
    assert_int_equal(i8259_acknowledge(&f->pair), 0x36);
    command(f, false, 0, 0x48); /* off: 1 in service blocks again */
    set(f, 7, true);
    assert_false(f->output.level);
}

static void a_poll_takes_the_place_of_acknowledge(void **state)
{
    struct fixture *f = *state;
    command(f, false, 0, 0x0c);
    assert_int_equal(status(f, false, 0), 0);
    set(f, 6, true);
    command(f, false, 0, 0x0c);
    assert_int_equal(status(f, false, 0), 0x86);
    assert_false(f->output.level);
    command(f, false, 0, 0x0b);
    assert_int_equal(status(f, false, 0), 0x40);
}

static void lines_that_are_not_there_do_nothing(void **state)
{
    struct fixture *f = *state;
    set(f, 2, true);
    set(f, 16, true);
    assert_false(f->output.level);
    assert_int_equal(status(f, false, 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(initialization_clears_mask_and_service),
        TEST(a_line_becomes_a_vector),
        TEST(the_slave_comes_through_line_2),
        TEST(special_fully_nested_mode_lets_the_slave_nest),
        TEST(lower_priorities_wait_for_the_end_of_interrupt),
        TEST(a_specific_end_ends_that_line),
        TEST(masked_lines_are_remembered),
        TEST(an_edge_counts_once_and_a_level_while_it_lasts),
        TEST(requests_that_have_gone_are_spurious),
        TEST(automatic_end_keeps_nothing_in_service),
        TEST(priorities_rotate),
        TEST(automatic_rotation_follows_each_acknowledge),
        TEST(special_mask_mode_admits_all_but_the_masked),
        TEST(a_poll_takes_the_place_of_acknowledge),
        TEST(lines_that_are_not_there_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
