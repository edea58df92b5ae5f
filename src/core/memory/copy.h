// SPDX-License-Identifier: Apache-2.0
/*
 * Copying without the C library: core/ is linked where there is none, and in the software engine
 * the vector registers belong to the guest while it runs (libc's memcpy uses them).
 */
#pragma once

#include "core/types.h"

static inline void copy_bytes(void *destination, const void *source, size_t length)
{
    __asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(length) : : "memory");
}

static inline void fill_bytes(void *destination, uint8_t value, size_t length)
{
    __asm__ volatile("rep stosb" : "+D"(destination), "+c"(length) : "a"(value) : "memory");
}

static inline bool equal_bytes(const void *left, const void *right, size_t length)
{
    const uint8_t *a = left, *b = right;
    for (size_t i = 0; i < length; i++)
        if (a[i] != b[i])
            return false;
    return true;
}
