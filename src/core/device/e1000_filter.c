// SPDX-License-Identifier: Apache-2.0
/* Which frames are received (317453, 3.2.1). */
#include "core/device/e1000_parts.h"
#include "core/device/internet_checksum.h"

#define ADDRESS_PAIRS    16u
#define ADDRESS_VALID    (UINT32_C(1) << 31)
#define TAG_OFFSET       14u
#define VLAN_IDENTIFIERS 0x0fffu

static bool bit_of_table(const struct e1000 *e1000, enum e1000_register table, unsigned bit)
{
    return e1000->registers[table / 4 + bit / 32] >> bit % 32 & 1;
}

static bool matches_address(const struct e1000 *e1000, const uint8_t *frame)
{
    uint32_t low =
        frame[0] | (uint32_t)frame[1] << 8 | (uint32_t)frame[2] << 16 | (uint32_t)frame[3] << 24;
    uint32_t high = frame[4] | (uint32_t)frame[5] << 8;
    const uint32_t *pair = &e1000->registers[E1000_RA / 4];
    for (unsigned i = 0; i < ADDRESS_PAIRS; i++, pair += 2)
        if (pair[1] & ADDRESS_VALID && pair[0] == low && (pair[1] & 0xffff) == high)
            return true;
    return false;
}

/* Twelve bits of the address, which ones says RCTL.MO: bits 47-36, 46-35, 45-34 or 43-32. */
static bool matches_multicast_table(const struct e1000 *e1000, const uint8_t *frame)
{
    static const uint8_t shifts[] = { 4, 3, 2, 0 };
    unsigned offset = e1000_get(e1000, E1000_RCTL) >> E1000_RCTL_MO_SHIFT & 3;
    unsigned bits = (unsigned)frame[4] | (unsigned)frame[5] << 8;
    return bit_of_table(e1000, E1000_MTA, bits >> shifts[offset] & 0xfff);
}

static bool is_broadcast(const uint8_t *frame)
{
    return get_be32(frame) == UINT32_MAX && get_be16(frame + 4) == UINT16_MAX;
}

static bool accepts_vlan(const struct e1000 *e1000, const uint8_t *frame)
{
    return bit_of_table(e1000, E1000_VFTA, get_be16(frame + TAG_OFFSET) & VLAN_IDENTIFIERS);
}

bool e1000_filter(const struct e1000 *e1000, const uint8_t *frame, bool tagged)
{
    uint32_t rctl = e1000_get(e1000, E1000_RCTL);
    if (tagged && rctl & E1000_RCTL_VFE && !accepts_vlan(e1000, frame))
        return false;
    if (is_broadcast(frame) && rctl & E1000_RCTL_BAM)
        return true;
    if (frame[0] & 1 && (rctl & E1000_RCTL_MPE || matches_multicast_table(e1000, frame)))
        return true;
    return (rctl & E1000_RCTL_UPE && !(frame[0] & 1)) || matches_address(e1000, frame);
}
