// SPDX-License-Identifier: Apache-2.0
/* mounts[] of the specification, in its order. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/string.h"
#include "container/copy_up.h"
#include "container/filesystem.h"
#include "container/mount_attributes.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

/*
 * File systems that show a kernel object which a user namespace may not own: where making one is
 * not permitted, the host's is bound instead, as it is what the container would see anyway.
 */
static const struct {
    const char *type, *host_path;
} host_views[] = {
    { "sysfs", "/sys" },
    { "mqueue", "/dev/mqueue" },
    { "proc", "/proc" },
};

static bool is_type(const struct spec_mount *mount, const char *type)
{
    return mount->type && string_equal(mount->type, type);
}

/* Devices are still to be made on /dev, and mount points on a tmpfs: read-only comes last. */
static bool is_read_only_later(const struct spec_mount *mount)
{
    return (is_type(mount, "tmpfs") || mount_is_at(mount, "/dev")) &&
           ((mount->attributes_set & MOUNT_ATTR_RDONLY) || (mount->superblock_flags & MS_RDONLY));
}

static char *without_gid(const char *options)
{
    AUTO_STRINGS char **words = string_split(options, ",");
    char *text = string_copy("");
    for (char **word = words; *word; word++)
        if (!string_starts_with(*word, "gid="))
            string_append(&text, "%s%s", *text ? "," : "", *word);
    return text;
}

/*
 * Options that a file system gets beside the ones asked for: a tmpfs has the mode of the directory
 * that it covers, as with runc, unless "mode=" says otherwise; SELinux wants the label at the
 * mount.
 */
static char *more_options(const struct rootfs *rootfs, const struct spec_mount *mount, int target,
                          bool target_was_made)
{
    struct stat status;
    char *text = string_copy("");
    const char *label = rootfs->request.spec->mount_label;
    bool labelled = is_type(mount, "tmpfs") || is_type(mount, "mqueue") || is_type(mount, "devpts");
    if (is_type(mount, "tmpfs") && !target_was_made && fstat(target, &status) == 0)
        string_append(&text, "mode=%04o", status.st_mode & 07777u);
    if (label && *label && labelled && access("/sys/fs/selinux/enforce", F_OK) == 0)
        string_append(&text, "%scontext=\"%s\"", *text ? "," : "", label);
    return text;
}

/*
 * devpts with gid=5 (tty) is what every caller asks for, also where the user namespace, ours or one
 * around us, has no group 5. The kernel refuses that; the option is left out then.
 */
static int new_devpts(struct filesystem_request *request, struct error *error)
{
    int fd = filesystem_mount(request, error);
    if (fd >= 0 || error->code != EINVAL || !strstr(request->options, "gid="))
        return fd;
    error_clear(error);
    AUTO_FREE char *options = without_gid(request->options);
    request->options = options;
    return filesystem_mount(request, error);
}

static int new_filesystem(const struct rootfs *rootfs, const struct spec_mount *mount, int target,
                          bool target_was_made, struct error *error)
{
    bool later = is_read_only_later(mount);
    AUTO_FREE char *more = more_options(rootfs, mount, target, target_was_made);
    struct filesystem_request request = {
        .type = mount->type,
        .source = mount->source,
        .options = mount->data,
        .more_options = more,
        .superblock_flags = mount->superblock_flags & ~(later ? (unsigned long)MS_RDONLY : 0),
        .attributes = mount->attributes_set & ~(later ? (uint64_t)MOUNT_ATTR_RDONLY : 0),
    };
    return is_type(mount, "devpts") ? new_devpts(&request, error)
                                    : filesystem_mount(&request, error);
}

static const char *host_view(const struct spec_mount *mount)
{
    for (size_t i = 0; i < ARRAY_LENGTH(host_views); i++)
        if (is_type(mount, host_views[i].type))
            return host_views[i].host_path;
    return NULL;
}

