// SPDX-License-Identifier: Apache-2.0
/* Spans of time for people. */
#pragma once

/* How long ago an RFC 3339 time was, "-" for one that is none; allocated. */
char *age_text(const char *time);
