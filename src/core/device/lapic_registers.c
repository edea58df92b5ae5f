// SPDX-License-Identifier: Apache-2.0
/* The registers, through memory (xAPIC) and through MSRs (x2APIC, SDM volume 3, 10.12). */
#include "core/device/lapic_registers.h"

#include "core/x86/registers.h"

#define ACCESS_READ     1
#define ACCESS_WRITE    2
#define ACCESS_X2_READ  4
#define ACCESS_X2_WRITE 8
#define ACCESS_ALL      15
#define ACCESS_READS    (ACCESS_READ | ACCESS_X2_READ)

/* Tables 10-1 and 10-6; what x2APIC mode forbids is #GP. */
static const struct {
    uint8_t access;
    uint32_t writable;
} rows[0x40] = {
    [LAPIC_ID] = { ACCESS_READS },
    [LAPIC_VERSION] = { ACCESS_READS },
    [LAPIC_TASK_PRIORITY] = { ACCESS_ALL, 0xff },
    [LAPIC_ARBITRATION_PRIORITY] = { ACCESS_READ },
    [LAPIC_PROCESSOR_PRIORITY] = { ACCESS_READS },
    [LAPIC_END_OF_INTERRUPT] = { ACCESS_WRITE | ACCESS_X2_WRITE, 0 },
    [LAPIC_REMOTE_READ] = { ACCESS_READ },
    [LAPIC_LOGICAL_DESTINATION] = { ACCESS_READS | ACCESS_WRITE, 0xff000000 },
    [LAPIC_DESTINATION_FORMAT] = { ACCESS_READ | ACCESS_WRITE, 0xf0000000 },
    [LAPIC_SPURIOUS] = { ACCESS_ALL, 0x3ff },
    [LAPIC_IN_SERVICE... LAPIC_IN_SERVICE + 7] = { ACCESS_READS },
    [LAPIC_TRIGGER_MODE... LAPIC_TRIGGER_MODE + 7] = { ACCESS_READS },
    [LAPIC_REQUEST... LAPIC_REQUEST + 7] = { ACCESS_READS },
    [LAPIC_ERROR_STATUS] = { ACCESS_ALL, 0 },
    [LAPIC_COMMAND_LOW] = { ACCESS_ALL, 0x000ccfff },
    [LAPIC_COMMAND_HIGH] = { ACCESS_READ | ACCESS_WRITE, 0xff000000 },
    [LAPIC_LVT + LVT_TIMER] = { ACCESS_ALL, 0x000700ff },
    [LAPIC_LVT + LVT_THERMAL] = { ACCESS_ALL, 0x000107ff },
    [LAPIC_LVT + LVT_PERFORMANCE] = { ACCESS_ALL, 0x000107ff },
    [LAPIC_LVT + LVT_LINT0] = { ACCESS_ALL, 0x0001a7ff },
    [LAPIC_LVT + LVT_LINT1] = { ACCESS_ALL, 0x0001a7ff },
    [LAPIC_LVT + LVT_ERROR] = { ACCESS_ALL, 0x000100ff },
    [LAPIC_INITIAL_COUNT] = { ACCESS_ALL, 0xffffffff },
    [LAPIC_CURRENT_COUNT] = { ACCESS_READS },
    [LAPIC_DIVIDE] = { ACCESS_ALL, 0xb },
    [LAPIC_SELF_IPI] = { ACCESS_X2_WRITE, 0xff },
};

static uint32_t identifier(const struct lapic *lapic)
{
    return lapic_is_x2apic(lapic) ? lapic->id : lapic->id << 24;
}

static uint32_t logical_destination(const struct lapic *lapic)
{
    if (!lapic_is_x2apic(lapic))
        return lapic->logical_destination;
    return (lapic->id >> 4) << 16 | 1u << (lapic->id & 15);
}

