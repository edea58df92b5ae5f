// SPDX-License-Identifier: Apache-2.0
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/string.h"

/* strtoull accepts leading blanks and signs; a digit in front rules them out. */
static int parse_digits(const char *text, uint64_t *value, const char **end)
{
    char *stop;
    if (!isdigit((unsigned char)*text)) {
        errno = EINVAL;
        return -1;
    }
    errno = 0;
    *value = strtoull(text, &stop, 10);
    *end = stop;
    return errno ? -1 : 0;
}

int parse_uint64(const char *text, uint64_t *value)
{
    const char *end;
    if (parse_digits(text, value, &end) < 0)
        return -1;
    if (*end) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int parse_uint32(const char *text, uint32_t *value)
{
    uint64_t wide;
    if (parse_uint64(text, &wide) < 0)
        return -1;
    if (wide > UINT32_MAX) {
        errno = ERANGE;
        return -1;
    }
    *value = (uint32_t)wide;
    return 0;
}

int parse_int64(const char *text, int64_t *value)
{
    uint64_t magnitude;
    int negative = *text == '-';
    if (parse_uint64(text + negative, &magnitude) < 0)
        return -1;
    if (magnitude > (uint64_t)INT64_MAX + (uint64_t)negative) {
        errno = ERANGE;
        return -1;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "bkmgt";
    const char *end;
    if (parse_digits(text, bytes, &end) < 0)
        return -1;
    if (!*end)
        return 0;
    const char *unit = strchr(units, tolower((unsigned char)*end));
    bool tail_is_unit =
        unit &&
        (!end[1] || (unit != units && (!strcasecmp(end + 1, "b") || !strcasecmp(end + 1, "ib"))));
    if (!tail_is_unit) {
        errno = EINVAL;
        return -1;
    }
    if (__builtin_mul_overflow(*bytes, UINT64_C(1) << (10 * (unit - units)), bytes)) {
        errno = ERANGE;
        return -1;
    }
    return 0;
}

/* Offsets from SIGRTMIN and SIGRTMAX, as in "RTMIN+3" and "RTMAX-1". */
static int parse_realtime_signal(const char *name)
{
    bool from_minimum = strncasecmp(name, "RTMIN", 5) == 0;
    if (!from_minimum && strncasecmp(name, "RTMAX", 5) != 0)
        return -1;
    uint32_t offset = 0;
    char sign = from_minimum ? '+' : '-';
    const char *tail = name + 5;
    if (*tail && (*tail != sign || parse_uint32(tail + 1, &offset) < 0))
        return -1;
    if (offset > (uint32_t)(SIGRTMAX - SIGRTMIN))
        return -1;
    return from_minimum ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
}

int parse_signal(const char *text)
{
    uint32_t number;
    if (parse_uint32(text, &number) == 0)
        return number <= (uint32_t)SIGRTMAX ? (int)number : -1;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int signal_number = 1; signal_number < NSIG; signal_number++) {
        const char *name = sigabbrev_np(signal_number);
        if (name && strcasecmp(name, text) == 0)
            return signal_number;
    }
    return parse_realtime_signal(text);
}
