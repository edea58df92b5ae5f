// SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

int library_open(const char *soname, const char *package, const struct library_symbol *symbols,
                 size_t symbol_count, void *table, struct error *error)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(error, 0, "open library %s: %s; install the package %s", soname, dlerror(),
                         package);
    for (size_t i = 0; i < symbol_count; i++) {
        void *address = dlsym(library, symbols[i].name);
        if (!address)
            return error_set(error, 0, "library %s has no function %s; update the package %s",
                             soname, symbols[i].name, package);
        memcpy((char *)table + symbols[i].offset, &address, sizeof(address));
    }
    return 0;
}
