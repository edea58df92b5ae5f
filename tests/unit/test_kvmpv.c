// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include <stdalign.h>

#include "core/kvmpv/kvmpv.h"
#include "core/kvmpv/kvmpv_clock.h"

#define MEMORY_SIZE 0x10000u
#define AREA        0x2000u
#define TSC         UINT64_C(123456789000)

struct sent {
    uint32_t apic_id;
    unsigned mode;
    uint8_t vector;
};

struct fixture {
    struct platform platform;
    struct guest_memory memory;
    struct frame frames[MEMORY_SIZE / FRAME_SIZE];
    alignas(4096) uint8_t ram[MEMORY_SIZE];
    struct kvmpv kvmpv;
    struct sent sent[KVMPV_VCPUS];
    unsigned sent_count;
};

static void deliver(void *context, uint32_t apic_id, unsigned mode, uint8_t vector)
{
    struct fixture *fixture = context;
    fixture->sent[fixture->sent_count++] = (struct sent){ apic_id, mode, vector };
}

static void set_up(struct fixture *fixture, uint64_t frequency)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->platform.tsc_frequency = frequency;
    fixture->platform.clock = 5000;
    assert_int_equal(
        guest_memory_add(&fixture->memory, 0, MEMORY_SIZE, fixture->ram, fixture->frames, false),
        0);
    kvmpv_initialize(&fixture->kvmpv, &fixture->platform, &fixture->memory, 4,
                     (struct kvmpv_interrupts){ deliver, fixture });
}

static bool write_msr(struct fixture *fixture, uint32_t index, uint64_t value)
{
    return kvmpv_msr_write(&fixture->kvmpv, 1, index, value, TSC);
}

/* As pvclock_scale_delta does it. */
static uint64_t guest_nanoseconds(const struct kvmpv_system_time *time, uint64_t tsc)
{
    uint64_t delta = tsc - time->tsc;
    delta = time->shift < 0 ? delta >> -time->shift : delta << time->shift;
    return time->system_time + (uint64_t)((unsigned __int128)delta * time->multiplier >> 32);
}

static void the_clock_advances_by_the_frequency(void **state)
{
    static struct fixture fixture;
    static const uint64_t frequencies[] = { 25000000,   999999999,  1000000000, 1000000001,
                                            2300000000, 4000000000, 5123456789 };
    (void)state;
    for (unsigned i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++) {
        set_up(&fixture, frequencies[i]);
        assert_true(write_msr(&fixture, KVMPV_MSR_SYSTEM_TIME, AREA | 1));
        const struct kvmpv_system_time *time = (void *)(fixture.ram + AREA);
        assert_int_equal(time->version, 2);
        assert_int_equal(time->flags, KVMPV_CLOCK_STABLE);
        assert_int_equal(guest_nanoseconds(time, TSC), 5000);
        uint64_t second = guest_nanoseconds(time, TSC + frequencies[i]) - 5000;
        assert_in_range(second, 1000000000 - 60, 1000000000);
    }
}

static void all_processors_read_one_clock(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    assert_true(kvmpv_msr_write(&fixture.kvmpv, 0, KVMPV_MSR_SYSTEM_TIME, AREA | 1, TSC));
    fixture.platform.clock += 777;
    assert_true(kvmpv_msr_write(&fixture.kvmpv, 1, KVMPV_MSR_SYSTEM_TIME, 0x3000 | 1, TSC + 99999));
    assert_memory_equal(fixture.ram + AREA, fixture.ram + 0x3000, 32);
}

static void the_version_stays_even_whatever_the_guest_left_there(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    uint32_t odd = 7;
    memcpy(fixture.ram + AREA, &odd, 4);
    assert_true(write_msr(&fixture, KVMPV_MSR_SYSTEM_TIME, AREA | 1));
    assert_int_equal(((struct kvmpv_system_time *)(void *)(fixture.ram + AREA))->version, 8);
}

