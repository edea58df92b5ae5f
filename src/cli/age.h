// SPDX-License-Identifier: Apache-2.0
/* Spans of time for people. */
#pragma once

#include <time.h>

/* "5 seconds", "2 hours", "3 days": the largest unit alone; allocated. */
char *span_text(time_t seconds);

/* How long ago an RFC 3339 time was, "-" for one that is none; allocated. */
char *age_text(const char *time);
