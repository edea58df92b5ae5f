// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/hpet.h"

#define CONFIGURATION 0x010
#define STATUS        0x020
#define COUNTER       0x0f0
#define TIMER(n)      (0x100 + 0x20 * (n))
#define COMPARATOR(n) (0x108 + 0x20 * (n))

struct fixture {
    struct platform platform;
    struct hpet hpet;
    struct fake_line pins[24], legacy[2];
    unsigned legacy_changes;
    bool legacy_on;
};

static void on_legacy(void *context, bool on)
{
    struct fixture *f = context;
    f->legacy_on = on;
    f->legacy_changes++;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->hpet.platform = &f->platform;
    f->hpet.pins = fake_line(f->pins);
    f->hpet.legacy[0] = fake_line(&f->legacy[0]);
    f->hpet.legacy[1] = fake_line(&f->legacy[1]);
    f->hpet.legacy_changed = on_legacy;
    f->hpet.context = f;
    hpet_initialize(&f->hpet);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint64_t get(struct fixture *f, unsigned offset)
{
    return hpet_registers.read(&f->hpet, offset, 8);
}

static void put(struct fixture *f, unsigned offset, uint64_t value)
{
    hpet_registers.write(&f->hpet, offset, 8, value);
}

static void tick(struct fixture *f, uint64_t ticks)
{
    fake_advance(&f->platform, (ticks * NS_PER_SECOND + HPET_FREQUENCY - 1) / HPET_FREQUENCY);
}

static void registers_have_their_reset_values(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, 0), UINT64_C(0x0429b17f8086a201));
    assert_int_equal(get(f, CONFIGURATION), 0);
    assert_int_equal(get(f, STATUS), 0);
    assert_int_equal(get(f, COUNTER), 0);
    assert_int_equal(get(f, TIMER(0)), UINT64_C(0x00f0000000000030));
    assert_int_equal(get(f, TIMER(1)), UINT64_C(0x00f0000000000020));
    assert_int_equal(get(f, TIMER(2)), UINT64_C(0x00f0000000000020));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(get(f, COMPARATOR(i)), UINT64_MAX);
    assert_int_equal(get(f, TIMER(3)), 0);
}

static void reserved_bits_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    put(f, 0, 0);
    put(f, CONFIGURATION, ~UINT64_C(1));
    put(f, TIMER(0), UINT64_MAX);
    put(f, TIMER(1), UINT64_MAX);
    assert_int_equal(get(f, 0), UINT64_C(0x0429b17f8086a201));
    assert_int_equal(get(f, CONFIGURATION), 2);
    assert_int_equal(get(f, TIMER(0)), UINT64_C(0x00f0000000003f3e));
    assert_int_equal(get(f, TIMER(1)), UINT64_C(0x00f0000000003f26));
}

static void the_counter_runs_while_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, COUNTER), 0);
    put(f, CONFIGURATION, 1);
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, COUNTER), HPET_FREQUENCY);
    put(f, CONFIGURATION, 0);
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, COUNTER), HPET_FREQUENCY);
    put(f, COUNTER, 5);
    put(f, CONFIGURATION, 1);
    fake_advance(&f->platform, NS_PER_SECOND);
    assert_int_equal(get(f, COUNTER), HPET_FREQUENCY + 5);
}

static void halves_are_accessed_alone(void **state)
{
    struct fixture *f = *state;
    hpet_registers.write(&f->hpet, COMPARATOR(1) + 4, 4, 0x12345678);
    assert_int_equal(get(f, COMPARATOR(1)), UINT64_C(0x12345678ffffffff));
    assert_int_equal((uint32_t)hpet_registers.read(&f->hpet, COMPARATOR(1) + 4, 4), 0x12345678);
    assert_int_equal((uint32_t)hpet_registers.read(&f->hpet, 4, 4), 0x0429b17f);
    hpet_registers.write(&f->hpet, COMPARATOR(1) + 1, 1, 0);
    assert_int_equal(get(f, COMPARATOR(1)), UINT64_C(0x12345678ffffffff));
}

