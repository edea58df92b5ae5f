// SPDX-License-Identifier: Apache-2.0
/*
 * A function on the PCI bus (PCI Local Bus Specification 3.0, chapter 6): 256 bytes of
 * configuration space with a mask of what the guest may write, up to six base address registers,
 * one interrupt pin and MSI-X. The host bridge (pci_host.h) dispatches configuration accesses and
 * asks the machine to map what the base address registers say.
 */
#pragma once

#include "core/device/device.h"

#define PCI_CONFIG_SIZE  256
#define PCI_BARS         6
#define PCI_MSIX_VECTORS 32 /* at most, of one function */

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEMORY32 };

struct pci_bar {
    enum pci_bar_kind kind;
    uint32_t size; /* a power of two; at least 4 for ports, 16 for memory */
    const struct register_range *registers;
    void *device; /* first argument of the registers' functions */
};

struct pci_msix_vector {
    uint64_t address;
    uint32_t data, control; /* bit 0 of control: masked */
    bool pending;
};

struct pci_function;

/* What a function asks of its bus. */
struct pci_bus_operations {
    /* A BAR has moved or its decoding went on or off; address is 0 when it decodes nothing. */
    void (*map)(void *context, struct pci_function *function, unsigned bar, uint64_t address);
    /* A message signalled interrupt: a 32-bit write of `data` to `address`. */
    void (*message)(void *context, uint64_t address, uint32_t data);
    void (*interrupt)(void *context, struct pci_function *function, bool level); /* INTx */
};

struct pci_function {
    const char *name;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE];         /* bits that the guest may change */
    uint8_t write_one_clears[PCI_CONFIG_SIZE]; /* bits that a 1 clears */
    struct pci_bar bars[PCI_BARS];
    /* After a write to configuration space that no BAR or command bit explains; may be NULL. */
    void (*config_written)(void *device, unsigned offset, unsigned size);
    /* Before a read: the device may bring `config` up to date; may be NULL. */
    void (*config_reading)(void *device, unsigned offset, unsigned size);
    void *device;
    uint8_t slot, number;      /* device 0-31, function 0-7: set when it is plugged in */
    bool interrupt_level;      /* what the device wants */
    bool interrupt_driven;     /* what the bus has been told */
    uint32_t mapped[PCI_BARS]; /* where the bus has been told that each BAR is; 0: nowhere */
    uint8_t capability_length[PCI_CONFIG_SIZE / 4]; /* of the one at that word */
    unsigned msix_count;                            /* 0: no MSI-X */
    uint8_t msix_capability;                        /* offset in configuration space */
    struct pci_msix_vector msix[PCI_MSIX_VECTORS];
    const struct pci_bus_operations *bus;
    void *bus_context;
};

struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* class << 16 | subclass << 8 | programming interface */
    uint8_t revision;
    uint8_t interrupt_pin; /* 0: none, 1: INTA# */
};

/* Fill in the header (type 0). */
void pci_function_initialize(struct pci_function *function, const char *name,
                             const struct pci_identity *identity, void *device);
/* Where a BAR's size becomes known to configuration space. */
void pci_add_bar(struct pci_function *function, unsigned index, const struct pci_bar *bar);
/* A capability of `length` bytes (header included); its offset. */
unsigned pci_add_capability(struct pci_function *function, uint8_t identifier, unsigned length);
/* MSI-X with its table and pending bits in memory BAR `bar` at `table_offset` and `pending_offset`.
 */
void pci_add_msix(struct pci_function *function, unsigned bar, uint32_t table_offset,
                  uint32_t pending_offset, unsigned count);
/* Table and pending bits; `offset` is that in the BAR. */
uint64_t pci_msix_read(struct pci_function *function, uint64_t offset, unsigned size);
void pci_msix_write(struct pci_function *function, uint64_t offset, unsigned size, uint64_t value);
/* Signal a vector; remembered while it is masked. False: MSI-X is off, use the pin. */
bool pci_msix_signal(struct pci_function *function, unsigned vector);
bool pci_msix_enabled(const struct pci_function *function);

/* The level of the interrupt pin; honours Interrupt Disable of the command register. */
void pci_set_interrupt(struct pci_function *function, bool level);
/* May it read and write memory (Bus Master Enable)? Devices ask before every DMA. */
bool pci_bus_master(const struct pci_function *function);

uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned size);
void pci_config_write(struct pci_function *function, unsigned offset, unsigned size,
                      uint32_t value);
void pci_function_reset(struct pci_function *function);
