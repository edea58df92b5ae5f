// SPDX-License-Identifier: Apache-2.0
/* The virtio block device over a disk in memory. */
#include "virtio_driver.h"

#include "core/virtio/virtio_block.h"

#define SECTORS 64u
#define HEADER  DRIVER_BUFFERS
#define STATUS  (DRIVER_BUFFERS + 0x20)
#define DATA    (DRIVER_BUFFERS + 0x1000)

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11 };

struct fixture {
    struct driver driver; /* first */
    struct platform_block block;
    uint8_t disk[SECTORS * 512];
};

static int setup_disk(void **state, bool read_only)
{
    struct fixture *f = aligned_alloc(4096, (sizeof(*f) + 4095) & ~4095u);
    const struct virtio_wiring wiring = driver_setup(&f->driver);
    memset(&f->block, 0, sizeof(f->block));
    f->block.bytes = f->disk;
    f->block.size = sizeof(f->disk);
    f->block.read_only = read_only;
    f->block.serial = "root";
    for (size_t i = 0; i < sizeof(f->disk); i++)
        f->disk[i] = (uint8_t)(i / 512);
    driver_plug(&f->driver, virtio_block_create(&wiring, &f->block));
    driver_start(&f->driver, 0);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_disk(state, false);
}

static int setup_read_only(void **state)
{
    return setup_disk(state, true);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_platform_free(&f->driver.platform);
    free(f);
    return 0;
}

/* A request of header, `length` bytes of data and a status byte; the status, 0xee: none yet. */
static uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t length)
{
    struct driver *driver = &f->driver;
    bool from_device = type == IN || type == GET_ID;
    memcpy(driver->bytes + HEADER, &type, 4);
    memcpy(driver->bytes + HEADER + 8, &sector, 8);
    driver->bytes[STATUS] = 0xee;
    driver_descriptor(driver, 0, 0, HEADER, 16, DRIVER_NEXT, length ? 1 : 2);
    driver_descriptor(driver, 0, 1, DATA, length,
                      (uint16_t)(DRIVER_NEXT | (from_device ? DRIVER_WRITE : 0)), 2);
    driver_descriptor(driver, 0, 2, STATUS, 1, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    return driver->bytes[STATUS];
}

static void the_capacity_is_in_the_configuration(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(driver_read(&f->driver, 0x2000, 4), SECTORS);
}

static void sectors_are_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, IN, 5, 1024), 0);
    assert_memory_equal(f->driver.bytes + DATA, f->disk + 5 * 512, 1024);
    assert_int_equal(driver_used_length(&f->driver, 0), 1025);
}

static void sectors_are_written(void **state)
{
    struct fixture *f = *state;
    memset(f->driver.bytes + DATA, 0xab, 512);
    assert_int_equal(request(f, OUT, 63, 512), 0);
    assert_memory_equal(f->disk + 63 * 512, f->driver.bytes + DATA, 512);
}

static void the_end_of_the_disk_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, IN, SECTORS, 512), 1);
    assert_int_equal(request(f, IN, SECTORS - 1, 1024), 1);
    assert_int_equal(request(f, OUT, UINT64_MAX, 512), 1);
    assert_int_equal(request(f, IN, 0, 100), 1); /* no whole sector */
    assert_int_equal(f->block.request_count, 0);
}

static void a_flush_reaches_the_disk(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, FLUSH, 0, 0), 0);
    assert_int_equal(f->block.flush_count, 1);
}

static void the_identifier_is_told(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, GET_ID, 0, 20), 0);
    assert_string_equal((char *)f->driver.bytes + DATA, "root");
}

static void a_discard_beyond_the_disk_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range = { 60, 8, 0 };
    memcpy(f->driver.bytes + DATA, &range, sizeof(range));
    assert_int_equal(request(f, DISCARD, 0, 16), 1);
    range.sectors = 4;
    memcpy(f->driver.bytes + DATA, &range, sizeof(range));
    assert_int_equal(request(f, DISCARD, 0, 16), 0);
    assert_int_equal(f->block.discard_count, 1);
}

static void an_unknown_request_is_unsupported(void **state)
{
    assert_int_equal(request(*state, 77, 0, 512), 2);
}

static void a_failing_disk_is_an_error(void **state)
{
    struct fixture *f = *state;
    f->block.status = -EIO;
    assert_int_equal(request(f, IN, 0, 512), 1);
}

static void a_read_only_disk_is_not_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(request(f, OUT, 0, 512), 1);
    assert_int_equal(f->block.request_count, 0);
    driver_write(&f->driver, 0, 4, 0);
    assert_true(driver_read(&f->driver, 4, 4) & 1 << 5);
}

static void a_request_without_status_stops_the_device(void **state)
{
    struct fixture *f = *state;
    driver_descriptor(&f->driver, 0, 0, HEADER, 16, 0, 0);
    driver_offer(&f->driver, 0, 0);
    assert_true(driver_needs_reset(&f->driver));
}

/* What is under way writes into guest memory: the reset is over only when it has ended. */
static void a_reset_waits_for_requests(void **state)
{
    struct fixture *f = *state;
    f->block.hold = true;
    assert_int_equal(request(f, IN, 1, 512), 0xee);
    driver_write(&f->driver, 0x14, 1, 0);
    assert_int_not_equal(driver_status(&f->driver), 0);
    fake_block_complete(&f->block);
    assert_int_equal(driver_status(&f->driver), 0);
    assert_int_equal(driver_used(&f->driver, 0), 0);
}

int main(void)
{
#define BLOCK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        BLOCK_TEST(the_capacity_is_in_the_configuration),
        BLOCK_TEST(sectors_are_read),
        BLOCK_TEST(sectors_are_written),
        BLOCK_TEST(the_end_of_the_disk_is_an_error),
        BLOCK_TEST(a_flush_reaches_the_disk),
        BLOCK_TEST(the_identifier_is_told),
        BLOCK_TEST(a_discard_beyond_the_disk_is_an_error),
        BLOCK_TEST(an_unknown_request_is_unsupported),
        BLOCK_TEST(a_failing_disk_is_an_error),
        cmocka_unit_test_setup_teardown(a_read_only_disk_is_not_written, setup_read_only, teardown),
        BLOCK_TEST(a_request_without_status_stops_the_device),
        BLOCK_TEST(a_reset_waits_for_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
