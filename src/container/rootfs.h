// SPDX-License-Identifier: Apache-2.0
/*
 * The container's view of files: its root, mounts, devices, masks and terminal.
 *
 * Two processes work here. The parent, on the host, opens what must be opened there
 * (rootfs_open_sources) before the child is cloned, and the child inherits the descriptors. The
 * child, in its new mount namespace, builds everything below one descriptor of the root and by
 * descriptors only; each destination is resolved with openat2(RESOLVE_IN_ROOT), and no path of the
 * container is ever followed by name on the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "container/cgroup/cgroup.h"
#include "spec/spec.h"

/* A root that is stacked from image layers, mounted in the container's own mount namespace only. */
struct rootfs_overlay {
    const char *const *lower_directories;         /* NULL-terminated, topmost first; absolute */
    const char *upper_directory, *work_directory; /* NULL: read-only root */
};

struct rootfs_request {
    const struct spec *spec;
    const char *bundle; /* absolute */
    const char *root;   /* absolute path of the root file system, already resolved */
    const struct rootfs_overlay *overlay; /* NULL: root is a directory */
    bool new_user_namespace; /* the child is in a user namespace that is not the parent's */
    bool no_pivot;           /* --no-pivot: MS_MOVE and chroot */
    const struct cgroup_mount_points *cgroups; /* NULL: type cgroup cannot be mounted */
    const char *notify_directory; /* host directory to be bound at /run/notify; NULL: none */
    int console_socket_fd;        /* connected; -1: none. Gets the terminal's master end */
    const struct log *log;
};

/* Opaque; made by the parent before the clone, used by the child. */
struct rootfs;

/*
 * Parent, before the clone: open the sources of binds and of id-mapped mounts as detached mount
 * trees where the privileges allow it. `user_namespace_fd` maps ids for `idmap` without mappings
 * (-1: none).
 */
int rootfs_open_sources(const struct rootfs_request *request, struct rootfs **rootfs,
                        struct error *error);
void rootfs_free(struct rootfs *rootfs);

/* Child, in this order. Each may assume the ones before. */

/* Propagation of the mount namespace, the root made a mount over its directory (or the overlay
 * mounted there), root opened. */
int rootfs_enter(struct rootfs *rootfs, struct error *error);
/* mounts[] in order, then the notify directory. */
int rootfs_mount_all(struct rootfs *rootfs, struct error *error);
/* Default devices, linux.devices, the /dev links; bind mounts where mknod is not permitted. */
int rootfs_make_devices(struct rootfs *rootfs, struct error *error);
/*
 * A pseudo-terminal of the container's own devpts: bound at /dev/console, its master sent over the
 * console socket. Returns the slave's descriptor (caller's), or -1.
 */
int rootfs_open_terminal(struct rootfs *rootfs, struct error *error);
/* readonlyPaths, maskedPaths, root.readonly: last, so that nothing above undoes them. */
int rootfs_protect(struct rootfs *rootfs, struct error *error);
/* pivot_root into it and let go of the host's tree. The working directory is "/". */
int rootfs_pivot(struct rootfs *rootfs, struct error *error);

/*
 * A descriptor of a private procfs instance for the child's own pid namespace, that nobody else can
 * mount over: the only way by which /proc is written. Owned by the rootfs.
 */
int rootfs_procfs_fd(const struct rootfs *rootfs);
