// SPDX-License-Identifier: Apache-2.0
#include "spec/cpu_list.h"

#include <ctype.h>
#include <stdlib.h>

struct range {
    unsigned long first, last;
};

/* A number at *at, which moves behind it; false when there is none or it is too great. */
static bool read_number(const char **at, unsigned long *number)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return false;
    *number = strtoul(*at, &end, 10);
    *at = end;
    return *number < CPU_LIST_MAX_BITS;
}

static bool read_range(const char **at, struct range *range)
{
    if (!read_number(at, &range->first))
        return false;
    range->last = range->first;
    if (**at != '-')
        return true;
    ++*at;
    return read_number(at, &range->last) && range->first <= range->last;
}

const uint64_t *cpu_list_decode(const struct node *node, const char *text, size_t *bits)
{
    uint64_t *mask = arena_allocate(node->reader->arena, CPU_LIST_MAX_BITS / 64, sizeof(*mask));
    *bits = 0;
    for (const char *at = text;; at++) {
        struct range range;
        if (!read_range(&at, &range) || (*at && *at != ',')) {
            node_error(node, "\"%s\" is not a list such as \"0-3,7\" of numbers below %d", text,
                       CPU_LIST_MAX_BITS);
            return NULL;
        }
        for (unsigned long bit = range.first; bit <= range.last; bit++)
            mask[bit / 64] |= UINT64_C(1) << bit % 64;
        if (range.last >= *bits)
            *bits = range.last + 1;
        if (!*at)
            return mask;
    }
}
