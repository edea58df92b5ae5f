// SPDX-License-Identifier: Apache-2.0
#include "net/slirp_library.h"

#include "base/library.h"

int slirp_library_open(struct slirp_library *library, struct error *error)
{
    static const struct library_symbol symbols[] = {
#define SYMBOL(name) { #name, offsetof(struct slirp_library, name) },
        SLIRP_FUNCTIONS(SYMBOL)
#undef SYMBOL
    };
    return library_open("libslirp.so.0", "libslirp0", symbols, ARRAY_LENGTH(symbols), library,
                        error);
}
