// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/machine/bus.h"

struct device {
    uint64_t offset, value;
    unsigned size, reads, writes;
};

static uint64_t on_read(void *context, uint64_t offset, unsigned size)
{
    struct device *device = context;
    device->offset = offset;
    device->size = size;
    device->reads++;
    return UINT64_C(0x8877665544332211) >> (8 * offset);
}

static void on_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = context;
    device->offset = offset;
    device->size = size;
    device->value = value;
    device->writes++;
}

static const struct register_range wide = { on_read, on_write };
static const struct register_range narrow = { on_read, on_write, .widest = 1 };

static void ranges_are_found(void **state)
{
    struct bus bus = { 0 };
    struct device devices[3] = { 0 };
    (void)state;
    assert_int_equal(bus_map(&bus, 0x300, 8, &wide, &devices[1]), 0);
    assert_int_equal(bus_map(&bus, 0x100, 4, &wide, &devices[0]), 0);
    assert_int_equal(bus_map(&bus, 0x308, 1, &wide, &devices[2]), 0);
    assert_int_equal(bus_read(&bus, 0x102, 2), 0x4433);
    assert_int_equal(devices[0].offset, 2);
    assert_int_equal(bus_read(&bus, 0x304, 4), 0x88776655);
    bus_write(&bus, 0x308, 1, 0x1234);
    assert_int_equal(devices[2].value, 0x34);
    assert_int_equal(devices[0].reads + devices[1].reads, 2);
}

static void nobody_is_all_ones(void **state)
{
    struct bus bus = { 0 };
    struct device device = { 0 };
    (void)state;
    assert_int_equal(bus_read(&bus, 0, 8), UINT64_MAX);
    bus_map(&bus, 0x100, 4, &wide, &device);
    assert_int_equal(bus_read(&bus, 0xff, 1), 0xff);
    assert_int_equal(bus_read(&bus, 0x104, 4), 0xffffffff);
    assert_int_equal(bus_read(&bus, UINT64_MAX, 4), 0xffffffff); /* it wraps around */
    bus_write(&bus, 0x104, 8, 0);
    assert_int_equal(device.reads + device.writes, 0);
}

static void ranges_do_not_overlap(void **state)
{
    struct bus bus = { 0 };
    struct device device = { 0 };
    (void)state;
    assert_int_equal(bus_map(&bus, 0x100, 0x10, &wide, &device), 0);
    assert_int_equal(bus_map(&bus, 0x10f, 1, &wide, &device), -1);
    assert_int_equal(bus_map(&bus, 0x0f0, 0x11, &wide, &device), -1);
    assert_int_equal(bus_map(&bus, 0x080, 0x200, &wide, &device), -1);
    assert_int_equal(bus_map(&bus, 0x0f0, 0x10, &wide, &device), 0);
    assert_int_equal(bus_map(&bus, 0x110, 0x10, &wide, &device), 0);
    assert_int_equal(bus_map(&bus, 0x200, 0, &wide, &device), -1);
    assert_int_equal(bus_map(&bus, UINT64_MAX, 2, &wide, &device), -1);
    assert_int_equal(bus_map(&bus, UINT64_MAX, 1, &wide, &device), 0);
}

static void a_full_bus_takes_no_more(void **state)
{
    struct bus bus = { 0 };
    struct device device = { 0 };
    (void)state;
    for (unsigned i = 0; i < BUS_RANGES; i++)
        assert_int_equal(bus_map(&bus, i * 16, 16, &wide, &device), 0);
    assert_int_equal(bus_map(&bus, BUS_RANGES * 16, 16, &wide, &device), -1);
}

static void what_is_taken_away_answers_no_more(void **state)
{
    struct bus bus = { 0 };
    struct device devices[2] = { 0 };
    (void)state;
    bus_map(&bus, 0x100, 4, &wide, &devices[0]);
    bus_map(&bus, 0x104, 4, &wide, &devices[1]);
    bus_unmap(&bus, &narrow, &devices[0]); /* others */
    bus_unmap(&bus, &wide, &devices[0]);
    assert_int_equal(bus_read(&bus, 0x100, 4), 0xffffffff);
    assert_int_equal(bus_read(&bus, 0x104, 1), 0x11);
    assert_int_equal(bus_map(&bus, 0x100, 4, &wide, &devices[0]), 0);
}

static void wide_accesses_to_narrow_devices_come_byte_by_byte(void **state)
{
    struct bus bus = { 0 };
    struct device device = { 0 };
    (void)state;
    bus_map(&bus, 0x100, 8, &narrow, &device);
    assert_int_equal(bus_read(&bus, 0x101, 4), 0x55443322);
    assert_int_equal(device.reads, 4);
    bus_write(&bus, 0x102, 2, 0xbbaa);
    assert_int_equal(device.writes, 2);
    assert_int_equal(device.size, 1);
    assert_int_equal(device.value, 0xbb);
}

static void an_access_across_an_end_is_parted(void **state)
{
    struct bus bus = { 0 };
    struct device devices[2] = { 0 };
    (void)state;
    bus_map(&bus, 0x100, 4, &wide, &devices[0]);
    bus_map(&bus, 0x104, 4, &wide, &devices[1]);
    assert_int_equal(bus_read(&bus, 0x102, 4), 0x22114433);
    assert_int_equal(bus_read(&bus, 0x106, 4), 0xffff4433);
    assert_int_equal(bus_read(&bus, 0x0fe, 4), 0x2211ffff);
    assert_int_equal(bus_read(&bus, 0x100, 3), 0x332211);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_found),
        cmocka_unit_test(nobody_is_all_ones),
        cmocka_unit_test(ranges_do_not_overlap),
        cmocka_unit_test(a_full_bus_takes_no_more),
        cmocka_unit_test(what_is_taken_away_answers_no_more),
        cmocka_unit_test(wide_accesses_to_narrow_devices_come_byte_by_byte),
        cmocka_unit_test(an_access_across_an_end_is_parted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
