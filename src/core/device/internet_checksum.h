// SPDX-License-Identifier: Apache-2.0
/* The checksum of IP, TCP and UDP (RFC 1071), and numbers in network order. */
#pragma once

#include "core/types.h"

/* Sum of the 16-bit words in network order, an odd last byte padded with zero; folded. */
uint16_t internet_sum(const uint8_t *bytes, size_t length, uint32_t initial);

/* What the checksums of an Ethernet frame with IPv4 (and TCP or UDP, whole) say. */
enum internet_check {
    INTERNET_IP = 1 << 0, /* it is IPv4 */
    INTERNET_IP_WRONG = 1 << 1,
    INTERNET_PAYLOAD = 1 << 2, /* TCP or UDP with a checksum */
    INTERNET_PAYLOAD_WRONG = 1 << 3
};
unsigned internet_check_frame(const uint8_t *frame, size_t length);

static inline uint16_t internet_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)(sum + (sum >> 16));
}

static inline uint16_t get_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline void put_be16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline uint32_t get_be32(const uint8_t *bytes)
{
    return (uint32_t)get_be16(bytes) << 16 | get_be16(bytes + 2);
}

static inline void put_be32(uint8_t *bytes, uint32_t value)
{
    put_be16(bytes, (uint16_t)(value >> 16));
    put_be16(bytes + 2, (uint16_t)value);
}
