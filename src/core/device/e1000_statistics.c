// SPDX-License-Identifier: Apache-2.0
/* Counters (317453, 13.7): they stick at their highest value and are cleared by being read; the
 * pairs by reading the upper half. */
#include "core/device/e1000_parts.h"

#define FCS_LENGTH 4u

void e1000_count(struct e1000 *e1000, enum e1000_register counter)
{
    uint32_t *value = e1000_register(e1000, counter);
    *value += *value < UINT32_MAX;
}

static void count_bytes(struct e1000 *e1000, enum e1000_register low, uint32_t length)
{
    uint32_t *half = e1000_register(e1000, low);
    uint64_t value = (half[0] | (uint64_t)half[1] << 32) + length;
    half[0] = (uint32_t)value;
    half[1] = (uint32_t)(value >> 32);
}

/* The counter of frames of this length, FCS included: 64, to 127, to 255, to 511, to 1023, more. */
static void count_length(struct e1000 *e1000, enum e1000_register first, uint32_t length)
{
    static const uint16_t longest[] = { 64, 127, 255, 511, 1023 };
    unsigned i = 0;
    while (i < sizeof(longest) / sizeof(longest[0]) && length > longest[i])
        i++;
    e1000_count(e1000, first + 4 * i);
}

static bool is_broadcast(const uint8_t *frame)
{
    for (unsigned i = 0; i < 6; i++)
        if (frame[i] != 0xff)
            return false;
    return true;
}

static void count_cast(struct e1000 *e1000, const uint8_t *frame, enum e1000_register broadcast,
                       enum e1000_register multicast)
{
    if (is_broadcast(frame))
        e1000_count(e1000, broadcast);
    else if (frame[0] & 1)
        e1000_count(e1000, multicast);
}

void e1000_count_received(struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
    length += FCS_LENGTH;
    e1000_count(e1000, E1000_GPRC);
    e1000_count(e1000, E1000_TPR);
    count_bytes(e1000, E1000_GORCL, length);
    count_bytes(e1000, E1000_TORL, length);
    count_length(e1000, E1000_PRC64, length);
    count_cast(e1000, frame, E1000_BPRC, E1000_MPRC);
}

void e1000_count_transmitted(struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
    length += FCS_LENGTH;
    e1000_count(e1000, E1000_GPTC);
    e1000_count(e1000, E1000_TPT);
    count_bytes(e1000, E1000_GOTCL, length);
    count_bytes(e1000, E1000_TOTL, length);
    count_length(e1000, E1000_PTC64, length);
    count_cast(e1000, frame, E1000_BPTC, E1000_MPTC);
}

static bool is_low_half(uint32_t offset)
{
    return offset == E1000_GORCL || offset == E1000_GOTCL || offset == E1000_TORL ||
           offset == E1000_TOTL;
}

uint32_t e1000_read_statistics(struct e1000 *e1000, uint32_t offset)
{
    uint32_t *value = &e1000->registers[offset / 4], before = *value;
    if (is_low_half(offset))
        return before;
    *value = 0;
    if (is_low_half(offset - 4))
        value[-1] = 0;
    return before;
}
