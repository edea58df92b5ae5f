// SPDX-License-Identifier: Apache-2.0
#include "cli/output_format.h"

const char *const output_formats[] = { "table", "json", NULL };
