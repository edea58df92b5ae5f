// SPDX-License-Identifier: Apache-2.0
/* Registers, EEPROM, PHY and interrupts of the 82540EM. */
#include "e1000_fixture.h"

static void configuration_space_says_82540em(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    struct pci_function *function = &m->e1000.function;
    assert_int_equal(pci_config_read(function, 0, 4), 0x100e8086);
    assert_int_equal(pci_config_read(function, 8, 4), 0x02000002);
    assert_int_equal(pci_config_read(function, 0x2c, 4), 0x001e8086);
    assert_int_equal(pci_config_read(function, 0x3d, 1), 1);
    pci_config_write(function, 0x10, 4, 0xffffffff);
    pci_config_write(function, 0x14, 4, 0xffffffff);
    assert_int_equal(pci_config_read(function, 0x10, 4), 0xfffe0000);
    assert_int_equal(pci_config_read(function, 0x14, 4), 0xffffffc1);
}

static void registers_have_their_reset_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, value;
    } expected[] = {
        { E1000_CTRL, 0x00000001 },
        { E1000_STATUS, 0x00000283 },
        { E1000_VET, 0x8100 },
        { E1000_LEDCTL, 0x07068302 },
        { E1000_PBA, 0x00100030 },
        { E1000_RCTL, 0 },
        { E1000_TCTL, 0 },
        { E1000_IMS, 0 },
        { E1000_ICR, 0 },
        { E1000_RA, 0x12005452 },
        { E1000_RA + 4, 0x80005634 },
        { E1000_RDLEN, 0 },
        { 0x0f00, 0 },
        { 0x5ffc, 0 },
        { 0x1fffc, 0 },
    };
    AUTO_MACHINE struct machine *m = machine_new();
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(get(m, expected[i].offset), expected[i].value);
    for (uint32_t offset = 0; offset < E1000_REGISTERS_END; offset += 4)
        set(m, offset, offset == E1000_CTRL || offset == E1000_TDT ? 0 : 0xffffffff);
    set(m, E1000_CTRL, E1000_CTRL_RST);
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(get(m, expected[i].offset), expected[i].value);
}

static void registers_keep_the_bits_that_they_have(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, kept;
    } expected[] = {
        { E1000_STATUS, 0x00000283 },
        { E1000_FCAH, 0xffff },
        { E1000_ITR, 0xffff },
        { E1000_RDBAL, 0xfffffff0 },
        { E1000_RDLEN, 0x000fff80 },
        { E1000_RDH, 0xffff },
        { E1000_TDBAL, 0xfffffff0 },
        { E1000_TDLEN, 0x000fff80 },
        { E1000_TDBAH, 0xffffffff },
        { E1000_RXCSUM, 0x3ff },
        { E1000_MTA + 0x1fc, ~0u },
        { E1000_VFTA, ~0u },
        { E1000_RA + 0x7c, ~0u },
        { E1000_TIPG, 0x3fffffff },
        { E1000_FCRTH, 0xfff8 },
        { E1000_GPRC, 0 },
        { 0x5fa0, 0 },
    };
    AUTO_MACHINE struct machine *m = machine_new();
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        set(m, expected[i].offset, 0xffffffff);
        assert_int_equal(get(m, expected[i].offset), expected[i].kept);
    }
    const struct register_range *registers = m->e1000.function.bars[0].registers;
    registers->write(&m->e1000, E1000_FCAL, 4, 0x11223344);
    registers->write(&m->e1000, E1000_FCAL, 1, 0x99); /* parts are not written */
    assert_int_equal((uint8_t)registers->read(&m->e1000, E1000_FCAL + 2, 1), 0x22);
    assert_int_equal((uint16_t)registers->read(&m->e1000, E1000_FCAL, 2), 0x3344);
}

static void ports_reach_the_registers(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    const struct register_range *ports = m->e1000.function.bars[1].registers;
    ports->write(&m->e1000, 0, 4, E1000_FCAL);
    ports->write(&m->e1000, 4, 4, 0xc0ffee);
    assert_int_equal(ports->read(&m->e1000, 0, 4), E1000_FCAL);
    assert_int_equal(ports->read(&m->e1000, 4, 4), 0xc0ffee);
    assert_int_equal(get(m, E1000_FCAL), 0xc0ffee);
    ports->write(&m->e1000, 0, 4, 0xfffffffc);
    assert_int_equal(ports->read(&m->e1000, 4, 4), 0);
}

