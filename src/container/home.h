// SPDX-License-Identifier: Apache-2.0
/* The home directory of a user, as the container's own /etc/passwd has it. */
#pragma once

#include <sys/types.h>

/*
 * Called inside the container's root. The file is hostile: it must be regular, at most 1 MiB is
 * read. "/" where it does not say. Allocated.
 */
char *home_directory_of(uid_t uid);
