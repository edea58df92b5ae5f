// SPDX-License-Identifier: Apache-2.0
/* Section numbers are those of the PCI Local Bus Specification 3.0. */
#include "core/device/pci.h"

#include "core/device/pci_registers.h"
#include "core/memory/copy.h"

#define COMMAND_WRITABLE                                                                           \
    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |               \
     PCI_COMMAND_SERR | PCI_COMMAND_INTERRUPT_DISABLE)

static uint32_t load(const uint8_t *bytes, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

static void store(uint8_t *bytes, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint16_t command(const struct pci_function *function)
{
    return (uint16_t)load(function->config + PCI_COMMAND, 2);
}

void pci_function_initialize(struct pci_function *function, const char *name,
                             const struct pci_identity *identity, void *device)
{
    *function = (struct pci_function){ .name = name, .device = device };
    uint8_t *config = function->config;
    store(config + PCI_VENDOR_ID, 2, identity->vendor);
    store(config + PCI_DEVICE_ID, 2, identity->device);
    config[PCI_REVISION_ID] = identity->revision;
    store(config + PCI_CLASS_CODE, 3, identity->class_code);
    store(config + PCI_SUBSYSTEM_VENDOR_ID, 2, identity->subsystem_vendor);
    store(config + PCI_SUBSYSTEM_ID, 2, identity->subsystem);
    config[PCI_INTERRUPT_PIN] = identity->interrupt_pin;
    store(function->writable + PCI_COMMAND, 2, COMMAND_WRITABLE);
    function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
    function->writable[PCI_LATENCY_TIMER] = 0xff;
    if (identity->interrupt_pin)
        function->writable[PCI_INTERRUPT_LINE] = 0xff;
    store(function->write_one_clears + PCI_STATUS, 2, PCI_STATUS_ERRORS);
}

void pci_add_bar(struct pci_function *function, unsigned index, const struct pci_bar *bar)
{
    unsigned offset = PCI_BASE_ADDRESS + 4 * index;
    function->bars[index] = *bar;
    store(function->config + offset, 4, bar->kind == PCI_BAR_IO ? PCI_BASE_ADDRESS_IO : 0);
    store(function->writable + offset, 4, ~(bar->size - 1));
}

/* Behind the capabilities that are there already; the first follows the header (6.7). */
unsigned pci_add_capability(struct pci_function *function, uint8_t identifier, unsigned length)
{
    uint8_t *config = function->config;
    unsigned offset = PCI_HEADER_SIZE, link = PCI_CAPABILITIES;
    while (config[link]) {
        link = config[link] + 1u;
        offset = link - 1 + function->capability_length[(link - 1) / 4];
    }
    config[link] = (uint8_t)offset;
    config[offset] = identifier;
    function->capability_length[offset / 4] = (uint8_t)((length + 3) & ~3u);
    config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    return offset;
}

void pci_add_msix(struct pci_function *function, unsigned bar, uint32_t table_offset,
                  uint32_t pending_offset, unsigned count)
{
    unsigned offset = pci_add_capability(function, PCI_CAPABILITY_MSIX, 12);
    function->msix_capability = (uint8_t)offset;
    function->msix_count = count;
    store(function->config + offset + PCI_MSIX_CONTROL, 2, count - 1);
    store(function->config + offset + PCI_MSIX_TABLE, 4, table_offset | bar);
    store(function->config + offset + PCI_MSIX_PENDING, 4, pending_offset | bar);
    store(function->writable + offset + PCI_MSIX_CONTROL, 2,
          PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK);
    for (unsigned i = 0; i < count; i++)
        function->msix[i].control = PCI_MSIX_VECTOR_MASKED;
}

/* -- MSI-X (6.8.2) -- */

static uint16_t msix_control(const struct pci_function *function)
{
    if (!function->msix_count)
        return 0;
    return (uint16_t)load(function->config + function->msix_capability + PCI_MSIX_CONTROL, 2);
}

bool pci_msix_enabled(const struct pci_function *function)
{
    return msix_control(function) & PCI_MSIX_ENABLE;
}

static void msix_send(struct pci_function *function, struct pci_msix_vector *vector)
{
    if ((msix_control(function) & PCI_MSIX_FUNCTION_MASK) ||
        (vector->control & PCI_MSIX_VECTOR_MASKED)) {
        vector->pending = true;
        return;
    }
    vector->pending = false;
    if (function->bus)
        function->bus->message(function->bus_context, vector->address, vector->data);
}

bool pci_msix_signal(struct pci_function *function, unsigned vector)
{
    if (!pci_msix_enabled(function))
        return false;
    if (vector < function->msix_count && pci_bus_master(function))
        msix_send(function, &function->msix[vector]);
    return true;
}

static void msix_send_pending(struct pci_function *function)
{
    if (!pci_msix_enabled(function))
        return;
    for (unsigned i = 0; i < function->msix_count; i++)
        if (function->msix[i].pending)
            msix_send(function, &function->msix[i]);
}

static uint32_t msix_table_offset(const struct pci_function *function, unsigned field)
{
    return load(function->config + function->msix_capability + field, 4) & ~7u;
}

static uint32_t msix_table_read(const struct pci_msix_vector *vector, unsigned word)
{
    const uint32_t words[] = { (uint32_t)vector->address, (uint32_t)(vector->address >> 32),
                               vector->data, vector->control };
    return words[word];
}

static uint32_t msix_pending_read(const struct pci_function *function, uint64_t offset)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < function->msix_count; i++)
        if (i / 32 == offset / 4)
            bits |= (uint32_t)function->msix[i].pending << (i % 32);
    return bits;
}

