// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/lapic_registers.h"
#include "core/x86/registers.h"

#define COUNT 20

struct fixture {
    struct platform platform;
    struct lapic lapics[COUNT];
    struct interrupt_bus bus;
    unsigned ends, last_end;
    unsigned external_vector;
};

static void on_end(void *context, uint8_t vector)
{
    struct fixture *f = context;
    f->ends++;
    f->last_end = vector;
}

static uint8_t on_external(void *context)
{
    struct fixture *f = context;
    return (uint8_t)f->external_vector;
}

static void store(struct fixture *f, unsigned cpu, unsigned number, uint32_t value)
{
    lapic_registers.write(&f->lapics[cpu], 16 * number, 4, value);
}

static uint32_t load(struct fixture *f, unsigned cpu, unsigned number)
{
    return (uint32_t)lapic_registers.read(&f->lapics[cpu], 16 * number, 4);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->bus = (struct interrupt_bus){ .lapics = f->lapics,
                                     .count = COUNT,
                                     .end_of_interrupt = on_end,
                                     .external_acknowledge = on_external,
                                     .context = f };
    for (unsigned i = 0; i < COUNT; i++) {
        lapic_initialize(&f->lapics[i], &f->platform, &f->bus, i);
        f->lapics[i].waiting_for_startup = false;
    }
    store(f, 0, LAPIC_SPURIOUS, 0x1ff);
    store(f, 1, LAPIC_SPURIOUS, 0x1ff);
    f->platform.signal_count = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void send(struct fixture *f, enum delivery_mode mode, uint8_t vector, uint32_t destination)
{
    interrupt_bus_deliver(
        &f->bus,
        &(struct interrupt_message){ .mode = mode, .vector = vector, .destination = destination });
}

static void command(struct fixture *f, uint32_t destination, uint32_t low)
{
    store(f, 0, LAPIC_COMMAND_HIGH, destination << 24);
    store(f, 0, LAPIC_COMMAND_LOW, low);
}

static void registers_have_their_reset_values(void **state)
{
    static const struct {
        unsigned number;
        uint32_t value;
    } rows[] = {
        { LAPIC_ID, 0x03000000 },
        { LAPIC_VERSION, 0x50014 },
        { LAPIC_TASK_PRIORITY, 0 },
        { LAPIC_PROCESSOR_PRIORITY, 0 },
        { LAPIC_LOGICAL_DESTINATION, 0 },
        { LAPIC_DESTINATION_FORMAT, 0xffffffff },
        { LAPIC_SPURIOUS, 0xff },
        { LAPIC_IN_SERVICE, 0 },
        { LAPIC_REQUEST + 7, 0 },
        { LAPIC_ERROR_STATUS, 0 },
        { LAPIC_COMMAND_LOW, 0 },
        { LAPIC_COMMAND_HIGH, 0 },
        { LAPIC_LVT + LVT_TIMER, 0x10000 },
        { LAPIC_LVT + LVT_THERMAL, 0x10000 },
        { LAPIC_LVT + LVT_PERFORMANCE, 0x10000 },
        { LAPIC_LVT + LVT_LINT0, 0x10000 },
        { LAPIC_LVT + LVT_LINT1, 0x10000 },
        { LAPIC_LVT + LVT_ERROR, 0x10000 },
        { LAPIC_INITIAL_COUNT, 0 },
        { LAPIC_CURRENT_COUNT, 0 },
        { LAPIC_DIVIDE, 0 },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(load(f, 3, rows[i].number), rows[i].value);
    assert_int_equal(f->lapics[0].base, 0xfee00900);
    assert_int_equal(f->lapics[3].base, 0xfee00800);
}

static void reserved_bits_stay_zero(void **state)
{
    static const struct {
        unsigned number;
        uint32_t value;
    } rows[] = {
        { LAPIC_ID, 0 },
        { LAPIC_VERSION, 0x50014 },
        { LAPIC_TASK_PRIORITY, 0xff },
        { LAPIC_LOGICAL_DESTINATION, 0xff000000 },
        { LAPIC_DESTINATION_FORMAT, 0xffffffff },
        { LAPIC_COMMAND_HIGH, 0xff000000 },
        { LAPIC_LVT + LVT_TIMER, 0x700ff },
        { LAPIC_LVT + LVT_PERFORMANCE, 0x107ff },
        { LAPIC_LVT + LVT_LINT1, 0x1a7ff },
        { LAPIC_LVT + LVT_ERROR, 0x100ff },
        { LAPIC_DIVIDE, 0xb },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        store(f, 0, rows[i].number, 0xffffffff);
        assert_int_equal(load(f, 0, rows[i].number), rows[i].value);
    }
}

static void a_vector_goes_from_request_to_service_to_its_end(void **state)
{
    struct fixture *f = *state;
    send(f, DELIVERY_FIXED, 0x41, 0);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 2);
    assert_int_equal(fake_signals(&f->platform, 0, VCPU_SIGNAL_INTERRUPT), 1);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x41);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    assert_int_equal(load(f, 0, LAPIC_IN_SERVICE + 2), 2);
    assert_int_equal(load(f, 0, LAPIC_PROCESSOR_PRIORITY), 0x40);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    assert_int_equal(load(f, 0, LAPIC_IN_SERVICE + 2), 0);
    assert_int_equal(f->ends, 0); /* an edge is nothing to the IOAPIC */
}

