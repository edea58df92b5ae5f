// SPDX-License-Identifier: Apache-2.0
#include "cli/age.h"

#include "base/string.h"
#include "instance/storage.h"

/* "5 seconds", "2 hours", "3 days": the largest unit alone; allocated. */
static char *span_text(time_t seconds)
{
    static const struct {
        long length;
        const char *name;
    } units[] = { { 365 * 86400L, "year" }, { 30 * 86400L, "month" }, { 7 * 86400L, "week" },
                  { 86400L, "day" },        { 3600L, "hour" },        { 60L, "minute" },
                  { 1L, "second" } };
    if (seconds < 0) /* the clock was set back */
        seconds = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        long count = seconds / units[i].length;
        if (count > 0)
            return string_format("%ld %s%s", count, units[i].name, count > 1 ? "s" : "");
    }
    return string_copy("0 seconds");
}

char *age_text(const char *text)
{
    time_t at = time_from_text(text);
    return at == -1 ? string_copy("-") : span_text(time(NULL) - at);
}
