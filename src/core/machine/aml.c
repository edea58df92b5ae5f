// SPDX-License-Identifier: Apache-2.0
#include "core/machine/aml.h"

enum opcode {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e,
    OP_EXTENDED = 0x5b,
    OP_DEVICE = 0x82, /* after OP_EXTENDED */
    OP_IF = 0xa0,
};

#define PACKAGE_LENGTH_SIZE 4u

void aml_byte(struct aml *aml, uint8_t byte)
{
    if (aml->length < aml->room)
        aml->bytes[aml->length++] = byte;
    else
        aml->overrun = true;
}

static void little_endian(struct aml *aml, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        aml_byte(aml, (uint8_t)(value >> 8 * i));
}

static void segment(struct aml *aml, const char *name)
{
    for (unsigned i = 0; i < 4; i++)
        aml_byte(aml, *name && *name != '.' ? (uint8_t)*name++ : '_');
}

void aml_name_string(struct aml *aml, const char *path)
{
    if (*path == '\\')
        aml_byte(aml, (uint8_t)*path++);
    const char *second = path;
    while (*second && *second != '.')
        second++;
    if (*second)
        aml_byte(aml, OP_DUAL_NAME);
    segment(aml, path);
    if (*second)
        segment(aml, second + 1);
}

void aml_integer(struct aml *aml, uint64_t value)
{
    if (value <= 1) {
        aml_byte(aml, value ? OP_ONE : OP_ZERO);
        return;
    }
    unsigned size = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    aml_byte(aml, size == 1 ? OP_BYTE : size == 2 ? OP_WORD : size == 4 ? OP_DWORD : OP_QWORD);
    little_endian(aml, value, size);
}

void aml_string(struct aml *aml, const char *text)
{
    aml_byte(aml, OP_STRING);
    do
        aml_byte(aml, (uint8_t)*text);
    while (*text++);
}

void aml_name(struct aml *aml, const char *name)
{
    aml_byte(aml, OP_NAME);
    aml_name_string(aml, name);
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
    aml_name(aml, name);
    aml_integer(aml, value);
}

static uint32_t hexadecimal(char digit)
{
    return (uint32_t)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

void aml_name_eisa(struct aml *aml, const char *name, const char *identifier)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 3; i++)
        value = value << 5 | (uint32_t)(identifier[i] - '@');
    for (unsigned i = 3; i < 7; i++)
        value = value << 4 | hexadecimal(identifier[i]);
    aml_name(aml, name);
    aml_byte(aml, OP_DWORD);
    little_endian(aml, __builtin_bswap32(value), 4);
}

static size_t begin_package_length(struct aml *aml)
{
    size_t begin = aml->length;
    little_endian(aml, 0, PACKAGE_LENGTH_SIZE);
    return begin;
}

/* 20.2.4: the first byte says that three follow, and holds the lowest four bits. */
void aml_end(struct aml *aml, size_t begin)
{
    if (aml->overrun)
        return;
    size_t length = aml->length - begin;
    aml->bytes[begin] = (uint8_t)(0xc0 | (length & 15));
    for (unsigned i = 1; i < PACKAGE_LENGTH_SIZE; i++)
        aml->bytes[begin + i] = (uint8_t)(length >> (8 * i - 4));
}

size_t aml_begin_scope(struct aml *aml, const char *path)
{
    aml_byte(aml, OP_SCOPE);
    size_t begin = begin_package_length(aml);
    aml_name_string(aml, path);
    return begin;
}

size_t aml_begin_device(struct aml *aml, const char *name)
{
    aml_byte(aml, OP_EXTENDED);
    aml_byte(aml, OP_DEVICE);
    size_t begin = begin_package_length(aml);
    aml_name_string(aml, name);
    return begin;
}

size_t aml_begin_method(struct aml *aml, const char *name, unsigned arguments)
{
    aml_byte(aml, OP_METHOD);
    size_t begin = begin_package_length(aml);
    aml_name_string(aml, name);
    aml_byte(aml, (uint8_t)arguments);
    return begin;
}

size_t aml_begin_package(struct aml *aml, unsigned count)
{
    aml_byte(aml, OP_PACKAGE);
    size_t begin = begin_package_length(aml);
    aml_byte(aml, (uint8_t)count);
    return begin;
}

size_t aml_begin_if(struct aml *aml)
{
    aml_byte(aml, OP_IF);
    return begin_package_length(aml);
}

/* -- Resources -- */

struct aml_resources aml_begin_resources(struct aml *aml)
{
    struct aml_resources resources;
    aml_name(aml, "_CRS");
    aml_byte(aml, OP_BUFFER);
    resources.package = begin_package_length(aml);
    aml_byte(aml, OP_WORD);
    resources.size_at = aml->length;
    little_endian(aml, 0, 2);
    resources.first = aml->length;
    return resources;
}

void aml_end_resources(struct aml *aml, const struct aml_resources *resources)
{
    aml_byte(aml, 0x79); /* end tag, checksum not used */
    aml_byte(aml, 0);
    if (aml->overrun)
        return;
    size_t size = aml->length - resources->first;
    aml->bytes[resources->size_at] = (uint8_t)size;
    aml->bytes[resources->size_at + 1] = (uint8_t)(size >> 8);
    aml_end(aml, resources->package);
}

void aml_io(struct aml *aml, uint16_t base, uint8_t length)
{
    aml_byte(aml, 0x47);
    aml_byte(aml, 1); /* decodes 16 bits */
    little_endian(aml, base, 2);
    little_endian(aml, base, 2);
    aml_byte(aml, 1);
    aml_byte(aml, length);
}

void aml_irq(struct aml *aml, unsigned irq)
{
    aml_byte(aml, 0x22);
    little_endian(aml, 1u << irq, 2);
}

void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t length)
{
    aml_byte(aml, 0x86);
    little_endian(aml, 9, 2);
    aml_byte(aml, 1); /* writable */
    little_endian(aml, base, 4);
    little_endian(aml, length, 4);
}

/* Word address space descriptor (6.4.3.5.3); `specific`: flags of the type. */
static void word_window(struct aml *aml, uint8_t type, uint8_t specific, uint16_t first,
                        uint16_t last)
{
    aml_byte(aml, 0x88);
    little_endian(aml, 13, 2);
    aml_byte(aml, type);
    aml_byte(aml, 0x0c); /* first and last are fixed; this device passes it on */
    aml_byte(aml, specific);
    little_endian(aml, 0, 2);
    little_endian(aml, first, 2);
    little_endian(aml, last, 2);
    little_endian(aml, 0, 2);
    little_endian(aml, (uint32_t)last - first + 1, 2);
}

void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last)
{
    word_window(aml, 2, 0, first, last);
}

void aml_io_window(struct aml *aml, uint16_t first, uint16_t last)
{
    word_window(aml, 1, 3, first, last); /* the entire range */
}

/* Double word address space descriptor (6.4.3.5.2). */
void aml_memory_window(struct aml *aml, uint32_t first, uint32_t last)
{
    aml_byte(aml, 0x87);
    little_endian(aml, 23, 2);
    aml_byte(aml, 0); /* memory */
    aml_byte(aml, 0x0c);
    aml_byte(aml, 1); /* not cacheable, writable */
    little_endian(aml, 0, 4);
    little_endian(aml, first, 4);
    little_endian(aml, last, 4);
    little_endian(aml, 0, 4);
    little_endian(aml, (uint64_t)last - first + 1, 4);
}
