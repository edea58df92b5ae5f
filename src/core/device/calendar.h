// SPDX-License-Identifier: Apache-2.0
/* Seconds since 1970 and the Gregorian calendar, without the C library. */
#pragma once

#include "core/types.h"

struct calendar_time {
    int year; /* 1970 to 9999 */
    int month, day, hour, minute, second;
    int weekday; /* 1: Sunday */
};

struct calendar_time calendar_from_seconds(int64_t seconds);
/* Fields out of their range overflow into the next. */
int64_t calendar_to_seconds(const struct calendar_time *time);
