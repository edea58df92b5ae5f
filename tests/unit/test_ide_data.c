// SPDX-License-Identifier: Apache-2.0
/* Data: PIO and the bus master, with guests that mean well and guests that do not. */
#include "ide_fixture.h"

static const uint8_t *on_disk(struct machine *m, uint64_t sector)
{
    return m->disks[0].bytes + sector * IDE_SECTOR_SIZE;
}

static void read_block(struct machine *m, uint8_t *bytes, unsigned sectors)
{
    assert_int_equal(in8(m, PORT_STATUS), 0x58);
    for (unsigned i = 0; i < sectors * 256; i++) {
        uint16_t word = in16(m);
        memcpy(bytes + 2 * i, &word, 2);
    }
}

static void pio_reads_interrupt_once_a_block(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        bool extended;
        unsigned block;
    } reads[] = { { 0x20, false, 1 },
                  { 0x21, false, 1 },
                  { 0x24, true, 1 },
                  { 0xc4, false, 16 },
                  { 0x29, true, 16 } };
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint8_t bytes[40 * 512];
    for (unsigned i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        m->interrupts = 0;
        if (reads[i].extended)
            command48(m, reads[i].opcode, 100, 40);
        else
            command28(m, reads[i].opcode, 100, 40);
        unsigned blocks = 0;
        for (unsigned done = 0; done < 40; blocks++) {
            unsigned block = 40 - done < reads[i].block ? 40 - done : reads[i].block;
            read_block(m, bytes + done * 512, block);
            done += block;
        }
        assert_memory_equal(bytes, on_disk(m, 100), sizeof(bytes));
        assert_int_equal(m->interrupts, blocks);
        assert_int_equal(in8(m, PORT_STATUS), 0x50);
        assert_int_equal(in16(m), 0xffff);
    }
}

static void a_count_of_zero_is_256_sectors_or_65536(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0x40, DISK_SECTORS - 256, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    command28(m, 0x40, DISK_SECTORS - 255, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    command48(m, 0x42, 0, 0);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
}

static void write_words(struct machine *m, const uint8_t *bytes, unsigned sectors)
{
    assert_int_equal(in8(m, PORT_STATUS), 0x58);
    ide_command_registers.write_string(channel(m), PORT_DATA, 2, bytes, sectors * 256);
}

static void pio_writes_interrupt_after_each_block(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        bool extended;
        unsigned block, flushes;
    } writes[] = { { 0x30, false, 1, 0 },  { 0x31, false, 1, 0 }, { 0x34, true, 1, 0 },
                   { 0xc5, false, 16, 0 }, { 0x39, true, 16, 0 }, { 0xce, true, 16, 1 } };
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint8_t bytes[20 * 512];
    for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        m->interrupts = 0;
        m->disks[0].flush_count = 0;
        memset(bytes, 0x10 + (int)i, sizeof(bytes));
        if (writes[i].extended)
            command48(m, writes[i].opcode, 200, 20);
        else
            command28(m, writes[i].opcode, 200, 20);
        assert_int_equal(m->interrupts, 0); /* none before the first block */
        unsigned blocks = 0;
        for (unsigned done = 0; done < 20; blocks++) {
            unsigned block = 20 - done < writes[i].block ? 20 - done : writes[i].block;
            write_words(m, bytes + done * 512, block);
            assert_int_equal(m->interrupts, blocks + 1);
            done += block;
        }
        assert_int_equal(in8(m, PORT_STATUS), 0x50);
        assert_memory_equal(on_disk(m, 200), bytes, sizeof(bytes));
        assert_int_equal(m->disks[0].flush_count, writes[i].flushes);
    }
}

static void strings_move_as_words_do(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint8_t bytes[3 * 512];
    command28(m, 0x20, 7, 2);
    ide_command_registers.read_string(channel(m), PORT_DATA, 2, bytes, 256 * 3);
    assert_memory_equal(bytes, on_disk(m, 7), 1024);
    for (unsigned i = 1024; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0xff); /* no more than there is */
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void double_words_and_bytes_move_too(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0x20, 7, 1);
    uint32_t value = (uint32_t)ide_command_registers.read(channel(m), 0, 4);
    assert_memory_equal(&value, on_disk(m, 7), 4);
    assert_int_equal((uint8_t)ide_command_registers.read(channel(m), 0, 1), on_disk(m, 7)[4]);
}

