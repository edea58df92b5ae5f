// SPDX-License-Identifier: Apache-2.0
/* Root file systems that are made here, from the distribution's packages, once for each suite. */
#pragma once

#include "image/image.h"

/* `debian` or `debian:SUITE` (NULL: the host's own release, or stable). Fills layers and config. */
int template_debian(const char *suite, const struct log *log, struct image *image,
                    struct error *error);
