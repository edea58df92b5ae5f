// SPDX-License-Identifier: Apache-2.0
/* A Debian package (deb(5)) of a kernel, unpacked without dpkg. */
#pragma once

#include "base/error.h"
#include "image/progress.h"

/*
 * Take the parts of a kernel package that a virtual machine needs into the directory `target_fd`:
 *
 *   vmlinuz         boot/vmlinuz-RELEASE
 *   config          boot/config-RELEASE
 *   modules/...     lib/modules/RELEASE/..., without the drivers for hardware that no machine has
 *
 * An error when there is no kernel in it. `name` is for messages.
 */
int deb_unpack_kernel(const char *path, int target_fd, struct progress *progress,
                      struct error *error);