static void without_its_write_cache_a_disk_flushes(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint8_t bytes[512] = { 1 };
    out8(m, PORT_FEATURES, 0x82);
    out8(m, PORT_COMMAND, 0xef);
    unsigned before = m->disks[0].flush_count;
    command28(m, 0x30, 3, 1);
    write_words(m, bytes, 1);
    assert_int_equal(m->disks[0].flush_count, before + 1);
}

static void a_disk_that_cannot_be_written_says_so(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].read_only = true;
    command28(m, 0x30, 3, 1);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT | IDE_ERROR_WP);
    assert_int_equal(m->disks[0].request_count, 0);
}

static void errors_of_the_disk_reach_the_guest(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint8_t bytes[512] = { 0 };
    m->disks[0].status = -5;
    command28(m, 0x20, 0x123, 1);
    assert_true(m->interrupt);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_UNC);
    assert_int_equal(in8(m, PORT_LOW), 0x23);
    assert_int_equal(in8(m, PORT_MID), 0x01);
    command28(m, 0x30, 0, 1);
    write_words(m, bytes, 1);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
    command28(m, 0xe7, 0, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    m->disks[0].status = 0;
    command28(m, 0x20, 0x123, 1);
    assert_int_equal(in8(m, PORT_STATUS), 0x58);
}

static void sectors_beyond_the_end_are_not_found(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0x20, DISK_SECTORS, 1);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
    command28(m, 0xc8, DISK_SECTORS - 1, 2);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
    command48(m, 0x25, UINT64_C(0xffffffffffff), 1);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
    assert_int_equal(m->disks[0].request_count, 0);
}

/* -- The bus master -- */

static void bus_master_registers_keep_their_bits(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned base = 0; base <= 8; base += 8) {
        bus_master_out(m, base + 4, 4, 0x12345677);
        assert_int_equal(bus_master_in(m, base + 4, 4), 0x12345674);
        assert_int_equal(bus_master_in(m, base + 6, 1), 0x34);
        bus_master_out(m, base, 1, 0xf8);
        assert_int_equal(bus_master_in(m, base, 1), 0x08);
        bus_master_out(m, base + 2, 1, 0xff);
        assert_int_equal(bus_master_in(m, base + 2, 1), 0x60);
        assert_int_equal(bus_master_in(m, base + 1, 1), 0);
    }
}

static void any_interrupt_is_latched_until_it_is_cleared(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0xe7, 0, 0);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
    in8(m, PORT_STATUS);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
    bus_master_out(m, 2, 1, IDE_BUS_MASTER_INTERRUPT);
    assert_int_equal(bus_master_in(m, 2, 1), 0);
}

static void dma_reads_into_scattered_memory(void **state)
{
    (void)state;
    static const uint32_t lengths[] = { 2, 510, 1000, 24, 4096, 65536 - 5632 + 2 * 512 - 2, 2 };
    AUTO_MACHINE struct machine *m = machine_new(1);
    uint32_t total = 0;
    for (unsigned i = 0; i < 7; i++) {
        put_region(m, i, 0x10000 * (i + 1) + 2 * i, lengths[i], i == 6);
        total += lengths[i];
    }
    assert_int_equal(total % 512, 0);
    for (unsigned extended = 0; extended < 2; extended++) {
        memset(m->ram + 0x10000, 0, MEMORY_SIZE - 0x10000);
        if (extended)
            command48(m, 0x25, 50, (uint16_t)(total / 512));
        else
            command28(m, 0xc8, 50, (uint8_t)(total / 512));
        assert_int_equal(alternate_status(m), 0x58);
        start_bus_master(m, true);
        assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
        assert_true(m->interrupt);
        assert_int_equal(in8(m, PORT_STATUS), 0x50);
        for (uint32_t i = 0, done = 0; i < 7; done += lengths[i++])
            assert_memory_equal(m->ram + 0x10000 * (i + 1) + 2 * i, on_disk(m, 50) + done,
                                lengths[i]);
        bus_master_out(m, 0, 1, 8);
    }
}

static void dma_writes_from_memory(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        bool extended;
        unsigned flushes;
    } writes[] = { { 0xca, false, 0 }, { 0xcb, false, 0 }, { 0x35, true, 0 }, { 0x3d, true, 1 } };
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned i = 0; i < 4; i++) {
        memset(m->ram + 0x20000, 0x40 + (int)i, 0x1000);
        m->disks[0].flush_count = 0;
        put_region(m, 0, 0x20000, 0x800, false);
        put_region(m, 1, 0x20800, 0x800, true);
        start_bus_master(m, false); /* before the command: that is allowed */
        assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_ACTIVE);
        if (writes[i].extended)
            command48(m, writes[i].opcode, 60, 8);
        else
            command28(m, writes[i].opcode, 60, 8);
        assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
        assert_memory_equal(on_disk(m, 60), m->ram + 0x20000, 0x1000);
        assert_int_equal(m->disks[0].flush_count, writes[i].flushes);
        bus_master_out(m, 0, 1, 0);
    }
}

