// SPDX-License-Identifier: Apache-2.0
/*
 * Bus 0 and the host bridge of the Intel 440FX (data sheet 290549, chapter 3): configuration
 * mechanism 1 at ports CF8H and CFCH to CFFH, and the bridge itself as function 0 of device 0.
 *
 * Interrupt pins are wired-OR: pin n of slot s drives PIRQ (s + n - 1) mod 4, as on boards of that
 * time, and each PIRQ counts who holds it.
 */
#pragma once

#include "core/device/pci.h"

#define PCI_SLOTS     32
#define PCI_FUNCTIONS 8
#define PCI_PIRQS     4

struct pci_host {
    struct pci_function bridge;
    struct pci_function *functions[PCI_SLOTS][PCI_FUNCTIONS];
    uint32_t address; /* CONFADD */
    unsigned pirq_holders[PCI_PIRQS];
    struct interrupt_line pirqs[PCI_PIRQS];
    struct pci_bus_operations operations; /* interrupt is its own */
    void (*map)(void *context, struct pci_function *function, unsigned bar, uint64_t address);
    void (*message)(void *context, uint64_t address, uint32_t data);
    void *context;
};

/* `host` is zeroed; pirqs, map, message and context are filled in by the caller, before. */
void pci_host_initialize(struct pci_host *host);

/* -1: the place is taken or there is none such. */
int pci_host_plug(struct pci_host *host, struct pci_function *function, unsigned slot,
                  unsigned number);
/* The lowest slot without functions, from `first`; -1: none. */
int pci_host_free_slot(const struct pci_host *host, unsigned first);

static inline unsigned pci_host_pirq(unsigned slot, unsigned pin)
{
    return (slot + pin - 1) % PCI_PIRQS;
}

extern const struct register_range pci_host_address; /* CF8H, 4 ports */
extern const struct register_range pci_host_data;    /* CFCH, 4 ports */
