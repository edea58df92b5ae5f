// SPDX-License-Identifier: Apache-2.0
/*
 * Mounts that show other owners than the file system has (mount_setattr(2), MOUNT_ATTR_IDMAP):
 * options idmap and ridmap, uidMappings and gidMappings of a mount.
 */
#pragma once

#include "base/error.h"
#include "spec/spec.h"

/*
 * Map the ids of a detached mount tree, by the mount's own mappings or else by those of the
 * container's user namespace.
 */
int idmapped_apply(const struct spec *spec, const struct spec_mount *mount, int tree_fd,
                   struct error *error);