static void the_wall_clock_is_that_of_the_boot(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    fixture.platform.wall_clock = UINT64_C(1700000000) * NS_PER_SECOND + 5123;
    uint64_t boot = platform_wall_clock(&fixture.platform) - platform_clock(&fixture.platform);
    assert_true(write_msr(&fixture, KVMPV_MSR_WALL_CLOCK, AREA));
    const struct kvmpv_wall_clock *clock = (void *)(fixture.ram + AREA);
    assert_int_equal(clock->version, 2);
    assert_int_equal(clock->seconds, boot / NS_PER_SECOND);
    assert_int_equal(clock->nanoseconds, boot % NS_PER_SECOND);
}

static void stolen_time_is_told_at_intervals(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    fixture.platform.stolen = 1000;
    assert_true(write_msr(&fixture, KVMPV_MSR_STEAL_TIME, AREA | 1));
    const struct kvmpv_steal_time *time = (void *)(fixture.ram + AREA);
    assert_int_equal(time->steal, 1000);
    assert_int_equal(time->version, 2);
    fixture.platform.stolen = 3000;
    fixture.platform.clock += KVMPV_STEAL_INTERVAL;
    kvmpv_update(&fixture.kvmpv, 1);
    assert_int_equal(time->steal, 3000);
    fixture.platform.stolen = 4000;
    kvmpv_update(&fixture.kvmpv, 1); /* too soon */
    assert_int_equal(time->steal, 3000);
    assert_true(write_msr(&fixture, KVMPV_MSR_STEAL_TIME, 0));
    fixture.platform.clock += KVMPV_STEAL_INTERVAL;
    kvmpv_update(&fixture.kvmpv, 1);
    assert_int_equal(time->steal, 3000);
}

static void addresses_that_are_no_memory_are_refused(void **state)
{
    static struct fixture fixture;
    static const uint64_t bad[] = { MEMORY_SIZE, MEMORY_SIZE - 8, UINT64_C(0xfffffffffffffff8),
                                    UINT64_C(0x8000000000000000), AREA + 2 };
    (void)state;
    set_up(&fixture, 2300000000);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(write_msr(&fixture, KVMPV_MSR_SYSTEM_TIME, bad[i] | 1));
        assert_false(write_msr(&fixture, KVMPV_MSR_STEAL_TIME, bad[i] | 1));
        assert_false(write_msr(&fixture, KVMPV_MSR_WALL_CLOCK, bad[i]));
    }
    assert_false(write_msr(&fixture, KVMPV_MSR_STEAL_TIME, (AREA + 32) | 1)); /* alignment 64 */
}

static void a_processor_that_is_not_there_is_refused(void **state)
{
    static struct fixture fixture;
    uint64_t value;
    (void)state;
    set_up(&fixture, 2300000000);
    assert_false(kvmpv_msr_write(&fixture.kvmpv, 4, KVMPV_MSR_SYSTEM_TIME, AREA | 1, TSC));
    assert_false(kvmpv_msr_read(&fixture.kvmpv, 4, KVMPV_MSR_SYSTEM_TIME, &value));
}

static void registers_read_back_what_was_written(void **state)
{
    static struct fixture fixture;
    static const uint32_t indices[] = { KVMPV_MSR_SYSTEM_TIME, KVMPV_MSR_STEAL_TIME };
    uint64_t value;
    (void)state;
    set_up(&fixture, 2300000000);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(write_msr(&fixture, indices[i], AREA | 1));
        assert_true(kvmpv_msr_read(&fixture.kvmpv, 1, indices[i], &value));
        assert_int_equal(value, AREA | 1);
    }
    assert_true(kvmpv_msr_read(&fixture.kvmpv, 1, KVMPV_MSR_POLL_CONTROL, &value));
    assert_int_equal(value, 1);
    assert_true(write_msr(&fixture, KVMPV_MSR_POLL_CONTROL, 0));
    assert_false(write_msr(&fixture, KVMPV_MSR_POLL_CONTROL, 2));
    assert_true(kvmpv_msr_read(&fixture.kvmpv, 1, KVMPV_MSR_POLL_CONTROL, &value));
    assert_int_equal(value, 0);
}

