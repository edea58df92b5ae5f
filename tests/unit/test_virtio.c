// SPDX-License-Identifier: Apache-2.0
/* Queues, status and the PCI transport, seen from a driver: mostly from one that breaks the rules.
 */
#include "virtio_driver.h"

#include "core/virtio/virtio_entropy.h"

#define BUFFER DRIVER_BUFFERS

static int setup(void **state)
{
    struct driver *driver = aligned_alloc(4096, sizeof(*driver));
    const struct virtio_wiring wiring = driver_setup(driver);
    driver_plug(driver, virtio_entropy_create(&wiring));
    *state = driver;
    return 0;
}

static int teardown(void **state)
{
    struct driver *driver = *state;
    fake_platform_free(&driver->platform);
    free(driver);
    return 0;
}

static void the_function_is_a_modern_virtio_device(void **state)
{
    struct driver *driver = *state;
    struct pci_function *function = &driver->device->function;
    assert_int_equal(pci_config_read(function, 0, 4), 0x10441af4);
    assert_int_equal(pci_config_read(function, 8, 1), 1);
    unsigned found = 0;
    for (unsigned at = pci_config_read(function, 0x34, 1); at;
         at = pci_config_read(function, at + 1, 1))
        if (pci_config_read(function, at, 1) == 9)
            found |= 1u << pci_config_read(function, at + 3, 1);
    assert_int_equal(found, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5);
}

static void a_buffer_is_filled_and_given_back(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 3, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 3);
    assert_int_equal(driver_used(driver, 0), 1);
    assert_int_equal(driver_used_length(driver, 0), 64);
    assert_int_equal(driver->bytes[BUFFER], 13);
    assert_int_equal(driver->interrupts, 1);
    assert_int_equal(driver_read(driver, 0x1000, 1), 1);
    assert_int_equal(driver_read(driver, 0x1000, 1), 0); /* reading acknowledges */
}

static void a_chain_of_descriptors_is_one_buffer(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 0, BUFFER, 10, DRIVER_WRITE | DRIVER_NEXT, 5);
    driver_descriptor(driver, 0, 5, BUFFER + 100, 20, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver_used_length(driver, 0), 30);
    assert_int_equal(driver->bytes[BUFFER + 10], 0);
    assert_int_equal(driver->bytes[BUFFER + 100], 13);
}

static void an_indirect_table_is_followed(void **state)
{
    struct driver *driver = *state;
    const struct driver_descriptor table[2] = { { BUFFER, 8, DRIVER_WRITE | DRIVER_NEXT, 1 },
                                                { BUFFER + 64, 8, DRIVER_WRITE, 0 } };
    driver_start(driver, VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC));
    memcpy(driver->bytes + BUFFER + 256, table, sizeof(table));
    driver_descriptor(driver, 0, 0, BUFFER + 256, sizeof(table), DRIVER_INDIRECT, 0);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver_used_length(driver, 0), 16);
}

static void code_in_a_buffer_goes_stale(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    struct frame *frame = &driver->frames[BUFFER / FRAME_SIZE];
    frame->code_lines = 1;
    driver_descriptor(driver, 0, 0, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    assert_int_not_equal(frame->version, 0);
    assert_int_equal(frame->code_lines, 0);
}

static void the_driver_may_switch_interrupts_off(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver->bytes[DRIVER_RING(0) + 0x2000] = 1;
    driver_descriptor(driver, 0, 0, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver_used(driver, 0), 1);
    assert_int_equal(driver->interrupts, 0);
}

/* virtio 1.2, 2.7.10: an interrupt when the index passes the one that the driver named. */
static void the_event_index_says_when_to_interrupt(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX));
    uint16_t wanted = 2; /* the third */
    memcpy(driver->bytes + DRIVER_RING(0) + 0x2000 + 4 + 2 * DRIVER_QUEUE_SIZE, &wanted, 2);
    driver_descriptor(driver, 0, 0, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0); /* the first one always interrupts */
    driver_read(driver, 0x1000, 1);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver->interrupts, 1);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver->interrupts, 2);
}

/* -- Drivers that break the rules: the device asks for a reset, and works after it -- */

static void expect_failure_and_recovery(struct driver *driver)
{
    assert_true(driver_needs_reset(driver));
    assert_int_equal(driver_used(driver, 0), 0);
    memset(driver->bytes, 0, DRIVER_MEMORY);
    driver->next[0] = 0;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 0, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver_used(driver, 0), 1);
}

static void a_loop_of_descriptors_ends(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 0, BUFFER, 8, DRIVER_WRITE | DRIVER_NEXT, 1);
    driver_descriptor(driver, 0, 1, BUFFER, 8, DRIVER_WRITE | DRIVER_NEXT, 0);
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void a_head_beyond_the_queue_is_refused(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_offer(driver, 0, DRIVER_QUEUE_SIZE);
    expect_failure_and_recovery(driver);
}

static void a_next_beyond_the_queue_is_refused(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 0, BUFFER, 8, DRIVER_WRITE | DRIVER_NEXT, 0xffff);
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void a_buffer_outside_memory_is_refused(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } outside[] = {
        { DRIVER_MEMORY, 8 }, { DRIVER_MEMORY - 4, 8 }, { UINT64_MAX - 3, 8 }, { 0, UINT32_MAX }
    };
    struct driver *driver = *state;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        driver_start(driver, 0);
        memset(driver->bytes, 0, DRIVER_MEMORY);
        driver->next[0] = 0;
        driver_descriptor(driver, 0, 0, outside[i].address, outside[i].length, DRIVER_WRITE, 0);
        driver_offer(driver, 0, 0);
        assert_true(driver_needs_reset(driver));
    }
}

