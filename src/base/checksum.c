// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"

#include <string.h>

#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME  0x100000001b3U

uint64_t checksum(const void *data, size_t length, uint64_t seed)
{
    const char *next = data;
    uint64_t sum = seed ^ FNV_OFFSET, word;
    for (size_t i = 0; i + sizeof(word) <= length; i += sizeof(word)) {
        memcpy(&word, next + i, sizeof(word));
        sum = (sum ^ word) * FNV_PRIME;
        sum ^= sum >> 32; /* a product lets no high bit reach a lower one */
    }
    return sum;
}
