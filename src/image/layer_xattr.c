// SPDX-License-Identifier: Apache-2.0
/*
 * Which extended attributes a layer may bring. Those of overlayfs would make it take one file's
 * data for another's (trusted.overlay.metacopy, .redirect); labels of Linux security modules are
 * the host's to give. File capabilities, user attributes and ACLs belong to the image.
 */
#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/string.h"
#include "image/layer_directory.h"

#define ATTRIBUTE_LIMIT 65536 /* XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel */

static const struct xattr_rule {
    const char *prefix;
    bool kept;
} xattr_rules[] = {
    { "user.overlay.", false },
    { "trusted.overlay.", false },
    { "security.capability", true },
    { "system.posix_acl_access", true },
    { "system.posix_acl_default", true },
    { "user.", true },
    { "trusted.", true },
};

static bool is_kept(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(xattr_rules); i++)
        if (string_starts_with(name, xattr_rules[i].prefix))
            return xattr_rules[i].kept;
    return false;
}

int layer_set_xattr(const char *path, const char *name, const void *value, size_t size,
                    struct error *error)
{
    if (!is_kept(name) || lsetxattr(path, name, value, size, 0) == 0)
        return 0;
    /*
     * What the file system does not keep, a link cannot have (EPERM: user attributes) or an
     * ordinary user may not set (EPERM: trusted ones) is left out, as other unpackers do.
     */
    if (errno == ENOTSUP || (errno == EPERM && !string_starts_with(name, "security.")))
        return 0;
    return error_set(error, errno, "set attribute %s", name);
}

int layer_copy_xattrs(const char *from, const char *to, struct error *error)
{
    AUTO_FREE char *names = allocate(ATTRIBUTE_LIMIT, 1);
    AUTO_FREE char *value = allocate(ATTRIBUTE_LIMIT, 1);
    ssize_t length = listxattr(from, names, ATTRIBUTE_LIMIT);
    if (length < 0)
        return errno == ENOTSUP ? 0 : error_set(error, errno, "list attributes");
    for (char *name = names; name < names + length; name += strlen(name) + 1) {
        ssize_t size = is_kept(name) ? getxattr(from, name, value, ATTRIBUTE_LIMIT) : -1;
        if (size >= 0 && layer_set_xattr(to, name, value, (size_t)size, error) < 0)
            return -1;
    }
    return 0;
}
