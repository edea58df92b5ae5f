// SPDX-License-Identifier: Apache-2.0
/*
 * Years are counted from March, so that the day that is there or not comes last, and in eras of 400
 * years, which all have 146,097 days. Day 0 of that count is 1 March of the year 0, which is
 * 719,468 days before 1970.
 */
#include "core/device/calendar.h"

#define DAYS_BEFORE_1970 719468
#define DAYS_OF_ERA      146097
#define SECONDS_OF_DAY   86400

static int64_t floor_divide(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

struct calendar_time calendar_from_seconds(int64_t seconds)
{
    int64_t days = floor_divide(seconds, SECONDS_OF_DAY);
    int rest = (int)(seconds - days * SECONDS_OF_DAY);
    struct calendar_time time = {
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .weekday = (int)((days % 7 + 11) % 7) + 1, /* 1 January 1970 was a Thursday */
    };
    days += DAYS_BEFORE_1970;
    int64_t era = floor_divide(days, DAYS_OF_ERA);
    int day = (int)(days - era * DAYS_OF_ERA);
    int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int month = (5 * day + 2) / 153; /* from March */
    time.day = day - (153 * month + 2) / 5 + 1;
    time.month = month < 10 ? month + 3 : month - 9;
    time.year = (int)(era * 400) + year + (time.month <= 2);
    return time;
}

int64_t calendar_to_seconds(const struct calendar_time *time)
{
    int64_t year = time->year - (time->month <= 2);
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month = time->month > 2 ? time->month - 3 : time->month + 9;
    int64_t day = (153 * month + 2) / 5 + time->day - 1;
    int64_t days = era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
                   day - DAYS_BEFORE_1970;
    return days * SECONDS_OF_DAY + time->hour * 3600 + time->minute * 60 + time->second;
}
