// SPDX-License-Identifier: Apache-2.0
/* The PHY behind MDIC: a Marvell 88E1011 (IEEE 802.3, clause 22, and its own registers 16 to 30)
 * whose link is always up at 1000 Mbit/s, negotiated. */
#include "core/device/e1000_parts.h"

#define PHY_ADDRESS 1u

#define MDIC_REGISTER_SHIFT 16
#define MDIC_PHY_SHIFT      21
#define MDIC_WRITE          (UINT32_C(1) << 26)
#define MDIC_READ           (UINT32_C(2) << 26)
#define MDIC_OPERATION      (UINT32_C(3) << 26)
#define MDIC_READY          (UINT32_C(1) << 28)
#define MDIC_INTERRUPT      (UINT32_C(1) << 29)
#define MDIC_ERROR          (UINT32_C(1) << 30)

#define CONTROL_RESET       0x8000u
#define CONTROL_RENEGOTIATE 0x0200u

static const struct {
    uint16_t reset, writable;
} phy_registers[E1000_PHY_REGISTERS] = {
    [0] = { 0x1140, 0xffff },                            /* control: negotiate, full duplex, 1000 */
    [1] = { 0x796d, 0 },                                 /* status: link, negotiation complete */
    [2] = { 0x0141, 0 },                                 /* identifier */
    [3] = { 0x0c20, 0 },       [4] = { 0x0de1, 0xffff }, /* what we advertise */
    [5] = { 0x45e1, 0 },                                 /* what the partner does */
    [6] = { 0x0007, 0 },       /* the partner negotiates, a page was received */
    [7] = { 0x2001, 0xffff },  /* next page */
    [9] = { 0x0e00, 0xffff },  /* 1000BASE-T control */
    [10] = { 0x3c00, 0 },      /* 1000BASE-T status: both receivers good, partner can */
    [15] = { 0x3000, 0 },      /* extended status: 1000BASE-T */
    [16] = { 0x0360, 0xffff }, /* PHY specific control */
    [17] = { 0xac00, 0 },      /* PHY specific status: 1000, full duplex, resolved, link */
    [18] = { 0, 0xffff },      /* interrupt enable */
    [20] = { 0x0d60, 0xffff }, /* extended PHY specific control */
    [24] = { 0x4100, 0xffff }, /* LEDs */
    [29] = { 0, 0xffff },      /* page */
    [30] = { 0, 0xffff },
};

void e1000_phy_reset(struct e1000 *e1000)
{
    for (unsigned i = 0; i < E1000_PHY_REGISTERS; i++)
        e1000->phy[i] = phy_registers[i].reset;
}

static void write_phy(struct e1000 *e1000, unsigned number, uint16_t value)
{
    uint16_t writable = phy_registers[number].writable;
    e1000->phy[number] = (uint16_t)((e1000->phy[number] & ~writable) | (value & writable));
    if (number != 0)
        return;
    if (value & CONTROL_RESET)
        e1000_phy_reset(e1000);
    bool renegotiated = value & CONTROL_RENEGOTIATE;
    e1000->phy[0] &= (uint16_t) ~(CONTROL_RESET | CONTROL_RENEGOTIATE);
    if (renegotiated) /* which takes no time: the link went and came */
        e1000_interrupt(e1000, E1000_INTERRUPT_LSC);
}

void e1000_written_mdic(struct e1000 *e1000, uint32_t offset, uint32_t before)
{
    uint32_t *mdic = e1000_register(e1000, offset);
    unsigned number = *mdic >> MDIC_REGISTER_SHIFT & 31, phy = *mdic >> MDIC_PHY_SHIFT & 31;
    uint32_t operation = *mdic & MDIC_OPERATION;
    (void)before;
    *mdic &= ~MDIC_ERROR;
    if (phy != PHY_ADDRESS || (operation != MDIC_READ && operation != MDIC_WRITE))
        *mdic |= MDIC_ERROR;
    else if (operation == MDIC_READ)
        *mdic = (*mdic & ~0xffffu) | e1000->phy[number];
    else
        write_phy(e1000, number, (uint16_t)*mdic);
    *mdic |= MDIC_READY;
    if (*mdic & MDIC_INTERRUPT)
        e1000_interrupt(e1000, E1000_INTERRUPT_MDAC);
}
