// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/*
 * The block device that a description means: "LABEL=text" (the volume label of an ext2, 3 or 4 file
 * system), "SERIAL=text" (the serial number that the device gives), or a path as it is. Waits for
 * it. Writes "/dev/name"; 0, or -ENODEV.
 */
int disk_find(const char *description, int wait_ms, char *path, size_t size);
