// SPDX-License-Identifier: Apache-2.0
#include "core/device/internet_checksum.h"

/* The sum is the same in any byte order (RFC 1071, 2(B)): add up words of the host, carries in the
 * upper half, and swap in the end. */
uint16_t internet_sum(const uint8_t *bytes, size_t length, uint32_t initial)
{
    uint64_t sum = 0;
    for (; length >= 4; bytes += 4, length -= 4) {
        uint32_t word;
        __builtin_memcpy(&word, bytes, sizeof(word));
        sum += word;
    }
    if (length >= 2)
        sum += (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    if (length & 1)
        sum += bytes[length - 1];
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    uint16_t folded = internet_fold((uint32_t)sum);
    return internet_fold((uint32_t)__builtin_bswap16(folded) + internet_fold(initial));
}
