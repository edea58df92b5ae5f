// SPDX-License-Identifier: Apache-2.0
/*
 * Shared libraries that are opened when a function of theirs is first needed, so that starting a
 * container does not pay for unpacking images. The callers' tables are typed by the library's
 * header.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* One function: its name, and where in the caller's table of pointers its address goes. */
struct library_symbol {
    const char *name;
    size_t offset;
};

/*
 * Open `soname` ("libarchive.so.13") and fill the `table` of function pointers. `package` is the
 * Debian package that the error tells people to install. The library stays open until the process
 * ends.
 */
int library_open(const char *soname, const char *package, const struct library_symbol *symbols,
                 size_t symbol_count, void *table, struct error *error);
