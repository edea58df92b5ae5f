// SPDX-License-Identifier: Apache-2.0
/*
 * The PCI-to-ISA bridge of the PIIX4 (Intel 82371AB data sheet, 290562, chapter 4): which ISA
 * interrupt each PIRQ drives, and the two ports that reset the processor.
 *
 * A20 cannot be masked here, as on processors that no longer have the pin: it reads as on.
 */
#pragma once

#include "core/device/pci_host.h"
#include "core/platform.h"

#define PIIX4_PIRQ_ROUTE 0x60 /* PIRQRCA to PIRQRCD, in configuration space */

struct piix4 {
    struct pci_function function;
    struct platform *platform;
    /* Where PIRQ n arrives as ISA interrupt m: lines[n] with `number` m added. */
    struct interrupt_line lines[PCI_PIRQS];
    bool levels[PCI_PIRQS];
    uint8_t routes[PCI_PIRQS]; /* as the lines stand now; 0: nowhere */
    uint8_t reset_control, port_92;
};

/* `bridge` is zeroed but for platform and lines. */
void piix4_initialize(struct piix4 *bridge);
void piix4_set_pirq(struct piix4 *bridge, unsigned pirq, bool level);

extern const struct register_range piix4_reset_registers; /* CF9H */
extern const struct register_range piix4_port_92_registers;
