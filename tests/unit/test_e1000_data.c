// SPDX-License-Identifier: Apache-2.0
/* Frames through the 82540EM, with drivers that mean well and drivers that do not. */
#include "e1000_fixture.h"

#define LEGACY_LAST 0x0b000000u /* RS, IFCS, EOP */
#define DATA        0x20100000u /* DEXT, type 1 */
#define DATA_LAST   0x2b100000u
#define CONTEXT     0x20000000u
#define TSE         0x04000000u
#define VLE         0x40000000u
#define TCP_IPV4    0x03000000u

static uint8_t *transmit_data(struct machine *m)
{
    return m->ram + TRANSMIT_DATA;
}

static void a_frame_of_one_descriptor_goes_out(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(transmit_data(m), 100);
    start_transmitter(m);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | 100, 0);
    set(m, E1000_TDT, 1);
    assert_int_equal(m->net.frame_count, 1);
    assert_int_equal(m->net.lengths[0], 100);
    assert_memory_equal(m->net.frames[0], transmit_data(m), 100);
    assert_int_equal(transmit_status(m, 0), 1);
    assert_int_equal(get(m, E1000_TDH), 1);
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_TXDW | E1000_INTERRUPT_TXQE);
}

static void a_frame_of_many_descriptors_is_put_together(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(transmit_data(m), 300);
    start_transmitter(m);
    put_descriptor(m, 0, TRANSMIT_DATA, 14, 0);
    put_descriptor(m, 1, TRANSMIT_DATA + 14, DATA | 100, 0);
    set(m, E1000_TDT, 2);
    assert_int_equal(m->net.frame_count, 0);
    assert_int_equal(transmit_status(m, 0), 0); /* not asked for */
    put_descriptor(m, 2, TRANSMIT_DATA + 114, DATA_LAST | 186, 0);
    set(m, E1000_TDT, 3);
    assert_int_equal(m->net.frame_count, 1);
    assert_int_equal(m->net.lengths[0], 300);
    assert_memory_equal(m->net.frames[0], transmit_data(m), 300);
}

static void the_ring_wraps(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(transmit_data(m), 64);
    start_transmitter(m);
    for (unsigned i = 0; i < 2 * RING_SIZE + 3; i++) {
        put_descriptor(m, i % RING_SIZE, TRANSMIT_DATA, LEGACY_LAST | 64, 0);
        m->net.frame_count = 0;
        set(m, E1000_TDT, (i + 1) % RING_SIZE);
        assert_int_equal(m->net.frame_count, 1);
        assert_int_equal(get(m, E1000_TDH), (i + 1) % RING_SIZE);
    }
}

static void short_frames_are_padded(void **state)
{
    (void)state;
    static const uint8_t zeroes[20];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(transmit_data(m), 60);
    start_transmitter(m);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | 40, 0);
    set(m, E1000_TDT, 1);
    assert_int_equal(m->net.lengths[0], 60);
    assert_memory_equal(m->net.frames[0] + 40, zeroes, 20);
}

static void a_legacy_checksum_is_inserted(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *frame = transmit_data(m);
    make_tcp(frame, 101);
    put_be16(frame + 50, pseudo_header(frame, 101 - 34));
    start_transmitter(m);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | 0x04000000 | 50 << 16 | 101, 34 << 8);
    set(m, E1000_TDT, 1);
    assert_true(tcp_sum_is_right(m->net.frames[0], 101));
}

static void put_context(struct machine *m, unsigned index, uint32_t command, uint32_t payload,
                        uint16_t segment_size, uint8_t header)
{
    uint64_t offsets = 14 | 24 << 8 | 33 << 16 | UINT64_C(34) << 32 | UINT64_C(50) << 40;
    put_descriptor(m, index, offsets, CONTEXT | command | payload,
                   (uint32_t)segment_size << 16 | (uint32_t)header << 8);
}

