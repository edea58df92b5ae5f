// SPDX-License-Identifier: Apache-2.0
/* The config.json that the `spec` verb writes as a beginning. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * A shell in a read-only root file system `rootfs`, with namespaces of its own and three
 * capabilities. Rootless: in a user namespace that maps root to these ids and nothing else. Pretty
 * JSON with a newline at the end; the caller frees.
 */
char *spec_default_text(bool rootless, uid_t uid, gid_t gid);