static uint32_t read_register(const struct lapic *lapic, unsigned number)
{
    switch (number) {
    case LAPIC_ID:
        return identifier(lapic);
    case LAPIC_VERSION:
        return LAPIC_VERSION_VALUE;
    case LAPIC_TASK_PRIORITY:
        return lapic->task_priority;
    case LAPIC_ARBITRATION_PRIORITY:
    case LAPIC_PROCESSOR_PRIORITY:
        return lapic_processor_priority(lapic);
    case LAPIC_LOGICAL_DESTINATION:
        return logical_destination(lapic);
    case LAPIC_DESTINATION_FORMAT:
        return lapic->destination_format;
    case LAPIC_SPURIOUS:
        return lapic->spurious;
    case LAPIC_IN_SERVICE ... LAPIC_IN_SERVICE + 7:
        return lapic->isr[number - LAPIC_IN_SERVICE];
    case LAPIC_TRIGGER_MODE ... LAPIC_TRIGGER_MODE + 7:
        return lapic->tmr[number - LAPIC_TRIGGER_MODE];
    case LAPIC_REQUEST ... LAPIC_REQUEST + 7:
        return lapic->irr[number - LAPIC_REQUEST];
    case LAPIC_ERROR_STATUS:
        return lapic->error_status;
    case LAPIC_COMMAND_LOW:
        return (uint32_t)lapic->command;
    case LAPIC_COMMAND_HIGH:
        return (uint32_t)(lapic->command >> 32);
    case LAPIC_LVT ... LAPIC_LVT + LVT_COUNT - 1:
        return lapic->lvt[number - LAPIC_LVT];
    case LAPIC_INITIAL_COUNT:
        return lapic->initial_count;
    case LAPIC_CURRENT_COUNT:
        return lapic_timer_count(lapic);
    case LAPIC_DIVIDE:
        return lapic->divide;
    default:
        return 0;
    }
}

/* 10.4.7.2: while the APIC is disabled by software all entries are masked. */
static void write_spurious(struct lapic *lapic, uint32_t value)
{
    lapic->spurious = value & (0xff | SPURIOUS_ENABLE | 0x200);
    if (!(value & SPURIOUS_ENABLE))
        for (unsigned i = 0; i < LVT_COUNT; i++)
            lapic->lvt[i] |= LVT_MASKED;
    lapic_signal(lapic);
}

static void write_lvt(struct lapic *lapic, unsigned entry, uint32_t value)
{
    uint32_t before = lapic->lvt[entry];
    if (!(lapic->spurious & SPURIOUS_ENABLE))
        value |= LVT_MASKED;
    lapic->lvt[entry] = value;
    if (entry == LVT_TIMER)
        lapic_timer_mode_changed(lapic, before);
    else if (entry == LVT_LINT0)
        lapic_signal(lapic);
}

static void write_register(struct lapic *lapic, unsigned number, uint32_t value)
{
    switch (number) {
    case LAPIC_TASK_PRIORITY:
        lapic->task_priority = value;
        lapic_signal(lapic);
        break;
    case LAPIC_END_OF_INTERRUPT:
        lapic_end_of_interrupt(lapic);
        break;
    case LAPIC_LOGICAL_DESTINATION:
        lapic->logical_destination = value;
        break;
    case LAPIC_DESTINATION_FORMAT:
        lapic->destination_format = value | 0x0fffffff;
        break;
    case LAPIC_SPURIOUS:
        write_spurious(lapic, value);
        break;
    case LAPIC_ERROR_STATUS:
        lapic->error_status = lapic->errors;
        lapic->errors = 0;
        break;
    case LAPIC_COMMAND_LOW:
        lapic->command = (lapic->command & ~UINT64_C(0xffffffff)) | value;
        lapic_send_command(lapic, lapic->command);
        break;
    case LAPIC_COMMAND_HIGH:
        lapic->command = (lapic->command & 0xffffffff) | (uint64_t)value << 32;
        break;
    case LAPIC_LVT ... LAPIC_LVT + LVT_COUNT - 1:
        write_lvt(lapic, number - LAPIC_LVT, value);
        break;
    case LAPIC_INITIAL_COUNT:
        lapic_timer_set_count(lapic, value);
        break;
    case LAPIC_DIVIDE:
        lapic_timer_set_divide(lapic, value);
        break;
    case LAPIC_SELF_IPI:
        lapic_send_command(lapic, 1u << 18 | value);
        break;
    }
}

