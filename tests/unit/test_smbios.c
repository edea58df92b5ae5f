// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/machine/smbios.h"
#include "core/memory/guest_memory.h"

#define BASE 0xf0000u

struct fixture {
    struct guest_memory memory;
    uint8_t bytes[0x10000];
    struct frame frames[16];
};

static const struct smbios_request request = {
    .vcpu_count = 3,
    .memory_size = UINT64_C(5) << 30,
    .processor_identity = UINT64_C(0x1f8bfbff000806f8),
    .megahertz = 2300,
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    guest_memory_add(&f->memory, BASE, sizeof(f->bytes), f->bytes, f->frames, false);
    assert_true(smbios_write(&f->memory, BASE, &request));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static uint8_t sum(const uint8_t *bytes, size_t length)
{
    uint8_t total = 0;
    for (size_t i = 0; i < length; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, bytes, size);
    return value;
}

/* The next structure: behind the two NULs that end the strings of this one. */
static const uint8_t *next(const uint8_t *structure)
{
    const uint8_t *at = structure + structure[1];
    while (at[0] || at[1])
        at++;
    return at + 2;
}

static const uint8_t *find(const struct fixture *f, uint8_t type)
{
    const uint8_t *at = f->bytes + number(f->bytes + 0x18, 4) - BASE;
    const uint8_t *end = at + number(f->bytes + 0x16, 2);
    while (at < end && at[0] != type)
        at = next(at);
    return at < end ? at : NULL;
}

static const char *string(const uint8_t *structure, unsigned index)
{
    const char *at = (const char *)structure + structure[1];
    while (--index > 0)
        at += strlen(at) + 1;
    return at;
}

static void the_entry_point_leads_to_the_table(void **state)
{
    const struct fixture *f = *state;
    assert_memory_equal(f->bytes, "_SM_", 4);
    assert_memory_equal(f->bytes + 0x10, "_DMI_", 5);
    assert_int_equal(f->bytes[5], 0x1f);
    assert_int_equal(sum(f->bytes, 0x1f), 0);
    assert_int_equal(sum(f->bytes + 0x10, 0x0f), 0);
}

static void its_counts_are_those_of_the_table(void **state)
{
    const struct fixture *f = *state;
    const uint8_t *at = f->bytes + number(f->bytes + 0x18, 4) - BASE;
    const uint8_t *end = at + number(f->bytes + 0x16, 2);
    unsigned count = 0, largest = 0;
    for (; at < end; at = next(at), count++)
        if (next(at) - at > largest)
            largest = (unsigned)(next(at) - at);
    assert_ptr_equal(at, end);
    assert_int_equal(count, number(f->bytes + 0x1c, 2));
    assert_int_equal(largest, number(f->bytes + 8, 2));
}

static void it_ends_with_the_end(void **state)
{
    const struct fixture *f = *state;
    const uint8_t *last = find(f, 127);
    const uint8_t *end = f->bytes + number(f->bytes + 0x18, 4) - BASE + number(f->bytes + 0x16, 2);
    assert_non_null(last);
    assert_ptr_equal(next(last), end);
}

static void it_tells_of_processors_and_memory(void **state)
{
    const struct fixture *f = *state;
    const uint8_t *processor = find(f, 4), *array = find(f, 16), *module = find(f, 17);
    assert_int_equal(processor[0x23], 3);
    assert_int_equal(number(processor + 8, 8), request.processor_identity);
    assert_int_equal(number(processor + 0x14, 2), 2300);
    assert_int_equal(number(array + 0x0f, 8), request.memory_size);
    assert_int_equal(number(module + 0x1c, 4), 5120);
    assert_int_equal(number(find(f, 19) + 0x17, 8), request.memory_size - 1);
}

static void strings_are_counted_from_one(void **state)
{
    const struct fixture *f = *state;
    const uint8_t *bios = find(f, 0), *system = find(f, 1);
    assert_string_equal(string(bios, bios[8]), "01/01/2026");
    assert_string_equal(string(system, system[5]), "PC");
}

/* DSP0134, 7.1.2.2: bit 4 of the second extension byte; and what programs look for in names. */
static void nothing_tells_of_virtualization(void **state)
{
    static const char *const names[] = { "virt", "Virt", "KVM", "QEMU", "VM", "Bochs", "Xen" };
    struct fixture *f = *state;
    assert_int_equal(find(f, 0)[0x13] & 0x10, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_null(memmem(f->bytes, SMBIOS_ROOM, names[i], strlen(names[i])));
}

static void memory_that_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_false(smbios_write(&f->memory, 0x100000 - 0x800, &request));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_entry_point_leads_to_the_table),
        TEST(its_counts_are_those_of_the_table),
        TEST(it_ends_with_the_end),
        TEST(it_tells_of_processors_and_memory),
        TEST(strings_are_counted_from_one),
        TEST(nothing_tells_of_virtualization),
        TEST(memory_that_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
