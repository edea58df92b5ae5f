// SPDX-License-Identifier: Apache-2.0
/* What the files behind rootfs.h share; nobody else includes this. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "container/rootfs.h"

struct rootfs_mount {
    int source_fd;    /* detached mount tree that the parent opened; -1: the child opens it */
    int read_only_fd; /* mount that becomes read-only in the end (rootfs_protect); -1: none */
};

struct rootfs {
    struct rootfs_request request;
    int root_fd;   /* parent: detached tree or -1; child: the container's root */
    int procfs_fd; /* private procfs of the child's pid namespace */
    int null_fd;   /* a verified null device of the container, for masks; -1: none yet */
    int notify_fd; /* detached mount of notify_directory; -1: none or opened by the child */
    mode_t umask;  /* of the process, while ours is 0 */
    uint64_t root_mount_id, root_inode;
    struct rootfs_mount *mounts; /* one for each of spec->mounts */
};

/* mount_bind.c */

/* Parent: open what a bind takes as a detached tree; -1 in *fd where only the child can do it. */
int bind_open_in_parent(const struct rootfs_request *request, const struct spec_mount *mount,
                        int *fd, struct error *error);
/* Child: mount a bind at its destination. */
int bind_mount(struct rootfs *rootfs, size_t index, struct error *error);
/* A detached clone of a host path with all mounts below it, or -1 with errno. */
int bind_clone_host_path(const char *path);

/* mount_target.c */

/* The destination, made where it is missing, checked against the rules; an O_PATH descriptor. */
int mount_open_target(const struct rootfs *rootfs, const struct spec_mount *mount,
                      bool is_directory, bool *was_made, struct error *error);
/* Whether the destination, taken literally, is this absolute path. */
bool mount_is_at(const struct spec_mount *mount, const char *path);
/* Put a detached mount onto an open target. */
int mount_attach(int mount_fd, int target_fd, struct error *error);

/* mount_cgroup.c */
int cgroup_mount(struct rootfs *rootfs, const struct spec_mount *mount, struct error *error);

/* Whether devices, links and the terminal are the runtime's business: /dev is no bind. */
bool rootfs_owns_dev(const struct rootfs *rootfs);
