// SPDX-License-Identifier: Apache-2.0
#include "core/device/ioapic.h"

#define REGISTER_SELECT 0x00
#define REGISTER_WINDOW 0x10

#define INDEX_ID          0x00
#define INDEX_VERSION     0x01
#define INDEX_ARBITRATION 0x02
#define INDEX_ENTRIES     0x10

#define VERSION (0x11 | (IOAPIC_PINS - 1) << 16)

#define ENTRY_LOGICAL        (UINT64_C(1) << 11)
#define ENTRY_REMOTE_REQUEST (UINT64_C(1) << 14)
#define ENTRY_LEVEL          (UINT64_C(1) << 15)
#define ENTRY_MASKED         (UINT64_C(1) << 16)
#define ENTRY_WRITABLE       UINT64_C(0xff0000000001afff)

static void deliver(struct ioapic *ioapic, unsigned pin)
{
    uint64_t *entry = &ioapic->entries[pin];
    const struct interrupt_message message = {
        .destination = (uint32_t)(*entry >> 56),
        .logical = *entry & ENTRY_LOGICAL,
        .level = *entry & ENTRY_LEVEL,
        .mode = *entry >> 8 & 7,
        .vector = (uint8_t)*entry,
    };
    if (message.level)
        *entry |= ENTRY_REMOTE_REQUEST;
    interrupt_bus_deliver(ioapic->bus, &message);
}

/* A level goes on asking until its interrupt has been ended and the line is let go. */
static void evaluate_level(struct ioapic *ioapic, unsigned pin)
{
    uint64_t entry = ioapic->entries[pin];
    if ((entry & ENTRY_LEVEL) && (ioapic->lines >> pin & 1) &&
        !(entry & (ENTRY_MASKED | ENTRY_REMOTE_REQUEST)))
        deliver(ioapic, pin);
}

/* An edge on a masked pin is lost (data sheet, 3.2.4, bit 16). */
void ioapic_set_line(struct ioapic *ioapic, unsigned pin, bool level)
{
    if (pin >= IOAPIC_PINS)
        return;
    uint32_t bit = 1u << pin;
    bool rising = level && !(ioapic->lines & bit);
    ioapic->lines = level ? ioapic->lines | bit : ioapic->lines & ~bit;
    if (ioapic->entries[pin] & ENTRY_LEVEL)
        evaluate_level(ioapic, pin);
    else if (rising && !(ioapic->entries[pin] & ENTRY_MASKED))
        deliver(ioapic, pin);
}

void ioapic_end_of_interrupt(struct ioapic *ioapic, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t entry = ioapic->entries[pin];
        if (!(entry & ENTRY_REMOTE_REQUEST) || (uint8_t)entry != vector)
            continue;
        ioapic->entries[pin] = entry & ~ENTRY_REMOTE_REQUEST;
        evaluate_level(ioapic, pin);
    }
}

void ioapic_reset(struct ioapic *ioapic)
{
    ioapic->id = 0;
    ioapic->select = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        ioapic->entries[pin] = ENTRY_MASKED;
}

static void write_entry(struct ioapic *ioapic, unsigned pin, bool high, uint32_t value)
{
    uint64_t before = ioapic->entries[pin];
    uint64_t after = high ? (before & 0xffffffff) | (uint64_t)value << 32
                          : (before & ~UINT64_C(0xffffffff)) | value;
    after &= ENTRY_WRITABLE;
    /* Software without an EOI register makes an entry an edge to clear its remote IRR. */
    if (after & ENTRY_LEVEL)
        after |= before & ENTRY_REMOTE_REQUEST;
    ioapic->entries[pin] = after;
    evaluate_level(ioapic, pin);
}

static uint32_t read_window(const struct ioapic *ioapic)
{
    unsigned index = ioapic->select;
    unsigned pin = (index - INDEX_ENTRIES) / 2;
    switch (index) {
    case INDEX_ID:
    case INDEX_ARBITRATION:
        return ioapic->id;
    case INDEX_VERSION:
        return VERSION;
    }
    if (index < INDEX_ENTRIES || pin >= IOAPIC_PINS)
        return 0;
    return (uint32_t)(ioapic->entries[pin] >> (index & 1 ? 32 : 0));
}

static void write_window(struct ioapic *ioapic, uint32_t value)
{
    unsigned index = ioapic->select;
    if (index == INDEX_ID)
        ioapic->id = value & 0x0f000000;
    else if (index >= INDEX_ENTRIES && (index - INDEX_ENTRIES) / 2 < IOAPIC_PINS)
        write_entry(ioapic, (index - INDEX_ENTRIES) / 2, index & 1, value);
}

static uint64_t read_register(void *device, uint64_t offset, unsigned size)
{
    const struct ioapic *ioapic = device;
    (void)size;
    if (offset == REGISTER_SELECT)
        return ioapic->select;
    return offset == REGISTER_WINDOW ? read_window(ioapic) : 0;
}

static void write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *ioapic = device;
    if (offset == REGISTER_SELECT)
        ioapic->select = (uint8_t)value;
    else if (offset == REGISTER_WINDOW && size >= 4)
        write_window(ioapic, (uint32_t)value);
}

const struct register_range ioapic_registers = { read_register, write_register };
