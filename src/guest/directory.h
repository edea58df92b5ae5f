// SPDX-License-Identifier: Apache-2.0
/* Directories of /sys and of the initramfs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The first name in a directory that `matches`, copied to `name`. 0, or -ENOENT where none does or
 * there is no such directory.
 */
typedef bool directory_match(const char *name, void *context);
int directory_find(const char *path, directory_match *matches, void *context, char *name,
                   size_t size);
