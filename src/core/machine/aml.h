// SPDX-License-Identifier: Apache-2.0
/*
 * Writing ACPI Machine Language (ACPI 6.5, chapter 20) from C: terms in the order in which they
 * stand in the table, nested by aml_begin_* and aml_end. Package lengths take four bytes always, so
 * that a package's length can be filled in when its end is known.
 */
#pragma once

#include "core/types.h"

struct aml {
    uint8_t *bytes;
    size_t room, length;
    bool overrun;
};

void aml_byte(struct aml *aml, uint8_t byte);
/* "PCI0": one name segment of four characters, or a path of them as "\\_SB". */
void aml_name_string(struct aml *aml, const char *path);
void aml_integer(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
/* DefName: Name(name, ...): the value follows. */
void aml_name(struct aml *aml, const char *name);
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
/* An EISA identifier such as "PNP0A03", compressed (ACPI 6.5, 19.6.36). */
void aml_name_eisa(struct aml *aml, const char *name, const char *identifier);

/* Each returns what aml_end wants. */
size_t aml_begin_scope(struct aml *aml, const char *path);
size_t aml_begin_device(struct aml *aml, const char *name);
size_t aml_begin_method(struct aml *aml, const char *name, unsigned arguments);
size_t aml_begin_package(struct aml *aml, unsigned count);
size_t aml_begin_if(struct aml *aml);
void aml_end(struct aml *aml, size_t begin);

/* A resource template: Name(_CRS, Buffer { descriptors, end tag }). */
struct aml_resources {
    size_t package, size_at, first;
};
struct aml_resources aml_begin_resources(struct aml *aml);
void aml_end_resources(struct aml *aml, const struct aml_resources *resources);
/* Descriptors (ACPI 6.5, 6.4). */
void aml_io(struct aml *aml, uint16_t base, uint8_t length);
void aml_irq(struct aml *aml, unsigned irq); /* edge-triggered, active high */
void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t length);
void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last);
void aml_io_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_memory_window(struct aml *aml, uint32_t first, uint32_t last);
