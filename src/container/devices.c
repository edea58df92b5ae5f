// SPDX-License-Identifier: Apache-2.0
/*
 * Device nodes below /dev and the links that programs expect there.
 *
 * /dev of the root is opened once, without following a link, and all default devices and links are
 * made by that descriptor: an image whose /dev is a link cannot make us write elsewhere
 * (CVE-2026-41579, CVE-2026-47766).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/string.h"
#include "container/procfs.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

/* runtime-spec, config-linux.md, "Default Devices"; /dev/console comes with the terminal. */
static const struct spec_device default_devices[] = {
    { .type = 'c', .path = "/dev/null", .major = 1, .minor = 3 },
    { .type = 'c', .path = "/dev/zero", .major = 1, .minor = 5 },
    { .type = 'c', .path = "/dev/full", .major = 1, .minor = 7 },
    { .type = 'c', .path = "/dev/random", .major = 1, .minor = 8 },
    { .type = 'c', .path = "/dev/urandom", .major = 1, .minor = 9 },
    { .type = 'c', .path = "/dev/tty", .major = 5, .minor = 0 },
};

/* runtime-spec, runtime-linux.md, "Dev symbolic links" */
static const struct {
    const char *name, *target;
} dev_links[] = {
    { "fd", "/proc/self/fd" },
    { "stdin", "/proc/self/fd/0" },
    { "stdout", "/proc/self/fd/1" },
    { "stderr", "/proc/self/fd/2" },
};

enum { DEFAULT_DEVICE_MODE = 0666 };

static mode_t device_type(const struct spec_device *device)
{
    return device->type == 'b' ? S_IFBLK : device->type == 'p' ? S_IFIFO : S_IFCHR;
}

static mode_t device_mode(const struct spec_device *device)
{
    return device->file_mode.set ? device->file_mode.value & 07777u : DEFAULT_DEVICE_MODE;
}

static dev_t device_number(const struct spec_device *device)
{
    return device->type == 'p' ? 0 : makedev(device->major, device->minor);
}

static bool is_device(const struct stat *status, const struct spec_device *device)
{
    return (status->st_mode & S_IFMT) == device_type(device) &&
           (device->type == 'p' || status->st_rdev == device_number(device));
}

/* "If a file already exists that does not match the requested device, the runtime MUST error." */
static int check_existing(int directory, const char *name, const struct spec_device *device,
                          struct error *error)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "examine what is there");
    if (is_device(&status, device))
        return 0;
    return error_set_code(error, EEXIST,
                          "the image has another file there than the device %c %u:%u", device->type,
                          device->major, device->minor);
}

