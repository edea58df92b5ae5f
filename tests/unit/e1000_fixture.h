// SPDX-License-Identifier: Apache-2.0
/* A network controller with 1 MiB of guest memory, and the words in which a driver speaks to it. */
#pragma once

#include "fake_platform.h"

#include "core/device/e1000.h"
#include "core/device/internet_checksum.h"

#define MEMORY_SIZE   (1u << 20)
#define RING_SIZE     16u
#define RECEIVE_RING  0x10000u
#define TRANSMIT_RING 0x11000u
#define RECEIVE_DATA  0x20000u /* 2 KiB for each descriptor */
#define TRANSMIT_DATA 0x40000u

struct machine {
    struct platform platform;
    struct e1000 e1000;
    struct guest_memory memory;
    struct frame frames[MEMORY_SIZE / FRAME_SIZE];
    uint8_t *ram;
    struct platform_net net;
    bool interrupt;
    unsigned interrupts; /* rising edges */
};

static inline void set_interrupt(void *context, struct pci_function *function, bool level)
{
    struct machine *machine = context;
    (void)function;
    machine->interrupts += level && !machine->interrupt;
    machine->interrupt = level;
}

static inline void ignore_map(void *context, struct pci_function *function, unsigned bar,
                              uint64_t address)
{
    (void)context, (void)function, (void)bar, (void)address;
}

static const struct pci_bus_operations bus_operations = { .map = ignore_map,
                                                          .interrupt = set_interrupt };
static const uint8_t our_address[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

static inline struct machine *machine_new(void)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    machine->ram = calloc(1, MEMORY_SIZE);
    assert_int_equal(
        guest_memory_add(&machine->memory, 0, MEMORY_SIZE, machine->ram, machine->frames, false),
        0);
    memcpy(machine->net.address, our_address, 6);
    const struct e1000_configuration configuration = { .platform = &machine->platform,
                                                       .memory = &machine->memory,
                                                       .net = &machine->net };
    machine->e1000.function.bus = NULL;
    e1000_initialize(&machine->e1000, &configuration);
    machine->e1000.function.bus = &bus_operations;
    machine->e1000.function.bus_context = machine;
    pci_config_write(&machine->e1000.function, 4, 2, 7); /* ports, memory, bus master */
    return machine;
}

#define AUTO_MACHINE __attribute__((cleanup(machine_cleanup)))
static inline void machine_cleanup(struct machine **machine)
{
    free((*machine)->ram);
    free(*machine);
}

static inline uint32_t get(struct machine *machine, enum e1000_register offset)
{
    return (uint32_t)machine->e1000.function.bars[0].registers->read(&machine->e1000, offset, 4);
}

static inline void set(struct machine *machine, uint32_t offset, uint32_t value)
{
    machine->e1000.function.bars[0].registers->write(&machine->e1000, offset, 4, value);
}

static inline void start_transmitter(struct machine *machine)
{
    set(machine, E1000_TDBAL, TRANSMIT_RING);
    set(machine, E1000_TDLEN, RING_SIZE * 16);
    set(machine, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP);
}

static inline void start_receiver(struct machine *machine, uint32_t rctl)
{
    for (unsigned i = 0; i < RING_SIZE; i++) {
        uint64_t descriptor[2] = { RECEIVE_DATA + 2048 * i, 0 };
        memcpy(machine->ram + RECEIVE_RING + 16 * i, descriptor, 16);
    }
    set(machine, E1000_RDBAL, RECEIVE_RING);
    set(machine, E1000_RDLEN, RING_SIZE * 16);
    set(machine, E1000_RDT, RING_SIZE - 1);
    set(machine, E1000_RCTL, E1000_RCTL_EN | rctl);
}

static inline void put_descriptor(struct machine *machine, unsigned index, uint64_t first,
                                  uint32_t third, uint32_t fourth)
{
    uint64_t descriptor[2] = { first, third | (uint64_t)fourth << 32 };
    memcpy(machine->ram + TRANSMIT_RING + 16 * index, descriptor, 16);
}

static inline uint8_t transmit_status(const struct machine *machine, unsigned index)
{
    return machine->ram[TRANSMIT_RING + 16 * index + 12];
}

struct received {
    uint64_t address;
    uint16_t length, checksum;
    uint8_t status, errors;
    uint16_t special;
};

static inline struct received received(const struct machine *machine, unsigned index)
{
    struct received descriptor;
    memcpy(&descriptor, machine->ram + RECEIVE_RING + 16 * index, sizeof(descriptor));
    return descriptor;
}

static inline const uint8_t *received_bytes(const struct machine *machine, unsigned index)
{
    return machine->ram + RECEIVE_DATA + 2048 * index;
}

static inline void deliver(struct machine *machine, const uint8_t *frame, size_t length)
{
    machine->net.receiver.receive(machine->net.receiver.context, frame, length);
}

/* A frame to us with `length` bytes of pattern after the addresses. */
static inline void make_frame(uint8_t *frame, size_t length)
{
    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 7 + 3);
    memcpy(frame, our_address, 6);
    frame[6] = 0x02;
}

#define TCP_HEADERS 54u /* Ethernet, IPv4, TCP */

/* A TCP segment over IPv4 without checksums. */
static inline void make_tcp(uint8_t *frame, size_t length)
{
    make_frame(frame, length);
    static const uint8_t ip[20] = { 0x45, 0, 0,  0, 0x12, 0x34, 0,  0, 64, 6,
                                    0,    0, 10, 0, 2,    15,   10, 0, 2,  2 };
    put_be16(frame + 12, 0x0800);
    memcpy(frame + 14, ip, 20);
    put_be16(frame + 16, (uint16_t)(length - 14));
    put_be32(frame + 38, 0x11223344);
    frame[46] = 0x50;
    frame[47] = 0x19; /* ACK, PSH, FIN */
    put_be16(frame + 50, 0);
}

static inline uint16_t pseudo_header(const uint8_t *frame, size_t tcp_length)
{
    return internet_sum(frame + 26, 8, (uint32_t)(6 + tcp_length));
}

static inline bool ip_sum_is_right(const uint8_t *frame)
{
    return internet_sum(frame + 14, 20, 0) == 0xffff;
}

static inline bool tcp_sum_is_right(const uint8_t *frame, size_t length)
{
    return internet_sum(frame + 34, length - 34, pseudo_header(frame, length - 34)) == 0xffff;
}