static void a_comparator_interrupts_once(void **state)
{
    struct fixture *f = *state;
    put(f, CONFIGURATION, 1);
    put(f, TIMER(1), 20 << 9 | 4);
    put(f, COMPARATOR(1), 1000);
    tick(f, 999);
    assert_int_equal(f->pins[20].rises, 0);
    tick(f, 1);
    assert_int_equal(f->pins[20].rises, 1);
    assert_false(f->pins[20].level); /* an edge */
    assert_int_equal(get(f, STATUS), 0);
    tick(f, 5000);
    assert_int_equal(f->pins[20].rises, 1);
}

static void a_periodic_timer_goes_on(void **state)
{
    struct fixture *f = *state;
    put(f, TIMER(0), 21 << 9 | 0x4c); /* enabled, periodic, value set */
    put(f, COMPARATOR(0), 500);
    put(f, COMPARATOR(0), 1000); /* the period alone */
    put(f, CONFIGURATION, 1);
    tick(f, 500);
    assert_int_equal(f->pins[21].rises, 1);
    assert_int_equal(get(f, COMPARATOR(0)), 1500);
    tick(f, 3000);
    assert_int_equal(f->pins[21].rises, 4);
    f->platform.clock += 10 * NS_PER_SECOND;
    fake_advance(&f->platform, 0); /* late: once */
    assert_int_equal(f->pins[21].rises, 5);
    assert_true(get(f, COMPARATOR(0)) > get(f, COUNTER));
}

static void a_level_stays_until_its_status_is_cleared(void **state)
{
    struct fixture *f = *state;
    put(f, CONFIGURATION, 1);
    put(f, TIMER(2), 23 << 9 | 6);
    put(f, COMPARATOR(2), 100);
    tick(f, 100);
    assert_true(f->pins[23].level);
    assert_int_equal(get(f, STATUS), 4);
    put(f, STATUS, 3);
    assert_true(f->pins[23].level);
    put(f, STATUS, 4);
    assert_false(f->pins[23].level);
    assert_int_equal(get(f, STATUS), 0);
}

static void legacy_replacement_takes_two_lines(void **state)
{
    struct fixture *f = *state;
    put(f, TIMER(0), 20 << 9 | 4);
    put(f, TIMER(1), 20 << 9 | 4);
    put(f, COMPARATOR(0), 100);
    put(f, COMPARATOR(1), 200);
    put(f, CONFIGURATION, 3);
    assert_true(f->legacy_on);
    tick(f, 200);
    assert_int_equal(f->legacy[0].rises, 1);
    assert_int_equal(f->legacy[1].rises, 1);
    assert_int_equal(f->pins[20].rises, 0);
    put(f, CONFIGURATION, 1);
    assert_false(f->legacy_on);
    assert_int_equal(f->legacy_changes, 2);
}

static void pins_that_no_route_leads_to_stay_still(void **state)
{
    struct fixture *f = *state;
    put(f, CONFIGURATION, 1);
    put(f, TIMER(1), 5 << 9 | 4);
    put(f, COMPARATOR(1), 100);
    tick(f, 100);
    assert_int_equal(f->pins[5].rises, 0);
}

static void a_timer_of_32_bits_wraps(void **state)
{
    struct fixture *f = *state;
    put(f, COUNTER, 0xffffff00);
    put(f, TIMER(1), 20 << 9 | 0x104);
    put(f, COMPARATOR(1), 0x100);
    put(f, CONFIGURATION, 1);
    tick(f, 0x1ff);
    assert_int_equal(f->pins[20].rises, 0);
    tick(f, 1);
    assert_int_equal(f->pins[20].rises, 1);
}

static void far_away_is_never(void **state)
{
    struct fixture *f = *state;
    put(f, CONFIGURATION, 1);
    put(f, COUNTER, 1000);
    put(f, TIMER(1), 20 << 9 | 4);
    put(f, COMPARATOR(1), 999); /* it has passed */
    fake_advance(&f->platform, UINT64_C(1000000) * NS_PER_SECOND);
    assert_int_equal(f->pins[20].rises, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers_have_their_reset_values),
        TEST(reserved_bits_stay_as_they_are),
        TEST(the_counter_runs_while_it_is_enabled),
        TEST(halves_are_accessed_alone),
        TEST(a_comparator_interrupts_once),
        TEST(a_periodic_timer_goes_on),
        TEST(a_level_stays_until_its_status_is_cleared),
        TEST(legacy_replacement_takes_two_lines),
        TEST(pins_that_no_route_leads_to_stay_still),
        TEST(a_timer_of_32_bits_wraps),
        TEST(far_away_is_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
