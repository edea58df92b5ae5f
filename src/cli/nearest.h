// SPDX-License-Identifier: Apache-2.0
/* "Did you mean ...?": the nearest of the words that exist, by edit distance. */
#pragma once

#include <stddef.h>

struct nearest {
    const char *typed;
    const char *word; /* the nearest offered so far; NULL: none is near enough */
    size_t distance;  /* of `word`, or the first that is too far */
};

struct nearest nearest_to(const char *typed);

/* `word` must live as long as the struct. */
void nearest_offer(struct nearest *nearest, const char *word);