static void a_context_says_where_checksums_go(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *frame = transmit_data(m);
    make_tcp(frame, 200);
    put_be16(frame + 50, pseudo_header(frame, 200 - 34));
    start_transmitter(m);
    put_context(m, 0, TCP_IPV4, 0, 0, 0);
    put_descriptor(m, 1, TRANSMIT_DATA, DATA_LAST | 200, 0x0300);
    set(m, E1000_TDT, 2);
    assert_true(ip_sum_is_right(m->net.frames[0]));
    assert_true(tcp_sum_is_right(m->net.frames[0], 200));
    put_descriptor(m, 2, TRANSMIT_DATA, DATA_LAST | 200, 0); /* no options: as it is */
    set(m, E1000_TDT, 3);
    assert_memory_equal(m->net.frames[1], frame, 200);
}

static void segmentation_cuts_a_packet(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *packet = transmit_data(m);
    const uint32_t payload = 2 * 1460 + 101;
    make_tcp(packet, TCP_HEADERS + payload);
    put_be16(packet + 50, pseudo_header(packet, 0));
    start_transmitter(m);
    put_context(m, 0, TCP_IPV4 | TSE, payload, 1460, TCP_HEADERS);
    put_descriptor(m, 1, TRANSMIT_DATA, DATA | TSE | TCP_HEADERS, 0x0300);
    put_descriptor(m, 2, TRANSMIT_DATA + TCP_HEADERS, DATA_LAST | TSE | payload, 0x0300);
    set(m, E1000_TDT, 3);
    assert_int_equal(m->net.frame_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *frame = m->net.frames[i];
        uint32_t part = i < 2 ? 1460 : 101;
        assert_int_equal(m->net.lengths[i], TCP_HEADERS + part);
        assert_memory_equal(frame + TCP_HEADERS, packet + TCP_HEADERS + 1460 * i, part);
        assert_int_equal(get_be16(frame + 16), 40 + part);
        assert_int_equal(get_be16(frame + 18), 0x1234 + i);
        assert_int_equal(get_be32(frame + 38), 0x11223344 + 1460 * i);
        assert_int_equal(frame[47], i < 2 ? 0x10 : 0x19); /* FIN and PSH are the last one's */
        assert_true(ip_sum_is_right(frame));
        assert_true(tcp_sum_is_right(frame, TCP_HEADERS + part));
    }
    assert_int_equal(get(m, E1000_TSCTC), 1);
    assert_int_equal(get(m, E1000_GPTC), 3);
}

static void segments_of_ipv6_and_udp_get_their_lengths(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *packet = transmit_data(m);
    make_frame(packet, 62 + 1500);
    put_be16(packet + 12, 0x86dd);
    start_transmitter(m);
    uint64_t offsets = 14 | UINT64_C(54) << 32 | UINT64_C(60) << 40;
    put_descriptor(m, 0, offsets, CONTEXT | TSE | 1500, 1000u << 16 | 62 << 8);
    put_descriptor(m, 1, TRANSMIT_DATA, DATA_LAST | TSE | (62 + 1500), 0x0200);
    set(m, E1000_TDT, 2);
    assert_int_equal(m->net.frame_count, 2);
    assert_int_equal(get_be16(m->net.frames[0] + 18), 1008);
    assert_int_equal(get_be16(m->net.frames[0] + 58), 1008);
    assert_int_equal(get_be16(m->net.frames[1] + 18), 508);
    assert_int_equal(get_be16(m->net.frames[1] + 58), 508);
}

static void short_segments_do_not_harm_the_next(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *packet = transmit_data(m);
    make_tcp(packet, TCP_HEADERS + 100);
    set(m, E1000_CTRL, E1000_CTRL_VME);
    start_transmitter(m);
    uint64_t offsets = 14 | 16 << 8 | UINT64_C(14) << 32 | UINT64_C(16) << 40;
    put_descriptor(m, 0, offsets, CONTEXT | TCP_IPV4 | TSE | 100, 32u << 16 | 28 << 8);
    put_descriptor(m, 1, TRANSMIT_DATA, DATA_LAST | TSE | VLE | (TCP_HEADERS + 100), 0x00050000);
    set(m, E1000_TDT, 2);
    assert_int_equal(m->net.frame_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t part = i < 3 ? 32 : 30;
        assert_int_equal(m->net.lengths[i], 32 + part > 60 ? 32 + part : 60);
        assert_int_equal(get_be32(m->net.frames[i] + 12), 0x81000005);
        assert_memory_equal(m->net.frames[i] + 32, packet + 28 + 32 * i, part);
    }
}

