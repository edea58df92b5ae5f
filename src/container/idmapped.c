// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel takes a mapping only as a user namespace. A process is made for it that does nothing
 * but hold the namespace until it is open.
 */
#include "container/idmapped.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/string.h"
#include "base/system_call.h"

static char *mapping_text(const struct spec_id_mapping *mappings, size_t count)
{
    char *text = string_copy("");
    for (size_t i = 0; i < count; i++)
        string_append(&text, "%u %u %u\n", mappings[i].container_id, mappings[i].host_id,
                      mappings[i].size);
    return text;
}

/* A process in a new user namespace that waits to be killed. */
static pid_t hold_user_namespace(int *pidfd)
{
    struct clone_args arguments = {
        .flags = CLONE_NEWUSER | CLONE_PIDFD,
        .pidfd = (uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = sys_clone3(&arguments);
    while (pid == 0)
        pause();
    return pid;
}

static int write_mappings(int directory, const struct spec_mount *mount, const struct spec *spec,
                          struct error *error)
{
    bool own = mount->uid_mapping_count > 0;
    AUTO_FREE char *uids = own ? mapping_text(mount->uid_mappings, mount->uid_mapping_count)
                               : mapping_text(spec->uid_mappings, spec->uid_mapping_count);
    AUTO_FREE char *gids = own ? mapping_text(mount->gid_mappings, mount->gid_mapping_count)
                               : mapping_text(spec->gid_mappings, spec->gid_mapping_count);
    if (write_file_at(directory, "uid_map", uids, error) < 0 ||
        write_file_at(directory, "gid_map", gids, error) < 0)
        return error_wrap(error, "make the id mapping");
    return 0;
}

static int open_mapped_namespace(pid_t pid, const struct spec_mount *mount, const struct spec *spec,
                                 struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d", (int)pid);
    AUTO_CLOSE int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set(error, errno, "open %s", path);
    if (write_mappings(directory, mount, spec, error) < 0)
        return -1;
    int fd = openat(directory, "ns/user", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_set(error, errno, "open the user namespace of the id mapping") : fd;
}

static int make_mapped_namespace(const struct spec_mount *mount, const struct spec *spec,
                                 struct error *error)
{
    AUTO_CLOSE int pidfd = -1;
    pid_t pid = hold_user_namespace(&pidfd);
    if (pid < 0)
        return error_set(error, errno, "make a user namespace for the id mapping");
    int fd = open_mapped_namespace(pid, mount, spec, error);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return fd;
}

static int open_user_namespace(const struct spec *spec, const struct spec_mount *mount,
                               struct error *error)
{
    const char *path = spec->namespaces[SPEC_NAMESPACE_USER].path;
    if (mount->uid_mapping_count > 0 || spec->uid_mapping_count > 0)
        return make_mapped_namespace(mount, spec, error);
    if (!path)
        return error_set_code(
            error, EINVAL,
            "option idmap needs uidMappings and gidMappings, of the mount or of a "
            "user namespace");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_set(error, errno, "open user namespace %s", path) : fd;
}

int idmapped_apply(const struct spec *spec, const struct spec_mount *mount, int tree_fd,
                   struct error *error)
{
    AUTO_CLOSE int user_namespace = open_user_namespace(spec, mount, error);
    if (user_namespace < 0)
        return -1;
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_IDMAP,
        .userns_fd = (uint64_t)user_namespace,
    };
    unsigned int flags = AT_EMPTY_PATH | (mount->idmap == SPEC_IDMAP_RECURSIVE ? AT_RECURSIVE : 0);
    if (mount_setattr(tree_fd, "", flags, &attributes, sizeof(attributes)) == 0)
        return 0;
    if (errno == EINVAL)
        return error_set_code(error, EINVAL, "map ids: the source's file system cannot");
    return error_set(error, errno, "map ids");
}