/* A new file system, or the host's view of it; the detached mount. */
static int make_detached(const struct rootfs *rootfs, const struct spec_mount *mount, int target,
                         bool target_was_made, struct error *error)
{
    int fd = new_filesystem(rootfs, mount, target, target_was_made, error);
    const char *path = host_view(mount);
    if (fd >= 0 || !path || (error->code != EPERM && error->code != EACCES))
        return fd;
    fd = bind_clone_host_path(path);
    if (fd < 0)
        return error_wrap(error, "the host's %s cannot be bound instead", path);
    error_clear(error);
    /* Of the host's, nothing below may stay writable that was asked to be read-only. */
    if (mount_attributes_change(fd, mount->attributes_set, 0, 0, true) < 0) {
        error_set(error, errno, "set the options of the host's %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

/* Options with values that fsconfig(2) does not take: by mount(2), onto the open target. */
static int mount_by_text(const struct rootfs *rootfs, const struct spec_mount *wanted, int target,
                         struct error *error)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", target);
    if (mount(wanted->source ? wanted->source : "none", path, wanted->type,
              wanted->superblock_flags, wanted->data) < 0)
        return error_set(error, errno, "mount a file system %s", wanted->type);
    AUTO_CLOSE int fd = safe_open(rootfs->root_fd, wanted->destination, O_PATH);
    if (fd < 0)
        return error_set(error, errno, "open the mounted %s", wanted->type);
    return mount_attributes_apply(fd, wanted, wanted->attributes_set, wanted->attributes_clear,
                                  error);
}

/* The owner of the directory too, unless another one is asked for. */
static int copy_up_all(const struct spec_mount *mount, int target, int fd, struct error *error)
{
    struct stat status;
    if (fstat(target, &status) < 0)
        return error_set(error, errno, "examine the directory");
    bool is_given = strstr(mount->data, "uid=") || strstr(mount->data, "gid=");
    if (!is_given && fchownat(fd, "", status.st_uid, status.st_gid, AT_EMPTY_PATH) < 0)
        return error_set(error, errno, "set the owner");
    return copy_up(target, fd, error);
}

static int mount_filesystem(struct rootfs *rootfs, size_t index, struct error *error)
{
    const struct spec_mount *mount = &rootfs->request.spec->mounts[index];
    bool was_made;
    AUTO_CLOSE int target = mount_open_target(rootfs, mount, true, &was_made, error);
    if (target < 0)
        return -1;
    if (filesystem_options_too_long(mount->data))
        return mount_by_text(rootfs, mount, target, error);
    AUTO_CLOSE int fd = make_detached(rootfs, mount, target, was_made, error);
    if (fd < 0)
        return -1;
    if (mount->copy_up && !was_made && copy_up_all(mount, target, fd, error) < 0)
        return error_wrap(error, "copy what the image has there (tmpcopyup)");
    if (mount_attach(fd, target, error) < 0 || mount_attributes_apply(fd, mount, 0, 0, error) < 0)
        return -1;
    if (is_read_only_later(mount))
        rootfs->mounts[index].read_only_fd = take_fd(&fd);
    return 0;
}

static int remount(const struct rootfs *rootfs, const struct spec_mount *mount, struct error *error)
{
    bool was_made;
    AUTO_CLOSE int target = mount_open_target(rootfs, mount, true, &was_made, error);
    if (target < 0)
        return -1;
    bool superblock = mount->superblock_flags || mount->superblock_flags_clear || *mount->data;
    if (!mount->bind && superblock &&
        filesystem_reconfigure(target, mount->data, mount->superblock_flags,
                               mount->superblock_flags_clear, error) < 0)
        return -1;
    return mount_attributes_apply(target, mount, mount->attributes_set, mount->attributes_clear,
                                  error);
}

/* No type and no bind: only the propagation of what is there is changed, as runc and crun do. */
static int change_existing(const struct rootfs *rootfs, const struct spec_mount *mount,
                           struct error *error)
{
    if (mount->propagation_count == 0)
        return error_set_code(error, EINVAL, "type is missing");
    struct spec_mount existing = *mount;
    existing.remount = existing.bind = true;
    return remount(rootfs, &existing, error);
}

static int mount_one(struct rootfs *rootfs, size_t index, struct error *error)
{
    const struct spec_mount *mount = &rootfs->request.spec->mounts[index];
    if (mount->remount)
        return remount(rootfs, mount, error);
    if (mount->bind)
        return bind_mount(rootfs, index, error);
    if (!mount->type || is_type(mount, "none") || is_type(mount, ""))
        return change_existing(rootfs, mount, error);
    if (is_type(mount, "cgroup") || is_type(mount, "cgroup2"))
        return cgroup_mount(rootfs, mount, error);
    return mount_filesystem(rootfs, index, error);
}

static int mount_notify_directory(struct rootfs *rootfs, struct error *error)
{
    if (!rootfs->request.notify_directory)
        return 0;
    AUTO_CLOSE int fd = take_fd(&rootfs->notify_fd);
    if (fd < 0)
        fd = bind_clone_host_path(rootfs->request.notify_directory);
    if (fd < 0)
        return error_set(error, errno, "open %s", rootfs->request.notify_directory);
    /* A client needs to connect to the socket, not to change anything in the directory. */
    uint64_t attributes =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if (mount_attributes_change(fd, attributes, 0, MS_PRIVATE, true) < 0)
        return error_set(error, errno, "set mount options");
    AUTO_CLOSE int target = safe_make_directory(rootfs->root_fd, "/run/notify", error);
    return target < 0 ? -1 : mount_attach(fd, target, error);
}

int rootfs_mount_all(struct rootfs *rootfs, struct error *error)
{
    const struct spec *spec = rootfs->request.spec;
    for (size_t i = 0; i < spec->mount_count; i++)
        if (mount_one(rootfs, i, error) < 0)
            return error_wrap(error, "mounts[%zu] (%s)", i, spec->mounts[i].destination);
    if (mount_notify_directory(rootfs, error) < 0)
        return error_wrap(error, "mount the notify socket at /run/notify");
    return 0;
}