static void the_higher_class_comes_first_and_the_rest_after_its_end(void **state)
{
    struct fixture *f = *state;
    send(f, DELIVERY_FIXED, 0x45, 0);
    send(f, DELIVERY_FIXED, 0x61, 0);
    send(f, DELIVERY_FIXED, 0x4f, 0);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x61);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    f->platform.signal_count = 0;
    store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    assert_int_equal(f->platform.signal_count, 1);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x4f);
    send(f, DELIVERY_FIXED, 0x52, 0);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x52); /* nested */
}

static void the_task_priority_holds_back_its_class(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_TASK_PRIORITY, 0x40);
    send(f, DELIVERY_FIXED, 0x4f, 0);
    assert_false(lapic_pending(&f->lapics[0]));
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    assert_int_equal(lapic_read_cr8(&f->lapics[0]), 4);
    f->platform.signal_count = 0;
    lapic_write_cr8(&f->lapics[0], 3);
    assert_int_equal(f->platform.signal_count, 1);
    assert_int_equal(load(f, 0, LAPIC_TASK_PRIORITY), 0x30);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x4f);
}

static void a_level_tells_the_ioapic_of_its_end(void **state)
{
    struct fixture *f = *state;
    interrupt_bus_deliver(&f->bus, &(struct interrupt_message){ .vector = 0x51, .level = true });
    assert_int_equal(load(f, 0, LAPIC_TRIGGER_MODE + 2), 0x20000);
    lapic_acknowledge(&f->lapics[0]);
    store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->last_end, 0x51);
    send(f, DELIVERY_FIXED, 0x51, 0);
    assert_int_equal(load(f, 0, LAPIC_TRIGGER_MODE + 2), 0);
}

static void an_apic_that_software_disabled_takes_nothing(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x20);
    store(f, 0, LAPIC_SPURIOUS, 0xff);
    assert_int_equal(load(f, 0, LAPIC_LVT + LVT_TIMER), 0x10020);
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x20);
    assert_int_equal(load(f, 0, LAPIC_LVT + LVT_TIMER), 0x10020);
    send(f, DELIVERY_FIXED, 0x41, 0);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    send(f, DELIVERY_NMI, 0, 0); /* but this */
    assert_int_equal(fake_signals(&f->platform, 0, VCPU_SIGNAL_NMI), 1);
}

static void destinations_are_physical(void **state)
{
    struct fixture *f = *state;
    command(f, 1, 0x4041);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 2);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    command(f, 0xff, 0x4042);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 4);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 6);
}

static void destinations_are_logical_in_the_flat_model(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_LOGICAL_DESTINATION, 0x01000000);
    store(f, 1, LAPIC_LOGICAL_DESTINATION, 0x02000000);
    command(f, 2, 0x4841);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 2);
    command(f, 3, 0x4842);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 4);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 6);
}

static void destinations_are_logical_in_the_cluster_model(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        store(f, i, LAPIC_DESTINATION_FORMAT, 0);
        store(f, i, LAPIC_LOGICAL_DESTINATION, i ? 0x21000000 : 0x11000000);
    }
    command(f, 0x21, 0x4841);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 2);
    command(f, 0x2e, 0x4842);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 2);
    command(f, 0xf1, 0x4843);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 8);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 10);
}

static void shorthands_need_no_destination(void **state)
{
    struct fixture *f = *state;
    command(f, 7, 0x44041); /* self */
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 2);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 0);
    command(f, 7, 0xc4042); /* others */
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 2);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 4);
    command(f, 7, 0x84043); /* all */
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 10);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 12);
}