static void many_small_regions_take_several_requests(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned i = 0; i < 1024; i++) /* 8 sectors in regions of 4 bytes, 8 bytes apart */
        put_region(m, i, 0x20000 + 8 * i, 4, i == 1023);
    command28(m, 0xc8, 9, 8);
    start_bus_master(m, true);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_true(m->disks[0].request_count > 1);
    for (unsigned i = 0; i < 1024; i++)
        assert_memory_equal(m->ram + 0x20000 + 8 * i, on_disk(m, 9) + 4 * i, 4);
}

static void sectors_that_straddle_requests_are_whole(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    unsigned count = 0;
    for (uint32_t left = 16 * 512; left > 0; count++) { /* 6 bytes: no sector ends with a region */
        uint32_t length = left < 6 ? left : 6;
        left -= length;
        put_region(m, count, 0x20000 + 8 * count, length, left == 0);
    }
    command28(m, 0xc8, 9, 16);
    start_bus_master(m, true);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    for (unsigned i = 0; i + 1 < count; i++)
        assert_memory_equal(m->ram + 0x20000 + 8 * i, on_disk(m, 9) + 6 * i, 6);
}

static void code_in_memory_that_dma_overwrites_is_stale(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->frames[0x20].code_lines = 1u << 3;
    put_region(m, 0, 0x20000, 512, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    assert_int_not_equal(m->frames[0x20].version, 0);
}

static void a_table_longer_than_the_data_stays_active(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    put_region(m, 0, 0x20000, 1024, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_ACTIVE | IDE_BUS_MASTER_INTERRUPT);
    bus_master_out(m, 0, 1, 0);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
}

static void a_table_shorter_than_the_data_starves_the_disk(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    put_region(m, 0, 0x20000, 512 + 100, true);
    command28(m, 0xc8, 9, 4);
    start_bus_master(m, true);
    assert_int_equal(bus_master_in(m, 2, 1), 0); /* neither active nor interrupt */
    assert_false(m->interrupt);
    assert_int_equal(alternate_status(m), 0x58);
    assert_memory_equal(m->ram + 0x20000, on_disk(m, 9), 512);
    control(m, IDE_CONTROL_SRST);
    control(m, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void memory_that_is_not_there_is_a_bus_error(void **state)
{
    (void)state;
    static const struct {
        uint32_t address, length;
    } wrong[] = { { MEMORY_SIZE, 512 }, { MEMORY_SIZE - 256, 512 }, { 0xfffffe00, 0 } };
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned i = 0; i < 3; i++) {
        put_region(m, 0, wrong[i].address, wrong[i].length, true);
        command28(m, 0xc8, 9, 1);
        start_bus_master(m, true);
        assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_ERROR | IDE_BUS_MASTER_INTERRUPT);
        assert_int_equal(in8(m, PORT_STATUS), 0x51);
        bus_master_out(m, 0, 1, 0);
    }
    bus_master_out(m, 4, 4, 0xfffffffc); /* the table itself */
    bus_master_out(m, 2, 1, 6);
    command28(m, 0xc8, 9, 1);
    bus_master_out(m, 0, 1, 9);
    assert_int_equal(bus_master_in(m, 2, 1) & IDE_BUS_MASTER_ERROR, IDE_BUS_MASTER_ERROR);
    assert_int_equal(m->disks[0].request_count, 0);
}

static void a_table_without_end_ends(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    bus_master_out(m, 4, 4, 0x10000);
    for (unsigned i = 0; i < 16384; i++) {
        uint32_t descriptor[2] = { 0x80000, 2 };
        memcpy(m->ram + 0x10000 + 8 * i, descriptor, 8);
    }
    command28(m, 0xc8, 0, 0); /* 128 KiB: 65536 regions */
    bus_master_out(m, 0, 1, 9);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(bus_master_in(m, 2, 1) & IDE_BUS_MASTER_ERROR, IDE_BUS_MASTER_ERROR);
}

static void without_bus_mastering_nothing_moves(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    pci_config_write(&m->ide.function, 4, 2, 1);
    put_region(m, 0, 0x20000, 512, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    assert_int_equal(m->disks[0].request_count, 0);
    assert_int_equal(alternate_status(m), 0x58);
}

static void a_dma_request_that_comes_back_later_interrupts_then(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    put_region(m, 0, 0x20000, 512, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    assert_int_equal(alternate_status(m), 0xd0);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_ACTIVE);
    fake_block_complete(&m->disks[0]);
    assert_true(m->interrupt);
    assert_int_equal(bus_master_in(m, 2, 1), IDE_BUS_MASTER_INTERRUPT);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void stopped_and_reset_in_the_middle_a_dma_command_is_forgotten(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    put_region(m, 0, 0x20000, 512, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    bus_master_out(m, 0, 1, 0);
    assert_int_equal(bus_master_in(m, 2, 1), 0);
    control(m, IDE_CONTROL_SRST);
    control(m, 0);
    fake_block_complete(&m->disks[0]);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_false(m->interrupt);
}

static void put_range(struct machine *m, unsigned index, uint64_t sector, uint16_t count)
{
    uint64_t entry = sector | (uint64_t)count << 48;
    memcpy(m->ram + 0x20000 + 8 * index, &entry, 8);
}

static void trim(struct machine *m)
{
    put_region(m, 0, 0x20000, 512, true);
    out8(m, PORT_FEATURES, 0);
    out8(m, PORT_FEATURES, 1);
    command48(m, 0x06, 0, 1);
    start_bus_master(m, false);
}

static void trim_discards_its_ranges(void **state)
{
    (void)state;
    static const uint8_t zeroes[3 * 512];
    AUTO_MACHINE struct machine *m = machine_new(1);
    put_range(m, 0, 10, 3);
    put_range(m, 5, DISK_SECTORS - 1, 1);
    trim(m);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_int_equal(m->disks[0].discard_count, 2);
    assert_memory_equal(on_disk(m, 10), zeroes, sizeof(zeroes));
    assert_int_not_equal(on_disk(m, 13)[1], 0);
    put_range(m, 5, DISK_SECTORS - 1, 2);
    trim(m);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
}

static void trim_of_too_much_aborts(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    out8(m, PORT_FEATURES, 1);
    command48(m, 0x06, 0, 9);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
    command48(m, 0x06, 0, 0);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
    out8(m, PORT_FEATURES, 0);
    command48(m, 0x06, 0, 1);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
}

static void reset_forgets_a_request_under_way(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    put_region(m, 0, 0x20000, 512, true);
    command28(m, 0xc8, 9, 1);
    start_bus_master(m, true);
    ide_reset(&m->ide);
    assert_int_equal(in8(m, PORT_STATUS), 0x80);
    assert_int_equal(bus_master_in(m, 0, 1), 0);
    fake_block_complete(&m->disks[0]);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_int_equal(m->interrupts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pio_reads_interrupt_once_a_block),
        cmocka_unit_test(a_count_of_zero_is_256_sectors_or_65536),
        cmocka_unit_test(pio_writes_interrupt_after_each_block),
        cmocka_unit_test(strings_move_as_words_do),
        cmocka_unit_test(double_words_and_bytes_move_too),
        cmocka_unit_test(without_its_write_cache_a_disk_flushes),
        cmocka_unit_test(a_disk_that_cannot_be_written_says_so),
        cmocka_unit_test(errors_of_the_disk_reach_the_guest),
        cmocka_unit_test(sectors_beyond_the_end_are_not_found),
        cmocka_unit_test(bus_master_registers_keep_their_bits),
        cmocka_unit_test(any_interrupt_is_latched_until_it_is_cleared),
        cmocka_unit_test(dma_reads_into_scattered_memory),
        cmocka_unit_test(dma_writes_from_memory),
        cmocka_unit_test(many_small_regions_take_several_requests),
        cmocka_unit_test(sectors_that_straddle_requests_are_whole),
        cmocka_unit_test(code_in_memory_that_dma_overwrites_is_stale),
        cmocka_unit_test(a_table_longer_than_the_data_stays_active),
        cmocka_unit_test(a_table_shorter_than_the_data_starves_the_disk),
        cmocka_unit_test(memory_that_is_not_there_is_a_bus_error),
        cmocka_unit_test(a_table_without_end_ends),
        cmocka_unit_test(without_bus_mastering_nothing_moves),
        cmocka_unit_test(a_dma_request_that_comes_back_later_interrupts_then),
        cmocka_unit_test(stopped_and_reset_in_the_middle_a_dma_command_is_forgotten),
        cmocka_unit_test(trim_discards_its_ranges),
        cmocka_unit_test(trim_of_too_much_aborts),
        cmocka_unit_test(reset_forgets_a_request_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
