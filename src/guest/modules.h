// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/text.h"

/* The lists of the initramfs, a file name a line in the order of loading. */
#define MODULES_FIRST "/modules/order" /* what the machine needs to come up */
#define MODULES_LATER "/modules/later" /* what can be loaded while others work already */

/*
 * Load the kernel modules of a list, and drop their files. A module whose hardware is missing is no
 * error; other failures are told to `failed`.
 */
void modules_load(const char *list, void (*failed)(void *context, const char *name, int error),
                  void *context);

/*
 * A child that loads the second list as soon as the descriptor that is returned here is closed. It
 * goes on to see the initramfs when the root is another.
 */
int modules_prepare_later(void (*failed)(void *context, const char *name, int error),
                          void *context);