/* -- EEPROM -- */

static uint16_t eerd(struct machine *m, unsigned address)
{
    set(m, E1000_EERD, address << 8 | 1);
    assert_true(get(m, E1000_EERD) & 0x10);
    return (uint16_t)(get(m, E1000_EERD) >> 16);
}

static void clock_bit(struct machine *m, uint32_t bit)
{
    uint32_t lines = E1000_EECD_CS | E1000_EECD_REQ | (bit ? E1000_EECD_DI : 0);
    set(m, E1000_EECD, lines);
    set(m, E1000_EECD, lines | E1000_EECD_SK);
}

static uint16_t clock_word(struct machine *m)
{
    uint16_t word = 0;
    for (unsigned i = 0; i < 16; i++) {
        clock_bit(m, 0);
        word = (uint16_t)(word << 1 | !!(get(m, E1000_EECD) & E1000_EECD_DO));
    }
    return word;
}

static void command(struct machine *m, unsigned bits, unsigned count)
{
    set(m, E1000_EECD, E1000_EECD_REQ);
    set(m, E1000_EECD, E1000_EECD_REQ | E1000_EECD_CS);
    while (count-- > 0)
        clock_bit(m, bits >> count & 1);
}

static void the_eeprom_holds_address_and_checksum(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint16_t sum = 0;
    for (unsigned i = 0; i < 64; i++)
        sum = (uint16_t)(sum + eerd(m, i));
    assert_int_equal(sum, 0xbaba);
    assert_int_equal(eerd(m, 0), 0x5452);
    assert_int_equal(eerd(m, 2), 0x5634);
    assert_int_equal(eerd(m, 0x0d), 0x100e);
    assert_int_equal(eerd(m, 64), 0xffff);
}

static void the_eeprom_is_read_bit_by_bit(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set(m, E1000_EECD, E1000_EECD_REQ);
    assert_true(get(m, E1000_EECD) & E1000_EECD_GNT);
    for (unsigned i = 0; i < 64; i++) {
        command(m, 0x180 | i, 9);
        assert_false(get(m, E1000_EECD) & E1000_EECD_DO); /* a zero before the data */
        assert_int_equal(clock_word(m), eerd(m, i));
    }
    command(m, 0x180, 12); /* zeroes before the start bit do not count */
    assert_int_equal(clock_word(m), eerd(m, 0));
    assert_int_equal(clock_word(m), eerd(m, 1)); /* and on with the next */
    command(m, 0x140 | 5, 9);                    /* WRITE */
    clock_word(m);
    assert_int_equal(eerd(m, 5), 0);
    set(m, E1000_EECD, 0);
    assert_false(get(m, E1000_EECD) & E1000_EECD_GNT);
}

static void the_eeprom_loads_the_address_again(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set(m, E1000_RA, 0);
    set(m, E1000_RA + 4, 0);
    set(m, E1000_CTRL_EXT, E1000_CTRL_EXT_EERST);
    assert_int_equal(get(m, E1000_RA), 0x12005452);
    assert_int_equal(get(m, E1000_RA + 4), 0x80005634);
    assert_int_equal(get(m, E1000_CTRL_EXT), 0);
}

/* -- PHY -- */

static uint32_t mdic(struct machine *m, unsigned phy, unsigned number)
{
    set(m, E1000_MDIC, 2u << 26 | phy << 21 | number << 16);
    return get(m, E1000_MDIC);
}

static uint16_t phy(struct machine *m, unsigned number)
{
    uint32_t value = mdic(m, 1, number);
    assert_int_equal(value >> 28, 1); /* ready, no error */
    return (uint16_t)value;
}

static void set_phy(struct machine *m, unsigned number, uint16_t value)
{
    set(m, E1000_MDIC, 1u << 26 | 1u << 21 | number << 16 | value);
    assert_int_equal(get(m, E1000_MDIC) >> 28, 1);
}

static void the_phy_has_negotiated_a_link(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    assert_int_equal(phy(m, 2), 0x0141);
    assert_int_equal(phy(m, 3), 0x0c20);
    assert_int_equal(phy(m, 1) & 0x0024, 0x0024); /* complete, up */
    assert_int_equal(phy(m, 17) & 0xec00, 0xac00);
    assert_int_equal(phy(m, 10) & 0x3000, 0x3000);
    assert_true(mdic(m, 2, 2) & 1u << 30);
}

