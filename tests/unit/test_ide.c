// SPDX-License-Identifier: Apache-2.0
#include "ide_fixture.h"

static void the_signature_of_a_disk_is_there_after_power_on(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(2);
    for (unsigned device = 0; device < 2; device++) {
        out8(m, PORT_DEVICE, (uint8_t)(device << 4));
        assert_int_equal(in8(m, PORT_STATUS), 0x50);
        assert_int_equal(in8(m, PORT_ERROR), 0x01);
        assert_int_equal(in8(m, PORT_COUNT), 1);
        assert_int_equal(in8(m, PORT_LOW), 1);
        assert_int_equal(in8(m, PORT_MID), 0);
        assert_int_equal(in8(m, PORT_HIGH), 0);
        assert_int_equal(in8(m, PORT_DEVICE), 0xa0 | device << 4);
    }
}

static void registers_keep_what_is_written(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned port = PORT_COUNT; port <= PORT_HIGH; port++) {
        out8(m, port, (uint8_t)(0x11 * port));
        out8(m, port, (uint8_t)(0xf0 | port));
    }
    for (unsigned port = PORT_COUNT; port <= PORT_HIGH; port++)
        assert_int_equal(in8(m, port), 0xf0 | port);
    control(m, IDE_CONTROL_HOB);
    for (unsigned port = PORT_COUNT; port <= PORT_HIGH; port++)
        assert_int_equal(in8(m, port), 0x11 * port);
    out8(m, PORT_COUNT, 7); /* a write of the command block takes HOB away */
    assert_int_equal(in8(m, PORT_LOW), 0xf3);
}

