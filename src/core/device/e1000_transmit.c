// SPDX-License-Identifier: Apache-2.0
/*
 * The transmit ring (317453, 3.3 and 3.4). Descriptors from head to tail are read one by one, each
 * once; their data is gathered in the transmit buffer until EOP. What a turn leaves over goes on
 * when others have had theirs.
 */
#include "core/device/e1000_parts.h"

#define TURN_DESCRIPTORS 256u

struct descriptor {
    uint64_t address;
    uint32_t lower, upper; /* the third and the fourth double word */
};

enum { TYPE_CONTEXT = 0, TYPE_DATA = 1 };

static uint8_t command_of(const struct descriptor *descriptor)
{
    return (uint8_t)(descriptor->lower >> 24);
}

static void take_context(struct e1000 *e1000, const struct descriptor *descriptor)
{
    uint32_t ip = (uint32_t)descriptor->address, tu = (uint32_t)(descriptor->address >> 32);
    uint8_t command = command_of(descriptor);
    e1000->contexts[command & E1000_TRANSMIT_TSE ? 1 : 0] = (struct e1000_context){
        .ip_start = (uint8_t)ip,
        .ip_offset = (uint8_t)(ip >> 8),
        .ip_end = (uint16_t)(ip >> 16),
        .tu_start = (uint8_t)tu,
        .tu_offset = (uint8_t)(tu >> 8),
        .tu_end = (uint16_t)(tu >> 16),
        .header_length = (uint8_t)(descriptor->upper >> 8),
        .segment_size = (uint16_t)(descriptor->upper >> 16),
        .tcp = command & E1000_TRANSMIT_TUCMD_TCP,
        .ipv4 = command & E1000_TRANSMIT_TUCMD_IP,
    };
}

/* The first descriptor of a packet says what is to be done with it. */
static void begin_packet(struct e1000_packet *packet, const struct descriptor *descriptor)
{
    uint8_t command = command_of(descriptor), options = (uint8_t)(descriptor->upper >> 8);
    *packet = (struct e1000_packet){ .begun = true };
    if (command & E1000_TRANSMIT_DEXT) {
        packet->segment = command & E1000_TRANSMIT_TSE;
        packet->ip_checksum = options & E1000_TRANSMIT_IXSM;
        packet->tu_checksum = options & E1000_TRANSMIT_TXSM;
    } else {
        packet->simple_checksum = command & E1000_TRANSMIT_IC;
        packet->offset = (uint8_t)(descriptor->lower >> 16);
        packet->start = (uint8_t)(descriptor->upper >> 8);
    }
}

/* Memory that is not there, or more than a packet can be: the packet is dropped at its end. */
static void add_data(struct e1000 *e1000, uint64_t address, uint32_t length)
{
    struct e1000_packet *packet = &e1000->packet;
    uint8_t *to = e1000->transmit_buffer + E1000_TAG_ROOM + packet->length;
    if (length == 0)
        return;
    if (length > E1000_PACKET_MAXIMUM - packet->length ||
        !guest_read(e1000->memory, address, to, length))
        packet->lost = true;
    else
        packet->length += length;
}

static void end_packet(struct e1000 *e1000, const struct descriptor *descriptor)
{
    struct e1000_packet *packet = &e1000->packet;
    packet->tagged = command_of(descriptor) & E1000_TRANSMIT_VLE &&
                     e1000_get(e1000, E1000_CTRL) & E1000_CTRL_VME;
    packet->tag = (uint16_t)(descriptor->upper >> 16);
    if (!packet->lost)
        e1000_send_packet(e1000);
    packet->begun = false;
}

static void take_data(struct e1000 *e1000, const struct descriptor *descriptor)
{
    bool legacy = !(command_of(descriptor) & E1000_TRANSMIT_DEXT);
    if (!e1000->packet.begun)
        begin_packet(&e1000->packet, descriptor);
    add_data(e1000, descriptor->address, descriptor->lower & (legacy ? 0xffff : 0xfffff));
    if (command_of(descriptor) & E1000_TRANSMIT_EOP)
        end_packet(e1000, descriptor);
}

static void take_descriptor(struct e1000 *e1000, const struct descriptor *descriptor)
{
    unsigned type = descriptor->lower >> 20 & 15;
    if (!(command_of(descriptor) & E1000_TRANSMIT_DEXT) || type == TYPE_DATA)
        take_data(e1000, descriptor);
    else if (type == TYPE_CONTEXT)
        take_context(e1000, descriptor);
}

/* Interrupt causes that it leads to. */
static uint32_t report(struct e1000 *e1000, uint64_t address, const struct descriptor *descriptor)
{
    uint8_t status = (uint8_t)(descriptor->upper | E1000_RECEIVE_DD);
    if (!(command_of(descriptor) & E1000_TRANSMIT_RS))
        return 0;
    guest_write(e1000->memory, address + E1000_DESCRIPTOR_STATUS, &status, 1);
    return E1000_INTERRUPT_TXDW;
}

static bool enabled(const struct e1000 *e1000)
{
    return e1000_get(e1000, E1000_TCTL) & E1000_TCTL_EN && pci_bus_master(&e1000->function);
}

/* False: a ring that is none; nothing goes on until the driver sets it up again. */
static bool take_next(struct e1000 *e1000, uint32_t *causes)
{
    uint32_t *head = e1000_register(e1000, E1000_TDH);
    uint32_t count = e1000_get(e1000, E1000_TDLEN) / E1000_DESCRIPTOR_SIZE;
    uint64_t base = e1000_get(e1000, E1000_TDBAL) | (uint64_t)e1000_get(e1000, E1000_TDBAH) << 32;
    uint64_t address = base + (uint64_t)*head * E1000_DESCRIPTOR_SIZE;
    struct descriptor descriptor;
    if (*head >= count || e1000_get(e1000, E1000_TDT) >= count ||
        !guest_read(e1000->memory, address, &descriptor, sizeof(descriptor)))
        return false;
    take_descriptor(e1000, &descriptor);
    *causes |= report(e1000, address, &descriptor);
    *head = *head + 1 == count ? 0 : *head + 1;
    return true;
}

static bool waiting(const struct e1000 *e1000)
{
    return e1000_get(e1000, E1000_TDH) != e1000_get(e1000, E1000_TDT);
}

void e1000_transmit(void *context)
{
    struct e1000 *e1000 = context;
    uint32_t causes = 0;
    if (!enabled(e1000) || !waiting(e1000))
        return;
    unsigned turn = 0;
    while (turn < TURN_DESCRIPTORS && waiting(e1000) && take_next(e1000, &causes))
        turn++;
    if (!waiting(e1000))
        causes |= E1000_INTERRUPT_TXQE;
    else if (turn == TURN_DESCRIPTORS)
        platform_timer_arm(e1000->platform, &e1000->more, platform_clock(e1000->platform));
    if (causes)
        e1000_interrupt(e1000, causes);
}
