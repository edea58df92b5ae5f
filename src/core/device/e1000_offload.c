// SPDX-License-Identifier: Apache-2.0
/*
 * What is done to a packet before it goes out: checksums, segmentation, VLAN tag, padding (317453,
 * 3.4 and 3.5). Every offset comes from the guest and is checked against the packet.
 *
 * Segments are made in place. The header is put aside; segment n has its payload at
 * header + n * size already, and a changed copy of the header goes in front of it, over what has
 * been sent. So each segment is contiguous.
 */
#include "core/device/e1000_parts.h"
#include "core/device/internet_checksum.h"
#include "core/memory/copy.h"

#define ETHERNET_HEADER 14u
#define ADDRESSES       12u
#define SHORTEST_FRAME  60u
#define HEADER_MAXIMUM  256u
#define SEGMENT_MINIMUM 32u /* of a driver that means it; bounds the frames of a packet */

#define IPV4_TOTAL_LENGTH   2u
#define IPV4_IDENTIFICATION 4u
#define IPV6_PAYLOAD_LENGTH 4u
#define IPV6_HEADER         40u
#define TCP_SEQUENCE        4u
#define TCP_FLAGS           13u
#define TCP_FIN_PSH         0x09u
#define UDP_LENGTH          4u

/* The checksum of [start, end] (end 0: the last byte) goes to `offset`. */
static void put_checksum(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset,
                         uint32_t end, bool udp)
{
    uint32_t stop = end == 0 || end >= length ? length : end + 1;
    if (start >= stop || offset + 2 > length)
        return;
    uint16_t checksum = (uint16_t)~internet_sum(frame + start, stop - start, 0);
    put_be16(frame + offset, checksum == 0 && udp ? 0xffff : checksum);
}

static void put_checksums(const struct e1000_packet *packet, const struct e1000_context *context,
                          uint8_t *frame, uint32_t length)
{
    if (packet->tu_checksum)
        put_checksum(frame, length, context->tu_start, context->tu_offset, context->tu_end,
                     !context->tcp);
    if (packet->ip_checksum)
        put_checksum(frame, length, context->ip_start, context->ip_offset, context->ip_end, false);
    if (packet->simple_checksum)
        put_checksum(frame, length, packet->start, packet->offset, 0, false);
}

/* There are E1000_TAG_ROOM bytes in front of `frame`. */
static uint8_t *put_tag(const struct e1000 *e1000, uint8_t *frame)
{
    uint8_t addresses[ADDRESSES];
    copy_bytes(addresses, frame, ADDRESSES);
    frame -= E1000_TAG_ROOM;
    copy_bytes(frame, addresses, ADDRESSES);
    put_be16(frame + ADDRESSES, (uint16_t)e1000_get(e1000, E1000_VET));
    put_be16(frame + ADDRESSES + 2, e1000->packet.tag);
    return frame;
}

/* Padded with zeroes from elsewhere: behind the frame lies the payload of the next segment. */
static void send_frame(struct e1000 *e1000, uint8_t *frame, uint32_t length)
{
    static const uint8_t zeroes[SHORTEST_FRAME];
    if (e1000->packet.tagged) {
        frame = put_tag(e1000, frame);
        length += E1000_TAG_ROOM;
    }
    e1000_count_transmitted(e1000, frame, length);
    if ((e1000_get(e1000, E1000_RCTL) & E1000_RCTL_LBM) == E1000_RCTL_LBM_MAC) {
        e1000_receive(e1000, frame, length);
        return;
    }
    bool pad = length < SHORTEST_FRAME && e1000_get(e1000, E1000_TCTL) & E1000_TCTL_PSP;
    const struct slice slices[] = {
        { frame, length },
        { (uint8_t *)(uintptr_t)zeroes, pad ? SHORTEST_FRAME - length : 0 },
    };
    platform_net_send(e1000->net, slices, pad ? 2 : 1);
}

/* -- Segmentation -- */

