// SPDX-License-Identifier: Apache-2.0
/* Registers of the local APIC by their offset / 16, which is also their x2APIC MSR less 800H (SDM
 * volume 3, tables 10-1 and 10-6), and what lapic*.c know of each other. */
#pragma once

#include "core/device/lapic.h"

enum lapic_register {
    LAPIC_ID = 0x02,
    LAPIC_VERSION = 0x03,
    LAPIC_TASK_PRIORITY = 0x08,
    LAPIC_ARBITRATION_PRIORITY = 0x09,
    LAPIC_PROCESSOR_PRIORITY = 0x0a,
    LAPIC_END_OF_INTERRUPT = 0x0b,
    LAPIC_REMOTE_READ = 0x0c,
    LAPIC_LOGICAL_DESTINATION = 0x0d,
    LAPIC_DESTINATION_FORMAT = 0x0e,
    LAPIC_SPURIOUS = 0x0f,
    LAPIC_IN_SERVICE = 0x10,
    LAPIC_TRIGGER_MODE = 0x18,
    LAPIC_REQUEST = 0x20,
    LAPIC_ERROR_STATUS = 0x28,
    LAPIC_COMMAND_LOW = 0x30,
    LAPIC_COMMAND_HIGH = 0x31,
    LAPIC_LVT = 0x32, /* enum lapic_lvt */
    LAPIC_INITIAL_COUNT = 0x38,
    LAPIC_CURRENT_COUNT = 0x39,
    LAPIC_DIVIDE = 0x3e,
    LAPIC_SELF_IPI = 0x3f, /* x2APIC */
};

#define APIC_BASE_BSP    (UINT64_C(1) << 8)
#define APIC_BASE_X2APIC (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)

#define LAPIC_VERSION_VALUE (0x14 | (LVT_COUNT - 1) << 16)

#define SPURIOUS_ENABLE 0x100u

#define LVT_MASKED             0x10000u
#define LVT_LEVEL              0x08000u
#define LVT_REMOTE_REQUEST     0x04000u
#define LVT_MODE_SHIFT         8
#define LVT_TIMER_MODE         0x60000u
#define LVT_TIMER_ONE_SHOT     0x00000u
#define LVT_TIMER_PERIODIC     0x20000u
#define LVT_TIMER_TSC_DEADLINE 0x40000u

#define ERROR_SEND_VECTOR    0x20u
#define ERROR_RECEIVE_VECTOR 0x40u
#define ERROR_REGISTER       0x80u

static inline bool lapic_is_x2apic(const struct lapic *lapic)
{
    return lapic->base & APIC_BASE_X2APIC;
}

static inline bool lapic_software_enabled(const struct lapic *lapic)
{
    return (lapic->base & APIC_BASE_ENABLE) && (lapic->spurious & SPURIOUS_ENABLE);
}

void lapic_accept(struct lapic *lapic, uint8_t vector, bool level);
void lapic_accept_message(struct lapic *lapic, const struct interrupt_message *message);
uint32_t lapic_processor_priority(const struct lapic *lapic);
/* Tell the platform when something is deliverable. */
void lapic_signal(struct lapic *lapic);
void lapic_end_of_interrupt(struct lapic *lapic);
void lapic_error(struct lapic *lapic, uint32_t error);
void lapic_local_interrupt(struct lapic *lapic, enum lapic_lvt entry);
void lapic_send_command(struct lapic *lapic, uint64_t command);

void lapic_timer_initialize(struct lapic *lapic);
void lapic_timer_mode_changed(struct lapic *lapic, uint32_t before);
void lapic_timer_set_count(struct lapic *lapic, uint32_t count);
void lapic_timer_set_divide(struct lapic *lapic, uint32_t divide);
void lapic_timer_stop(struct lapic *lapic);
uint32_t lapic_timer_count(const struct lapic *lapic);