static void an_absent_second_disk_reads_as_status_zero(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    out8(m, PORT_DEVICE, IDE_DEVICE_DEV);
    assert_int_equal(in8(m, PORT_STATUS), 0);
    assert_int_equal(alternate_status(m), 0);
    out8(m, PORT_COMMAND, 0xec);
    assert_int_equal(in8(m, PORT_STATUS), 0);
    assert_false(m->interrupt);
    out8(m, PORT_DEVICE, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void an_empty_channel_floats(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(0);
    for (unsigned port = PORT_ERROR; port <= PORT_STATUS; port++)
        assert_int_equal(in8(m, port), 0xff);
    assert_int_equal(alternate_status(m), 0xff);
    out8(m, PORT_COMMAND, 0xec);
    assert_false(m->interrupt);
}

static void a_channel_that_is_not_decoded_is_not_there(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    pci_config_write(&m->ide.function, 0x40, 2, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0xff);
    out8(m, PORT_COUNT, 0x55);
    pci_config_write(&m->ide.function, 0x40, 2, 0x8000);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_int_equal(in8(m, PORT_COUNT), 1);
}

static void configuration_space_says_piix4(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    assert_int_equal(pci_config_read(&m->ide.function, 0, 4), 0x71118086);
    assert_int_equal(pci_config_read(&m->ide.function, 8, 4) >> 8, 0x010180);
    assert_int_equal(pci_config_read(&m->ide.function, 0x40, 4), 0x80008000);
    pci_config_write(&m->ide.function, 0x40, 4, 0xffffffff);
    assert_int_equal(pci_config_read(&m->ide.function, 0x40, 4), 0xf3fff3ff);
    pci_config_write(&m->ide.function, 0x48, 4, 0xffffffff);
    assert_int_equal(pci_config_read(&m->ide.function, 0x48, 4), 0x3333000f);
    assert_int_equal(pci_config_read(&m->ide.function, 0x3d, 1), 0); /* lines 14 and 15: no pin */
}

static void a_status_read_acknowledges_and_the_alternate_does_not(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0xe7, 0, 0);
    assert_true(m->interrupt);
    assert_int_equal(alternate_status(m), 0x50);
    assert_true(m->interrupt);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_false(m->interrupt);
}

static void nien_keeps_the_line_low(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    control(m, IDE_CONTROL_NIEN);
    command28(m, 0xe7, 0, 0);
    assert_false(m->interrupt);
    control(m, 0);
    assert_true(m->interrupt);
}

static void the_line_follows_the_selected_device(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(2);
    command28(m, 0xe7, 0, 0);
    out8(m, PORT_DEVICE, IDE_DEVICE_DEV);
    assert_false(m->interrupt);
    out8(m, PORT_DEVICE, 0);
    assert_true(m->interrupt);
}

static void a_software_reset_holds_the_disks_busy(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(2);
    command28(m, 0x20, 5, 1);
    control(m, IDE_CONTROL_SRST);
    assert_int_equal(in8(m, PORT_STATUS), 0x80);
    assert_false(m->interrupt);
    control(m, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_int_equal(in8(m, PORT_LOW), 1);
    assert_int_equal(in16(m), 0xffff); /* the transfer is gone */
}

static void a_reset_waits_for_the_request_under_way(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    command28(m, 0x20, 5, 1);
    assert_int_equal(in8(m, PORT_STATUS), 0xd0);
    control(m, IDE_CONTROL_SRST);
    control(m, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x80);
    fake_block_complete(&m->disks[0]);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    assert_int_equal(in8(m, PORT_ERROR), 1);
    assert_false(m->interrupt);
}

static void a_request_that_ends_while_srst_is_held_does_not_end_the_reset(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    command28(m, 0x20, 5, 1);
    control(m, IDE_CONTROL_SRST);
    fake_block_complete(&m->disks[0]);
    assert_int_equal(in8(m, PORT_STATUS), 0x80);
    control(m, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void a_busy_disk_takes_no_registers_and_no_commands(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    m->disks[0].hold = true;
    command28(m, 0x20, 5, 1);
    out8(m, PORT_LOW, 9);
    out8(m, PORT_COMMAND, 0xec);
    assert_int_equal(in8(m, PORT_LOW), 0xd0); /* any register reads as the status */
    fake_block_complete(&m->disks[0]);
    assert_int_equal(in8(m, PORT_LOW), 5);
    assert_int_equal(m->disks[0].request_count, 1);
}

static void one_disk_waits_while_the_other_has_data(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(2);
    command28(m, 0x20, 5, 1);
    out8(m, PORT_DEVICE, IDE_DEVICE_DEV);
    out8(m, PORT_COMMAND, 0xec);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    out8(m, PORT_DEVICE, 0);
    assert_int_equal(in8(m, PORT_STATUS), 0x58);
}

static uint16_t identify_words[256];

static void identify(struct machine *m)
{
    out8(m, PORT_COMMAND, 0xec);
    assert_int_equal(in8(m, PORT_STATUS), 0x58);
    for (unsigned i = 0; i < 256; i++)
        identify_words[i] = in16(m);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
}

static void assert_text(unsigned word, unsigned length, const char *expected)
{
    char text[41] = { 0 };
    for (unsigned i = 0; i < length; i++)
        text[i] = (char)(identify_words[word + i / 2] >> (i & 1 ? 0 : 8));
    assert_string_equal(text, expected);
}

static void identify_says_what_the_disk_is(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    identify(m);
    assert_int_equal(m->interrupts, 1);
    assert_text(10, 20, "QM00001             ");
    assert_text(23, 8, "1.0     ");
    assert_text(27, 40, "OPENVIRT HARDDISK                       ");
    assert_int_equal(identify_words[0], 0x0040);
    assert_int_equal(identify_words[1], DISK_SECTORS / 1008);
    assert_int_equal(identify_words[3], 16);
    assert_int_equal(identify_words[6], 63);
    assert_int_equal(identify_words[47], 0x8010);
    assert_int_equal(identify_words[49] & 0x0300, 0x0300); /* DMA, LBA */
    assert_int_equal(identify_words[53] & 7, 7);
    assert_int_equal(identify_words[60] | identify_words[61] << 16, DISK_SECTORS);
    assert_int_equal(identify_words[63], 0x0007);
    assert_int_equal(identify_words[83] & 0xc400, 0x4400); /* valid, 48-bit */
    assert_int_equal(identify_words[86] & 0x0400, 0x0400);
    assert_int_equal(identify_words[88], 0x003f);
    assert_int_equal(identify_words[100], DISK_SECTORS);
    assert_int_equal(identify_words[169], 1);
    uint8_t sum = 0;
    for (unsigned i = 0; i < 512; i++)
        sum = (uint8_t)(sum + ((uint8_t *)identify_words)[i]);
    assert_int_equal(sum, 0);
}

static void set_features(struct machine *m, uint8_t feature, uint8_t count, bool succeeds)
{
    out8(m, PORT_FEATURES, feature);
    out8(m, PORT_COUNT, count);
    out8(m, PORT_COMMAND, 0xef);
    assert_int_equal(in8(m, PORT_STATUS), succeeds ? 0x50 : 0x51);
    assert_int_equal(in8(m, PORT_ERROR), succeeds ? 0 : IDE_ERROR_ABRT);
}

static void set_features_changes_what_identify_says(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    set_features(m, 0x03, 0x45, true);
    identify(m);
    assert_int_equal(identify_words[88], 0x203f);
    set_features(m, 0x03, 0x22, true);
    identify(m);
    assert_int_equal(identify_words[88], 0x003f);
    assert_int_equal(identify_words[63], 0x0407);
    set_features(m, 0x03, 0x46, false);
    set_features(m, 0x03, 0x0c, true); /* PIO 4 */
    set_features(m, 0x03, 0x0d, false);
    set_features(m, 0x03, 0x10, false); /* single word DMA */
    assert_int_equal(identify_words[85] & 0x60, 0x60);
    set_features(m, 0x82, 0, true);
    assert_int_equal(m->disks[0].flush_count, 1);
    set_features(m, 0x55, 0, true);
    identify(m);
    assert_int_equal(identify_words[85] & 0x60, 0);
    set_features(m, 0x02, 0, true);
    set_features(m, 0xaa, 0, true);
    identify(m);
    assert_int_equal(identify_words[85] & 0x60, 0x60);
    set_features(m, 0x05, 0, false);
}

static void commands_that_are_not_there_abort(void **state)
{
    (void)state;
    static const uint8_t opcodes[] = { 0x00, 0x08, 0x60, 0xa0, 0xa1, 0xb0, 0xf5, 0xf9, 0xff };
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned i = 0; i < sizeof(opcodes); i++) {
        out8(m, PORT_COMMAND, opcodes[i]);
        assert_true(m->interrupt);
        assert_int_equal(in8(m, PORT_STATUS), 0x51);
        assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
    }
}

static void commands_without_data_end_well(void **state)
{
    (void)state;
    static const uint8_t opcodes[] = { 0x10, 0x40, 0x70, 0x94, 0x95, 0x96, 0x97, 0x99,
                                       0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0xe7, 0xea };
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned i = 0; i < sizeof(opcodes); i++) {
        command28(m, opcodes[i], 1, 1);
        assert_true(m->interrupt);
        assert_int_equal(in8(m, PORT_STATUS), 0x50);
    }
    for (unsigned opcode = 0x98; opcode <= 0xe5; opcode += 0xe5 - 0x98) {
        command28(m, (uint8_t)opcode, 0, 0);
        assert_int_equal(in8(m, PORT_COUNT), 0xff);
    }
}

static void diagnostics_answer_for_both_disks(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(2);
    out8(m, PORT_DEVICE, IDE_DEVICE_DEV);
    out8(m, PORT_LOW, 0x77);
    out8(m, PORT_COMMAND, 0x90);
    assert_true(m->interrupt);
    assert_int_equal(in8(m, PORT_DEVICE), 0xa0);
    assert_int_equal(in8(m, PORT_ERROR), 1);
    assert_int_equal(in8(m, PORT_LOW), 1);
    out8(m, PORT_DEVICE, IDE_DEVICE_DEV);
    assert_int_equal(in8(m, PORT_LOW), 1);
}

static void the_native_maximum_is_the_last_sector(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    command28(m, 0xf8, 0, 0);
    assert_int_equal(in8(m, PORT_LOW) | in8(m, PORT_MID) << 8, DISK_SECTORS - 1);
    m->ide.channels[0].drives[0].sectors = UINT64_C(0x123456789a);
    command28(m, 0xf8, 0, 0);
    assert_int_equal(in8(m, PORT_LOW), 0xff);
    assert_int_equal(in8(m, PORT_DEVICE) & 0x0f, 0x0f);
    command48(m, 0x27, 0, 0);
    assert_int_equal(in8(m, PORT_LOW), 0x99);
    assert_int_equal(in8(m, PORT_HIGH), 0x56);
    control(m, IDE_CONTROL_HOB);
    assert_int_equal(in8(m, PORT_LOW), 0x34);
    assert_int_equal(in8(m, PORT_MID), 0x12);
    assert_int_equal(in8(m, PORT_HIGH), 0x00);
}

static void set_multiple_takes_powers_of_two(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    for (unsigned count = 0; count < 256; count++) {
        bool good = count <= 16 && (count & (count - 1)) == 0;
        command28(m, 0xc6, 0, (uint8_t)count);
        assert_int_equal(in8(m, PORT_STATUS), good ? 0x50 : 0x51);
    }
    command28(m, 0xc6, 0, 0);
    command28(m, 0xc4, 0, 1); /* off: READ MULTIPLE aborts */
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_ABRT);
    command28(m, 0xc6, 0, 8);
    in8(m, PORT_STATUS);
    identify(m);
    assert_int_equal(identify_words[59], 0x108);
}

static void parameters_change_the_translation(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new(1);
    out8(m, PORT_DEVICE, 0xa3); /* 4 heads */
    out8(m, PORT_COUNT, 32);
    out8(m, PORT_COMMAND, 0x91);
    assert_int_equal(in8(m, PORT_STATUS), 0x50);
    out8(m, PORT_DEVICE, 0xa2); /* cylinder 3, head 2, sector 7 */
    out8(m, PORT_MID, 3);
    out8(m, PORT_HIGH, 0);
    out8(m, PORT_LOW, 7);
    out8(m, PORT_COUNT, 1);
    out8(m, PORT_COMMAND, 0x20);
    uint16_t expected;
    memcpy(&expected, m->disks[0].bytes + ((3 * 4 + 2) * 32 + 6) * IDE_SECTOR_SIZE, 2);
    assert_int_equal(in16(m), expected);
    control(m, IDE_CONTROL_SRST);
    control(m, 0);
    out8(m, PORT_DEVICE, 0xa0);
    out8(m, PORT_LOW, 0); /* sectors count from 1 */
    out8(m, PORT_COMMAND, 0x20);
    assert_int_equal(in8(m, PORT_STATUS), 0x51);
    assert_int_equal(in8(m, PORT_ERROR), IDE_ERROR_IDNF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_of_a_disk_is_there_after_power_on),
        cmocka_unit_test(registers_keep_what_is_written),
        cmocka_unit_test(an_absent_second_disk_reads_as_status_zero),
        cmocka_unit_test(an_empty_channel_floats),
        cmocka_unit_test(a_channel_that_is_not_decoded_is_not_there),
        cmocka_unit_test(configuration_space_says_piix4),
        cmocka_unit_test(a_status_read_acknowledges_and_the_alternate_does_not),
        cmocka_unit_test(nien_keeps_the_line_low),
        cmocka_unit_test(the_line_follows_the_selected_device),
        cmocka_unit_test(a_software_reset_holds_the_disks_busy),
        cmocka_unit_test(a_reset_waits_for_the_request_under_way),
        cmocka_unit_test(a_request_that_ends_while_srst_is_held_does_not_end_the_reset),
        cmocka_unit_test(a_busy_disk_takes_no_registers_and_no_commands),
        cmocka_unit_test(one_disk_waits_while_the_other_has_data),
        cmocka_unit_test(identify_says_what_the_disk_is),
        cmocka_unit_test(set_features_changes_what_identify_says),
        cmocka_unit_test(commands_that_are_not_there_abort),
        cmocka_unit_test(commands_without_data_end_well),
        cmocka_unit_test(diagnostics_answer_for_both_disks),
        cmocka_unit_test(the_native_maximum_is_the_last_sector),
        cmocka_unit_test(set_multiple_takes_powers_of_two),
        cmocka_unit_test(parameters_change_the_translation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
