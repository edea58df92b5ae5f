// SPDX-License-Identifier: Apache-2.0
#include "container/mount_attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

int mount_attributes_change(int mount_fd, uint64_t set, uint64_t clear, unsigned long propagation,
                            bool recursive)
{
    /* The access time modes are one field: to set one is to clear the field (mount_setattr(2)). */
    if ((set | clear) & MOUNT_ATTR__ATIME)
        clear |= MOUNT_ATTR__ATIME;
    struct mount_attr attributes = {
        .attr_set = set,
        .attr_clr = clear,
        .propagation = propagation,
    };
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
                         sizeof(attributes));
}

static int change(int mount_fd, uint64_t set, uint64_t clear, bool recursive, struct error *error)
{
    if (!set && !clear)
        return 0;
    if (mount_attributes_change(mount_fd, set, clear, 0, recursive) == 0)
        return 0;
    /* EPERM: a flag is locked (mount_namespaces(7)); what remains is the stricter mount. */
    if (errno == EPERM && clear && mount_attributes_change(mount_fd, set, 0, 0, recursive) == 0)
        return 0;
    return error_set(error, errno, "set %smount options", recursive ? "recursive " : "");
}

int mount_attributes_apply(int mount_fd, const struct spec_mount *mount, uint64_t set,
                           uint64_t clear, struct error *error)
{
    if (change(mount_fd, set, clear & ~set, false, error) < 0 ||
        change(mount_fd, mount->recursive_set, mount->recursive_clear & ~mount->recursive_set, true,
               error) < 0)
        return -1;
    for (size_t i = 0; i < mount->propagation_count; i++) {
        unsigned long propagation = mount->propagation[i];
        if (mount_attributes_change(mount_fd, 0, 0, propagation & ~(unsigned long)MS_REC,
                                    propagation & MS_REC) < 0)
            return error_set(error, errno, "set mount propagation");
    }
    return 0;
}