static void the_lowest_priority_takes_it_and_equals_take_turns(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_TASK_PRIORITY, 0x20);
    command(f, 0xff, 0x4141);
    command(f, 0xff, 0x4142);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 0);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 6);
    store(f, 0, LAPIC_TASK_PRIORITY, 0);
    command(f, 0xff, 0x4143);
    command(f, 0xff, 0x4144);
    assert_int_equal(load(f, 0, LAPIC_REQUEST + 2), 8);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 0x16);
}

static void init_and_startup_start_a_processor_once(void **state)
{
    struct fixture *f = *state;
    store(f, 1, LAPIC_TASK_PRIORITY, 0x50);
    command(f, 1, 0xc500); /* INIT, assert */
    command(f, 1, 0x8500); /* de-assert does nothing */
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_INIT), 1);
    assert_int_equal(load(f, 1, LAPIC_TASK_PRIORITY), 0);
    assert_int_equal(load(f, 1, LAPIC_ID), 0x01000000);
    command(f, 1, 0x4400); /* nobody is there to take an NMI */
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_NMI), 0);
    command(f, 1, 0x4699);
    command(f, 1, 0x4698);
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_STARTUP), 1);
    assert_int_equal(f->platform.signals[f->platform.signal_count - 1].vector, 0x99);
}

static void messages_name_destination_and_vector(void **state)
{
    struct fixture *f = *state;
    store(f, 1, LAPIC_LOGICAL_DESTINATION, 0x02000000);
    interrupt_bus_message(&f->bus, 0xfee01000, 0x41);
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 2);
    interrupt_bus_message(&f->bus, 0xfee0200c, 0x142); /* logical, lowest priority */
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 6);
    interrupt_bus_message(&f->bus, 0xfed01000, 0x43);  /* no message */
    interrupt_bus_message(&f->bus, 0xfee01000, 0x543); /* INIT is not a device's to send */
    assert_int_equal(load(f, 1, LAPIC_REQUEST + 2), 6);
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_INIT), 0);
}

static void errors_are_latched_by_a_write(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_LVT + LVT_ERROR, 0x60);
    command(f, 1, 0x4005); /* vector 5 */
    assert_int_equal(load(f, 0, LAPIC_ERROR_STATUS), 0);
    store(f, 0, LAPIC_ERROR_STATUS, 0);
    assert_int_equal(load(f, 0, LAPIC_ERROR_STATUS), 0x20);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x60);
    send(f, DELIVERY_FIXED, 3, 0);
    assert_int_equal(load(f, 0, 0x3a), 0); /* reserved */
    store(f, 0, LAPIC_ERROR_STATUS, 0);
    assert_int_equal(load(f, 0, LAPIC_ERROR_STATUS), 0xc0);
    store(f, 0, LAPIC_ERROR_STATUS, 0);
    assert_int_equal(load(f, 0, LAPIC_ERROR_STATUS), 0);
}

static void accesses_that_are_no_words_do_nothing(void **state)
{
    struct fixture *f = *state;
    lapic_registers.write(&f->lapics[0], 0x80, 1, 0x40);
    lapic_registers.write(&f->lapics[0], 0x82, 4, 0x40);
    lapic_registers.write(&f->lapics[0], 0xffc, 4, 0x40);
    assert_int_equal(load(f, 0, LAPIC_TASK_PRIORITY), 0);
    assert_int_equal((uint8_t)lapic_registers.read(&f->lapics[0], 0x31, 1), 0x00);
    assert_int_equal((uint8_t)lapic_registers.read(&f->lapics[0], 0x32, 1), 0x05);
    assert_int_equal(lapic_registers.read(&f->lapics[0], 0xff8, 8), 0);
}

static void the_i8259_comes_through_lint0(void **state)
{
    struct fixture *f = *state;
    f->external_vector = 0x33;
    lapic_set_lint0(&f->lapics[0], true);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1); /* masked */
    lapic_set_lint0(&f->lapics[0], false);
    lapic_virtual_wire(&f->lapics[0]);
    f->platform.signal_count = 0;
    lapic_set_lint0(&f->lapics[0], true);
    assert_int_equal(f->platform.signal_count, 1);
    store(f, 0, LAPIC_TASK_PRIORITY, 0xff); /* no priority holds it back */
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x33);
    lapic_set_lint0(&f->lapics[0], false);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    assert_true(lapic_write_base(&f->lapics[0], LAPIC_BASE)); /* off: INT reaches the processor */
    lapic_set_lint0(&f->lapics[0], true);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x33);
}

