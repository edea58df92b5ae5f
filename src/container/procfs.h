// SPDX-License-Identifier: Apache-2.0
/*
 * A procfs that no mount of a container can shadow (CVE-2019-16884, CVE-2025-52881): made with
 * fsopen("proc") + fsmount, never attached to any tree, used by descriptor.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Open a detached procfs of the calling process's pid namespace; where that is not permitted
 * (a user namespace without its own pid namespace), /proc itself after checking that it is a procfs
 * root. The caller closes it.
 */
int procfs_open(struct error *error);

/*
 * Open a file below it: beneath, no magic links, no crossing of mounts, and verified to be on
 * procfs. `flags` as for open(2), O_CLOEXEC is added.
 */
int procfs_open_file(int procfs_fd, const char *path, int flags, struct error *error);

/* Write a text into a file below it with one write. */
int procfs_write(int procfs_fd, const char *path, const char *text, struct error *error);