static uint32_t msix_read_word(struct pci_function *function, uint64_t offset)
{
    uint64_t table = offset - msix_table_offset(function, PCI_MSIX_TABLE);
    if (table / 16 < function->msix_count)
        return msix_table_read(&function->msix[table / 16], table % 16 / 4);
    uint64_t pending = offset - msix_table_offset(function, PCI_MSIX_PENDING);
    return pending < 8 ? msix_pending_read(function, pending) : 0;
}

static void msix_write_word(struct pci_function *function, uint64_t offset, uint32_t value)
{
    uint64_t table = offset - msix_table_offset(function, PCI_MSIX_TABLE);
    if (table / 16 >= function->msix_count)
        return;
    struct pci_msix_vector *vector = &function->msix[table / 16];
    switch (table % 16 / 4) {
    case 0:
        vector->address = (vector->address & ~UINT64_C(0xffffffff)) | (value & ~3u);
        break;
    case 1:
        vector->address = (vector->address & 0xffffffff) | (uint64_t)value << 32;
        break;
    case 2:
        vector->data = value;
        break;
    default:
        vector->control = value & PCI_MSIX_VECTOR_MASKED;
        msix_send_pending(function);
    }
}

/* Software may use whole words and pairs of them alone (6.8.2.4). */
static bool msix_access_allowed(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0;
}

uint64_t pci_msix_read(struct pci_function *function, uint64_t offset, unsigned size)
{
    if (!msix_access_allowed(offset, size))
        return ~UINT64_C(0);
    uint64_t value = msix_read_word(function, offset);
    if (size == 8)
        value |= (uint64_t)msix_read_word(function, offset + 4) << 32;
    return value;
}

void pci_msix_write(struct pci_function *function, uint64_t offset, unsigned size, uint64_t value)
{
    if (!msix_access_allowed(offset, size))
        return;
    msix_write_word(function, offset, (uint32_t)value);
    if (size == 8)
        msix_write_word(function, offset + 4, (uint32_t)(value >> 32));
}

/* -- The pin -- */

/* Interrupt Disable and MSI-X both keep the pin still (6.2.2, 6.8.2). */
static void drive_interrupt(struct pci_function *function)
{
    bool driven = function->interrupt_level &&
                  !(command(function) & PCI_COMMAND_INTERRUPT_DISABLE) &&
                  !pci_msix_enabled(function);
    if (driven == function->interrupt_driven || !function->bus)
        return;
    function->interrupt_driven = driven;
    function->bus->interrupt(function->bus_context, function, driven);
}

void pci_set_interrupt(struct pci_function *function, bool level)
{
    if (level == function->interrupt_level)
        return;
    function->interrupt_level = level;
    if (level)
        function->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    else
        function->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    drive_interrupt(function);
}

bool pci_bus_master(const struct pci_function *function)
{
    return command(function) & PCI_COMMAND_MASTER;
}

/* -- Configuration space -- */

/* Address 0 is no address: a BAR that has never been written decodes nothing. */
static uint64_t bar_address(const struct pci_function *function, unsigned index)
{
    const struct pci_bar *bar = &function->bars[index];
    uint32_t enable = bar->kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    uint32_t address = load(function->config + PCI_BASE_ADDRESS + 4 * index, 4) & ~(bar->size - 1);
    if (bar->kind == PCI_BAR_NONE || !(command(function) & enable))
        return 0;
    /* All ones is a guest asking for the size; ports end at 64 KiB. */
    if (address == ~(bar->size - 1) || (bar->kind == PCI_BAR_IO && address > 0xffff))
        return 0;
    return address;
}

static void update_mappings(struct pci_function *function)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        uint64_t address = bar_address(function, i);
        if (address == function->mapped[i] || !function->bus)
            continue;
        function->mapped[i] = address;
        function->bus->map(function->bus_context, function, i, address);
    }
}

uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned size)
{
    if (offset >= PCI_CONFIG_SIZE || size > 4 || size > PCI_CONFIG_SIZE - offset)
        return ~0u;
    if (function->config_reading)
        function->config_reading(function->device, offset, size);
    return load(function->config + offset, size);
}

void pci_config_write(struct pci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    if (offset >= PCI_CONFIG_SIZE || size > 4 || size > PCI_CONFIG_SIZE - offset)
        return;
    for (unsigned i = offset; i < offset + size; i++, value >>= 8) {
        uint8_t writable = function->writable[i];
        uint8_t kept =
            (uint8_t)(function->config[i] & ~writable & ~(function->write_one_clears[i] & value));
        function->config[i] = kept | (value & writable);
    }
    update_mappings(function);
    drive_interrupt(function);
    msix_send_pending(function);
    if (function->config_written)
        function->config_written(function->device, offset, size);
}

void pci_function_reset(struct pci_function *function)
{
    pci_config_write(function, PCI_COMMAND, 2, 0);
    for (unsigned i = 0; i < PCI_BARS; i++)
        if (function->bars[i].kind != PCI_BAR_NONE)
            pci_config_write(function, PCI_BASE_ADDRESS + 4 * i, 4, 0);
    pci_config_write(function, PCI_STATUS, 2, PCI_STATUS_ERRORS);
    function->config[PCI_CACHE_LINE_SIZE] = 0;
    function->config[PCI_LATENCY_TIMER] = 0;
    function->config[PCI_INTERRUPT_LINE] = 0;
    pci_set_interrupt(function, false);
    if (!function->msix_count)
        return;
    store(function->config + function->msix_capability + PCI_MSIX_CONTROL, 2,
          function->msix_count - 1);
    for (unsigned i = 0; i < function->msix_count; i++)
        function->msix[i] = (struct pci_msix_vector){ .control = PCI_MSIX_VECTOR_MASKED };
}
