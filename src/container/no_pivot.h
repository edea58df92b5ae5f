// SPDX-License-Identifier: Apache-2.0
/* --no-pivot: a root on a host whose own root cannot be pivoted away from (an initramfs). */
#pragma once

#include "base/error.h"

/*
 * Move the mount `root_fd`, which is the working directory, onto "/", detach all that is mounted on
 * the host's root file system, so that nothing of it (its procfs and sysfs above all) is in reach,
 * and chroot.
 */
int no_pivot_enter(int root_fd, struct error *error);
