// SPDX-License-Identifier: Apache-2.0
#include "share/message.h"

#include <endian.h>
#include <string.h>

static void take(struct message_reader *reader, void *value, size_t size)
{
    memset(value, 0, size);
    if (reader->overrun || size > reader->length - reader->at) {
        reader->overrun = true;
        return;
    }
    memcpy(value, reader->bytes + reader->at, size);
    reader->at += size;
}

uint8_t message_read_u8(struct message_reader *reader)
{
    uint8_t value;
    take(reader, &value, sizeof(value));
    return value;
}

uint16_t message_read_u16(struct message_reader *reader)
{
    uint16_t value;
    take(reader, &value, sizeof(value));
    return le16toh(value);
}

uint32_t message_read_u32(struct message_reader *reader)
{
    uint32_t value;
    take(reader, &value, sizeof(value));
    return le32toh(value);
}

uint64_t message_read_u64(struct message_reader *reader)
{
    uint64_t value;
    take(reader, &value, sizeof(value));
    return le64toh(value);
}

void message_read_string(struct message_reader *reader, char *text, size_t room)
{
    size_t length = message_read_u16(reader);
    const uint8_t *bytes = length < room ? message_read_bytes(reader, length) : NULL;
    text[0] = 0;
    if (!bytes || memchr(bytes, 0, length)) {
        reader->overrun = true;
        return;
    }
    memcpy(text, bytes, length);
    text[length] = 0;
}

const uint8_t *message_read_bytes(struct message_reader *reader, size_t length)
{
    if (reader->overrun || length > reader->length - reader->at) {
        reader->overrun = true;
        return NULL;
    }
    reader->at += length;
    return reader->bytes + reader->at - length;
}

static void put(struct message_writer *writer, const void *value, size_t size)
{
    if (writer->overrun || size > writer->room - writer->at) {
        writer->overrun = true;
        return;
    }
    memcpy(writer->bytes + writer->at, value, size);
    writer->at += size;
}

void message_write_u8(struct message_writer *writer, uint8_t value)
{
    put(writer, &value, sizeof(value));
}

void message_write_u16(struct message_writer *writer, uint16_t value)
{
    value = htole16(value);
    put(writer, &value, sizeof(value));
}

void message_write_u32(struct message_writer *writer, uint32_t value)
{
    value = htole32(value);
    put(writer, &value, sizeof(value));
}

void message_write_u64(struct message_writer *writer, uint64_t value)
{
    value = htole64(value);
    put(writer, &value, sizeof(value));
}

void message_write_string(struct message_writer *writer, const char *text)
{
    size_t length = strlen(text);
    message_write_u16(writer, (uint16_t)length);
    put(writer, text, length);
}

void message_write_qid(struct message_writer *writer, const struct qid *qid)
{
    message_write_u8(writer, qid->type);
    message_write_u32(writer, qid->version);
    message_write_u64(writer, qid->path);
}

void message_patch_u32(struct message_writer *writer, size_t at, uint32_t value)
{
    value = htole32(value);
    memcpy(writer->bytes + at, &value, sizeof(value));
}
