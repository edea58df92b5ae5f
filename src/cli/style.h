// SPDX-License-Identifier: Apache-2.0
/* Bold and colour, on terminals only. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_YELLOW, STYLE_RED };

/* A terminal that is not dumb, and NO_COLOR (no-color.org) is not set. */
bool style_wanted(FILE *output);

/* The escape sequence that begins a style, and the one that ends it; "" where it is not wanted. */
const char *style_begin(enum style style, bool wanted);
const char *style_end(enum style style, bool wanted);
