// SPDX-License-Identifier: Apache-2.0
/*
 * fsconfig(2) takes values of at most 255 bytes, so layers are added one by one ("lowerdir+", Linux
 * 6.8). Older kernels take all of them as one text of at most a page by mount(2), which has no
 * detached mounts: there the overlay is attached on a directory of ours, and taken from it again.
 */
#include "container/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "base/string.h"

static int failed(struct error *error, const char *what)
{
    return error_set(error, errno, "mount the overlay root: %s", what);
}

static int set_string(int context, const char *key, const char *value)
{
    return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
}

static int add_layers(int context, const struct rootfs_overlay *overlay)
{
    for (const char *const *layer = overlay->lower_directories; *layer; layer++)
        if (set_string(context, "lowerdir+", *layer) < 0)
            return -1;
    return 0;
}

/* -1 with errno; EINVAL where this kernel cannot take layers one by one. */
static int mount_by_context(const struct rootfs_overlay *overlay, bool in_user_namespace)
{
    AUTO_CLOSE int context = fsopen("overlay", FSOPEN_CLOEXEC);
    if (context < 0 || set_string(context, "source", "overlay") < 0 ||
        add_layers(context, overlay) < 0)
        return -1;
    if (overlay->upper_directory &&
        (set_string(context, "upperdir", overlay->upper_directory) < 0 ||
         set_string(context, "workdir", overlay->work_directory) < 0))
        return -1;
    if (in_user_namespace && fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
        return -1;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return fsmount(context, FSMOUNT_CLOEXEC, 0);
}

/* overlayfs separates layers by colons, and options by commas; both can be escaped. */
static void append_path(char **text, const char *path)
{
    for (; *path; path++)
        string_append(text, strchr(":,\\", *path) ? "\\%c" : "%c", *path);
}

static char *all_options(const struct rootfs_overlay *overlay, bool in_user_namespace)
{
    char *text = string_copy("lowerdir=");
    for (const char *const *layer = overlay->lower_directories; *layer; layer++) {
        if (layer != overlay->lower_directories)
            string_append(&text, ":");
        append_path(&text, *layer);
    }
    if (overlay->upper_directory) {
        string_append(&text, ",upperdir=");
        append_path(&text, overlay->upper_directory);
        string_append(&text, ",workdir=");
        append_path(&text, overlay->work_directory);
    }
    if (in_user_namespace)
        string_append(&text, ",userxattr");
    return text;
}

static int mount_by_text(const struct rootfs_overlay *overlay, bool in_user_namespace,
                         struct error *error)
{
    AUTO_FREE char *options = all_options(overlay, in_user_namespace);
    if (strlen(options) >= (size_t)sysconf(_SC_PAGESIZE)) {
        errno = E2BIG;
        return failed(error, "too many layers, or too long paths, for this kernel");
    }
    /* "/" is still the host's here, in a mount namespace of our own; "/.." leads to what is on top
     * of it. */
    if (mount("overlay", "/", "overlay", 0, options) < 0)
        return failed(error, options);
    int fd = open_tree(AT_FDCWD, "/..", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0 || umount2("/..", MNT_DETACH) < 0) {
        cleanup_close(&fd);
        return failed(error, "take it from where it was made");
    }
    return fd;
}

/* The kernel says EINVAL alone; as in a container whose own root is an overlay. */
static bool is_on_overlay(const char *directory)
{
    struct statfs about;
    return directory && statfs(directory, &about) == 0 && about.f_type == OVERLAYFS_SUPER_MAGIC;
}

int overlay_mount(const struct rootfs_overlay *overlay, bool in_user_namespace, struct error *error)
{
    if (is_on_overlay(overlay->upper_directory))
        return error_set(error, 0,
                         "mount the overlay root: %s is on an overlay itself, which cannot be the "
                         "writable layer of another one; choose another place with --storage",
                         overlay->upper_directory);
    int fd = mount_by_context(overlay, in_user_namespace);
    if (fd >= 0 || errno != EINVAL)
        return fd >= 0 ? fd : failed(error, overlay->lower_directories[0]);
    return mount_by_text(overlay, in_user_namespace, error);
}
