// SPDX-License-Identifier: Apache-2.0
/*
 * Strings on the heap. These never return NULL: a process that cannot get a few bytes says so and
 * aborts, since no caller could do better.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

/* Zeroed memory of count elements; aborts when there is none or the product overflows. */
void *allocate(size_t count, size_t size);

/* Resize to count elements; aborts when there is no memory. The new part is not zeroed. */
void *reallocate(void *memory, size_t count, size_t size);

char *string_copy(const char *string);
char *string_copy_n(const char *string, size_t length);
char *string_format(const char *format, ...) PRINTF_LIKE(1, 2);
char *string_vformat(const char *format, va_list arguments) PRINTF_LIKE(1, 0);

/* Add a formatted text to *string, which may be NULL and may be an argument; it moves. */
void string_append(char **string, const char *format, ...) PRINTF_LIKE(2, 3);

static inline bool string_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static inline bool string_starts_with(const char *string, const char *prefix)
{
    return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool string_ends_with(const char *string, const char *suffix);

/* Split at any of the separators; empty parts are dropped. NULL-terminated, for cleanup_strings. */
char **string_split(const char *string, const char *separators);

/* A growing NULL-terminated array of owned strings. {0} is empty. */
struct string_list {
    char **items; /* NULL or NULL-terminated */
    size_t count;
};

void string_list_add(struct string_list *list, const char *string);
/* Takes ownership of an allocated string. */
void string_list_take(struct string_list *list, char *string);
void string_list_free(struct string_list *list);

#define AUTO_STRING_LIST __attribute__((cleanup(string_list_free)))
