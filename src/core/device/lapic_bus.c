// SPDX-License-Identifier: Apache-2.0
/* Destinations and interprocessor interrupts (SDM volume 3, 10.6, 10.12.10), messages (10.11). */
#include "core/device/lapic_registers.h"

#define BROADCAST_XAPIC  0xffu
#define BROADCAST_X2APIC 0xffffffffu

#define COMMAND_LOGICAL   0x0800u
#define COMMAND_ASSERT    0x4000u
#define COMMAND_LEVEL     0x8000u
#define COMMAND_SHORTHAND 18

enum shorthand { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

/* 10.6.2.2: flat model, all of DFR ones; cluster model, cluster in the high half. */
static bool matches_logical_xapic(const struct lapic *lapic, uint32_t destination)
{
    uint32_t own = lapic->logical_destination >> 24;
    if (destination == BROADCAST_XAPIC)
        return true;
    if (lapic->destination_format >> 28 == 0xf)
        return own & destination;
    if (destination >> 4 != 0xf && own >> 4 != destination >> 4)
        return false;
    return own & destination & 0xf;
}

static bool matches_logical_x2apic(const struct lapic *lapic, uint32_t destination)
{
    uint32_t own = (lapic->id >> 4) << 16 | 1u << (lapic->id & 15);
    return own >> 16 == destination >> 16 && (own & destination & 0xffff);
}

static bool matches(const struct lapic *lapic, const struct interrupt_message *message)
{
    uint32_t destination = message->destination;
    if (!(lapic->base & APIC_BASE_ENABLE))
        return message->mode >= DELIVERY_NMI && !message->logical && lapic->id == destination;
    if (destination == (message->wide ? BROADCAST_X2APIC : BROADCAST_XAPIC))
        return true;
    if (!message->logical)
        return lapic->id == destination;
    return lapic_is_x2apic(lapic) ? matches_logical_x2apic(lapic, destination)
                                  : matches_logical_xapic(lapic, destination);
}

/* Among equals it goes round, so that no processor gets all. */
static void deliver_lowest_priority(struct interrupt_bus *bus,
                                    const struct interrupt_message *message)
{
    struct lapic *lowest = NULL;
    for (unsigned i = 0; i < bus->count; i++) {
        struct lapic *lapic = &bus->lapics[(bus->next + i) % bus->count];
        if (!lapic_software_enabled(lapic) || !matches(lapic, message))
            continue;
        if (!lowest || lapic_processor_priority(lapic) < lapic_processor_priority(lowest))
            lowest = lapic;
    }
    if (!lowest)
        return;
    bus->next = (unsigned)(lowest - bus->lapics) + 1;
    lapic_accept_message(lowest, message);
}

void interrupt_bus_deliver(struct interrupt_bus *bus, const struct interrupt_message *message)
{
    if (message->mode == DELIVERY_LOWEST_PRIORITY) {
        deliver_lowest_priority(bus, message);
        return;
    }
    for (unsigned i = 0; i < bus->count; i++)
        if (matches(&bus->lapics[i], message))
            lapic_accept_message(&bus->lapics[i], message);
}

/* 10.11.1: bits 19-12 destination, 3 redirection hint, 2 logical; 10.11.2: as in the ICR. */
void interrupt_bus_message(struct interrupt_bus *bus, uint64_t address, uint32_t data)
{
    if (address >> 20 != LAPIC_BASE >> 20)
        return;
    bool hint = address & 8;
    struct interrupt_message message = {
        .destination = (uint32_t)address >> 12 & 0xff,
        .logical = hint && (address & 4),
        .level = data & 0x8000,
        .mode = data >> 8 & 7,
        .vector = (uint8_t)data,
    };
    if (message.mode == DELIVERY_INIT || message.mode == DELIVERY_STARTUP)
        return; /* not by a device */
    interrupt_bus_deliver(bus, &message);
}

static void deliver_to_others(struct lapic *lapic, const struct interrupt_message *message,
                              bool self_too)
{
    struct interrupt_bus *bus = lapic->bus;
    for (unsigned i = 0; i < bus->count; i++)
        if (self_too || &bus->lapics[i] != lapic)
            lapic_accept_message(&bus->lapics[i], message);
}

void lapic_send_command(struct lapic *lapic, uint64_t command)
{
    uint32_t low = (uint32_t)command;
    struct interrupt_message message = {
        .destination = (uint32_t)(command >> (lapic_is_x2apic(lapic) ? 32 : 56)),
        .logical = low & COMMAND_LOGICAL,
        .wide = lapic_is_x2apic(lapic),
        .mode = low >> 8 & 7,
        .vector = (uint8_t)low,
    };
    if (message.mode <= DELIVERY_LOWEST_PRIORITY && message.vector < 16) {
        lapic_error(lapic, ERROR_SEND_VECTOR);
        return;
    }
    /* INIT level de-assert synchronized arbitration identifiers of old; nothing does it now. */
    if (message.mode == DELIVERY_INIT && (low & COMMAND_LEVEL) && !(low & COMMAND_ASSERT))
        return;
    switch ((enum shorthand)(low >> COMMAND_SHORTHAND & 3)) {
    case SHORTHAND_NONE:
        interrupt_bus_deliver(lapic->bus, &message);
        break;
    case SHORTHAND_SELF:
        if (message.mode == DELIVERY_FIXED)
            lapic_accept(lapic, message.vector, false);
        break;
    case SHORTHAND_ALL:
        deliver_to_others(lapic, &message, true);
        break;
    case SHORTHAND_OTHERS:
        deliver_to_others(lapic, &message, false);
        break;
    }
}
