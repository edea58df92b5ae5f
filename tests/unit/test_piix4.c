// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/pci_registers.h"
#include "core/device/piix4.h"
#include "core/device/piix4_pm.h"

struct fixture {
    struct platform platform;
    struct piix4 bridge;
    struct piix4_pm pm;
    struct fake_line lines[PCI_PIRQS][16];
    struct fake_line sci;
    uint16_t base;
    unsigned moves;
};

static void on_moved(void *context, uint16_t base)
{
    struct fixture *f = context;
    f->base = base;
    f->moves++;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->bridge.platform = f->pm.platform = &f->platform;
    for (unsigned i = 0; i < PCI_PIRQS; i++)
        f->bridge.lines[i] = fake_line(f->lines[i]);
    f->pm.interrupt = fake_line(&f->sci);
    f->pm.moved = on_moved;
    f->pm.context = f;
    piix4_initialize(&f->bridge);
    piix4_pm_initialize(&f->pm);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint64_t get(struct fixture *f, unsigned offset, unsigned size)
{
    return piix4_pm_registers.read(&f->pm, offset, size) & (UINT64_MAX >> (64 - 8 * size));
}

static void put(struct fixture *f, unsigned offset, unsigned size, uint64_t value)
{
    piix4_pm_registers.write(&f->pm, offset, size, value);
}

static void configuration_has_its_reset_values(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pci_config_read(&f->bridge.function, 0, 4), 0x71108086);
    assert_int_equal(pci_config_read(&f->bridge.function, PCI_COMMAND, 2), 0x0007);
    assert_int_equal(pci_config_read(&f->bridge.function, 0x08, 4), 0x06010002);
    assert_int_equal(pci_config_read(&f->bridge.function, 0x60, 4), 0x80808080);
    assert_int_equal(pci_config_read(&f->pm.function, 0, 4), 0x71138086);
    assert_int_equal(pci_config_read(&f->pm.function, 0x08, 4), 0x06800003);
    assert_int_equal(pci_config_read(&f->pm.function, PIIX4_PM_BASE, 4), 0x00000001);
    assert_int_equal(pci_config_read(&f->pm.function, PIIX4_PM_MISC, 1), 0);
}

static void the_bridge_cannot_be_turned_off(void **state)
{
    struct fixture *f = *state;
    pci_config_write(&f->bridge.function, PCI_COMMAND, 2, 0);
    assert_int_equal(pci_config_read(&f->bridge.function, PCI_COMMAND, 2), 0x0007);
}

static void a_pirq_drives_what_it_is_routed_to(void **state)
{
    struct fixture *f = *state;
    piix4_set_pirq(&f->bridge, 1, true);
    for (unsigned irq = 0; irq < 16; irq++)
        assert_false(f->lines[1][irq].level);
    pci_config_write(&f->bridge.function, 0x61, 1, 10);
    assert_true(f->lines[1][10].level);
    pci_config_write(&f->bridge.function, 0x61, 1, 11); /* with the line asserted */
    assert_false(f->lines[1][10].level);
    assert_true(f->lines[1][11].level);
    piix4_set_pirq(&f->bridge, 1, false);
    assert_false(f->lines[1][11].level);
    piix4_set_pirq(&f->bridge, 1, true);
    pci_config_write(&f->bridge.function, 0x61, 1, 0x80 | 11);
    assert_false(f->lines[1][11].level);
}

static void interrupts_that_belong_to_the_board_are_no_routes(void **state)
{
    static const uint8_t forbidden[] = { 0, 1, 2, 8, 13 };
    struct fixture *f = *state;
    piix4_set_pirq(&f->bridge, 0, true);
    for (size_t i = 0; i < sizeof(forbidden); i++) {
        pci_config_write(&f->bridge.function, 0x60, 1, forbidden[i]);
        assert_false(f->lines[0][forbidden[i]].level);
    }
}

static void a_reset_is_a_rising_edge(void **state)
{
    struct fixture *f = *state;
    const struct register_range *reset = &piix4_reset_registers, *port = &piix4_port_92_registers;
    reset->write(&f->bridge, 0, 1, 0x02);
    assert_int_equal(f->platform.event_count, 0);
    reset->write(&f->bridge, 0, 1, 0xff);
    assert_int_equal(reset->read(&f->bridge, 0, 1), 0x06);
    assert_int_equal(f->platform.event_count, 1);
    reset->write(&f->bridge, 0, 1, 0x06);
    assert_int_equal(f->platform.event_count, 1);
    assert_int_equal(port->read(&f->bridge, 0, 1), 0x02);
    port->write(&f->bridge, 0, 1, 0x00); /* A20 stays on */
    assert_int_equal(port->read(&f->bridge, 0, 1), 0x02);
    port->write(&f->bridge, 0, 1, 0x01);
    port->write(&f->bridge, 0, 1, 0x03);
    assert_int_equal(f->platform.event_count, 2);
    assert_int_equal(f->platform.events[1], MACHINE_RESET);
}

