// SPDX-License-Identifier: Apache-2.0
/* What of image/boot_files.h a monitor needs: that and core/machine/boot.h both have a
 * boot_request, and are not to be included together. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * The command line of a guest's kernel, allocated. The first serial line is its console; a panic
 * restarts the machine at once, which is how we learn of it. What was asked for (`own`,
 * NULL-terminated or NULL) comes last and wins.
 */
char *kernel_parameters(bool emulated_hardware, bool own_init, const char *const *own);

/* A disk with the files of a directory; boot_pack_directory(). */
int pack_directory(const char *directory, const char *label, const char *path, struct error *error);
