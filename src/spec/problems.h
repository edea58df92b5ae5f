// SPDX-License-Identifier: Apache-2.0
/* The list of what a decode found wrong. */
#pragma once

#include "spec/decode.h"

/* Both strings become the list's. Control characters in them become '?': a problem is one line. */
void problems_add_error(struct spec_problems *problems, char *path, char *message);
void problems_add_warning(struct spec_problems *problems, char *path, char *message);
