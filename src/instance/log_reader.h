// SPDX-License-Identifier: Apache-2.0
/* Reading the log of an instance (log_file.h), while it is written too. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/string.h"
#include "instance/storage.h"

struct log_query {
    bool follow;      /* go on until the instance ends */
    bool timestamps;  /* in front of each line */
    bool limit_lines; /* only the last `lines` of what is there */
    uint64_t lines;
    const char *since; /* RFC 3339 in UTC with nanoseconds, or NULL: only what is not older */
};

/* What the instance wrote to its standard output and error, to `output` and `errors`. */
int log_read(const struct storage *storage, const struct log_query *query, FILE *output,
             FILE *errors, struct error *error);