static void a_tag_is_inserted_and_taken_off(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    uint8_t *frame = transmit_data(m);
    make_frame(frame, 100);
    start_transmitter(m);
    start_receiver(m, E1000_RCTL_SECRC | E1000_RCTL_LBM_MAC);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | VLE | 100, 0x01230000);
    set(m, E1000_CTRL, E1000_CTRL_VME);
    set(m, E1000_TDT, 1); /* looped back */
    assert_int_equal(m->net.frame_count, 0);
    assert_int_equal(received(m, 0).length, 100);
    assert_int_equal(received(m, 0).special, 0x0123);
    assert_true(received(m, 0).status & E1000_RECEIVE_VP);
    assert_memory_equal(received_bytes(m, 0), frame, 100);
    set(m, E1000_CTRL, 0);
    set(m, E1000_RCTL, E1000_RCTL_EN);
    put_descriptor(m, 1, TRANSMIT_DATA, LEGACY_LAST | VLE | 100, 0x01230000);
    set(m, E1000_TDT, 2); /* without VME: no tag */
    assert_int_equal(m->net.lengths[0], 100);
}

/* -- Receiving -- */

static void a_frame_comes_in(void **state)
{
    (void)state;
    uint8_t frame[100];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(frame, sizeof(frame));
    start_receiver(m, 0);
    deliver(m, frame, sizeof(frame));
    struct received descriptor = received(m, 0);
    assert_int_equal(descriptor.length, 104); /* with room for the FCS */
    assert_int_equal(descriptor.status, E1000_RECEIVE_DD | E1000_RECEIVE_EOP | E1000_RECEIVE_IXSM);
    assert_int_equal(descriptor.errors, 0);
    assert_int_equal(descriptor.checksum, internet_sum(frame, 100, 0));
    assert_memory_equal(received_bytes(m, 0), frame, sizeof(frame));
    assert_int_equal(get(m, E1000_RDH), 1);
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_RXT0);
    set(m, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_SECRC);
    deliver(m, frame, 20);
    assert_int_equal(received(m, 1).length, 60);
}

static void a_long_frame_takes_several_descriptors(void **state)
{
    (void)state;
    uint8_t frame[5000];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(frame, sizeof(frame));
    start_receiver(m, E1000_RCTL_SECRC);
    deliver(m, frame, 1519);
    assert_int_equal(get(m, E1000_ROC), 1);
    assert_int_equal(get(m, E1000_RDH), 0);
    set(m, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_SECRC | E1000_RCTL_LPE);
    deliver(m, frame, sizeof(frame));
    assert_int_equal(get(m, E1000_RDH), 3);
    assert_int_equal(received(m, 0).status, E1000_RECEIVE_DD);
    assert_int_equal(received(m, 2).length, 5000 - 4096);
    assert_true(received(m, 2).status & E1000_RECEIVE_EOP);
    assert_memory_equal(m->ram + RECEIVE_DATA, frame, sizeof(frame));
}

static void without_descriptors_frames_wait_or_are_dropped(void **state)
{
    (void)state;
    uint8_t frame[64];
    AUTO_MACHINE struct machine *m = machine_new();
    const struct platform_net_receiver *receiver = &m->net.receiver;
    make_frame(frame, sizeof(frame));
    assert_true(receiver->ready(receiver->context)); /* it does not receive: dropped */
    deliver(m, frame, sizeof(frame));
    start_receiver(m, 1 << E1000_RCTL_RDMTS_SHIFT);
    for (unsigned i = 0; i < RING_SIZE - 1; i++) {
        assert_true(receiver->ready(receiver->context));
        deliver(m, frame, sizeof(frame));
        uint32_t few = RING_SIZE - 2 - i <= RING_SIZE / 4 ? E1000_INTERRUPT_RXDMT0 : 0;
        assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_RXT0 | few);
    }
    assert_false(receiver->ready(receiver->context));
    deliver(m, frame, sizeof(frame));
    assert_int_equal(get(m, E1000_ICR), E1000_INTERRUPT_RXO);
    assert_int_equal(get(m, E1000_MPC), 1);
    unsigned before = m->net.ready_count;
    set(m, E1000_RDT, 3);
    assert_int_equal(m->net.ready_count, before + 1);
    assert_true(receiver->ready(receiver->context));
}

