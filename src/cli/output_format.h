// SPDX-License-Identifier: Apache-2.0
/* --format table|json of the verbs that print something. */
#pragma once

#include "cli/options.h"

/* Values of the int that the option fills (OPTION_CHOICE). */
enum output_format { OUTPUT_DEFAULT, OUTPUT_TABLE, OUTPUT_JSON };

extern const char *const output_formats[];

/* A row of a verb's option table; `member` is the offset of the int. */
#define OUTPUT_FORMAT_OPTION(member)                                                               \
    {                                                                                              \
        'f', "format", "FORMAT", OPTION_CHOICE, member, "table (the default) or json",             \
            .choices = output_formats                                                              \
    }
