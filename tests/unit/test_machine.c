// SPDX-License-Identifier: Apache-2.0
#include "fake_platform.h"

#include "core/device/lapic_registers.h"
#include "core/device/pci_registers.h"
#include "core/machine/machine.h"

#define MEMORY (UINT64_C(32) << 20)

struct fixture {
    struct platform platform;
    struct guest_memory memory;
    struct platform_console consoles[2];
    struct platform_block disk;
    struct platform_net net;
    struct machine_request request;
    struct machine *machine;
    void *pages[MACHINE_MEMORY_RANGES], *frames[MACHINE_MEMORY_RANGES];
};

static void make_memory(struct fixture *f)
{
    struct machine_memory_range ranges[MACHINE_MEMORY_RANGES];
    unsigned count = machine_memory_map(MEMORY, ranges);
    for (unsigned i = 0; i < count; i++) {
        f->pages[i] = calloc(1, ranges[i].size);
        f->frames[i] = calloc(ranges[i].size / FRAME_SIZE, sizeof(struct frame));
        assert_int_equal(guest_memory_add(&f->memory, ranges[i].base, ranges[i].size, f->pages[i],
                                          f->frames[i], ranges[i].read_only),
                         0);
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_memory(f);
    f->consoles[0].accepts = f->consoles[1].accepts = SIZE_MAX;
    f->disk.bytes = calloc(1, 65536);
    f->disk.size = 65536;
    f->request = (struct machine_request){
        .kind = MACHINE_PC,
        .memory = &f->memory,
        .vcpu_count = 2,
        .cpu_model = CPU_MODEL_X86_64_V2,
        .disks = { &f->disk },
        .disk_count = 1,
        .nets = { &f->net },
        .net_count = 1,
        .serial_lines = { &f->consoles[0], &f->consoles[1] },
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < MACHINE_MEMORY_RANGES; i++) {
        free(f->pages[i]);
        free(f->frames[i]);
    }
    free(f->disk.bytes);
    fake_platform_free(&f->platform);
    free(f);
    return 0;
}

static void create(struct fixture *f, enum machine_kind kind)
{
    const char *why = NULL;
    f->request.kind = kind;
    f->machine = machine_create(&f->platform, &f->request, &why);
    assert_non_null(f->machine);
}

/* As far as a machine goes before it finds that this is no kernel. */
static void boot(struct fixture *f)
{
    static const uint8_t no_kernel[4096];
    struct cpu_state state;
    const struct boot_request request = { .kernel = { no_kernel, sizeof(no_kernel) },
                                          .command_line = "" };
    assert_int_equal(machine_boot(f->machine, &request, &state), BOOT_NO_KERNEL);
}

static uint64_t in(struct fixture *f, uint16_t port, unsigned size)
{
    struct vm_exit exit = { .reason = VM_EXIT_IO, .size = (uint8_t)size, .io = { port } };
    machine_io(f->machine, 0, &exit);
    return exit.value;
}

static void out(struct fixture *f, uint16_t port, unsigned size, uint64_t value)
{
    struct vm_exit exit = {
        .reason = VM_EXIT_IO, .write = true, .size = (uint8_t)size, .io = { port }, .value = value
    };
    machine_io(f->machine, 0, &exit);
}

static uint64_t load(struct fixture *f, unsigned vcpu, gpa_t address, unsigned size)
{
    struct vm_exit exit = { .reason = VM_EXIT_MMIO, .size = (uint8_t)size, .mmio = { address } };
    machine_mmio(f->machine, vcpu, &exit);
    return exit.value;
}

static void store(struct fixture *f, unsigned vcpu, gpa_t address, unsigned size, uint64_t value)
{
    struct vm_exit exit = { .reason = VM_EXIT_MMIO,
                            .write = true,
                            .size = (uint8_t)size,
                            .mmio = { address },
                            .value = value };
    machine_mmio(f->machine, vcpu, &exit);
}

static bool write_msr(struct fixture *f, uint32_t index, uint64_t value)
{
    struct vm_exit exit = {
        .reason = VM_EXIT_MSR, .write = true, .msr = { .index = index }, .value = value
    };
    machine_msr(f->machine, 0, &exit);
    return !exit.msr.refused;
}

static bool read_msr(struct fixture *f, uint32_t index, uint64_t *value)
{
    struct vm_exit exit = { .reason = VM_EXIT_MSR, .msr = { .index = index } };
    machine_msr(f->machine, 0, &exit);
    *value = exit.value;
    return !exit.msr.refused;
}

static uint32_t configuration(struct fixture *f, unsigned slot, unsigned function, unsigned offset)
{
    out(f, 0xcf8, 4, 0x80000000 | slot << 11 | function << 8 | offset);
    return (uint32_t)in(f, 0xcfc, 4);
}

static void configure(struct fixture *f, unsigned slot, unsigned function, unsigned offset,
                      uint32_t value)
{
    out(f, 0xcf8, 4, 0x80000000 | slot << 11 | function << 8 | offset);
    out(f, 0xcfc, 4, value);
}

static void initialize_pic(struct fixture *f)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } words[] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, 0x01 },
                  { 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 0x02 }, { 0xa1, 0x01 } };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        out(f, words[i].port, 1, words[i].value);
}

