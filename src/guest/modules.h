// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/text.h"

/*
 * Load the kernel modules of the initramfs in the order of /modules/order (a file name a line), and
 * drop their files. A module whose hardware is missing is no error; the first other failure is told
 * to `failed`. Returns how many were loaded.
 */
int modules_load(void (*failed)(void *context, const char *name, int error), void *context);
