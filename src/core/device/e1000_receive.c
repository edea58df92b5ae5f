// SPDX-License-Identifier: Apache-2.0
/* The receive ring (317453, 3.2): a frame is made ready in the receive buffer, then written to as
 * many descriptors as it needs, or dropped when there are too few. */
#include "core/device/e1000_parts.h"
#include "core/device/internet_checksum.h"
#include "core/memory/copy.h"

#define ADDRESSES        12u
#define ETHERNET_HEADER  14u
#define SHORTEST_FRAME   60u
#define LONGEST_STANDARD 1518u /* without FCS, with a tag */
#define TAG_LENGTH       4u
#define FCS_LENGTH       4u

struct receive_descriptor {
    uint64_t address;
    uint16_t length, checksum;
    uint8_t status, errors;
    uint16_t special;
};

/* What all descriptors of a frame say. */
struct verdict {
    uint8_t status, errors;
    uint16_t checksum, tag;
};

static uint32_t ring_size(const struct e1000 *e1000)
{
    return e1000_get(e1000, E1000_RDLEN) / E1000_DESCRIPTOR_SIZE;
}

/* Descriptors that are the device's. */
static uint32_t available(const struct e1000 *e1000)
{
    uint32_t head = e1000_get(e1000, E1000_RDH), tail = e1000_get(e1000, E1000_RDT);
    uint32_t count = ring_size(e1000);
    if (head >= count || tail >= count)
        return 0;
    return tail >= head ? tail - head : count - head + tail;
}

static bool enabled(const struct e1000 *e1000)
{
    return e1000_get(e1000, E1000_RCTL) & E1000_RCTL_EN && pci_bus_master(&e1000->function);
}

/* While it does not receive it takes frames, and drops them. */
bool e1000_receive_ready(void *context)
{
    const struct e1000 *e1000 = context;
    return !enabled(e1000) || available(e1000) > 0;
}

static uint32_t buffer_size(const struct e1000 *e1000)
{
    uint32_t rctl = e1000_get(e1000, E1000_RCTL);
    unsigned size = rctl >> E1000_RCTL_BSIZE_SHIFT & 3;
    if (rctl & E1000_RCTL_BSEX && size > 0)
        return 32768u >> size;
    return 2048u >> size;
}

/* -- Checksums -- */

/* IPv4, TCP and UDP (317453, 3.2.9). */
static void check_sums(const struct e1000 *e1000, const uint8_t *frame, uint32_t length,
                       struct verdict *verdict)
{
    uint32_t rxcsum = e1000_get(e1000, E1000_RXCSUM);
    if (!(rxcsum & (E1000_RXCSUM_IPOFL | E1000_RXCSUM_TUOFL))) {
        verdict->status |= E1000_RECEIVE_IXSM;
        return;
    }
    unsigned check = internet_check_frame(frame, length);
    if (!(check & INTERNET_IP))
        verdict->status |= E1000_RECEIVE_IXSM;
    if (rxcsum & E1000_RXCSUM_IPOFL && check & INTERNET_IP) {
        verdict->status |= E1000_RECEIVE_IPCS;
        verdict->errors |= check & INTERNET_IP_WRONG ? E1000_RECEIVE_IPE : 0;
    }
    if (rxcsum & E1000_RXCSUM_TUOFL && check & INTERNET_PAYLOAD) {
        verdict->status |= E1000_RECEIVE_TCPCS;
        verdict->errors |= check & INTERNET_PAYLOAD_WRONG ? E1000_RECEIVE_TCPE : 0;
    }
}

static uint16_t packet_checksum(const struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
    uint32_t start = e1000_get(e1000, E1000_RXCSUM) & 0xff;
    return start < length ? internet_sum(frame + start, length - start, 0) : 0;
}

/* -- Delivery -- */

static bool is_tagged(const struct e1000 *e1000, const uint8_t *frame, size_t length)
{
    return length >= ETHERNET_HEADER + TAG_LENGTH &&
           get_be16(frame + ADDRESSES) == e1000_get(e1000, E1000_VET);
}

