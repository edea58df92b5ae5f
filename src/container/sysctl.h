// SPDX-License-Identifier: Apache-2.0
/* linux.sysctl: kernel parameters of the container's own namespaces, never of the host. */
#pragma once

#include "base/error.h"
#include "spec/spec.h"

/*
 * Decode-time check (called by preflight): each name belongs to a namespace that the specification
 * makes new (kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*: ipc; net.*: network;
 * kernel.domainname, kernel.hostname: uts, user.*: user), and no value holds a newline or NUL.
 */
int sysctl_check(const struct spec *spec, struct error *error);

/* In the child, in its new namespaces: write them below the private procfs. */
int sysctl_apply(const struct spec *spec, int procfs_fd, struct error *error);
