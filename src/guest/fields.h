// SPDX-License-Identifier: Apache-2.0
/* The payload of a request, taken apart from its beginning. What is missing makes it `bad`, which
 * is looked at once, when all is taken. */
#pragma once

#include "guest/protocol.h"
#include "guest/text.h"

struct fields {
    uint8_t *data;
    size_t left;
    bool bad;
};

/* `length` bytes where they lie (unaligned); NULL when there are fewer. */
const void *fields_take(struct fields *fields, size_t length);

/* Copy a struct; zeroed when it is not all there. */
void fields_copy(struct fields *fields, void *to, size_t length);

/* A string, terminated in place; "" when it is not all there or holds a NUL. */
const char *fields_string(struct fields *fields);

/* All was there and nothing is behind it. */
bool fields_are_good(const struct fields *fields);
