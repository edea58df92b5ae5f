// SPDX-License-Identifier: Apache-2.0
/*
 * The Intel 82540EM gigabit Ethernet controller (Software Developer's Manual 317453), as the
 * drivers of Linux and FreeBSD use it: EEPROM and PHY behind their serial lines, rings of
 * descriptors with checksum and segmentation offload, address, multicast and VLAN filters,
 * statistics, and interrupt throttling.
 *
 * Not there: wake-up, management, 10 and 100 Mbit/s, the delay timers of descriptors (a descriptor
 * is reported when it is done; ITR throttles), the FCS (received frames end in four zero bytes
 * where it would be).
 */
#pragma once

#include "core/device/e1000_registers.h"
#include "core/device/pci.h"
#include "core/memory/guest_memory.h"
#include "core/platform.h"

#define E1000_EEPROM_WORDS  64u
#define E1000_PHY_REGISTERS 32u
#define E1000_FRAME_MAXIMUM 16384u
#define E1000_TAG_ROOM      4u
/* What segmentation takes at once: the largest IP packet, its Ethernet header, and a tag. */
#define E1000_PACKET_MAXIMUM (65536u + 256u)

/* A microwire EEPROM (93C46): bits come in by DI and go out by DO, clocked by SK. */
struct e1000_eeprom {
    uint16_t words[E1000_EEPROM_WORDS];
    uint32_t shift;  /* received since CS rose */
    unsigned bits;   /* how many of them */
    unsigned output; /* next bit to give, counted from the first of the word at `address` */
    unsigned address;
    bool reading, data_out;
};

/* Of a context descriptor (3.3.6): where checksums are, and how to cut. */
struct e1000_context {
    uint8_t ip_start, ip_offset, tu_start, tu_offset, header_length;
    uint16_t ip_end, tu_end, segment_size;
    bool tcp, ipv4;
};

/* The packet that the descriptors up to EOP make up. */
struct e1000_packet {
    bool begun;
    bool lost; /* too long, or not in memory */
    bool segment, ip_checksum, tu_checksum, tagged;
    bool simple_checksum; /* of a legacy descriptor: from `start` to the end, at `offset` */
    uint8_t start, offset;
    uint16_t tag;
    uint32_t length;
};

struct e1000 {
    struct pci_function function;
    struct platform *platform;
    const struct guest_memory *memory;
    struct platform_net *net;
    uint32_t io_address;
    uint32_t registers[E1000_REGISTERS_END / 4];
    uint8_t rows[E1000_REGISTERS_END / 4]; /* which row of the table describes a register */
    uint16_t phy[E1000_PHY_REGISTERS];
    struct e1000_eeprom eeprom;
    struct platform_timer throttle;
    struct platform_timer more;       /* to transmit */
    uint64_t quiet_until;             /* platform_clock(): no interrupt before it */
    struct e1000_context contexts[2]; /* for checksums, for segmentation */
    struct e1000_packet packet;
    uint8_t transmit_buffer[E1000_TAG_ROOM + E1000_PACKET_MAXIMUM];
    uint8_t receive_buffer[E1000_FRAME_MAXIMUM + 4];
};

struct e1000_configuration {
    struct platform *platform;
    const struct guest_memory *memory;
    struct platform_net *net;
};

/* `e1000` (zeroed) is the machine's; plug in `e1000->function`. */
void e1000_initialize(struct e1000 *e1000, const struct e1000_configuration *configuration);
/* Power-on state. */
void e1000_reset(struct e1000 *e1000);
