// SPDX-License-Identifier: Apache-2.0
/* Which machine an image is for, in the words of image-spec (GOOS and GOARCH). */
#pragma once

#include <stdbool.h>

/* The architecture of this machine, as "amd64"; uname's own word where the table has none. */
const char *oci_architecture(void);

/* NULL stands for what an image does not tell, and fits. */
bool oci_platform_fits(const char *os, const char *architecture);
