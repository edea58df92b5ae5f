// SPDX-License-Identifier: Apache-2.0
/*
 * Power management of the PIIX4 (Intel 82371AB data sheet, 290562, chapter 7), which is what ACPI
 * calls its fixed hardware: power button, soft off, and the timer of 3.579545 MHz.
 */
#pragma once

#include "core/device/pci.h"
#include "core/platform.h"

#define PIIX4_PM_PORTS     64
#define PIIX4_PM_FREQUENCY 3579545u
#define PIIX4_PM_BASE      0x40 /* PMBA, in configuration space */
#define PIIX4_PM_MISC      0x80 /* PMREGMISC: bit 0 lets the ports decode */

struct piix4_pm {
    struct pci_function function;
    struct platform *platform;
    struct interrupt_line interrupt; /* SCI */
    /* The ports have moved; 0: they do not decode. */
    void (*moved)(void *context, uint16_t base);
    void *context;
    uint16_t base; /* as last told */
    uint16_t status, enable, control;
    uint64_t overflows; /* how many times bit 23 of the timer had changed when it was last seen */
    struct platform_timer timer;
    uint8_t others[PIIX4_PM_PORTS]; /* registers that keep what is written, and do nothing */
};

/* `pm` is zeroed but for platform, interrupt, moved and context. */
void piix4_pm_initialize(struct piix4_pm *pm);
void piix4_pm_press_power_button(struct piix4_pm *pm);

extern const struct register_range piix4_pm_registers;