static void memory_lies_around_its_holes(void **state)
{
    struct machine_memory_range ranges[MACHINE_MEMORY_RANGES];
    (void)state;
    assert_int_equal(machine_memory_map(MACHINE_MEMORY_LEAST, ranges), 3);
    assert_int_equal(ranges[0].base, 0x100000);
    assert_int_equal(ranges[0].size, MACHINE_MEMORY_LEAST - 0x100000);
    assert_int_equal(machine_memory_map(UINT64_C(4) << 30, ranges), 4);
    assert_int_equal(ranges[0].base + ranges[0].size, 0xc0000000);
    assert_int_equal(ranges[1].base, UINT64_C(1) << 32);
    assert_int_equal(ranges[1].size, 0x40000000);
}

static void memory_has_bounds(void **state)
{
    struct machine_memory_range ranges[MACHINE_MEMORY_RANGES];
    (void)state;
    assert_int_equal(machine_memory_map(0, ranges), 0);
    assert_int_equal(machine_memory_map(MACHINE_MEMORY_LEAST - 0x100000, ranges), 0);
    assert_int_equal(machine_memory_map(MACHINE_MEMORY_LEAST + 4096, ranges), 0);
    assert_int_equal(machine_memory_map(MACHINE_MEMORY_MOST, ranges), 4);
    assert_int_equal(machine_memory_map(MACHINE_MEMORY_MOST + 0x100000, ranges), 0);
    assert_int_equal(machine_memory_map(UINT64_MAX & ~UINT64_C(0xfffff), ranges), 0);
}

static void a_machine_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;
    f->request.vcpu_count = 0;
    assert_null(machine_create(&f->platform, &f->request, &why));
    assert_non_null(why);
    f->request.vcpu_count = MACHINE_VCPUS + 1;
    assert_null(machine_create(&f->platform, &f->request, &why));
    f->request.vcpu_count = 1;
    f->request.disk_count = MACHINE_DISKS + 1;
    assert_null(machine_create(&f->platform, &f->request, &why));
    f->request.disk_count = 0;
    f->platform.out_of_memory = true;
    assert_null(machine_create(&f->platform, &f->request, &why));
    assert_non_null(why);
}

static void nobody_answers_with_all_ones(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    assert_int_equal(in(f, 0x300, 1), 0xff);
    assert_int_equal(in(f, 0x300, 4), 0xffffffff);
    assert_int_equal(in(f, 0xffff, 4), 0xffffffff);
    assert_int_equal(load(f, 0, 0xd0000000, 8), UINT64_MAX);
    assert_int_equal(load(f, 0, UINT64_MAX, 8), UINT64_MAX);
    out(f, 0x300, 4, 0);
    store(f, 0, UINT64_MAX - 3, 8, 0);
}

static void wide_accesses_to_narrow_chips_are_split(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    out(f, 0x3fe, 2, 0x5aff); /* MSR, which cannot be written, and scratch */
    assert_int_equal(in(f, 0x3ff, 1), 0x5a);
    assert_int_equal(in(f, 0x3fe, 2), 0x5ab0);
    assert_int_equal(in(f, 0x3ff, 2), 0xff5a); /* beyond the end nobody answers */
}

static void the_bridge_and_the_functions_of_the_chipset_are_there(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    assert_int_equal(configuration(f, 0, 0, 0), 0x12378086);
    assert_int_equal(configuration(f, 1, 0, 0), 0x71108086);
    assert_int_equal(configuration(f, 1, 1, 0), 0x71118086);
    assert_int_equal(configuration(f, 1, 3, 0), 0x71138086);
    assert_int_equal(configuration(f, 2, 0, 0), 0x100e8086);
    assert_int_equal(configuration(f, 1, 0, PCI_CACHE_LINE_SIZE) >> 16 & 0xff, 0x80);
}