static bool accepts(struct machine *m, const uint8_t *frame, size_t length)
{
    uint32_t before = get(m, E1000_RDH);
    set(m, E1000_RDT, (before + RING_SIZE - 1) % RING_SIZE);
    deliver(m, frame, length);
    return get(m, E1000_RDH) != before;
}

static void filters_choose_frames(void **state)
{
    (void)state;
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t other[6] = { 0x02, 1, 2, 3, 4, 5 };
    static const uint8_t multicast[6] = { 0x01, 0x00, 0x5e, 0x00, 0x12, 0x35 };
    uint8_t frame[64] = { 0 };
    AUTO_MACHINE struct machine *m = machine_new();
    start_receiver(m, 0);
    memcpy(frame, our_address, 6);
    assert_true(accepts(m, frame, 64));
    memcpy(frame, broadcast, 6);
    assert_false(accepts(m, frame, 64));
    set(m, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_BAM);
    assert_true(accepts(m, frame, 64));
    memcpy(frame, other, 6);
    assert_false(accepts(m, frame, 64));
    set(m, E1000_RA + 8, 0x03020102);
    set(m, E1000_RA + 12, 0x00000504);
    assert_false(accepts(m, frame, 64)); /* not valid */
    set(m, E1000_RA + 12, 0x80000504);
    assert_true(accepts(m, frame, 64));
    set(m, E1000_RA + 12, 0);
    set(m, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_UPE);
    assert_true(accepts(m, frame, 64));
    memcpy(frame, multicast, 6);
    assert_false(accepts(m, frame, 64));
    set(m, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_MPE);
    assert_true(accepts(m, frame, 64));
}

static void the_multicast_table_is_a_hash(void **state)
{
    (void)state;
    static const unsigned hashes[] = { 0x351, 0x6a2, 0xd44, 0x512 }; /* of 12:35 by RCTL.MO */
    uint8_t frame[64] = { 0x01, 0x00, 0x5e, 0x00, 0x12, 0x35 };
    AUTO_MACHINE struct machine *m = machine_new();
    start_receiver(m, 0);
    for (unsigned offset = 0; offset < 4; offset++) {
        uint32_t entry = E1000_MTA + hashes[offset] / 32 * 4;
        set(m, E1000_RCTL, E1000_RCTL_EN | offset << E1000_RCTL_MO_SHIFT);
        assert_false(accepts(m, frame, 64));
        set(m, entry, 1u << hashes[offset] % 32);
        assert_true(accepts(m, frame, 64));
        set(m, entry, 0);
    }
}

static void the_vlan_filter_knows_identifiers(void **state)
{
    (void)state;
    uint8_t frame[64] = { 0 };
    AUTO_MACHINE struct machine *m = machine_new();
    memcpy(frame, our_address, 6);
    put_be16(frame + 12, 0x8100);
    put_be16(frame + 14, 0xe123);
    start_receiver(m, E1000_RCTL_VFE);
    assert_false(accepts(m, frame, 64));
    set(m, E1000_VFTA + 0x123 / 32 * 4, 1u << (0x123 % 32));
    assert_true(accepts(m, frame, 64));
    put_be16(frame + 12, 0x0800); /* no tag: nothing to filter by */
    assert_true(accepts(m, frame, 64));
}

