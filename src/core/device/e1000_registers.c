// SPDX-License-Identifier: Apache-2.0
/* The register table of the 82540EM (317453, table 13-2): what can be written, what it is after a
 * reset, and what else happens. What is not in it reads as zero. */
#include "core/device/e1000_parts.h"
#include "core/memory/copy.h"

struct row {
    uint16_t first, last;
    uint32_t writable, reset;
    /* The register holds the new value already. */
    void (*written)(struct e1000 *e1000, uint32_t offset, uint32_t before);
    uint32_t (*read)(struct e1000 *e1000, uint32_t offset);
};

#define ALL      0xffffffffu
#define RING_LEN 0x000fff80u
#define RING_LOW 0xfffffff0u
#define STATUS   0x00000283u /* full duplex, link up, 1000 Mbit/s by the PHY */

static void written_ctrl(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    uint32_t *ctrl = e1000_register(e1000, offset);
    (void)before;
    if (*ctrl & E1000_CTRL_PHY_RST)
        e1000_phy_reset(e1000);
    if (*ctrl & E1000_CTRL_RST)
        e1000_registers_reset(e1000);
    *ctrl &= ~(E1000_CTRL_RST | E1000_CTRL_PHY_RST); /* both end by themselves */
}

/* The Ethernet address comes from the EEPROM after a reset. */
static void load_address(struct e1000 *e1000)
{
    const uint16_t *words = e1000->eeprom.words;
    *e1000_register(e1000, E1000_RA) = words[0] | (uint32_t)words[1] << 16;
    *e1000_register(e1000, E1000_RA + 4) = words[2] | UINT32_C(1) << 31; /* valid */
}

static void written_ctrl_ext(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    uint32_t *ctrl_ext = e1000_register(e1000, offset);
    (void)before;
    if (*ctrl_ext & E1000_CTRL_EXT_EERST)
        load_address(e1000);
    *ctrl_ext &= ~E1000_CTRL_EXT_EERST;
}

static uint32_t read_icr(struct e1000 *e1000, uint32_t offset)
{
    uint32_t causes = e1000_get(e1000, offset);
    *e1000_register(e1000, offset) = 0;
    e1000_interrupt_update(e1000);
    return causes;
}

/* A 1 clears a cause. */
static void written_icr(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    *e1000_register(e1000, offset) = before & ~e1000_get(e1000, offset);
    e1000_interrupt_update(e1000);
}

static void written_ics(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    uint32_t causes = e1000_get(e1000, offset);
    (void)before;
    *e1000_register(e1000, offset) = 0;
    e1000_interrupt(e1000, causes);
}

static void written_ims(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    *e1000_register(e1000, offset) |= before;
    e1000_interrupt_update(e1000);
}

static void written_imc(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    (void)before;
    *e1000_register(e1000, E1000_IMS) &= ~e1000_get(e1000, offset);
    *e1000_register(e1000, offset) = 0;
    e1000_interrupt_update(e1000);
}

/* There may be room to receive now. */
static void written_receive(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    (void)offset, (void)before;
    platform_net_ready(e1000->net);
}

static void written_transmit(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    (void)offset, (void)before;
    e1000_transmit(e1000);
}

