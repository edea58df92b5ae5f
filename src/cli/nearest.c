// SPDX-License-Identifier: Apache-2.0
/*
 * Edit distance with neighbouring letters exchanged counted as one ("optimal string alignment"):
 * three rows of the dynamic programme over prefixes of both words.
 */
#include "cli/nearest.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

enum { LONGEST_WORD = 40 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t rows[3][LONGEST_WORD + 1] = { 0 };
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged && above_that[j - 2] + 1 < row[j])
                row[j] = above_that[j - 2] + 1;
        }
    }
    return rows[a_length % 3][b_length];
}

/* A third of the letters may be wrong, at least one: farther words are no help. */
struct nearest nearest_to(const char *typed)
{
    size_t third = strlen(typed) / 3;
    return (struct nearest){ .typed = typed, .distance = (third ? third : 1) + 1 };
}

void nearest_offer(struct nearest *nearest, const char *word)
{
    if (strlen(nearest->typed) > LONGEST_WORD || strlen(word) > LONGEST_WORD)
        return;
    size_t found = distance(nearest->typed, word);
    if (found >= nearest->distance)
        return;
    nearest->distance = found;
    nearest->word = word;
}