/* The frame as it goes to memory; its length. */
static uint32_t prepare(struct e1000 *e1000, const uint8_t *frame, uint32_t length, bool tagged,
                        struct verdict *verdict)
{
    uint8_t *to = e1000->receive_buffer;
    uint32_t removed = 0;
    if (tagged && e1000_get(e1000, E1000_CTRL) & E1000_CTRL_VME) {
        removed = TAG_LENGTH;
        verdict->status |= E1000_RECEIVE_VP;
        verdict->tag = get_be16(frame + ETHERNET_HEADER);
    }
    copy_bytes(to, frame, ADDRESSES);
    copy_bytes(to + ADDRESSES, frame + ADDRESSES + removed, length - ADDRESSES - removed);
    length -= removed;
    if (length < SHORTEST_FRAME) {
        fill_bytes(to + length, 0, SHORTEST_FRAME - length);
        length = SHORTEST_FRAME;
    }
    check_sums(e1000, to, length, verdict);
    verdict->checksum = packet_checksum(e1000, to, length);
    if (!(e1000_get(e1000, E1000_RCTL) & E1000_RCTL_SECRC)) {
        fill_bytes(to + length, 0, FCS_LENGTH);
        length += FCS_LENGTH;
    }
    return length;
}

/* False: the ring is not in memory. */
static bool fill_descriptor(struct e1000 *e1000, const struct verdict *verdict,
                            const uint8_t *bytes, uint32_t length, bool last)
{
    uint32_t *head = e1000_register(e1000, E1000_RDH);
    uint64_t base = e1000_get(e1000, E1000_RDBAL) | (uint64_t)e1000_get(e1000, E1000_RDBAH) << 32;
    uint64_t at = base + (uint64_t)*head * E1000_DESCRIPTOR_SIZE;
    struct receive_descriptor descriptor;
    if (!guest_read(e1000->memory, at, &descriptor, sizeof(descriptor)))
        return false;
    descriptor.length = (uint16_t)length;
    descriptor.checksum = verdict->checksum;
    descriptor.status = E1000_RECEIVE_DD;
    descriptor.errors = verdict->errors;
    descriptor.special = verdict->tag;
    if (last)
        descriptor.status |= (uint8_t)(E1000_RECEIVE_EOP | verdict->status);
    if (!guest_write(e1000->memory, descriptor.address, bytes, length))
        descriptor.errors |= E1000_RECEIVE_RXE;
    guest_write(e1000->memory, at, &descriptor, sizeof(descriptor));
    *head = *head + 1 == ring_size(e1000) ? 0 : *head + 1;
    return true;
}

static void deliver(struct e1000 *e1000, const struct verdict *verdict, uint32_t length)
{
    uint32_t size = buffer_size(e1000);
    for (uint32_t done = 0; done < length; done += size) {
        uint32_t part = length - done < size ? length - done : size;
        if (!fill_descriptor(e1000, verdict, e1000->receive_buffer + done, part,
                             done + part == length))
            return;
    }
    unsigned fraction = e1000_get(e1000, E1000_RCTL) >> E1000_RCTL_RDMTS_SHIFT & 3;
    bool few = available(e1000) <= ring_size(e1000) >> (fraction + 1);
    e1000_interrupt(e1000, E1000_INTERRUPT_RXT0 | (few ? E1000_INTERRUPT_RXDMT0 : 0));
}

static void drop(struct e1000 *e1000)
{
    e1000_count(e1000, E1000_MPC);
    e1000_count(e1000, E1000_RNBC);
    e1000_interrupt(e1000, E1000_INTERRUPT_RXO);
}

void e1000_receive(void *context, const uint8_t *frame, size_t length)
{
    struct e1000 *e1000 = context;
    struct verdict verdict = { 0 };
    if (!enabled(e1000) || length < ETHERNET_HEADER || length > E1000_FRAME_MAXIMUM - FCS_LENGTH)
        return;
    bool tagged = is_tagged(e1000, frame, length);
    if (!e1000_filter(e1000, frame, tagged))
        return;
    if (length > LONGEST_STANDARD && !(e1000_get(e1000, E1000_RCTL) & E1000_RCTL_LPE)) {
        e1000_count(e1000, E1000_ROC);
        return;
    }
    uint32_t prepared = prepare(e1000, frame, (uint32_t)length, tagged, &verdict);
    uint32_t size = buffer_size(e1000);
    if ((prepared + size - 1) / size > available(e1000)) {
        drop(e1000);
        return;
    }
    e1000_count_received(e1000, frame, (uint32_t)length);
    deliver(e1000, &verdict, prepared);
}
