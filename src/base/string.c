// SPDX-License-Identifier: Apache-2.0
#include "base/string.h"

#include <stdio.h>
#include <stdlib.h>

static void *memory_or_abort(void *memory)
{
    if (memory)
        return memory;
    fputs("openvirt: out of memory\n", stderr);
    abort();
}

void *allocate(size_t count, size_t size)
{
    return memory_or_abort(calloc(count ? count : 1, size));
}

void *reallocate(void *memory, size_t count, size_t size)
{
    return memory_or_abort(reallocarray(memory, count ? count : 1, size));
}

char *string_copy(const char *string)
{
    return memory_or_abort(strdup(string));
}

char *string_copy_n(const char *string, size_t length)
{
    return memory_or_abort(strndup(string, length));
}

char *string_vformat(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return memory_or_abort(text);
}

char *string_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = string_vformat(format, arguments);
    va_end(arguments);
    return text;
}

void string_append(char **string, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    AUTO_FREE char *tail = string_vformat(format, arguments);
    va_end(arguments);
    AUTO_FREE char *head = *string;
    *string = string_format("%s%s", head ? head : "", tail);
}

bool string_ends_with(const char *string, const char *suffix)
{
    size_t length = strlen(string), suffix_length = strlen(suffix);
    return length >= suffix_length && string_equal(string + length - suffix_length, suffix);
}

char **string_split(const char *string, const char *separators)
{
    struct string_list list = { 0 };
    for (;;) {
        string += strspn(string, separators);
        size_t length = strcspn(string, separators);
        if (!length)
            break;
        string_list_take(&list, string_copy_n(string, length));
        string += length;
    }
    return list.items ? list.items : allocate(1, sizeof(char *));
}

void string_list_take(struct string_list *list, char *string)
{
    list->items = reallocate(list->items, list->count + 2, sizeof(char *));
    list->items[list->count++] = string;
    list->items[list->count] = NULL;
}

void string_list_add(struct string_list *list, const char *string)
{
    string_list_take(list, string_copy(string));
}

void string_list_free(struct string_list *list)
{
    cleanup_strings(&list->items);
    *list = (struct string_list){ 0 };
}
