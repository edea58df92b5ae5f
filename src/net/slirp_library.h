// SPDX-License-Identifier: Apache-2.0
/* The functions of libslirp that we use (base/library.h). */
#pragma once

#include <slirp/libslirp.h>

#include "base/error.h"

#define SLIRP_FUNCTIONS(x)                                                                         \
    x(slirp_new) x(slirp_cleanup) x(slirp_pollfds_fill) x(slirp_pollfds_poll) x(slirp_input)       \
        x(slirp_add_hostfwd)

struct slirp_library {
#define FUNCTION(name) __typeof__(&name) name;
    SLIRP_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

int slirp_library_open(struct slirp_library *library, struct error *error);