static void phy_registers_keep_what_they_may(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set_phy(m, 4, 0x1234);
    assert_int_equal(phy(m, 4), 0x1234);
    set_phy(m, 1, 0);
    assert_int_equal(phy(m, 1), 0x796d);
    set_phy(m, 0, 0x8000);
    assert_int_equal(phy(m, 4), 0x0de1);
    assert_int_equal(phy(m, 0), 0x1140);
    set_phy(m, 0, 0x1340); /* negotiate again */
    assert_int_equal(phy(m, 0), 0x1140);
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_LSC);
}

static void mdic_interrupts_when_it_is_asked_to(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    mdic(m, 1, 2);
    assert_int_equal(get(m, E1000_ICR), 0);
    set(m, E1000_MDIC, 1u << 29 | 2u << 26 | 1u << 21);
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_MDAC);
}

/* -- Interrupts -- */

static void the_mask_gates_causes(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set(m, E1000_ICS, E1000_INTERRUPT_LSC | E1000_INTERRUPT_RXT0);
    assert_false(m->interrupt);
    set(m, E1000_IMS, E1000_INTERRUPT_TXDW);
    assert_false(m->interrupt);
    set(m, E1000_IMS, E1000_INTERRUPT_LSC);
    assert_true(m->interrupt);
    assert_int_equal(get(m, E1000_IMS), E1000_INTERRUPT_TXDW | E1000_INTERRUPT_LSC);
    set(m, E1000_IMC, E1000_INTERRUPT_LSC);
    assert_false(m->interrupt);
    assert_int_equal(get(m, E1000_IMS), E1000_INTERRUPT_TXDW);
}

static void reading_causes_clears_them(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set(m, E1000_IMS, E1000_INTERRUPT_CAUSES);
    set(m, E1000_ICS, E1000_INTERRUPT_LSC | E1000_INTERRUPT_RXT0);
    set(m, E1000_ICR, E1000_INTERRUPT_LSC); /* a one clears */
    assert_true(m->interrupt);
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_RXT0);
    assert_false(m->interrupt);
    assert_int_equal(get(m, E1000_ICR), 0);
}

static void the_throttle_spaces_interrupts(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    m->platform.clock = 1000000;
    set(m, E1000_IMS, E1000_INTERRUPT_RXT0);
    set(m, E1000_ITR, 100); /* 25.6 us */
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0);
    assert_int_equal(m->interrupts, 1);
    get(m, E1000_ICR);
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0);
    assert_false(m->interrupt);
    fake_advance(&m->platform, 25599);
    assert_false(m->interrupt);
    fake_advance(&m->platform, 1);
    assert_int_equal(m->interrupts, 2);
    get(m, E1000_ICR);
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0);
    get(m, E1000_ICR); /* taken by polling before the pin rises */
    fake_advance(&m->platform, 100000);
    assert_int_equal(m->interrupts, 2);
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0);
    assert_int_equal(m->interrupts, 3);
}

static void reset_takes_the_interrupt_away(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    set(m, E1000_IMS, E1000_INTERRUPT_RXT0);
    set(m, E1000_ITR, 100);
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0);
    get(m, E1000_ICR);
    set(m, E1000_ICS, E1000_INTERRUPT_RXT0); /* throttled */
    e1000_reset(&m->e1000);
    fake_advance(&m->platform, 1000000);
    assert_int_equal(m->interrupts, 1);
    assert_int_equal(get(m, E1000_ICR), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_space_says_82540em),
        cmocka_unit_test(registers_have_their_reset_values),
        cmocka_unit_test(registers_keep_the_bits_that_they_have),
        cmocka_unit_test(ports_reach_the_registers),
        cmocka_unit_test(the_eeprom_holds_address_and_checksum),
        cmocka_unit_test(the_eeprom_is_read_bit_by_bit),
        cmocka_unit_test(the_eeprom_loads_the_address_again),
        cmocka_unit_test(the_phy_has_negotiated_a_link),
        cmocka_unit_test(phy_registers_keep_what_they_may),
        cmocka_unit_test(mdic_interrupts_when_it_is_asked_to),
        cmocka_unit_test(the_mask_gates_causes),
        cmocka_unit_test(reading_causes_clears_them),
        cmocka_unit_test(the_throttle_spaces_interrupts),
        cmocka_unit_test(reset_takes_the_interrupt_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
