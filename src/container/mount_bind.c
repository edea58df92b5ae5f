// SPDX-License-Identifier: Apache-2.0
/*
 * Binds: a detached clone of the source is made, changed while nobody can see it, and attached.
 *
 * Who clones decides where events of the host's mounts arrive. The child's mounts are slaves of the
 * host's already (rootfs.c), and so are its clones; a clone that the parent made is a peer of the
 * host's and is made a slave here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/string.h"
#include "container/idmapped.h"
#include "container/mount_attributes.h"
#include "container/rootfs_state.h"
#include "container/safe_path.h"

static char *source_path(const struct rootfs_request *request, const struct spec_mount *mount)
{
    if (mount->source[0] == '/')
        return string_copy(mount->source);
    return string_format("%s/%s", request->bundle, mount->source);
}

static unsigned int clone_flags(const struct spec_mount *mount)
{
    bool nofollow = mount->source_nofollow || mount->copy_symlink;
    return OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount->recursive ? AT_RECURSIVE : 0) |
           (nofollow ? AT_SYMLINK_NOFOLLOW : 0);
}

int bind_clone_host_path(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int no_source(struct error *error)
{
    return error_set_code(error, EINVAL, "a bind mount needs a source");
}

/* Slave, or private where linux.rootfsPropagation has it so: what a clone of the child would be. */
static int cut_from_host(const struct rootfs_request *request, int fd, struct error *error)
{
    bool is_private = request->spec->rootfs_propagation & (MS_PRIVATE | MS_UNBINDABLE);
    if (mount_attributes_change(fd, 0, 0, is_private ? MS_PRIVATE : MS_SLAVE, true) < 0)
        return error_set(error, errno, "set mount propagation");
    return 0;
}

int bind_open_in_parent(const struct rootfs_request *request, const struct spec_mount *mount,
                        int *fd, struct error *error)
{
    if (!mount->bind || mount->remount)
        return 0;
    if (!mount->source)
        return no_source(error);
    if (!request->new_user_namespace && mount->idmap == SPEC_IDMAP_NONE)
        return 0;
    AUTO_FREE char *path = source_path(request, mount);
    AUTO_CLOSE int tree = open_tree(AT_FDCWD, path, clone_flags(mount));
    if (tree < 0 && errno == EPERM && mount->idmap == SPEC_IDMAP_NONE)
        return 0;
    if (tree < 0)
        return error_set(error, errno, "open source %s", path);
    if (cut_from_host(request, tree, error) < 0 ||
        (mount->idmap != SPEC_IDMAP_NONE && idmapped_apply(request->spec, mount, tree, error) < 0))
        return -1;
    *fd = take_fd(&tree);
    return 0;
}

static int open_source(const struct rootfs *rootfs, size_t index, struct error *error)
{
    const struct spec_mount *mount = &rootfs->request.spec->mounts[index];
    if (rootfs->mounts[index].source_fd >= 0)
        return take_fd(&rootfs->mounts[index].source_fd);
    AUTO_FREE char *path = source_path(&rootfs->request, mount);
    int fd = open_tree(AT_FDCWD, path, clone_flags(mount));
    if (fd < 0)
        return error_set(error, errno, "open source %s", path);
    return fd;
}

/* Option copy-symlink: the same link in the container, if it is one. */
static int copy_symlink(const struct rootfs *rootfs, const struct spec_mount *mount, int source,
                        struct error *error)
{
    char target[PATH_MAX], name[NAME_MAX + 1], existing[PATH_MAX];
    ssize_t length = readlinkat(source, "", target, sizeof(target) - 1);
    if (length < 0)
        return error_set(error, errno, "read the link %s", mount->source);
    target[length] = '\0';
    AUTO_CLOSE int parent = safe_make_parent(rootfs->root_fd, mount->destination, name, error);
    if (parent < 0)
        return -1;
    if (symlinkat(target, parent, name) == 0)
        return 0;
    if (errno != EEXIST)
        return error_set(error, errno, "make the link to %s", target);
    ssize_t existing_length = readlinkat(parent, name, existing, sizeof(existing) - 1);
    if (existing_length == length && memcmp(existing, target, (size_t)length) == 0)
        return 0;
    return error_set(error, EEXIST, "make the link to %s", target);
}

/* /proc may be a bind of the host's procfs (a container without a pid namespace), of nothing else.
 */
static int check_source(const struct spec_mount *mount, int fd, struct error *error)
{
    struct statfs file_system;
    if (!mount_is_at(mount, "/proc"))
        return 0;
    if (fstatfs(fd, &file_system) < 0)
        return error_set(error, errno, "examine the source");
    if (file_system.f_type != PROC_SUPER_MAGIC)
        return error_set_code(error, EPERM, "only a procfs can be mounted on /proc");
    return 0;
}

int bind_mount(struct rootfs *rootfs, size_t index, struct error *error)
{
    const struct spec_mount *mount = &rootfs->request.spec->mounts[index];
    AUTO_CLOSE int source = open_source(rootfs, index, error);
    struct stat status;
    if (source < 0)
        return -1;
    if (fstat(source, &status) < 0)
        return error_set(error, errno, "examine source %s", mount->source);
    if (S_ISLNK(status.st_mode) && mount->copy_symlink)
        return copy_symlink(rootfs, mount, source, error);
    if (check_source(mount, source, error) < 0)
        return -1;
    bool was_made;
    AUTO_CLOSE int target =
        mount_open_target(rootfs, mount, S_ISDIR(status.st_mode), &was_made, error);
    if (target < 0 || mount_attach(source, target, error) < 0)
        return -1;
    return mount_attributes_apply(source, mount, mount->attributes_set, mount->attributes_clear,
                                  error);
}
