// SPDX-License-Identifier: Apache-2.0
/* Attributes and propagation of one mount, by mount_setattr(2) on its descriptor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "spec/mount.h"

/* One call; 0 or -1 with errno. */
int mount_attributes_change(int mount_fd, uint64_t set, uint64_t clear, unsigned long propagation,
                            bool recursive);

/*
 * What a specification changes of a mount that is there: the plain attributes `set` and `clear`,
 * then the recursive ones and the propagation. Where the container's user namespace may not lift a
 * restriction that the host's mount has, the restriction stays.
 */
int mount_attributes_apply(int mount_fd, const struct spec_mount *mount, uint64_t set,
                           uint64_t clear, struct error *error);