static void checksums_are_checked(void **state)
{
    (void)state;
    uint8_t frame[151];
    AUTO_MACHINE struct machine *m = machine_new();
    make_tcp(frame, sizeof(frame));
    put_be16(frame + 24, (uint16_t)~internet_sum(frame + 14, 20, 0));
    put_be16(frame + 50, (uint16_t)~internet_sum(frame + 34, sizeof(frame) - 34,
                                                 pseudo_header(frame, sizeof(frame) - 34)));
    start_receiver(m, 0);
    set(m, E1000_RXCSUM, E1000_RXCSUM_IPOFL | E1000_RXCSUM_TUOFL);
    deliver(m, frame, sizeof(frame));
    assert_int_equal(received(m, 0).status, E1000_RECEIVE_DD | E1000_RECEIVE_EOP |
                                                E1000_RECEIVE_TCPCS | E1000_RECEIVE_IPCS);
    assert_int_equal(received(m, 0).errors, 0);
    frame[150] ^= 1;
    deliver(m, frame, sizeof(frame));
    assert_int_equal(received(m, 1).errors, E1000_RECEIVE_TCPE);
    frame[150] ^= 1;
    frame[22] ^= 1; /* time to live */
    deliver(m, frame, sizeof(frame));
    assert_int_equal(received(m, 2).errors, E1000_RECEIVE_IPE);
    put_be16(frame + 16, 200); /* longer than the frame */
    deliver(m, frame, sizeof(frame));
    assert_true(received(m, 3).status & E1000_RECEIVE_IXSM);
}

static void counters_count_and_are_cleared_by_reading(void **state)
{
    (void)state;
    uint8_t frame[100];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(frame, sizeof(frame));
    start_receiver(m, E1000_RCTL_BAM);
    deliver(m, frame, 60);
    deliver(m, frame, 100);
    memset(frame, 0xff, 6);
    deliver(m, frame, 100);
    assert_int_equal(get(m, E1000_GPRC), 3);
    assert_int_equal(get(m, E1000_GPRC), 0);
    assert_int_equal(get(m, E1000_BPRC), 1);
    assert_int_equal(get(m, E1000_PRC64), 1);
    assert_int_equal(get(m, E1000_PRC64 + 4), 2);
    assert_int_equal(get(m, E1000_GORCL), 64 + 2 * 104);
    assert_int_equal(get(m, E1000_GORCL), 64 + 2 * 104);
    assert_int_equal(get(m, E1000_GORCH), 0);
    assert_int_equal(get(m, E1000_GORCL), 0);
}

/* -- Drivers that do not mean well -- */

static void rings_outside_memory_do_nothing(void **state)
{
    (void)state;
    uint8_t frame[64];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(frame, sizeof(frame));
    start_transmitter(m);
    set(m, E1000_TDBAL, 0xfffffff0);
    set(m, E1000_TDBAH, 0xffffffff);
    set(m, E1000_TDT, 5);
    assert_int_equal(get(m, E1000_TDH), 0);
    start_receiver(m, 0);
    set(m, E1000_RDBAL, MEMORY_SIZE);
    deliver(m, frame, sizeof(frame));
    assert_int_equal(get(m, E1000_RDH), 0);
    set(m, E1000_RDBAL, RECEIVE_RING);
    set(m, E1000_RDT, 0xffff);
    deliver(m, frame, sizeof(frame));
    set(m, E1000_RDT, 3);
    set(m, E1000_RDH, 0xffff);
    deliver(m, frame, sizeof(frame));
    assert_int_equal(received(m, 0).status, 0);
}

static void indices_beyond_the_ring_stop_it(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    start_transmitter(m);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | 64, 0);
    set(m, E1000_TDT, RING_SIZE);
    set(m, E1000_TDT, 0xffff);
    set(m, E1000_TDH, 0xfffe);
    set(m, E1000_TDT, 3);
    assert_int_equal(m->net.frame_count, 0);
}

static void packets_without_end_are_dropped(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    start_transmitter(m);
    make_frame(transmit_data(m), 100);
    for (unsigned i = 0; i < RING_SIZE; i++)
        put_descriptor(m, i, TRANSMIT_DATA, DATA | 0x10000, 0);
    set(m, E1000_TDT, RING_SIZE - 1);
    put_descriptor(m, RING_SIZE - 1, TRANSMIT_DATA, DATA_LAST | 100, 0);
    set(m, E1000_TDT, 0);
    assert_int_equal(m->net.frame_count, 0);
    put_descriptor(m, 0, TRANSMIT_DATA, DATA_LAST | 100, 0); /* and the next one goes */
    set(m, E1000_TDT, 1);
    assert_int_equal(m->net.frame_count, 1);
    put_descriptor(m, 1, MEMORY_SIZE - 10, DATA_LAST | 100, 0);
    put_descriptor(m, 2, TRANSMIT_DATA, DATA_LAST | 13, 0); /* less than an Ethernet header */
    set(m, E1000_TDT, 3);
    assert_int_equal(m->net.frame_count, 1);
}

