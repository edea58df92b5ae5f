// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/pci_host.h"
#include "core/device/pci_registers.h"

struct bus {
    struct pci_host host;
    struct pci_function function, other;
    struct fake_line pirqs[4];
    uint64_t mapped[PCI_BARS];
    unsigned map_count;
    uint64_t message_address[8];
    uint32_t message_data[8];
    unsigned message_count;
    unsigned written_offset;
};

static void on_map(void *context, struct pci_function *function, unsigned bar, uint64_t address)
{
    struct bus *bus = context;
    if (function == &bus->function)
        bus->mapped[bar] = address;
    bus->map_count++;
}

static void on_message(void *context, uint64_t address, uint32_t data)
{
    struct bus *bus = context;
    bus->message_address[bus->message_count % 8] = address;
    bus->message_data[bus->message_count++ % 8] = data;
}

static void on_config_written(void *device, unsigned offset, unsigned size)
{
    (void)size;
    ((struct bus *)device)->written_offset = offset;
}

static const struct pci_identity identity = { 0x8086, 0x100e, 0x1af4, 0x1100, 0x020000, 3, 1 };

static int set_up(void **state)
{
    struct bus *bus = calloc(1, sizeof(*bus));
    bus->host.map = on_map;
    bus->host.message = on_message;
    bus->host.context = bus;
    for (unsigned i = 0; i < 4; i++)
        bus->host.pirqs[i] = (struct interrupt_line){ fake_line_set, bus->pirqs, i };
    pci_host_initialize(&bus->host);
    pci_function_initialize(&bus->function, "one", &identity, bus);
    bus->function.config_written = on_config_written;
    pci_add_bar(&bus->function, 0, &(struct pci_bar){ PCI_BAR_MEMORY32, 0x1000, NULL, NULL });
    pci_add_bar(&bus->function, 2, &(struct pci_bar){ PCI_BAR_IO, 32, NULL, NULL });
    pci_add_capability(&bus->function, 9, 13);
    pci_add_msix(&bus->function, 0, 0x800, 0xc00, 3);
    pci_function_initialize(&bus->other, "two", &identity, bus);
    assert_int_equal(pci_host_plug(&bus->host, &bus->function, 3, 0), 0);
    assert_int_equal(pci_host_plug(&bus->host, &bus->other, 7, 0), 0);
    *state = bus;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint32_t configuration(struct bus *bus, unsigned slot, unsigned offset, unsigned size)
{
    pci_host_address.write(&bus->host, 0, 4, 0x80000000 | slot << 11 | (offset & 0xfc));
    uint64_t value = pci_host_data.read(&bus->host, offset & 3, size);
    return (uint32_t)value & (uint32_t)(0xffffffff >> (32 - 8 * size));
}

static void configure(struct bus *bus, unsigned slot, unsigned offset, unsigned size,
                      uint32_t value)
{
    pci_host_address.write(&bus->host, 0, 4, 0x80000000 | slot << 11 | (offset & 0xfc));
    pci_host_data.write(&bus->host, offset & 3, size, value);
}

static void the_header_says_who_it_is(void **state)
{
    struct bus *bus = *state;
    assert_int_equal(configuration(bus, 0, PCI_VENDOR_ID, 4), 0x12378086);
    assert_int_equal(configuration(bus, 3, PCI_VENDOR_ID, 4), 0x100e8086);
    assert_int_equal(configuration(bus, 3, PCI_REVISION_ID, 4), 0x02000003);
    assert_int_equal(configuration(bus, 3, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
    assert_int_equal(configuration(bus, 3, PCI_INTERRUPT_PIN, 1), 1);
    assert_int_equal(configuration(bus, 3, PCI_COMMAND, 2), 0);
}

static void identification_cannot_be_written(void **state)
{
    struct bus *bus = *state;
    for (unsigned offset = 0; offset < PCI_CONFIG_SIZE; offset += 4)
        configure(bus, 3, offset, 4, 0xffffffff);
    assert_int_equal(configuration(bus, 3, PCI_VENDOR_ID, 4), 0x100e8086);
    assert_int_equal(configuration(bus, 3, PCI_REVISION_ID, 4), 0x02000003);
    assert_int_equal(configuration(bus, 3, PCI_COMMAND, 2), 0x0547);
}

static void empty_slots_and_other_buses_read_all_ones(void **state)
{
    struct bus *bus = *state;
    assert_int_equal(configuration(bus, 5, 0, 4), 0xffffffff);
    pci_host_address.write(&bus->host, 0, 4, 0x80010000 | 3 << 11);
    assert_int_equal((uint32_t)pci_host_data.read(&bus->host, 0, 4), 0xffffffff);
    pci_host_address.write(&bus->host, 0, 4, 3 << 11); /* not enabled */
    assert_int_equal((uint32_t)pci_host_data.read(&bus->host, 0, 4), 0xffffffff);
}

static void the_address_register_takes_whole_words_alone(void **state)
{
    struct bus *bus = *state;
    pci_host_address.write(&bus->host, 0, 4, 0xffffffff);
    assert_int_equal(pci_host_address.read(&bus->host, 0, 4), 0x80fffffc);
    pci_host_address.write(&bus->host, 0, 1, 0);
    assert_int_equal(pci_host_address.read(&bus->host, 0, 4), 0x80fffffc);
    assert_int_equal((uint8_t)pci_host_address.read(&bus->host, 1, 1), 0xff);
}

static void a_bar_tells_its_size_and_is_mapped_when_it_decodes(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, 0x10, 4, 0xffffffff);
    assert_int_equal(configuration(bus, 3, 0x10, 4), 0xfffff000);
    configure(bus, 3, 0x18, 4, 0xffffffff);
    assert_int_equal(configuration(bus, 3, 0x18, 4), 0xffffffe1);
    assert_int_equal(configuration(bus, 3, 0x14, 4), 0);

    configure(bus, 3, 0x10, 4, 0xc0001000);
    configure(bus, 3, 0x18, 4, 0xc020);
    assert_int_equal(bus->map_count, 0);
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(bus->mapped[0], 0xc0001000);
    assert_int_equal(bus->mapped[2], 0);
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    assert_int_equal(bus->mapped[2], 0xc020);
    configure(bus, 3, 0x10, 4, 0xd0000000);
    assert_int_equal(bus->mapped[0], 0xd0000000);
    assert_int_equal(bus->map_count, 3);
    configure(bus, 3, PCI_COMMAND, 2, 0);
    assert_int_equal(bus->mapped[0], 0);
    assert_int_equal(bus->mapped[2], 0);
}

static void a_bar_that_is_being_sized_is_not_mapped(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, 0x10, 4, 0xc0001000);
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    configure(bus, 3, 0x10, 4, 0xffffffff);
    assert_int_equal(bus->mapped[0], 0);
    configure(bus, 3, 0x18, 4, 0xffff0020); /* no such port */
    assert_int_equal(bus->mapped[2], 0);
}

static void capabilities_are_linked(void **state)
{
    struct bus *bus = *state;
    assert_true(configuration(bus, 3, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES);
    assert_int_equal(configuration(bus, 3, PCI_CAPABILITIES, 1), 0x40);
    assert_int_equal(configuration(bus, 3, 0x40, 2), 0x5009); /* 13 bytes take 16 */
    assert_int_equal(configuration(bus, 3, 0x50, 2), 0x0011);
    assert_int_equal(configuration(bus, 3, 0x52, 2), 2); /* three vectors */
    assert_int_equal(configuration(bus, 3, 0x54, 4), 0x800);
    assert_int_equal(configuration(bus, 3, 0x58, 4), 0xc00);
}

static void pins_share_their_wires(void **state)
{
    struct bus *bus = *state; /* slots 3 and 7: PIRQD both */
    pci_set_interrupt(&bus->function, true);
    pci_set_interrupt(&bus->other, true);
    pci_set_interrupt(&bus->function, true);
    assert_true(configuration(bus, 3, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    assert_int_equal(bus->pirqs[3].rises, 1);
    pci_set_interrupt(&bus->function, false);
    assert_true(bus->pirqs[3].level);
    pci_set_interrupt(&bus->other, false);
    assert_false(bus->pirqs[3].level);
    assert_int_equal(bus->pirqs[0].rises + bus->pirqs[1].rises + bus->pirqs[2].rises, 0);
}

static void interrupt_disable_keeps_the_pin_still(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_INTERRUPT_DISABLE);
    pci_set_interrupt(&bus->function, true);
    assert_false(bus->pirqs[3].level);
    assert_true(configuration(bus, 3, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    configure(bus, 3, PCI_COMMAND, 2, 0);
    assert_true(bus->pirqs[3].level);
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_INTERRUPT_DISABLE);
    assert_false(bus->pirqs[3].level);
}

static void msix_replaces_the_pin(void **state)
{
    struct bus *bus = *state;
    pci_set_interrupt(&bus->function, true);
    assert_false(pci_msix_signal(&bus->function, 1));
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
    pci_msix_write(&bus->function, 0x810, 8, 0xfee01000);
    pci_msix_write(&bus->function, 0x818, 4, 0x41);
    pci_msix_write(&bus->function, 0x81c, 4, 0);
    assert_int_equal(pci_msix_read(&bus->function, 0x818, 8), 0x41);
    configure(bus, 3, 0x52, 2, PCI_MSIX_ENABLE);
    assert_false(bus->pirqs[3].level);
    assert_true(pci_msix_signal(&bus->function, 1));
    assert_int_equal(bus->message_count, 1);
    assert_int_equal(bus->message_address[0], 0xfee01000);
    assert_int_equal(bus->message_data[0], 0x41);
}

static void masked_vectors_pend(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    configure(bus, 3, 0x52, 2, PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK);
    assert_int_equal(pci_msix_read(&bus->function, 0x80c, 4), PCI_MSIX_VECTOR_MASKED);
    pci_msix_write(&bus->function, 0x80c, 4, 0);
    assert_true(pci_msix_signal(&bus->function, 0));
    assert_true(pci_msix_signal(&bus->function, 2));
    assert_int_equal(pci_msix_read(&bus->function, 0xc00, 4), 5);
    configure(bus, 3, 0x52, 2, PCI_MSIX_ENABLE);
    assert_int_equal(bus->message_count, 1); /* the other is masked itself */
    assert_int_equal(pci_msix_read(&bus->function, 0xc00, 8), 4);
    pci_msix_write(&bus->function, 0x82c, 4, 0);
    assert_int_equal(bus->message_count, 2);
    assert_int_equal(pci_msix_read(&bus->function, 0xc00, 4), 0);
}

static void odd_accesses_to_the_table_do_nothing(void **state)
{
    struct bus *bus = *state;
    pci_msix_write(&bus->function, 0x80c, 2, 0);
    pci_msix_write(&bus->function, 0x80e, 4, 0);
    pci_msix_write(&bus->function, 0x830, 4, 0x1234); /* behind the third vector */
    assert_int_equal(pci_msix_read(&bus->function, 0x80c, 4), PCI_MSIX_VECTOR_MASKED);
    assert_int_equal(pci_msix_read(&bus->function, 0x80d, 4), UINT64_MAX);
    assert_int_equal(pci_msix_read(&bus->function, 0x830, 4), 0);
    assert_true(pci_msix_signal(&bus->function, 0) == false);
}

static void a_reset_unmaps_and_masks(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, 0x10, 4, 0xc0001000);
    configure(bus, 3, PCI_INTERRUPT_LINE, 1, 11);
    configure(bus, 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    configure(bus, 3, 0x52, 2, PCI_MSIX_ENABLE);
    pci_function_reset(&bus->function);
    assert_int_equal(bus->mapped[0], 0);
    assert_int_equal(configuration(bus, 3, 0x10, 4), 0);
    assert_int_equal(configuration(bus, 3, PCI_COMMAND, 2), 0);
    assert_int_equal(configuration(bus, 3, PCI_INTERRUPT_LINE, 1), 0);
    assert_int_equal(configuration(bus, 3, 0x52, 2), 2);
    assert_false(pci_msix_enabled(&bus->function));
}

static void a_device_hears_of_writes_and_of_none_beyond_the_end(void **state)
{
    struct bus *bus = *state;
    configure(bus, 3, 0x44, 1, 1);
    assert_int_equal(bus->written_offset, 0x44);
    pci_config_write(&bus->function, 0xfe, 4, 0); /* reaches beyond the end */
    assert_int_equal(bus->written_offset, 0x44);
    assert_int_equal(pci_config_read(&bus->function, 0xfe, 4), 0xffffffff);
    assert_int_equal(pci_config_read(&bus->function, 0x100, 1), 0xffffffff);
}

static void slots_are_given_once(void **state)
{
    struct bus *bus = *state;
    assert_int_equal(pci_host_free_slot(&bus->host, 0), 1);
    assert_int_equal(pci_host_free_slot(&bus->host, 3), 4);
    assert_int_equal(pci_host_plug(&bus->host, &bus->other, 3, 0), -1);
    assert_int_equal(pci_host_plug(&bus->host, &bus->other, 32, 0), -1);
    assert_int_equal(pci_host_plug(&bus->host, &bus->other, 3, 1), 0);
    assert_int_equal(configuration(bus, 3, PCI_HEADER_TYPE, 1), PCI_HEADER_MULTIFUNCTION);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_header_says_who_it_is),
        TEST(identification_cannot_be_written),
        TEST(empty_slots_and_other_buses_read_all_ones),
        TEST(the_address_register_takes_whole_words_alone),
        TEST(a_bar_tells_its_size_and_is_mapped_when_it_decodes),
        TEST(a_bar_that_is_being_sized_is_not_mapped),
        TEST(capabilities_are_linked),
        TEST(pins_share_their_wires),
        TEST(interrupt_disable_keeps_the_pin_still),
        TEST(msix_replaces_the_pin),
        TEST(masked_vectors_pend),
        TEST(odd_accesses_to_the_table_do_nothing),
        TEST(a_reset_unmaps_and_masks),
        TEST(a_device_hears_of_writes_and_of_none_beyond_the_end),
        TEST(slots_are_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