static void ports_move_where_the_base_says(void **state)
{
    struct fixture *f = *state;
    pci_config_write(&f->pm.function, PIIX4_PM_BASE, 4, 0xffff0640);
    assert_int_equal(pci_config_read(&f->pm.function, PIIX4_PM_BASE, 4), 0x0641);
    assert_int_equal(f->moves, 0);
    pci_config_write(&f->pm.function, PIIX4_PM_MISC, 1, 1);
    assert_int_equal(f->base, 0x640);
    pci_config_write(&f->pm.function, PIIX4_PM_BASE, 4, 0x1000);
    assert_int_equal(f->base, 0x1000);
    pci_config_write(&f->pm.function, PIIX4_PM_MISC, 1, 0);
    assert_int_equal(f->base, 0);
    assert_int_equal(f->moves, 3);
}

static void power_management_has_its_reset_values(void **state)
{
    struct fixture *f = *state;
    for (unsigned offset = 0; offset < PIIX4_PM_PORTS; offset += 4)
        assert_int_equal(get(f, offset, 4), 0);
    assert_int_equal(get(f, 0x3e, 2), 0);
}

static void registers_keep_what_they_have_bits_for(void **state)
{
    struct fixture *f = *state;
    put(f, 0x00, 2, 0xffff);
    put(f, 0x02, 2, 0xffff);
    put(f, 0x04, 2, 0xdfff);
    put(f, 0x08, 4, 0xffffffff);
    put(f, 0x28, 4, 0x12345678);
    assert_int_equal(get(f, 0x00, 4), 0x05210000);
    assert_int_equal(get(f, 0x04, 4), 0x1c07);
    assert_int_equal(get(f, 0x28, 4), 0x12345678);
    put(f, 0x02, 1, 0x00); /* one byte alone */
    assert_int_equal(get(f, 0x02, 2), 0x0500);
    assert_int_equal(get(f, 0x03, 1), 0x05);
}

static void the_timer_counts_at_its_frequency(void **state)
{
    struct fixture *f = *state;
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, 0x08, 4), PIIX4_PM_FREQUENCY);
    fake_advance(&f->platform, 10 * NS_PER_SECOND);
    assert_int_equal(get(f, 0x08, 4), 11 * PIIX4_PM_FREQUENCY & 0xffffff);
}

static void its_overflow_interrupts(void **state)
{
    struct fixture *f = *state;
    put(f, 0x04, 2, 1);
    put(f, 0x02, 2, 1);
    fake_advance(&f->platform, 2343000000); /* bit 23 changes after 2.3435 s */
    assert_false(f->sci.level);
    fake_advance(&f->platform, 1000000);
    assert_true(f->sci.level);
    assert_int_equal(get(f, 0, 2), 1);
    put(f, 0, 2, 1);
    assert_false(f->sci.level);
    fake_advance(&f->platform, 2344000000);
    assert_int_equal(f->sci.rises, 2);
    put(f, 0x02, 2, 0);
    put(f, 0, 2, 1);
    assert_null(f->platform.timers);
}

static void the_power_button_interrupts_where_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    piix4_pm_press_power_button(&f->pm);
    assert_int_equal(get(f, 0, 2), 0x100);
    assert_false(f->sci.level);
    put(f, 0x02, 2, 0x100);
    assert_false(f->sci.level); /* SCI_EN is off */
    put(f, 0x04, 2, 1);
    assert_true(f->sci.level);
    put(f, 0x01, 1, 0x01);
    assert_false(f->sci.level);
    assert_int_equal(get(f, 0, 2), 0);
}

static void sleep_types_have_their_events(void **state)
{
    struct fixture *f = *state;
    put(f, 0x04, 2, 0x0400);
    assert_int_equal(f->platform.event_count, 0);
    put(f, 0x04, 2, 0x2000);
    put(f, 0x04, 2, 0x2400);
    assert_int_equal(f->platform.event_count, 2);
    assert_int_equal(f->platform.events[0], MACHINE_POWER_OFF);
    assert_int_equal(f->platform.events[1], MACHINE_SLEEP);
    assert_int_equal(get(f, 0x04, 2), 0x0400); /* SUS_EN reads as 0 */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(configuration_has_its_reset_values),
        TEST(the_bridge_cannot_be_turned_off),
        TEST(a_pirq_drives_what_it_is_routed_to),
        TEST(interrupts_that_belong_to_the_board_are_no_routes),
        TEST(a_reset_is_a_rising_edge),
        TEST(ports_move_where_the_base_says),
        TEST(power_management_has_its_reset_values),
        TEST(registers_keep_what_they_have_bits_for),
        TEST(the_timer_counts_at_its_frequency),
        TEST(its_overflow_interrupts),
        TEST(the_power_button_interrupts_where_it_is_enabled),
        TEST(sleep_types_have_their_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
