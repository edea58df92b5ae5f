// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/uart16550.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };
#define FCR IIR

struct fixture {
    struct platform platform;
    struct platform_console console;
    struct uart16550 uart;
    struct fake_line line;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->console.accepts = SIZE_MAX;
    f->uart.platform = &f->platform;
    f->uart.console = &f->console;
    f->uart.interrupt = fake_line(&f->line);
    uart16550_initialize(&f->uart);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void put(struct fixture *f, unsigned offset, uint8_t value)
{
    uart16550_registers.write(&f->uart, offset, 1, value);
}

static uint8_t get(struct fixture *f, unsigned offset)
{
    return (uint8_t)uart16550_registers.read(&f->uart, offset, 1);
}

static void registers_have_their_reset_values(void **state)
{
    static const uint8_t values[] = { 0, 0, 0x01, 0, 0, 0x60, 0xb0, 0 };
    struct fixture *f = *state;
    for (unsigned offset = 0; offset < 8; offset++)
        assert_int_equal(get(f, offset), values[offset]);
}

static void registers_keep_what_is_written_but_reserved_bits(void **state)
{
    static const struct {
        uint8_t offset, written, read;
    } rows[] = {
        { IER, 0xff, 0x0f }, { MCR, 0xff, 0x1f }, { LCR, 0x7f, 0x7f }, { SCR, 0xa5, 0xa5 }
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(f, rows[i].offset, rows[i].written);
        assert_int_equal(get(f, rows[i].offset), rows[i].read);
    }
}

static void status_registers_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    put(f, LSR, 0xff);
    put(f, MSR, 0xff);
    assert_int_equal(get(f, LSR), 0x60);
    assert_int_equal(get(f, MSR), 0xb0);
}

static void the_divisor_hides_behind_dlab(void **state)
{
    struct fixture *f = *state;
    put(f, IER, 0x05);
    put(f, LCR, 0x83);
    put(f, DATA, 0x34);
    put(f, IER, 0x12);
    assert_int_equal(get(f, DATA), 0x34);
    assert_int_equal(get(f, IER), 0x12);
    put(f, LCR, 0x03);
    assert_int_equal(get(f, IER), 0x05);
    assert_int_equal(f->console.output_length, 0);
    assert_int_equal(f->uart.divisor, 0x1234);
}

static void what_is_written_comes_out(void **state)
{
    struct fixture *f = *state;
    for (const char *c = "hello"; *c; c++)
        put(f, DATA, (uint8_t)*c);
    assert_int_equal(f->console.output_length, 5);
    assert_memory_equal(f->console.output, "hello", 5);
    assert_int_equal(get(f, LSR), 0x60);
}

static void an_empty_transmitter_interrupts_once(void **state)
{
    struct fixture *f = *state;
    put(f, MCR, 0x08);
    put(f, IER, 0x02);
    assert_true(f->line.level);
    assert_int_equal(get(f, IIR), 0x02);
    assert_false(f->line.level);
    assert_int_equal(get(f, IIR), 0x01);
    put(f, DATA, 'x');
    assert_true(f->line.level);
    put(f, IER, 0);
    assert_false(f->line.level);
    get(f, IIR);
    put(f, IER, 0x02); /* asked anew */
    assert_true(f->line.level);
}

static void out2_lets_interrupts_through(void **state)
{
    struct fixture *f = *state;
    put(f, IER, 0x02);
    assert_false(f->line.level);
    put(f, MCR, 0x08);
    assert_true(f->line.level);
    put(f, MCR, 0x18);
    assert_false(f->line.level);
}

static void a_full_console_fills_the_fifo(void **state)
{
    struct fixture *f = *state;
    put(f, FCR, 0x01);
    put(f, MCR, 0x08);
    put(f, IER, 0x02);
    get(f, IIR);
    f->console.accepts = 2;
    for (unsigned i = 0; i < 20; i++)
        put(f, DATA, (uint8_t)('a' + i));
    assert_int_equal(f->console.output_length, 2);
    assert_int_equal(get(f, LSR), 0);
    get(f, IIR); /* "empty" of the first two */
    assert_false(f->line.level);
    f->console.accepts = SIZE_MAX;
    f->console.receiver.writable(f->console.receiver.context);
    assert_int_equal(f->console.output_length, 18);
    assert_memory_equal(f->console.output, "abcdefghijklmnopqt", 18); /* the last was overwritten */
    assert_int_equal(get(f, LSR), 0x60);
    assert_true(f->line.level);
}

static void a_byte_that_came_interrupts_without_fifos(void **state)
{
    struct fixture *f = *state;
    put(f, MCR, 0x08);
    put(f, IER, 0x01);
    fake_console_type(&f->console, "x");
    assert_true(f->line.level);
    assert_int_equal(get(f, IIR), 0x04);
    assert_int_equal(get(f, LSR), 0x61);
    assert_int_equal(get(f, DATA), 'x');
    assert_false(f->line.level);
    assert_int_equal(get(f, LSR), 0x60);
    assert_int_equal(get(f, DATA), 0);
}