static void nothing_of_machine_pc_tells_of_virtualization(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    for (unsigned i = 0; i < 256; i++) {
        uint32_t identity = configuration(f, i / 8, i % 8, 0);
        assert_true(identity == 0xffffffff || (identity & 0xffff) == 0x8086);
    }
    assert_false(cpuid_find(machine_cpuid(f->machine), 1, 0)->ecx >> 31);
    assert_false(machine_has_hypercalls(f->machine));
}

static void firmware_gives_bars_addresses_that_decode(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    uint32_t bar = configuration(f, 2, 0, PCI_BASE_ADDRESS);
    assert_true(bar >= 0xc0000000 && bar < 0xfec00000);
    assert_true(configuration(f, 2, 0, PCI_COMMAND) & PCI_COMMAND_MEMORY);
    assert_int_not_equal(load(f, 0, bar + 8, 4), 0xffffffff); /* STATUS of the network */
    configure(f, 2, 0, PCI_BASE_ADDRESS, 0xd0000000);
    assert_int_equal(load(f, 0, bar + 8, 4), 0xffffffff);
    assert_int_not_equal(load(f, 0, 0xd0000008, 4), 0xffffffff);
}

static void a_bar_over_a_chip_leaves_the_chip_alone(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    configure(f, 2, 0, PCI_BASE_ADDRESS, 0xfec00000);
    store(f, 0, 0xfec00000, 4, 1);
    assert_int_equal(load(f, 0, 0xfec00010, 4), 0x00170011);
    configure(f, 2, 0, PCI_BASE_ADDRESS, 0xd0000000);
    assert_int_not_equal(load(f, 0, 0xd0000008, 4), 0xffffffff);
}

static void the_serial_line_reaches_its_console_and_interrupts(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    initialize_pic(f);
    out(f, 0x3f8, 1, 'A');
    out(f, 0x2f8, 1, 'B');
    assert_int_equal(f->consoles[0].output[0], 'A');
    assert_int_equal(f->consoles[1].output[0], 'B');
    out(f, 0x3fc, 1, 0x08);
    out(f, 0x3f9, 1, 0x01);
    fake_console_type(&f->consoles[0], "x");
    assert_true(machine_interrupt_pending(f->machine, 0));
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x24);
    assert_int_equal(machine_acknowledge(f->machine, 0), -1);
    assert_int_equal(in(f, 0x3e8, 1), 0xff); /* COM3 is not there */
}

static void the_timer_interrupts_through_both_controllers(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    initialize_pic(f);
    store(f, 0, 0xfec00000, 4, 0x14); /* pin 2 */
    store(f, 0, 0xfec00010, 4, 0x31);
    fake_advance(&f->platform, 60000000);
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x20);
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x31);
}

static void pins_arrive_at_the_io_apic_and_where_they_are_routed(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    initialize_pic(f);
    store(f, 0, 0xfec00000, 4, 0x10 + 2 * 18); /* slot 2, INTA#: PIRQC */
    store(f, 0, 0xfec00010, 4, 0x8041);
    uint32_t bar = configuration(f, 2, 0, PCI_BASE_ADDRESS);
    assert_int_equal(configuration(f, 2, 0, PCI_INTERRUPT_LINE) & 0xffff, 0x010a);
    store(f, 0, bar + 0xd0, 4, 4); /* IMS, ICS: link change */
    store(f, 0, bar + 0xc8, 4, 4);
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x2a);
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x41);
    load(f, 0, bar + 0xc0, 4);
    assert_int_equal(in(f, 0xa0, 1), 0);
}

static void each_processor_has_its_apic(void **state)
{
    struct fixture *f = *state;
    uint64_t value;
    create(f, MACHINE_PC);
    assert_int_equal(load(f, 0, 0xfee00020, 4), 0);
    assert_int_equal(load(f, 1, 0xfee00020, 4), 0x01000000);
    machine_write_task_priority(f->machine, 1, 5);
    assert_int_equal(load(f, 1, 0xfee00080, 4), 0x50);
    assert_int_equal(machine_read_task_priority(f->machine, 1), 5);
    assert_true(read_msr(f, 0x1b, &value));
    assert_int_equal(value, 0xfee00900);
    assert_false(read_msr(f, 0x802, &value));
    assert_true(write_msr(f, 0x1b, 0xfee00d00));
    assert_true(read_msr(f, 0x803, &value));
    assert_int_equal(value, 0x50014);
    assert_int_equal(load(f, 0, 0xfee00020, 4), 0xffffffff);
}

