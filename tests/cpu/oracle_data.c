// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "oracle.h"

/* Small numbers, floating-point ones, pointers into the data pages, selectors, noise. */
static uint64_t draw(struct random_source *random)
{
    uint64_t value = random_next(random);
    double number;
    switch (random_below(random, 6)) {
    case 0:
        return value & 0xff;
    case 1:
        return DATA_BASE + value % DATA_TOTAL;
    case 2:
        number = (double)(int64_t)value / (UINT64_C(1) << (value & 63));
        memcpy(&value, &number, sizeof(value));
        return value;
    case 3:
        return CODE_BASE + (value & 0xfff);
    default:
        return value;
    }
}

void oracle_data_fill(uint64_t seed, uint8_t *data, size_t size)
{
    struct random_source random;
    random_seed(&random, seed);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = draw(&random);
        memcpy(data + i, &value, 8);
    }
}

static uint64_t hash(const uint8_t *bytes, size_t size)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

void oracle_data_changes(const uint8_t *before, const uint8_t *data, struct oracle_result *result)
{
    unsigned first = 0, end = DATA_SIZE;
    result->changed = result->changed_end = 0;
    result->changed_hash = 0;
    if (!memcmp(before, data, DATA_SIZE))
        return;
    while (before[first] == data[first])
        first++;
    while (before[end - 1] == data[end - 1])
        end--;
    result->changed = first;
    result->changed_end = end;
    result->changed_hash = hash(data + first, end - first);
}