static void the_timer_expires_once(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_DIVIDE, 3); /* by 16 */
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x30);
    store(f, 0, LAPIC_INITIAL_COUNT, 1000);
    fake_advance(&f->platform, 8000);
    assert_int_equal(load(f, 0, LAPIC_CURRENT_COUNT), 500);
    assert_int_equal(load(f, 0, LAPIC_INITIAL_COUNT), 1000);
    fake_advance(&f->platform, 7999);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    fake_advance(&f->platform, 1);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x30);
    assert_int_equal(load(f, 0, LAPIC_CURRENT_COUNT), 0);
    store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    fake_advance(&f->platform, 100000);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
}

static void the_timer_is_periodic_and_a_late_one_is_one(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_DIVIDE, 0xb); /* by 1 */
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x20030);
    store(f, 0, LAPIC_INITIAL_COUNT, 100000);
    for (unsigned i = 0; i < 3; i++) {
        fake_advance(&f->platform, 100000);
        assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x30);
        store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    }
    f->platform.clock += 350000;
    f->platform.signal_count = 0;
    fake_advance(&f->platform, 0);
    assert_int_equal(f->platform.signal_count, 1);
    assert_int_equal(load(f, 0, LAPIC_CURRENT_COUNT), 50000);
    store(f, 0, LAPIC_INITIAL_COUNT, 0);
    assert_null(f->platform.timers);
}

static void a_period_that_nobody_could_follow_is_longer(void **state)
{
    struct fixture *f = *state;
    store(f, 0, LAPIC_DIVIDE, 0xb);
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x20030);
    store(f, 0, LAPIC_INITIAL_COUNT, 1);
    unsigned expiries = 0;
    for (unsigned i = 0; i < 1000; i++) {
        fake_advance(&f->platform, 1000);
        expiries += lapic_acknowledge(&f->lapics[0]) == 0x30;
        store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    }
    assert_in_range(expiries, 40, 51);
}

static void every_divider_divides(void **state)
{
    static const struct {
        uint32_t code, divider;
    } rows[] = { { 0, 2 },  { 1, 4 },  { 2, 8 },    { 3, 16 },
                 { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        store(f, 0, LAPIC_DIVIDE, rows[i].code);
        store(f, 0, LAPIC_INITIAL_COUNT, 100);
        fake_advance(&f->platform, 40 * rows[i].divider);
        assert_int_equal(load(f, 0, LAPIC_CURRENT_COUNT), 60);
    }
    store(f, 0, LAPIC_DIVIDE, 0); /* in the middle of a count */
    assert_int_equal(load(f, 0, LAPIC_CURRENT_COUNT), 60);
}

static void the_deadline_is_in_ticks_of_the_time_stamp_counter(void **state)
{
    struct fixture *f = *state;
    f->platform.tsc_frequency = 2 * NS_PER_SECOND;
    lapic_write_deadline(&f->lapics[0], 5000, 1000); /* another mode */
    assert_null(f->platform.timers);
    store(f, 0, LAPIC_LVT + LVT_TIMER, 0x40030);
    lapic_write_deadline(&f->lapics[0], 5000, 1000);
    assert_int_equal(lapic_read_deadline(&f->lapics[0]), 5000);
    store(f, 0, LAPIC_INITIAL_COUNT, 7); /* does nothing in this mode */
    fake_advance(&f->platform, 1999);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), -1);
    fake_advance(&f->platform, 1);
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x30);
    assert_int_equal(lapic_read_deadline(&f->lapics[0]), 0);
    store(f, 0, LAPIC_END_OF_INTERRUPT, 0);
    lapic_write_deadline(&f->lapics[0], 10, 9000); /* it has passed */
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x30);
    lapic_write_deadline(&f->lapics[0], UINT64_MAX, 0);
    assert_int_equal(lapic_read_deadline(&f->lapics[0]), UINT64_MAX);
    lapic_write_deadline(&f->lapics[0], 0, 0);
    assert_null(f->platform.timers);
}

static void the_way_into_x2apic_mode_is_one_and_out_another(void **state)
{
    struct fixture *f = *state;
    struct lapic *lapic = &f->lapics[1];
    uint64_t value;
    assert_false(lapic_read_msr(lapic, 0x802, &value));
    assert_false(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_X2APIC));
    assert_false(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE | 1));
    assert_true(lapic_decodes(lapic, LAPIC_BASE + 0x20));
    assert_true(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_false(lapic_decodes(lapic, LAPIC_BASE + 0x20));
    assert_true(lapic_read_msr(lapic, 0x802, &value));
    assert_int_equal(value, 1);
    assert_true(lapic_read_msr(lapic, 0x80f, &value));
    assert_int_equal(value, 0x1ff); /* the registers stay */
    assert_false(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE));
    assert_true(lapic_write_base(lapic, LAPIC_BASE));
    assert_false(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_true(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE));
    assert_int_equal(load(f, 1, LAPIC_SPURIOUS), 0xff);
    assert_true(lapic_read_base(lapic, &value));
    assert_int_equal(value, 0xfee00800);
}

