// SPDX-License-Identifier: Apache-2.0
/*
 * Paths inside a root file system that somebody else filled.
 *
 * Every path is resolved by the kernel as if `root_fd` were "/" (openat2(2), RESOLVE_IN_ROOT): a
 * symbolic link, absolute or with "..", cannot lead outside, whatever another process swaps
 * meanwhile, and magic links of a procfs are not followed. What comes back is an O_PATH descriptor,
 * so that check and use are of the same object (CVE-2021-30465, CVE-2024-45310, CVE-2019-18837).
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* Resolve an existing path; `flags` as for open(2) (O_PATH, O_NOFOLLOW ...), O_CLOEXEC is added.
 * The descriptor, or -1 with errno. */
int safe_open(int root_fd, const char *path, int flags);

/*
 * An O_PATH descriptor of a directory, made with its parents (mode 0755, umask applies) where it is
 * missing. A dangling symbolic link on the way is followed inside the root: its target is made.
 */
int safe_make_directory(int root_fd, const char *path, struct error *error);

/*
 * An O_PATH descriptor of what is at `path`; an empty regular file (mode 0644) is made where there
 * is nothing. Nothing that exists is opened, truncated or changed (CVE-2025-52565).
 */
int safe_make_file(int root_fd, const char *path, struct error *error);

/*
 * Open the directory that holds `path`, made where it is missing, and copy the last component into
 * `name`, a buffer of NAME_MAX + 1 bytes: for mknodat() and symlinkat(), which follow no link in
 * it.
 */
int safe_make_parent(int root_fd, const char *path, char *name, struct error *error);
