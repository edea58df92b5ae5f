// SPDX-License-Identifier: Apache-2.0
/* process.cwd */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Change to it, after pivot_root. Magic links of /proc are not followed and the result is checked
 * to lie below the root (CVE-2024-21626). `make`: make what is missing, as root of the container.
 * Returns 1 when the present user may not enter it, who will not be the user of the process.
 */
int working_directory_enter(const char *path, bool make, struct error *error);