static void x2apic_registers_are_msrs(void **state)
{
    struct fixture *f = *state;
    uint64_t value;
    for (unsigned i = 0; i < COUNT; i++)
        assert_true(
            lapic_write_base(&f->lapics[i], LAPIC_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_true(lapic_write_msr(&f->lapics[18], 0x80f, 0x1ff));
    assert_true(lapic_read_msr(&f->lapics[18], 0x80d, &value));
    assert_int_equal(value, 0x10004);
    assert_true(lapic_write_msr(&f->lapics[0], 0x830, UINT64_C(0x10004) << 32 | 0x4841));
    assert_int_equal(lapic_acknowledge(&f->lapics[18]), 0x41);
    assert_true(lapic_write_msr(&f->lapics[18], 0x80b, 0));
    assert_true(lapic_write_msr(&f->lapics[0], 0x830, UINT64_C(18) << 32 | 0x4042));
    assert_int_equal(lapic_acknowledge(&f->lapics[18]), 0x42);
    assert_true(lapic_write_msr(&f->lapics[0], 0x83f, 0x43));
    assert_int_equal(lapic_acknowledge(&f->lapics[0]), 0x43);
    assert_true(lapic_write_msr(&f->lapics[0], 0x830, UINT64_C(0xffffffff) << 32 | 0x4044));
    assert_int_equal(lapic_acknowledge(&f->lapics[1]), 0x44);
}

static void x2apic_forbids_what_it_does_not_have(void **state)
{
    static const uint32_t unreadable[] = { 0x80b, 0x80e, 0x831, 0x83f, 0x840, 0x8ff, 0x800, 0x809 };
    static const struct {
        uint32_t index;
        uint64_t value;
    } unwritable[] = { { 0x802, 0 },        { 0x803, 0 },     { 0x80d, 0 },     { 0x80b, 1 },
                       { 0x828, 1 },        { 0x808, 0x100 }, { 0x80f, 0x400 }, { 0x832, 0x80000 },
                       { 0x838, 1L << 32 }, { 0x83f, 0x100 }, { 0x839, 0 } };
    struct fixture *f = *state;
    struct lapic *lapic = &f->lapics[0];
    uint64_t value;
    assert_true(lapic_write_base(lapic, LAPIC_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++)
        assert_false(lapic_read_msr(lapic, unreadable[i], &value));
    for (size_t i = 0; i < sizeof(unwritable) / sizeof(unwritable[0]); i++)
        assert_false(lapic_write_msr(lapic, unwritable[i].index, unwritable[i].value));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers_have_their_reset_values),
        TEST(reserved_bits_stay_zero),
        TEST(a_vector_goes_from_request_to_service_to_its_end),
        TEST(the_higher_class_comes_first_and_the_rest_after_its_end),
        TEST(the_task_priority_holds_back_its_class),
        TEST(a_level_tells_the_ioapic_of_its_end),
        TEST(an_apic_that_software_disabled_takes_nothing),
        TEST(destinations_are_physical),
        TEST(destinations_are_logical_in_the_flat_model),
        TEST(destinations_are_logical_in_the_cluster_model),
        TEST(shorthands_need_no_destination),
        TEST(the_lowest_priority_takes_it_and_equals_take_turns),
        TEST(init_and_startup_start_a_processor_once),
        TEST(messages_name_destination_and_vector),
        TEST(errors_are_latched_by_a_write),
        TEST(accesses_that_are_no_words_do_nothing),
        TEST(the_i8259_comes_through_lint0),
        TEST(the_timer_expires_once),
        TEST(the_timer_is_periodic_and_a_late_one_is_one),
        TEST(a_period_that_nobody_could_follow_is_longer),
        TEST(every_divider_divides),
        TEST(the_deadline_is_in_ticks_of_the_time_stamp_counter),
        TEST(the_way_into_x2apic_mode_is_one_and_out_another),
        TEST(x2apic_registers_are_msrs),
        TEST(x2apic_forbids_what_it_does_not_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