static void unknown_msrs_are_refused(void **state)
{
    struct fixture *f = *state;
    uint64_t value;
    create(f, MACHINE_PC);
    assert_false(read_msr(f, 0x12345678, &value));
    assert_false(write_msr(f, 0x4b564d00, 1)); /* the KVM clock is none of machine pc */
    assert_true(read_msr(f, 0xce, &value));
    assert_int_equal(value, 0);
}

static void soft_off_powers_off_and_the_button_asks_for_it(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    boot(f);
    initialize_pic(f);
    out(f, 0x604, 2, 1); /* SCI_EN */
    out(f, 0x602, 2, 0x100);
    machine_power_button(f->machine);
    assert_int_equal(in(f, 0x600, 2), 0x100);
    assert_int_equal(machine_acknowledge(f->machine, 0), 0x29);
    out(f, 0x600, 2, 0x100);
    out(f, 0x604, 2, 0x2001);
    assert_int_equal(f->platform.event_count, 1);
    assert_int_equal(f->platform.events[0], MACHINE_POWER_OFF);
}

static void resets_are_the_hosts(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    out(f, 0xcf9, 1, 0x02);
    assert_int_equal(f->platform.event_count, 0);
    out(f, 0xcf9, 1, 0x06);
    assert_int_equal(in(f, 0xcf9, 1), 0x06);
    out(f, 0x92, 1, 0x01);
    assert_int_equal(f->platform.event_count, 2);
    assert_int_equal(f->platform.events[1], MACHINE_RESET);
}

static void machine_micro_has_virtio_devices(void **state)
{
    struct fixture *f = *state;
    f->request.consoles[0] = (struct machine_console){ "", &f->consoles[1] };
    f->request.console_count = 1;
    create(f, MACHINE_MICRO);
    assert_int_equal(configuration(f, 2, 0, 0), 0x10431af4); /* console */
    assert_int_equal(configuration(f, 3, 0, 0), 0x10421af4); /* block */
    assert_int_equal(configuration(f, 4, 0, 0), 0x10411af4); /* network */
    assert_int_equal(configuration(f, 5, 0, 0), 0x10441af4); /* entropy */
    assert_int_equal(configuration(f, 6, 0, 0), 0x10451af4); /* balloon */
    assert_int_equal(configuration(f, 1, 1, 0), 0xffffffff); /* no IDE */
    assert_true(cpuid_find(machine_cpuid(f->machine), 1, 0)->ecx >> 31);
    assert_true(machine_has_hypercalls(f->machine));
    assert_non_null(machine_balloon(f->machine));
}

static void every_processor_has_the_same_memory_types(void **state)
{
    struct fixture *f = *state;
    struct cpu_state cpu;
    create(f, MACHINE_PC);
    machine_waiting_state(f->machine, &cpu);
    assert_int_equal(cpu.mtrr_default_type, 0xc06);
    assert_int_equal(cpu.mtrr_base[0], 0xc0000000);
    assert_int_equal(cpu.mtrr_mask[0] & 0xffffffff, 0xc0000800);
    assert_int_equal(cpu.mtrr_mask[1], 0);
    assert_int_equal(cpu.rip, 0xfff0);
}

static void an_nmi_goes_to_all(void **state)
{
    struct fixture *f = *state;
    create(f, MACHINE_PC);
    machine_nmi(f->machine);
    assert_int_equal(fake_signals(&f->platform, 0, VCPU_SIGNAL_NMI), 1);
    assert_int_equal(fake_signals(&f->platform, 1, VCPU_SIGNAL_NMI), 0); /* not started */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(memory_lies_around_its_holes),
        TEST(memory_has_bounds),
        TEST(a_machine_that_cannot_be_is_refused),
        TEST(nobody_answers_with_all_ones),
        TEST(wide_accesses_to_narrow_chips_are_split),
        TEST(the_bridge_and_the_functions_of_the_chipset_are_there),
        TEST(nothing_of_machine_pc_tells_of_virtualization),
        TEST(firmware_gives_bars_addresses_that_decode),
        TEST(a_bar_over_a_chip_leaves_the_chip_alone),
        TEST(the_serial_line_reaches_its_console_and_interrupts),
        TEST(the_timer_interrupts_through_both_controllers),
        TEST(pins_arrive_at_the_io_apic_and_where_they_are_routed),
        TEST(each_processor_has_its_apic),
        TEST(unknown_msrs_are_refused),
        TEST(soft_off_powers_off_and_the_button_asks_for_it),
        TEST(resets_are_the_hosts),
        TEST(machine_micro_has_virtio_devices),
        TEST(every_processor_has_the_same_memory_types),
        TEST(an_nmi_goes_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