static void what_is_not_offered_is_refused(void **state)
{
    static struct fixture fixture;
    uint64_t value;
    (void)state;
    set_up(&fixture, 2300000000);
    assert_int_equal(kvmpv_features() & (1u << 0 | 1u << 4 | 1u << 6 | 1u << 9 | 1u << 14), 0);
    assert_false(write_msr(&fixture, KVMPV_MSR_ASYNC_PF, AREA | 1));
    assert_false(write_msr(&fixture, KVMPV_MSR_END_OF_INTERRUPT, AREA | 1));
    assert_false(kvmpv_msr_read(&fixture.kvmpv, 1, KVMPV_MSR_LAST, &value));
}

static uint64_t call(struct fixture *fixture, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                     uint64_t d)
{
    return kvmpv_hypercall(&fixture->kvmpv, 0, number, (const uint64_t[]){ a, b, c, d });
}

static void interrupts_go_to_the_processors_of_the_bitmap(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    /* Bits 0, 2 and 9 from identifier 1 on: 1, 3, and one that is not there. */
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, 0x205, 0, 1, 0xfd), 2);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(fixture.sent[0].apic_id, 1);
    assert_int_equal(fixture.sent[1].apic_id, 3);
    assert_int_equal(fixture.sent[1].vector, 0xfd);
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, 1, 0, 0, 4 << 8), 1);
    assert_int_equal(fixture.sent[2].mode, 4);
}

static void bad_interrupts_do_nothing(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    uint64_t all = UINT64_MAX;
    assert_int_equal((int64_t)call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, all, all, 0, 5 << 8),
                     -KVMPV_INVALID); /* INIT */
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, all, all, all, 0x30), 0);
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, all, all, all - 1, 0x30), 0);
    assert_int_equal(fixture.sent_count, 0);
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_SEND_INTERRUPTS, all, all, 0, 0x30), 4);
}

static void a_kick_wakes_the_processor_that_it_names(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_KICK, 0, 2, 0, 0), 0);
    assert_int_equal(fixture.platform.signal_count, 1);
    assert_int_equal(fixture.platform.signals[0].vcpu, 2);
    assert_int_equal(fixture.platform.signals[0].signal, VCPU_SIGNAL_KICK);
    call(&fixture, KVMPV_HYPERCALL_KICK, 0, 4, 0, 0);
    call(&fixture, KVMPV_HYPERCALL_KICK, 0, UINT64_MAX, 0, 0);
    assert_int_equal(fixture.platform.signal_count, 1);
}

static void unknown_hypercalls_say_so(void **state)
{
    static struct fixture fixture;
    (void)state;
    set_up(&fixture, 2300000000);
    assert_int_equal((int64_t)call(&fixture, 12345, 0, 0, 0, 0), -KVMPV_NO_SUCH_CALL);
    assert_int_equal((int64_t)call(&fixture, KVMPV_HYPERCALL_CLOCK_PAIRING, AREA, 0, 0, 0),
                     -KVMPV_NO_SUCH_CALL);
    assert_int_equal(call(&fixture, KVMPV_HYPERCALL_YIELD, 1, 0, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_advances_by_the_frequency),
        cmocka_unit_test(all_processors_read_one_clock),
        cmocka_unit_test(the_version_stays_even_whatever_the_guest_left_there),
        cmocka_unit_test(the_wall_clock_is_that_of_the_boot),
        cmocka_unit_test(stolen_time_is_told_at_intervals),
        cmocka_unit_test(addresses_that_are_no_memory_are_refused),
        cmocka_unit_test(a_processor_that_is_not_there_is_refused),
        cmocka_unit_test(registers_read_back_what_was_written),
        cmocka_unit_test(what_is_not_offered_is_refused),
        cmocka_unit_test(interrupts_go_to_the_processors_of_the_bitmap),
        cmocka_unit_test(bad_interrupts_do_nothing),
        cmocka_unit_test(a_kick_wakes_the_processor_that_it_names),
        cmocka_unit_test(unknown_hypercalls_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