static void offsets_beyond_the_packet_are_ignored(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(transmit_data(m), 100);
    start_transmitter(m);
    put_descriptor(m, 0, UINT64_MAX, CONTEXT | TCP_IPV4, 0xffffff00);
    put_descriptor(m, 1, TRANSMIT_DATA, DATA_LAST | 100, 0x0300);
    put_descriptor(m, 2, UINT64_MAX, CONTEXT | TSE | TCP_IPV4, 0xffffff00);
    put_descriptor(m, 3, TRANSMIT_DATA, DATA_LAST | TSE | 100, 0x0300);
    put_descriptor(m, 4, 0, CONTEXT | TSE | TCP_IPV4, 0x00011400); /* segments of one byte */
    put_descriptor(m, 5, TRANSMIT_DATA, DATA_LAST | TSE | 100, 0x0300);
    set(m, E1000_TDT, 6);
    assert_int_equal(m->net.frame_count, 1);
    assert_memory_equal(m->net.frames[0], transmit_data(m), 100);
    assert_int_equal(get(m, E1000_TDH), 6);
}

static void a_long_ring_takes_turns(void **state)
{
    (void)state;
    AUTO_MACHINE struct machine *m = machine_new();
    start_transmitter(m);
    set(m, E1000_TDLEN, 4096 * 16);
    set(m, E1000_TDT, 4000);
    assert_int_equal(get(m, E1000_TDH), 256);
    fake_advance(&m->platform, 1);
    assert_int_equal(get(m, E1000_TDH), 4000);
}

static void without_bus_mastering_nothing_moves(void **state)
{
    (void)state;
    uint8_t frame[64];
    AUTO_MACHINE struct machine *m = machine_new();
    make_frame(frame, sizeof(frame));
    start_receiver(m, 0);
    start_transmitter(m);
    pci_config_write(&m->e1000.function, 4, 2, 3);
    put_descriptor(m, 0, TRANSMIT_DATA, LEGACY_LAST | 64, 0);
    set(m, E1000_TDT, 1);
    deliver(m, frame, sizeof(frame));
    assert_int_equal(m->net.frame_count, 0);
    assert_int_equal(get(m, E1000_TDH), 0);
    assert_int_equal(get(m, E1000_RDH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_one_descriptor_goes_out),
        cmocka_unit_test(a_frame_of_many_descriptors_is_put_together),
        cmocka_unit_test(the_ring_wraps),
        cmocka_unit_test(short_frames_are_padded),
        cmocka_unit_test(a_legacy_checksum_is_inserted),
        cmocka_unit_test(a_context_says_where_checksums_go),
        cmocka_unit_test(segmentation_cuts_a_packet),
        cmocka_unit_test(segments_of_ipv6_and_udp_get_their_lengths),
        cmocka_unit_test(short_segments_do_not_harm_the_next),
        cmocka_unit_test(a_tag_is_inserted_and_taken_off),
        cmocka_unit_test(a_frame_comes_in),
        cmocka_unit_test(a_long_frame_takes_several_descriptors),
        cmocka_unit_test(without_descriptors_frames_wait_or_are_dropped),
        cmocka_unit_test(filters_choose_frames),
        cmocka_unit_test(the_multicast_table_is_a_hash),
        cmocka_unit_test(the_vlan_filter_knows_identifiers),
        cmocka_unit_test(checksums_are_checked),
        cmocka_unit_test(counters_count_and_are_cleared_by_reading),
        cmocka_unit_test(rings_outside_memory_do_nothing),
        cmocka_unit_test(indices_beyond_the_ring_stop_it),
        cmocka_unit_test(packets_without_end_are_dropped),
        cmocka_unit_test(offsets_beyond_the_packet_are_ignored),
        cmocka_unit_test(a_long_ring_takes_turns),
        cmocka_unit_test(without_bus_mastering_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
