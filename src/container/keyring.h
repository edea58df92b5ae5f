// SPDX-License-Identifier: Apache-2.0
/* A session keyring of the container's own (keyrings(7)), so that it has none of ours. */
#pragma once

#include "base/error.h"
#include "base/log.h"

/*
 * Join (or make) the session keyring "_ses.ID": `exec` joins what `create` made. `label` (may be
 * NULL) is the SELinux label that it gets, written through the private procfs. Where the kernel has
 * no keyrings, or an outer container forbids them, the process goes on without.
 */
int keyring_join(const char *container_id, const char *label, int procfs_fd, const struct log *log,
                 struct error *error);
