// SPDX-License-Identifier: Apache-2.0
#include "byte_strings.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66,
                                    0x66, 0x67, 0xf0, 0xf2, 0xf3, 0xf2, 0xf3 };

/* What stands before the opcode in the walk. */
static const struct {
    uint8_t length, bytes[3];
} starts[] = {
    { 0, { 0 } },          { 1, { 0x66 } },       { 1, { 0xf2 } },       { 1, { 0xf3 } },
    { 2, { 0x66, 0xf2 } }, { 2, { 0x66, 0xf3 } }, { 1, { 0x67 } },       { 1, { 0xf0 } },
    { 1, { 0x48 } },       { 2, { 0x66, 0x48 } }, { 2, { 0xf2, 0x48 } }, { 2, { 0xf3, 0x48 } },
    { 1, { 0x41 } },       { 1, { 0x44 } },       { 2, { 0xf0, 0x67 } }, { 2, { 0x67, 0x4d } },
};

static const struct {
    uint8_t length, bytes[2];
} maps[] = {
    { 0, { 0 } },
    { 1, { 0x0f } },
    { 2, { 0x0f, 0x38 } },
    { 2, { 0x0f, 0x3a } },
};

static void fill(struct random_source *random, uint8_t *bytes)
{
    for (unsigned i = 0; i < BYTE_STRING_LENGTH; i += 8) {
        uint64_t value = random_next(random);
        memcpy(bytes + i, &value, 8);
    }
}

enum {
    PAIRS = 256 * 256, /* opcode and ModR/M */
    LEGACY_BLOCKS = COUNT(starts) * COUNT(maps),
    VEX_BLOCKS = 3 * 4 * 2 * 2 * 2, /* map, pp, L, W, vvvv unused or random */
};

static unsigned put_vex(struct random_source *random, unsigned block, uint8_t *bytes)
{
    unsigned map = block % 3 + 1, pp = block / 3 % 4, l = block / 12 % 2, w = block / 24 % 2;
    unsigned vvvv = block / 48 ? random_below(random, 16) : 15;
    bytes[0] = 0xc4;
    bytes[1] = (random_below(random, 4) ? 0xe0 : random_next(random) & 0xe0) | map;
    bytes[2] = w << 7 | vvvv << 3 | l << 2 | pp;
    return 3;
}

static unsigned put_legacy(unsigned block, uint8_t *bytes)
{
    unsigned start = block % COUNT(starts), map = block / COUNT(starts), length = 0;
    for (unsigned i = 0; i < starts[start].length; i++)
        bytes[length++] = starts[start].bytes[i];
    for (unsigned i = 0; i < maps[map].length; i++)
        bytes[length++] = maps[map].bytes[i];
    return length;
}

bool byte_walk_next(struct byte_walk *walk, struct random_source *random, uint8_t *bytes)
{
    unsigned block = walk->position / PAIRS, pair = walk->position % PAIRS;
    if (block >= LEGACY_BLOCKS + VEX_BLOCKS)
        return false;
    walk->position++;
    fill(random, bytes);
    unsigned length = block < LEGACY_BLOCKS ? put_legacy(block, bytes)
                                            : put_vex(random, block - LEGACY_BLOCKS, bytes);
    bytes[length] = pair >> 8;
    bytes[length + 1] = pair;
    return true;
}

static unsigned put_prefixes(struct random_source *random, uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = random_below(random, 8) ? prefixes[random_below(random, COUNT(prefixes))]
                                           : 0x40 | random_below(random, 16);
    return count;
}

void byte_string_random(struct random_source *random, uint8_t *bytes)
{
    fill(random, bytes);
    unsigned shape = random_below(random, 16);
    if (!shape)
        return; /* nothing but chance */
    unsigned storm = shape == 1 ? random_below(random, 15) : random_below(random, 4);
    unsigned length = put_prefixes(random, bytes, shape < 10 ? storm : 0);
    if (shape % 2)
        bytes[length++] = 0x40 | random_below(random, 16);
    unsigned map = random_below(random, 6);
    if (map >= COUNT(maps)) {
        bytes[length] = map == 4 ? 0xc4 : 0xc5;
        if (map == 4)
            bytes[length + 1] = (bytes[length + 1] & 0xe0) | (1 + random_below(random, 3));
        return;
    }
    memcpy(bytes + length, maps[map].bytes, maps[map].length);
}

void byte_string_mutate(struct random_source *random, uint8_t *bytes)
{
    unsigned at = random_below(random, 12);
    switch (random_below(random, 4)) {
    case 0:
        bytes[at] ^= 1 << random_below(random, 8);
        break;
    case 1:
        bytes[at] = random_next(random);
        break;
    case 2:
        memmove(bytes + 1, bytes, BYTE_STRING_LENGTH - 1);
        bytes[0] = prefixes[random_below(random, COUNT(prefixes))];
        break;
    default:
        memmove(bytes + at, bytes + at + 1, BYTE_STRING_LENGTH - at - 1);
    }
}
