// SPDX-License-Identifier: Apache-2.0
#include "guest/text.h"

#include "guest/system_call.h"

/* The compiler calls these four by itself. */
void *memcpy(void *destination, const void *source, size_t length)
{
    void *to = destination;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(length) : : "memory");
    return destination;
}

void *memset(void *destination, int value, size_t length)
{
    void *to = destination;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
    return destination;
}

void *memmove(void *destination, const void *source, size_t length)
{
    char *to = destination;
    const char *from = source;
    if (to <= from || to >= from + length)
        return memcpy(destination, source, length);
    to += length - 1;
    from += length - 1;
    __asm__ volatile("std\n rep movsb\n cld" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return destination;
}

int memcmp(const void *left, const void *right, size_t length)
{
    const unsigned char *a = left, *b = right;
    for (; length; a++, b++, length--)
        if (*a != *b)
            return *a - *b;
    return 0;
}

size_t text_length(const char *text)
{
    return (size_t)(text_find(text, '\0') - text);
}

bool text_equal(const char *left, const char *right)
{
    size_t length = text_length(left);
    return length == text_length(right) && memcmp(left, right, length) == 0;
}

const char *text_after(const char *text, const char *prefix)
{
    for (; *prefix; text++, prefix++)
        if (*text != *prefix)
            return NULL;
    return text;
}

const char *text_find(const char *text, char wanted)
{
    while (*text && *text != wanted)
        text++;
    return text;
}

void text_add_bytes(struct text *text, const char *more, size_t length)
{
    size_t room = text->size - text->length - 1;
    size_t count = length < room ? length : room;
    memcpy(text->data + text->length, more, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *more)
{
    text_add_bytes(text, more, text_length(more));
}

void text_add_number(struct text *text, uint32_t number)
{
    char digits[10];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_add_bytes(text, digits + start, sizeof(digits) - start);
}

uint32_t text_number(const char *text)
{
    uint32_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint32_t)(*text - '0');
    return number;
}

long text_read_file(const char *path, char *buffer, size_t size)
{
    int fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    size_t length = 0;
    long count = 0;
    while (length < size - 1 && (count = sys_read(fd, buffer + length, size - 1 - length)) > 0)
        length += (size_t)count;
    sys_close(fd);
    if (count < 0)
        return count;
    if (length && buffer[length - 1] == '\n')
        length--;
    buffer[length] = '\0';
    return (long)length;
}

int text_write_file(const char *path, const char *text)
{
    int fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return fd;
    size_t length = text_length(text);
    long count = sys_write(fd, text, length);
    sys_close(fd);
    if (count < 0)
        return (int)count;
    return (size_t)count == length ? 0 : -EIO;
}
