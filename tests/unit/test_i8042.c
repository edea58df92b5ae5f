// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/i8042.h"

struct fixture {
    struct platform platform;
    struct i8042 controller;
    struct fake_line keyboard, auxiliary;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->controller.platform = &f->platform;
    f->controller.keyboard = fake_line(&f->keyboard);
    f->controller.auxiliary = fake_line(&f->auxiliary);
    i8042_initialize(&f->controller);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void command(struct fixture *f, uint8_t value)
{
    i8042_command_registers.write(&f->controller, 0, 1, value);
}

static void send(struct fixture *f, uint8_t value)
{
    i8042_data_registers.write(&f->controller, 0, 1, value);
}

static uint8_t status(struct fixture *f)
{
    return (uint8_t)i8042_command_registers.read(&f->controller, 0, 1);
}

static uint8_t receive(struct fixture *f)
{
    return (uint8_t)i8042_data_registers.read(&f->controller, 0, 1);
}

static uint8_t answer_to(struct fixture *f, uint8_t value)
{
    command(f, value);
    assert_int_equal(status(f) & 1, 1);
    uint8_t byte = receive(f);
    assert_int_equal(status(f) & 1, 0);
    return byte;
}

static void it_is_idle_at_first(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status(f), 0x14);
    assert_int_equal(answer_to(f, 0x20), 0x34);
}

static void its_tests_pass(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(answer_to(f, 0xaa), 0x55);
    assert_int_equal(answer_to(f, 0xab), 0x00);
    assert_int_equal(answer_to(f, 0xa9), 0x00);
    assert_int_equal(answer_to(f, 0xc0), 0x80);
}

static void the_command_byte_is_written_and_its_bits_have_commands(void **state)
{
    struct fixture *f = *state;
    command(f, 0x60);
    send(f, 0x65);
    assert_int_equal(answer_to(f, 0x20), 0x65);
    command(f, 0xa8);
    assert_int_equal(answer_to(f, 0x20), 0x45);
    command(f, 0xad);
    assert_int_equal(answer_to(f, 0x20), 0x55);
    command(f, 0xae);
    command(f, 0xa7);
    assert_int_equal(answer_to(f, 0x20), 0x65);
    command(f, 0x7f);
    send(f, 0xab);
    assert_int_equal(answer_to(f, 0x3f), 0xab);
}

static void nothing_is_plugged_in(void **state)
{
    struct fixture *f = *state;
    command(f, 0x60);
    send(f, 0x03);
    send(f, 0xf2);                     /* identify */
    assert_int_equal(status(f), 0x51); /* timeout; the byte before was data */
    assert_true(f->keyboard.level);
    assert_int_equal(receive(f), 0xfe);
    assert_false(f->keyboard.level);
    command(f, 0xd4);
    send(f, 0xf2);
    assert_int_equal(status(f), 0x71);
    assert_true(f->auxiliary.level);
    assert_false(f->keyboard.level);
    assert_int_equal(receive(f), 0xfe);
}

static void bytes_are_looped_back(void **state)
{
    struct fixture *f = *state;
    command(f, 0x60);
    send(f, 0x03);
    command(f, 0xd2);
    send(f, 0x5a);
    assert_true(f->keyboard.level);
    assert_int_equal(receive(f), 0x5a);
    command(f, 0xd3);
    send(f, 0xa5);
    assert_int_equal(status(f) & 0x21, 0x21);
    assert_true(f->auxiliary.level);
    assert_int_equal(receive(f), 0xa5);
    assert_false(f->auxiliary.level);
}

static void it_resets_the_processor(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(answer_to(f, 0xd0), 0xcf);
    command(f, 0xff); /* pulses nothing */
    command(f, 0xd1);
    send(f, 0xdf);
    assert_int_equal(f->platform.event_count, 0);
    command(f, 0xfe);
    assert_int_equal(f->platform.event_count, 1);
    assert_int_equal(f->platform.events[0], MACHINE_RESET);
    command(f, 0xd1);
    send(f, 0xdc);
    assert_int_equal(f->platform.event_count, 2);
    assert_int_equal(answer_to(f, 0xd0), 0xde); /* A20 stays on */
}

static void unknown_commands_do_nothing(void **state)
{
    struct fixture *f = *state;
    command(f, 0x00);
    command(f, 0xb5);
    assert_int_equal(status(f) & 1, 0);
    send(f, 0x12);
    assert_int_equal(status(f) & 1, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_idle_at_first),
        TEST(its_tests_pass),
        TEST(the_command_byte_is_written_and_its_bits_have_commands),
        TEST(nothing_is_plugged_in),
        TEST(bytes_are_looped_back),
        TEST(it_resets_the_processor),
        TEST(unknown_commands_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
