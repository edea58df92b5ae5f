// SPDX-License-Identifier: Apache-2.0
#include "core/device/internet_checksum.h"

#define ETHERNET_HEADER 14u
#define ETHERTYPE       12u
#define ETHERTYPE_IPV4  0x0800u
#define IPV4_SHORTEST   20u
#define IPV4_FRAGMENT   0x3fffu /* more fragments, offset */
#define PROTOCOL_TCP    6u
#define PROTOCOL_UDP    17u
#define TCP_SHORTEST    20u
#define UDP_HEADER      8u
#define UDP_CHECKSUM    6u

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

static unsigned check_payload(const uint8_t *ip, uint32_t header, uint32_t length)
{
    const uint8_t *payload = ip + header;
    bool tcp = ip[9] == PROTOCOL_TCP;
    if ((!tcp && ip[9] != PROTOCOL_UDP) || length < (tcp ? TCP_SHORTEST : UDP_HEADER) ||
        (!tcp && get_be16(payload + UDP_CHECKSUM) == 0)) /* UDP may do without */
        return 0;
    uint16_t pseudo_header = internet_sum(ip + 12, 8, ip[9] + length);
    return INTERNET_PAYLOAD |
           (internet_sum(payload, length, pseudo_header) == 0xffff ? 0 : INTERNET_PAYLOAD_WRONG);
}

unsigned internet_check_frame(const uint8_t *frame, size_t length)
{
    const uint8_t *ip = frame + ETHERNET_HEADER;
    if (length < ETHERNET_HEADER + IPV4_SHORTEST || get_be16(frame + ETHERTYPE) != ETHERTYPE_IPV4)
        return 0;
    uint32_t header = (ip[0] & 15) * 4u, total = get_be16(ip + 2);
    if (ip[0] >> 4 != 4 || header < IPV4_SHORTEST || total < header ||
        total > length - ETHERNET_HEADER)
        return 0;
    unsigned result = INTERNET_IP;
    if (internet_sum(ip, header, 0) != 0xffff)
        result |= INTERNET_IP_WRONG;
    if (!(get_be16(ip + 6) & IPV4_FRAGMENT))
        result |= check_payload(ip, header, total - header);
    return result;
}