static const struct row rows[] = {
    { 0 }, /* what is not there */
    { E1000_CTRL, E1000_CTRL, ALL, E1000_CTRL_FD, written_ctrl },
    { E1000_STATUS, E1000_STATUS, 0, STATUS },
    { E1000_EECD, E1000_EECD, 0x00000077, E1000_EECD_PRESENT, e1000_written_eecd, e1000_read_eecd },
    { E1000_EERD, E1000_EERD, 0x0000ff01, 0, e1000_written_eerd },
    { E1000_CTRL_EXT, E1000_CTRL_EXT, ALL, 0, written_ctrl_ext },
    { E1000_MDIC, E1000_MDIC, 0x2fffffff, 0, e1000_written_mdic },
    { E1000_FCAL, E1000_FCAL, ALL, 0 },
    { E1000_FCAH, E1000_FCAH, 0xffff, 0 },
    { E1000_FCT, E1000_FCT, 0xffff, 0 },
    { E1000_VET, E1000_VET, 0xffff, 0x8100 },
    { E1000_ICR, E1000_ICR, ALL, 0, written_icr, read_icr },
    { E1000_ITR, E1000_ITR, 0xffff, 0 },
    { E1000_ICS, E1000_ICS, E1000_INTERRUPT_CAUSES, 0, written_ics },
    { E1000_IMS, E1000_IMS, E1000_INTERRUPT_CAUSES, 0, written_ims },
    { E1000_IMC, E1000_IMC, E1000_INTERRUPT_CAUSES, 0, written_imc },
    { E1000_RCTL, E1000_RCTL, 0x06dff3fe, 0, written_receive },
    { E1000_FCTTV, E1000_FCTTV, 0xffff, 0 },
    { E1000_TXCW, E1000_TXCW, ALL, 0 },
    { E1000_TCTL, E1000_TCTL, 0x017ffffa, 0, written_transmit },
    { E1000_TIPG, E1000_TIPG, 0x3fffffff, 0 },
    { E1000_AIFS, E1000_AIFS, 0xffff, 0 },
    { E1000_LEDCTL, E1000_LEDCTL, ALL, 0x07068302 },
    { E1000_PBA, E1000_PBA, 0xffff, 0x00100030 },
    { E1000_FCRTL, E1000_FCRTL, 0x8000fff8, 0 },
    { E1000_FCRTH, E1000_FCRTH, 0x0000fff8, 0 },
    { E1000_RDBAL, E1000_RDBAL, RING_LOW, 0 },
    { E1000_RDBAH, E1000_RDBAH, ALL, 0 },
    { E1000_RDLEN, E1000_RDLEN, RING_LEN, 0 },
    { E1000_RDH, E1000_RDH, 0xffff, 0 },
    { E1000_RDT, E1000_RDT, 0xffff, 0, written_receive },
    { E1000_RDTR, E1000_RDTR, 0xffff, 0 },
    { E1000_RXDCTL, E1000_RXDCTL, 0x013f3f3f, 0x00010000 },
    { E1000_RADV, E1000_RADV, 0xffff, 0 },
    { E1000_RSRPD, E1000_RSRPD, 0x0fff, 0 },
    { E1000_TDBAL, E1000_TDBAL, RING_LOW, 0 },
    { E1000_TDBAH, E1000_TDBAH, ALL, 0 },
    { E1000_TDLEN, E1000_TDLEN, RING_LEN, 0 },
    { E1000_TDH, E1000_TDH, 0xffff, 0 },
    { E1000_TDT, E1000_TDT, 0xffff, 0, written_transmit },
    { E1000_TIDV, E1000_TIDV, 0xffff, 0 },
    { E1000_TXDCTL, E1000_TXDCTL, 0xff3f3f3f, 0 },
    { E1000_TADV, E1000_TADV, 0xffff, 0 },
    { E1000_TSPMT, E1000_TSPMT, ALL, 0x01000400 },
    { E1000_STATISTICS, E1000_STATISTICS_LAST, 0, 0, NULL, e1000_read_statistics },
    { E1000_RXCSUM, E1000_RXCSUM, 0x03ff, 0 },
    { E1000_MTA, E1000_MTA + 0x1fc, ALL, 0 },
    { E1000_RA, E1000_RA + 0x7c, ALL, 0 },
    { E1000_VFTA, E1000_VFTA + 0x1fc, ALL, 0 },
    { E1000_WUC, E1000_WUC, 0x0f, 0 },
    { E1000_WUFC, E1000_WUFC, 0x0f80ff, 0 },
    { E1000_WUS, E1000_WUS, 0, 0 },
    { E1000_MANC, E1000_MANC, ALL, 0 },
};

void e1000_registers_initialize(struct e1000 *e1000)
{
    for (unsigned i = 1; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned offset = rows[i].first; offset <= rows[i].last; offset += 4)
            e1000->rows[offset / 4] = (uint8_t)i;
}

void e1000_registers_reset(struct e1000 *e1000)
{
    for (unsigned i = 0; i < E1000_REGISTERS_END / 4; i++)
        e1000->registers[i] = rows[e1000->rows[i]].reset;
    platform_timer_cancel(e1000->platform, &e1000->more);
    e1000->packet = (struct e1000_packet){ 0 };
    fill_bytes(e1000->contexts, 0, sizeof(e1000->contexts));
    load_address(e1000);
    e1000_interrupt_reset(e1000);
}

uint32_t e1000_read(struct e1000 *e1000, uint32_t offset)
{
    if (offset >= E1000_REGISTERS_END)
        return 0;
    const struct row *row = &rows[e1000->rows[offset / 4]];
    return row->read ? row->read(e1000, offset) : e1000_get(e1000, offset);
}

void e1000_write(struct e1000 *e1000, uint32_t offset, uint32_t value)
{
    if (offset >= E1000_REGISTERS_END)
        return;
    const struct row *row = &rows[e1000->rows[offset / 4]];
    uint32_t *reg = &e1000->registers[offset / 4], before = *reg;
    *reg = (before & ~row->writable) | (value & row->writable);
    if (row->written)
        row->written(e1000, offset, before);
}
