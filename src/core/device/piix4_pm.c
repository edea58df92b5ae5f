// SPDX-License-Identifier: Apache-2.0
#include "core/device/piix4_pm.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* Offsets of ports. */
#define PM_STATUS  0x00
#define PM_ENABLE  0x02
#define PM_CONTROL 0x04
#define PM_TIMER   0x08
#define PM_OTHERS  0x0c

#define STATUS_OVERFLOW     0x0001u
#define STATUS_POWER_BUTTON 0x0100u
#define STATUS_CLEARABLE    0x8d31u
#define ENABLE_WRITABLE     0x0521u

#define CONTROL_SCI       0x0001u
#define CONTROL_WRITABLE  0x1c07u
#define CONTROL_SLEEP     0x2000u /* SUS_EN: write only */
#define SLEEP_TYPE(value) ((value) >> 10 & 7)
#define SLEEP_SOFT_OFF    0

#define TIMER_MASK     0xffffffu
#define OVERFLOW_TICKS (UINT64_C(1) << 23)

static uint64_t ticks(struct platform *platform)
{
    uint64_t now = platform_clock(platform);
    return now / NS_PER_SECOND * PIIX4_PM_FREQUENCY +
           now % NS_PER_SECOND * PIIX4_PM_FREQUENCY / NS_PER_SECOND;
}

/* When the timer has counted so far. */
static uint64_t time_of(uint64_t count)
{
    return count / PIIX4_PM_FREQUENCY * NS_PER_SECOND +
           (count % PIIX4_PM_FREQUENCY * NS_PER_SECOND + PIIX4_PM_FREQUENCY - 1) /
               PIIX4_PM_FREQUENCY;
}

static void update(struct piix4_pm *pm)
{
    uint64_t overflows = ticks(pm->platform) / OVERFLOW_TICKS;
    if (overflows != pm->overflows)
        pm->status |= STATUS_OVERFLOW;
    pm->overflows = overflows;
    interrupt_line_set(&pm->interrupt, (pm->control & CONTROL_SCI) && (pm->status & pm->enable));
    if ((pm->enable & STATUS_OVERFLOW) && !(pm->status & STATUS_OVERFLOW))
        platform_timer_arm(pm->platform, &pm->timer, time_of((overflows + 1) * OVERFLOW_TICKS));
    else if (pm->timer.armed)
        platform_timer_cancel(pm->platform, &pm->timer);
}

static void overflowed(void *context)
{
    update(context);
}

void piix4_pm_press_power_button(struct piix4_pm *pm)
{
    pm->status |= STATUS_POWER_BUTTON;
    update(pm);
}

static void write_control(struct piix4_pm *pm, uint16_t value)
{
    pm->control = value & CONTROL_WRITABLE;
    update(pm);
    if (value & CONTROL_SLEEP)
        platform_machine_event(pm->platform, SLEEP_TYPE(value) == SLEEP_SOFT_OFF ? MACHINE_POWER_OFF
                                                                                 : MACHINE_SLEEP);
}

/* -- Ports: registers of 16 bits that may be read and written in parts -- */

static uint32_t read_word(struct piix4_pm *pm, unsigned offset)
{
    update(pm);
    switch (offset) {
    case PM_STATUS:
        return pm->status | (uint32_t)pm->enable << 16;
    case PM_CONTROL:
        return pm->control;
    case PM_TIMER:
        return (uint32_t)ticks(pm->platform) & TIMER_MASK;
    default:
        return (uint32_t)(pm->others[offset] | pm->others[offset + 1] << 8 |
                          pm->others[offset + 2] << 16 | (uint32_t)pm->others[offset + 3] << 24);
    }
}

static uint64_t read_port(void *device, uint64_t offset, unsigned size)
{
    uint64_t value = read_word(device, offset & 0x3c);
    if ((offset & 3) + size > 4)
        value |= (uint64_t)read_word(device, (offset & 0x3c) + 4) << 32;
    return value >> (8 * (offset & 3));
}

static void write_byte(struct piix4_pm *pm, uint64_t offset, uint8_t value)
{
    unsigned shift = 8 * (offset & 1);
    uint16_t kept = (uint16_t)(0xff00 >> shift);
    switch (offset & ~UINT64_C(1)) {
    case PM_STATUS:
        pm->status &= (uint16_t) ~((value << shift) & STATUS_CLEARABLE);
        break;
    case PM_ENABLE:
        pm->enable = (pm->enable & kept) | ((uint16_t)(value << shift) & ENABLE_WRITABLE);
        break;
    case PM_CONTROL:
        write_control(pm, (pm->control & kept) | (uint16_t)(value << shift));
        break;
    default:
        if (offset >= PM_OTHERS)
            pm->others[offset] = value;
    }
}

static void write_port(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct piix4_pm *pm = device;
    for (unsigned i = 0; i < size; i++)
        write_byte(pm, offset + i, (uint8_t)(value >> (8 * i)));
    update(pm);
}

const struct register_range piix4_pm_registers = { read_port, write_port };

/* -- Configuration space -- */

static void config_written(void *device, unsigned offset, unsigned size)
{
    struct piix4_pm *pm = device;
    const uint8_t *config = pm->function.config;
    (void)offset, (void)size;
    bool decodes = config[PIIX4_PM_MISC] & 1;
    uint16_t base = (uint16_t)((config[PIIX4_PM_BASE] & 0xc0) | config[PIIX4_PM_BASE + 1] << 8);
    if (!decodes)
        base = 0;
    if (base == pm->base)
        return;
    pm->base = base;
    pm->moved(pm->context, base);
}

void piix4_pm_initialize(struct piix4_pm *pm)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086,
        .device = 0x7113,
        .class_code = 0x068000, /* bridge, other */
        .revision = 3,
    };
    struct pci_function *function = &pm->function;
    pci_function_initialize(function, "PIIX4 PM", &identity, pm);
    function->config_written = config_written;
    function->config[PIIX4_PM_BASE] = 0x01; /* ports */
    function->writable[PIIX4_PM_BASE] = 0xc0;
    function->writable[PIIX4_PM_BASE + 1] = 0xff;
    for (unsigned i = 0x44; i <= 0x6f; i++) /* CNTA to DEVRESJ: what wakes, traps and counts */
        function->writable[i] = 0xff;
    function->writable[PIIX4_PM_MISC] = 0x01;
    pm->timer = (struct platform_timer){ .expired = overflowed, .context = pm };
    pm->overflows = ticks(pm->platform) / OVERFLOW_TICKS;
}
