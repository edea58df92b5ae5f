// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/ioapic.h"
#include "core/device/lapic_registers.h"

struct fixture {
    struct platform platform;
    struct lapic lapics[2];
    struct interrupt_bus bus;
    struct ioapic ioapic;
};

static void on_end(void *context, uint8_t vector)
{
    ioapic_end_of_interrupt(&((struct fixture *)context)->ioapic, vector);
}

static uint8_t on_external(void *context)
{
    (void)context;
    return 0x77;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->bus = (struct interrupt_bus){ .lapics = f->lapics,
                                     .count = 2,
                                     .end_of_interrupt = on_end,
                                     .external_acknowledge = on_external,
                                     .context = f };
    for (unsigned i = 0; i < 2; i++) {
        lapic_initialize(&f->lapics[i], &f->platform, &f->bus, i);
        lapic_virtual_wire(&f->lapics[i]);
        f->lapics[i].waiting_for_startup = false;
    }
    f->ioapic.bus = &f->bus;
    ioapic_reset(&f->ioapic);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint32_t load(struct fixture *f, unsigned index)
{
    ioapic_registers.write(&f->ioapic, 0, 4, index);
    return (uint32_t)ioapic_registers.read(&f->ioapic, 0x10, 4);
}

static void store(struct fixture *f, unsigned index, uint32_t value)
{
    ioapic_registers.write(&f->ioapic, 0, 4, index);
    ioapic_registers.write(&f->ioapic, 0x10, 4, value);
}

static void route(struct fixture *f, unsigned pin, uint32_t destination, uint32_t low)
{
    store(f, 0x11 + 2 * pin, destination << 24);
    store(f, 0x10 + 2 * pin, low);
}

static int taken(struct fixture *f, unsigned cpu)
{
    return lapic_acknowledge(&f->lapics[cpu]);
}

static void end(struct fixture *f, unsigned cpu)
{
    lapic_registers.write(&f->lapics[cpu], 16 * LAPIC_END_OF_INTERRUPT, 4, 0);
}

static void registers_have_their_reset_values(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, 0), 0);
    assert_int_equal(load(f, 1), 0x00170011);
    assert_int_equal(load(f, 2), 0);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        assert_int_equal(load(f, 0x10 + 2 * pin), 0x10000);
        assert_int_equal(load(f, 0x11 + 2 * pin), 0);
    }
    assert_int_equal(load(f, 0x40), 0);
    assert_int_equal(load(f, 0xff), 0);
}

static void reserved_and_status_bits_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    store(f, 0, 0xffffffff);
    store(f, 1, 0xffffffff);
    store(f, 0x12, 0xffffffff);
    store(f, 0x13, 0xffffffff);
    store(f, 0x40, 0xffffffff);
    assert_int_equal(load(f, 0), 0x0f000000);
    assert_int_equal(load(f, 2), 0x0f000000);
    assert_int_equal(load(f, 1), 0x00170011);
    assert_int_equal(load(f, 0x12), 0x0001afff);
    assert_int_equal(load(f, 0x13), 0xff000000);
    assert_int_equal(ioapic_registers.read(&f->ioapic, 0, 4), 0x13);
}

static void an_edge_delivers_once(void **state)
{
    struct fixture *f = *state;
    route(f, 4, 1, 0x41);
    ioapic_set_line(&f->ioapic, 4, true);
    ioapic_set_line(&f->ioapic, 4, true);
    assert_int_equal(taken(f, 0), -1);
    assert_int_equal(taken(f, 1), 0x41);
    end(f, 1);
    assert_int_equal(taken(f, 1), -1);
    ioapic_set_line(&f->ioapic, 4, false);
    ioapic_set_line(&f->ioapic, 4, true);
    assert_int_equal(taken(f, 1), 0x41);
}

static void an_edge_on_a_masked_pin_is_lost(void **state)
{
    struct fixture *f = *state;
    route(f, 4, 0, 0x10041);
    ioapic_set_line(&f->ioapic, 4, true);
    route(f, 4, 0, 0x41);
    assert_int_equal(taken(f, 0), -1);
}

static void a_level_delivers_until_it_is_let_go(void **state)
{
    struct fixture *f = *state;
    route(f, 9, 0, 0x8041);
    ioapic_set_line(&f->ioapic, 9, true);
    assert_int_equal(load(f, 0x10 + 18), 0xc041);
    assert_int_equal(taken(f, 0), 0x41);
    ioapic_set_line(&f->ioapic, 9, true);
    end(f, 0);
    assert_int_equal(taken(f, 0), 0x41); /* still asserted */
    ioapic_set_line(&f->ioapic, 9, false);
    end(f, 0);
    assert_int_equal(taken(f, 0), -1);
    assert_int_equal(load(f, 0x10 + 18), 0x8041);
}

static void a_masked_level_waits(void **state)
{
    struct fixture *f = *state;
    route(f, 9, 0, 0x18041);
    ioapic_set_line(&f->ioapic, 9, true);
    assert_int_equal(taken(f, 0), -1);
    route(f, 9, 0, 0x8041);
    assert_int_equal(taken(f, 0), 0x41);
}

static void making_it_an_edge_clears_the_remote_request(void **state)
{
    struct fixture *f = *state;
    route(f, 9, 0, 0x8041);
    ioapic_set_line(&f->ioapic, 9, true);
    store(f, 0x10 + 18, 0x18041);
    assert_int_equal(load(f, 0x10 + 18), 0x1c041); /* a mask alone does not */
    store(f, 0x10 + 18, 0x10041);
    store(f, 0x10 + 18, 0x18041);
    assert_int_equal(load(f, 0x10 + 18), 0x18041);
}

static void logical_destinations_and_lowest_priority_pass_through(void **state)
{
    struct fixture *f = *state;
    lapic_registers.write(&f->lapics[1], 16 * LAPIC_LOGICAL_DESTINATION, 4, 0x02000000);
    route(f, 3, 2, 0x0942);
    ioapic_set_line(&f->ioapic, 3, true);
    assert_int_equal(taken(f, 1), 0x42);
}

static void other_delivery_modes_pass_through(void **state)
{
    struct fixture *f = *state;
    route(f, 0, 0, 0x0700); /* ExtINT */
    ioapic_set_line(&f->ioapic, 0, true);
    assert_int_equal(taken(f, 0), 0x77);
    route(f, 1, 1, 0x0400); /* NMI */
    ioapic_set_line(&f->ioapic, 1, true);
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_NMI), 1);
}

static void pins_that_are_not_there_do_nothing(void **state)
{
    struct fixture *f = *state;
    ioapic_set_line(&f->ioapic, 24, true);
    ioapic_set_line(&f->ioapic, 40, true);
    assert_int_equal(f->ioapic.lines, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers_have_their_reset_values),
        TEST(reserved_and_status_bits_cannot_be_written),
        TEST(an_edge_delivers_once),
        TEST(an_edge_on_a_masked_pin_is_lost),
        TEST(a_level_delivers_until_it_is_let_go),
        TEST(a_masked_level_waits),
        TEST(making_it_an_edge_clears_the_remote_request),
        TEST(logical_destinations_and_lowest_priority_pass_through),
        TEST(other_delivery_modes_pass_through),
        TEST(pins_that_are_not_there_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