static void an_indirect_table_does_not_nest(void **state)
{
    struct driver *driver = *state;
    const struct driver_descriptor table = { BUFFER + 512, 16, DRIVER_INDIRECT, 0 };
    driver_start(driver, VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC));
    memcpy(driver->bytes + BUFFER + 256, &table, sizeof(table));
    driver_descriptor(driver, 0, 0, BUFFER + 256, 16, DRIVER_INDIRECT, 0);
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void an_indirect_table_of_part_of_a_descriptor_is_refused(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC));
    driver_descriptor(driver, 0, 0, BUFFER + 256, 17, DRIVER_INDIRECT, 0);
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void a_readable_buffer_after_a_writable_one_is_refused(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver_descriptor(driver, 0, 0, BUFFER, 8, DRIVER_WRITE | DRIVER_NEXT, 1);
    driver_descriptor(driver, 0, 1, BUFFER, 8, 0, 0);
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void more_chains_than_the_queue_holds_are_refused(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    driver->next[0] = DRIVER_QUEUE_SIZE + 1;
    driver_offer(driver, 0, 0);
    expect_failure_and_recovery(driver);
}

static void a_queue_outside_memory_is_refused(void **state)
{
    struct driver *driver = *state;
    assert_true(driver_negotiate(driver, VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
    driver_write(driver, 0x16, 2, 0);
    driver_write(driver, 0x20, 4, DRIVER_MEMORY - 16);
    driver_write(driver, 0x28, 4, DRIVER_RING(0));
    driver_write(driver, 0x30, 4, DRIVER_RING(0));
    driver_write(driver, 0x1c, 2, 1);
    assert_true(driver_needs_reset(driver));
    assert_int_equal(driver_read(driver, 0x1c, 2), 0);
}

static void features_that_were_not_offered_are_refused(void **state)
{
    struct driver *driver = *state;
    assert_false(driver_negotiate(driver, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | 1));
    assert_false(driver_negotiate(driver, 0)); /* the legacy interface */
}

static void nothing_is_done_without_bus_mastering(void **state)
{
    struct driver *driver = *state;
    driver_start(driver, 0);
    pci_config_write(&driver->device->function, 4, 2, 2);
    driver_descriptor(driver, 0, 0, BUFFER, 64, DRIVER_WRITE, 0);
    driver_offer(driver, 0, 0);
    assert_int_equal(driver_used(driver, 0), 0);
}

static void a_vector_that_is_not_there_reads_back_as_none(void **state)
{
    struct driver *driver = *state;
    driver_write(driver, 0x10, 2, 1);
    assert_int_equal(driver_read(driver, 0x10, 2), 1);
    driver_write(driver, 0x10, 2, 99);
    assert_int_equal(driver_read(driver, 0x10, 2), 0xffff);
}

/* 4.1.4.9: a window on BAR 0 in configuration space. */
static void registers_are_reached_through_configuration_space(void **state)
{
    struct driver *driver = *state;
    struct pci_function *function = &driver->device->function;
    unsigned at = driver->device->access_window;
    pci_config_write(function, at + 4, 1, 0);
    pci_config_write(function, at + 8, 4, 0x14);
    pci_config_write(function, at + 12, 4, 1);
    pci_config_write(function, at + 16, 1, VIRTIO_STATUS_ACKNOWLEDGE);
    assert_int_equal(driver_status(driver), VIRTIO_STATUS_ACKNOWLEDGE);
    pci_config_write(function, at + 8, 4, 0x12);
    pci_config_write(function, at + 12, 4, 2);
    assert_int_equal(pci_config_read(function, at + 16, 2), 1); /* one queue */
    pci_config_write(function, at + 8, 4, UINT32_MAX); /* beyond the BAR: nothing happens */
    pci_config_write(function, at + 16, 4, 1);
}

int main(void)
{
#define VIRTIO_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        VIRTIO_TEST(the_function_is_a_modern_virtio_device),
        VIRTIO_TEST(a_buffer_is_filled_and_given_back),
        VIRTIO_TEST(a_chain_of_descriptors_is_one_buffer),
        VIRTIO_TEST(an_indirect_table_is_followed),
        VIRTIO_TEST(code_in_a_buffer_goes_stale),
        VIRTIO_TEST(the_driver_may_switch_interrupts_off),
        VIRTIO_TEST(the_event_index_says_when_to_interrupt),
        VIRTIO_TEST(a_loop_of_descriptors_ends),
        VIRTIO_TEST(a_head_beyond_the_queue_is_refused),
        VIRTIO_TEST(a_next_beyond_the_queue_is_refused),
        VIRTIO_TEST(a_buffer_outside_memory_is_refused),
        VIRTIO_TEST(an_indirect_table_does_not_nest),
        VIRTIO_TEST(an_indirect_table_of_part_of_a_descriptor_is_refused),
        VIRTIO_TEST(a_readable_buffer_after_a_writable_one_is_refused),
        VIRTIO_TEST(more_chains_than_the_queue_holds_are_refused),
        VIRTIO_TEST(a_queue_outside_memory_is_refused),
        VIRTIO_TEST(features_that_were_not_offered_are_refused),
        VIRTIO_TEST(nothing_is_done_without_bus_mastering),
        VIRTIO_TEST(a_vector_that_is_not_there_reads_back_as_none),
        VIRTIO_TEST(registers_are_reached_through_configuration_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
