// SPDX-License-Identifier: Apache-2.0
/* A root stacked from directories. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "container/rootfs.h"

/*
 * The descriptor of a detached overlay mount, or -1. In a user namespace the layers' attributes are
 * in "user.overlay." (overlayfs(5), userxattr).
 */
int overlay_mount(const struct rootfs_overlay *overlay, bool in_user_namespace,
                  struct error *error);