/* As asked for, also where the node was there already. */
static int set_owner_and_mode(int directory, const char *name, const struct spec_device *device,
                              bool is_new, struct error *error)
{
    bool owned = device->uid.set || device->gid.set;
    bool owner_differs = owned && (device->uid.value != 0 || device->gid.value != 0 || !is_new);
    if (owner_differs &&
        fchownat(directory, name, device->uid.value, device->gid.value, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(error, errno, "set the owner");
    /* What was just looked at can be no link: nobody else is in this mount namespace's /dev yet. */
    if ((owner_differs || (!is_new && device->file_mode.set)) &&
        fchmodat(directory, name, device_mode(device), 0) < 0)
        return error_set(error, errno, "set the mode");
    return 0;
}

/* The host's node by its path, else by its number; verified to be the device. */
static int open_host_device(const struct spec_device *device, struct error *error)
{
    AUTO_FREE char *by_number = string_format(
        "/dev/%s/%u:%u", device->type == 'b' ? "block" : "char", device->major, device->minor);
    const char *const paths[] = { device->path, by_number };
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct stat status;
        AUTO_CLOSE int fd = open_tree(AT_FDCWD, paths[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (fd >= 0 && fstat(fd, &status) == 0 && is_device(&status, device))
            return take_fd(&fd);
    }
    return error_set_code(
        error, ENODEV,
        "device nodes cannot be made here, and the host has no device %c %u:%u at %s", device->type,
        device->major, device->minor, device->path);
}

static int bind_device(int directory, const char *name, const struct spec_device *device,
                       struct error *error)
{
    AUTO_CLOSE int source = open_host_device(device, error);
    if (source < 0)
        return -1;
    if (mknodat(directory, name, S_IFREG, 0) < 0 && errno != EEXIST)
        return error_set(error, errno, "make the file to mount the device on");
    AUTO_CLOSE int target = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (target < 0 || fstat(target, &status) < 0)
        return error_set(error, errno, "open the file to mount the device on");
    if (is_device(&status, device))
        return 0;
    if (!S_ISREG(status.st_mode) || status.st_size != 0)
        return error_set_code(error, EEXIST,
                              "the image has another file there than the device %c %u:%u",
                              device->type, device->major, device->minor);
    return mount_attach(source, target, error);
}

static int make_node(const struct rootfs *rootfs, int directory, const char *name,
                     const struct spec_device *device, struct error *error)
{
    /* A user namespace may make FIFOs, but no device that works. */
    bool must_bind = rootfs->request.new_user_namespace && device->type != 'p';
    if (!must_bind && mknodat(directory, name, device_type(device) | device_mode(device),
                              device_number(device)) == 0)
        return set_owner_and_mode(directory, name, device, true, error);
    if (!must_bind && errno == EEXIST) {
        if (check_existing(directory, name, device, error) < 0)
            return -1;
        return set_owner_and_mode(directory, name, device, false, error);
    }
    if (!must_bind && errno != EPERM)
        return error_set(error, errno, "make the device node");
    return bind_device(directory, name, device, error);
}

static bool is_in_spec(const struct spec *spec, const struct spec_device *device)
{
    for (size_t i = 0; i < spec->device_count; i++)
        if (string_equal(spec->devices[i].path, device->path))
            return true;
    return false;
}

static int make_default_devices(const struct rootfs *rootfs, int dev, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(default_devices); i++) {
        const struct spec_device *device = &default_devices[i];
        const char *name = device->path + strlen("/dev/");
        if (!is_in_spec(rootfs->request.spec, device) &&
            make_node(rootfs, dev, name, device, error) < 0)
            return error_wrap(error, "default device %s", device->path);
    }
    return 0;
}

static int make_spec_device(const struct rootfs *rootfs, int dev, const struct spec_device *device,
                            struct error *error)
{
    const char *in_dev = device->path + strlen("/dev/");
    if (string_starts_with(device->path, "/dev/") && *in_dev && !strchr(in_dev, '/') &&
        !string_equal(in_dev, ".") && !string_equal(in_dev, ".."))
        return make_node(rootfs, dev, in_dev, device, error);
    char name[NAME_MAX + 1];
    AUTO_CLOSE int directory = safe_make_parent(rootfs->root_fd, device->path, name, error);
    return directory < 0 ? -1 : make_node(rootfs, directory, name, device, error);
}

static int make_spec_devices(const struct rootfs *rootfs, int dev, struct error *error)
{
    const struct spec *spec = rootfs->request.spec;
    for (size_t i = 0; i < spec->device_count; i++)
        if (make_spec_device(rootfs, dev, &spec->devices[i], error) < 0)
            return error_wrap(error, "linux.devices[%zu] (%s)", i, spec->devices[i].path);
    return 0;
}

static int make_link(int dev, const char *name, const char *target, struct error *error)
{
    if (symlinkat(target, dev, name) < 0 && errno != EEXIST)
        return error_set(error, errno, "make the link /dev/%s", name);
    return 0;
}

/* The container's own multiplexer, whatever the image has. */
static int make_ptmx(int dev, struct error *error)
{
    if (symlinkat("pts/ptmx", dev, "ptmx") == 0)
        return 0;
    if (errno == EEXIST && unlinkat(dev, "ptmx", 0) == 0 && symlinkat("pts/ptmx", dev, "ptmx") == 0)
        return 0;
    return error_set(error, errno, "make the link /dev/ptmx");
}

static int make_links(const struct rootfs *rootfs, int dev, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(dev_links); i++)
        if (make_link(dev, dev_links[i].name, dev_links[i].target, error) < 0)
            return -1;
    if (faccessat(rootfs->procfs_fd, "kcore", F_OK, 0) == 0 &&
        make_link(dev, "core", "/proc/kcore", error) < 0)
        return -1;
    return make_ptmx(dev, error);
}

static bool is_null_device(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && is_device(&status, &default_devices[0]);
}

/*
 * What masks are made of (CVE-2025-31133): the container's own null device if it is one, else the
 * host's. Never a path that is looked up later.
 */
static int open_null_device(struct rootfs *rootfs, int dev, struct error *error)
{
    rootfs->null_fd = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (rootfs->null_fd >= 0 && is_null_device(rootfs->null_fd))
        return 0;
    cleanup_close(&rootfs->null_fd);
    rootfs->null_fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (rootfs->null_fd < 0)
        return error_set(error, errno, "open /dev/null");
    return is_null_device(rootfs->null_fd) ? 0 : error_set(error, 0, "/dev/null is not char 1:3");
}

static int open_dev(const struct rootfs *rootfs, struct error *error)
{
    int fd = safe_open(rootfs->root_fd, "/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return safe_make_directory(rootfs->root_fd, "/dev", error);
    if (fd < 0)
        return error_set(error, errno, "open /dev of the container (it may not be a link)");
    return fd;
}

int rootfs_make_devices(struct rootfs *rootfs, struct error *error)
{
    AUTO_CLOSE int dev = open_dev(rootfs, error);
    if (dev < 0)
        return -1;
    if (rootfs_owns_dev(rootfs) &&
        (make_default_devices(rootfs, dev, error) < 0 ||
         make_spec_devices(rootfs, dev, error) < 0 || make_links(rootfs, dev, error) < 0))
        return -1;
    return open_null_device(rootfs, dev, error);
}