/* Are all the fields that change within the header? */
static bool can_segment(const struct e1000_packet *packet, const struct e1000_context *context)
{
    uint32_t header = context->header_length;
    uint32_t ip_fields = context->ipv4 ? IPV4_IDENTIFICATION + 2 : IPV6_PAYLOAD_LENGTH + 2;
    uint32_t tu_fields = context->tcp ? TCP_FLAGS + 1 : UDP_LENGTH + 2;
    return header >= ETHERNET_HEADER && header < packet->length &&
           context->segment_size >= SEGMENT_MINIMUM &&
           header + context->segment_size <= E1000_FRAME_MAXIMUM &&
           context->ip_start + ip_fields <= header && context->tu_start + tu_fields <= header &&
           context->tu_offset + 2u <= header;
}

static void fix_ip_header(const struct e1000_context *context, uint8_t *frame, uint32_t length,
                          uint32_t index)
{
    uint8_t *ip = frame + context->ip_start;
    uint32_t ip_length = length - context->ip_start;
    if (context->ipv4) {
        put_be16(ip + IPV4_TOTAL_LENGTH, (uint16_t)ip_length);
        put_be16(ip + IPV4_IDENTIFICATION, (uint16_t)(get_be16(ip + IPV4_IDENTIFICATION) + index));
    } else {
        put_be16(ip + IPV6_PAYLOAD_LENGTH, (uint16_t)(ip_length - IPV6_HEADER));
    }
}

static void fix_tcp_header(uint8_t *tcp, uint32_t sent, bool last)
{
    put_be32(tcp + TCP_SEQUENCE, get_be32(tcp + TCP_SEQUENCE) + sent);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
}

/* The driver has put the sum of the pseudo header there, without the length. */
static void fix_pseudo_header(const struct e1000_context *context, uint8_t *frame, uint32_t length)
{
    uint8_t *field = frame + context->tu_offset;
    put_be16(field, internet_fold((uint32_t)get_be16(field) + (length - context->tu_start)));
}

static void send_segment(struct e1000 *e1000, uint8_t *frame, uint32_t length, uint32_t sent,
                         bool last)
{
    const struct e1000_context *context = &e1000->contexts[1];
    fix_ip_header(context, frame, length, sent / context->segment_size);
    if (context->tcp)
        fix_tcp_header(frame + context->tu_start, sent, last);
    else
        put_be16(frame + context->tu_start + UDP_LENGTH, (uint16_t)(length - context->tu_start));
    fix_pseudo_header(context, frame, length);
    put_checksums(&e1000->packet, context, frame, length);
    send_frame(e1000, frame, length);
}

static void segment(struct e1000 *e1000, uint8_t *packet, uint32_t length)
{
    const struct e1000_context *context = &e1000->contexts[1];
    uint32_t header_length = context->header_length, payload = length - header_length;
    uint8_t header[HEADER_MAXIMUM];
    copy_bytes(header, packet, header_length);
    for (uint32_t sent = 0; sent < payload; sent += context->segment_size) {
        uint32_t left = payload - sent;
        uint32_t size = left < context->segment_size ? left : context->segment_size;
        copy_bytes(packet + sent, header, header_length);
        send_segment(e1000, packet + sent, header_length + size, sent, size == left);
    }
    e1000_count(e1000, E1000_TSCTC);
}

void e1000_send_packet(struct e1000 *e1000)
{
    const struct e1000_packet *packet = &e1000->packet;
    uint8_t *bytes = e1000->transmit_buffer + E1000_TAG_ROOM;
    if (packet->segment) {
        if (can_segment(packet, &e1000->contexts[1]))
            segment(e1000, bytes, packet->length);
        return;
    }
    if (packet->length < ETHERNET_HEADER || packet->length > E1000_FRAME_MAXIMUM)
        return;
    put_checksums(packet, &e1000->contexts[0], bytes, packet->length);
    send_frame(e1000, bytes, packet->length);
}
