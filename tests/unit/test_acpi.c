// SPDX-License-Identifier: Apache-2.0
/* The tables as a kernel finds them from the RSDP on, and as ACPI's reference compiler reads them.
 */
#include "fake_platform.h"

#include "core/machine/acpi.h"

#define MEMORY (1u << 20)
#define BASE   0xe0000u

struct fixture {
    struct guest_memory memory;
    uint8_t bytes[MEMORY];
    struct frame frames[MEMORY / FRAME_SIZE];
};

static const struct acpi_request request = {
    .vcpu_count = 32,
    .local_apic = 0xfee00000,
    .io_apic = 0xfec00000,
    .hpet = 0xfed00000,
    .power_management = 0x600,
    .sci_interrupt = 9,
    .reset_port = 0xcf9,
    .reset_value = 6,
    .pci_gsi = 16,
    .pci_interrupts = { 10, 10, 11, 11 },
    .pci_memory_first = 0xc0000000,
    .pci_memory_last = 0xfebfffff,
    .serial_lines = 3,
    .keyboard_controller = true,
    .real_time_clock = true,
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    guest_memory_add(&f->memory, 0, MEMORY, f->bytes, f->frames, false);
    *state = f;
    return acpi_write(&f->memory, BASE, &request) == BASE ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static uint32_t load_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint8_t sum_of(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

/* The table of that signature that the RSDT lists; NULL: none. */
static const uint8_t *find_table(const struct fixture *f, const char *signature)
{
    const uint8_t *rsdt = f->bytes + load_u32(f->bytes + BASE + 16);
    for (uint32_t at = 36; at < load_u32(rsdt + 4); at += 4) {
        const uint8_t *table = f->bytes + load_u32(rsdt + at);
        if (memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static void every_checksum_is_right(void **state)
{
    const struct fixture *f = *state;
    static const char *const signatures[] = { "FACP", "APIC", "HPET" };
    assert_int_equal(sum_of(f->bytes + BASE, 20), 0);
    assert_int_equal(sum_of(f->bytes + BASE, 36), 0);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *table = find_table(f, signatures[i]);
        assert_non_null(table);
        assert_int_equal(sum_of(table, load_u32(table + 4)), 0);
    }
    const uint8_t *dsdt = f->bytes + load_u32(find_table(f, "FACP") + 40);
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(sum_of(dsdt, load_u32(dsdt + 4)), 0);
}

static void the_firmware_control_structure_is_aligned(void **state)
{
    const struct fixture *f = *state;
    uint32_t facs = load_u32(find_table(f, "FACP") + 36);
    assert_int_equal(facs % 64, 0);
    assert_memory_equal(f->bytes + facs, "FACS", 4);
}

static void every_processor_has_a_local_apic(void **state)
{
    const uint8_t *madt = find_table(*state, "APIC");
    unsigned found = 0;
    for (uint32_t at = 44; at < load_u32(madt + 4); at += madt[at + 1])
        if (madt[at] == 0)
            assert_int_equal(madt[at + 3], found++);
    assert_int_equal(found, 32);
}

static void a_machine_without_an_event_timer_has_no_table_of_it(void **state)
{
    struct fixture *f = *state;
    struct acpi_request without = request;
    without.hpet = 0;
    assert_int_equal(acpi_write(&f->memory, BASE, &without), BASE);
    assert_null(find_table(f, "HPET"));
}

static void tables_that_do_not_fit_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(acpi_write(&f->memory, MEMORY - 4096, &request), 0);
}

static void write_file(const char *path, const uint8_t *table)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(table, 1, load_u32(table + 4), file), load_u32(table + 4));
    fclose(file);
}

static void run_quietly(const char *directory, const char *command)
{
    char line[256];
    snprintf(line, sizeof(line), "cd %s && %s >log 2>&1 || { cat log; exit 1; }", directory,
             command);
    assert_int_equal(system(line), 0);
}

/* Disassembled and compiled again: every term means what was meant, and no error is in it. */
static void the_reference_compiler_understands_the_tables(void **state)
{
    const struct fixture *f = *state;
    char directory[] = "/tmp/openvirt-acpi-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/dsdt.dat", directory);
    write_file(path, f->bytes + load_u32(find_table(f, "FACP") + 40));
    snprintf(path, sizeof(path), "%s/apic.dat", directory);
    write_file(path, find_table(f, "APIC"));
    snprintf(path, sizeof(path), "%s/facp.dat", directory);
    write_file(path, find_table(f, "FACP"));
    run_quietly(directory, "iasl -d dsdt.dat");
    run_quietly(directory, "iasl -we dsdt.dsl");
    run_quietly(directory, "iasl -d apic.dat facp.dat");
    run_quietly(directory, "! grep -iE 'invalid|incorrect|error' apic.dsl facp.dsl");
    snprintf(path, sizeof(path), "rm -rf %s", directory);
    assert_int_equal(system(path), 0);
}

int main(void)
{
#define ACPI_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ACPI_TEST(every_checksum_is_right),
        ACPI_TEST(the_firmware_control_structure_is_aligned),
        ACPI_TEST(every_processor_has_a_local_apic),
        ACPI_TEST(a_machine_without_an_event_timer_has_no_table_of_it),
        ACPI_TEST(tables_that_do_not_fit_are_refused),
        ACPI_TEST(the_reference_compiler_understands_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