/* -- Through memory: words of 32 bits at multiples of 16 (10.4.1) -- */

bool lapic_decodes(const struct lapic *lapic, gpa_t address)
{
    return (lapic->base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE &&
           (address ^ lapic->base) >> FRAME_SHIFT == 0;
}

static uint64_t read_memory(void *device, uint64_t offset, unsigned size)
{
    struct lapic *lapic = device;
    unsigned number = (unsigned)offset / 16;
    if (offset >= 0x400 || !(rows[number].access & (ACCESS_READ | ACCESS_WRITE))) {
        lapic_error(lapic, ERROR_REGISTER);
        return 0;
    }
    if (offset % 16 + size > 4 || !(rows[number].access & ACCESS_READ))
        return 0;
    return read_register(lapic, number) >> (8 * (offset % 16));
}

static void write_memory(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct lapic *lapic = device;
    unsigned number = (unsigned)offset / 16;
    if (offset >= 0x400 || !(rows[number].access & (ACCESS_READ | ACCESS_WRITE))) {
        lapic_error(lapic, ERROR_REGISTER);
        return;
    }
    if (offset % 16 == 0 && size == 4 && (rows[number].access & ACCESS_WRITE))
        write_register(lapic, number, (uint32_t)value & rows[number].writable);
}

const struct register_range lapic_registers = { read_memory, write_memory };

/* -- Through MSRs -- */

bool lapic_read_msr(struct lapic *lapic, uint32_t index, uint64_t *value)
{
    unsigned number = index - MSR_X2APIC_FIRST;
    if (!lapic_is_x2apic(lapic) || number >= 0x40 || !(rows[number].access & ACCESS_X2_READ))
        return false;
    *value = number == LAPIC_COMMAND_LOW ? lapic->command : read_register(lapic, number);
    return true;
}

bool lapic_write_msr(struct lapic *lapic, uint32_t index, uint64_t value)
{
    unsigned number = index - MSR_X2APIC_FIRST;
    if (!lapic_is_x2apic(lapic) || number >= 0x40 || !(rows[number].access & ACCESS_X2_WRITE))
        return false;
    uint64_t writable = rows[number].writable;
    if (number == LAPIC_COMMAND_LOW)
        writable |= UINT64_C(0xffffffff) << 32;
    if (number >= LAPIC_LVT && number < LAPIC_LVT + LVT_COUNT)
        writable |= LVT_REMOTE_REQUEST | 0x1000; /* read-only, not reserved */
    if (value & ~writable)
        return false;
    if (number != LAPIC_COMMAND_LOW) {
        write_register(lapic, number, (uint32_t)value & rows[number].writable);
        return true;
    }
    lapic->command = value;
    lapic_send_command(lapic, value);
    return true;
}

/* -- IA32_APIC_BASE (10.4.4, 10.12.5) -- */

bool lapic_read_base(const struct lapic *lapic, uint64_t *value)
{
    *value = lapic->base;
    return true;
}

bool lapic_write_base(struct lapic *lapic, uint64_t value)
{
    const uint64_t modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
    uint64_t before = lapic->base & modes, after = value & modes;
    if ((value & 0x2ff) || value >> 40 || after == APIC_BASE_X2APIC)
        return false;
    /* Figure 10-27: out of x2APIC mode by way of off alone, and into it from xAPIC mode alone. */
    if ((before == modes && after == APIC_BASE_ENABLE) || (before == 0 && after == modes))
        return false;
    if (before != after && after != modes) {
        bool waiting = lapic->waiting_for_startup;
        lapic_reset(lapic);
        lapic->waiting_for_startup = waiting;
    }
    lapic->base = (value & ~APIC_BASE_BSP) | (lapic->id == 0 ? APIC_BASE_BSP : 0);
    lapic_signal(lapic);
    return true;
}
