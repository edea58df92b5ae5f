// SPDX-License-Identifier: Apache-2.0
/* Strings without a C library. What does not fit is cut off, never written past the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *destination, const void *source, size_t length);
void *memset(void *destination, int value, size_t length);
void *memmove(void *destination, const void *source, size_t length);
int memcmp(const void *left, const void *right, size_t length);

size_t text_length(const char *text);
bool text_equal(const char *left, const char *right);
/* What follows the prefix; NULL where `text` does not begin with it. */
const char *text_after(const char *text, const char *prefix);
/* The first `wanted` in text, or its end. */
const char *text_find(const char *text, char wanted);

/* A NUL-terminated text that is put together in a buffer of the caller. */
struct text {
    char *data;
    size_t size, length;
};

#define TEXT(buffer) ((struct text){ .data = (buffer), .size = sizeof(buffer) })

void text_add(struct text *text, const char *more);
void text_add_bytes(struct text *text, const char *more, size_t length);
void text_add_number(struct text *text, uint32_t number);

/* Decimal digits up to anything else. */
uint32_t text_number(const char *text);

/* The whole of a small file, NUL-terminated and without the last newline; its length or -errno. */
long text_read_file(const char *path, char *buffer, size_t size);
/* Replace a file's content by a text. 0 or -errno. */
int text_write_file(const char *path, const char *text);
