// SPDX-License-Identifier: Apache-2.0
/* Reproducible random numbers: xoshiro256** (Blackman and Vigna), seeded by splitmix64. */
#pragma once

#include <stdint.h>

struct random_source {
    uint64_t state[4];
};

static inline void random_seed(struct random_source *source, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        source->state[i] = z ^ (z >> 31);
    }
}

static inline uint64_t random_next(struct random_source *source)
{
    uint64_t *state = source->state, product = state[1] * 5, shifted = state[1] << 17;
    uint64_t result = ((product << 7) | (product >> 57)) * 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = (state[3] << 45) | (state[3] >> 19);
    return result;
}

static inline uint32_t random_below(struct random_source *source, uint32_t limit)
{
    return (random_next(source) >> 32) * limit >> 32;
}