static void the_trigger_level_is_waited_for(void **state)
{
    static const struct {
        uint8_t control;
        unsigned level;
    } rows[] = { { 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 } };
    struct fixture *f = *state;
    put(f, MCR, 0x08);
    put(f, IER, 0x01);
    for (size_t i = 0; i < 4; i++) {
        put(f, FCR, rows[i].control | 0x02);
        assert_int_equal(get(f, IIR), 0xc1);
        for (unsigned n = 1; n < rows[i].level; n++)
            fake_console_type(&f->console, "x");
        assert_false(f->line.level);
        fake_console_type(&f->console, "x");
        assert_true(f->line.level);
        assert_int_equal(get(f, IIR), 0xc4);
    }
}

static void characters_below_the_level_time_out(void **state)
{
    struct fixture *f = *state;
    put(f, LCR, 0x80);
    put(f, DATA, 1); /* 115200 baud: four characters are 347 us */
    put(f, IER, 0);
    put(f, LCR, 0x03);
    put(f, FCR, 0xc1);
    put(f, MCR, 0x08);
    put(f, IER, 0x01);
    fake_console_type(&f->console, "ab");
    fake_advance(&f->platform, 300000);
    assert_false(f->line.level);
    fake_advance(&f->platform, 50000);
    assert_true(f->line.level);
    assert_int_equal(get(f, IIR), 0xcc);
    assert_int_equal(get(f, DATA), 'a'); /* begins anew */
    assert_false(f->line.level);
    fake_advance(&f->platform, 350000);
    assert_int_equal(get(f, IIR), 0xcc);
    assert_int_equal(get(f, DATA), 'b');
    assert_null(f->platform.timers);
}

static void much_input_waits_outside(void **state)
{
    struct fixture *f = *state;
    char text[UART_RECEIVE_SIZE + 1] = { 0 };
    memset(text, 'y', UART_RECEIVE_SIZE);
    put(f, FCR, 0x01);
    assert_int_equal(f->console.receiver.room(f->console.receiver.context), UART_RECEIVE_SIZE);
    fake_console_type(&f->console, text);
    assert_int_equal(f->console.receiver.room(f->console.receiver.context), 0);
    f->console.ready_count = 0;
    for (unsigned i = 0; i < UART_RECEIVE_SIZE; i++)
        assert_int_equal(get(f, DATA), 'y');
    assert_int_equal(f->console.ready_count, 1);
    assert_int_equal(get(f, LSR), 0x60);
}

static void clearing_the_fifo_forgets(void **state)
{
    struct fixture *f = *state;
    put(f, FCR, 0x01);
    fake_console_type(&f->console, "abc");
    put(f, FCR, 0x03);
    assert_int_equal(get(f, LSR), 0x60);
    fake_console_type(&f->console, "abc");
    put(f, FCR, 0x00); /* off clears as well */
    assert_int_equal(get(f, LSR), 0x60);
    assert_int_equal(get(f, IIR), 0x01);
}

static void loopback_returns_bytes_and_modem_lines(void **state)
{
    struct fixture *f = *state;
    put(f, MCR, 0x10);
    assert_int_equal(get(f, MSR), 0x0b); /* all three have gone */
    assert_int_equal(get(f, MSR), 0x00);
    put(f, MCR, 0x1a);
    assert_int_equal(get(f, MSR), 0x99); /* RTS is CTS, OUT2 is DCD */
    put(f, MCR, 0x15);
    assert_int_equal(get(f, MSR) & 0xf0, 0x60); /* DTR is DSR, OUT1 is RI */
    put(f, MCR, 0x11);
    assert_int_equal(get(f, MSR), 0x24); /* the ring has ended */
    assert_int_equal(f->console.receiver.room(f->console.receiver.context), 0);
    put(f, DATA, 'z');
    assert_int_equal(f->console.output_length, 0);
    assert_int_equal(get(f, LSR), 0x61);
    assert_int_equal(get(f, DATA), 'z');
}

static void loopback_overruns(void **state)
{
    struct fixture *f = *state;
    put(f, MCR, 0x10);
    put(f, FCR, 0x01);
    put(f, IER, 0x04);
    for (unsigned i = 0; i < 17; i++)
        put(f, DATA, (uint8_t)i);
    assert_int_equal(get(f, IIR), 0xc6);
    assert_int_equal(get(f, LSR), 0x63);
    assert_int_equal(get(f, LSR), 0x61); /* reading clears it */
    assert_int_equal(get(f, IIR), 0xc1);
}

static void modem_changes_interrupt_last(void **state)
{
    struct fixture *f = *state;
    put(f, MCR, 0x10);
    put(f, MCR, 0x08);
    put(f, IER, 0x0a);
    assert_int_equal(get(f, IIR), 0x02);
    assert_int_equal(get(f, IIR), 0x00);
    assert_true(f->line.level);
    get(f, MSR);
    assert_false(f->line.level);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers_have_their_reset_values),
        TEST(registers_keep_what_is_written_but_reserved_bits),
        TEST(status_registers_cannot_be_written),
        TEST(the_divisor_hides_behind_dlab),
        TEST(what_is_written_comes_out),
        TEST(an_empty_transmitter_interrupts_once),
        TEST(out2_lets_interrupts_through),
        TEST(a_full_console_fills_the_fifo),
        TEST(a_byte_that_came_interrupts_without_fifos),
        TEST(the_trigger_level_is_waited_for),
        TEST(characters_below_the_level_time_out),
        TEST(much_input_waits_outside),
        TEST(clearing_the_fifo_forgets),
        TEST(loopback_returns_bytes_and_modem_lines),
        TEST(loopback_overruns),
        TEST(modem_changes_interrupt_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
