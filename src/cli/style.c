// SPDX-License-Identifier: Apache-2.0
#include "cli/style.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/string.h"

/* Select Graphic Rendition, ECMA-48 8.3.117. */
static const char *const sequences[] = {
    [STYLE_PLAIN] = "",         [STYLE_BOLD] = "\033[1m",    [STYLE_DIM] = "\033[2m",
    [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m", [STYLE_RED] = "\033[31m",
};

bool style_wanted(FILE *output)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fileno(output)) && !(no_color && *no_color) && terminal &&
           !string_equal(terminal, "dumb");
}

const char *style_begin(enum style style, bool wanted)
{
    return wanted ? sequences[style] : "";
}

const char *style_end(enum style style, bool wanted)
{
    return wanted && style != STYLE_PLAIN ? "\033[0m" : "";
}
