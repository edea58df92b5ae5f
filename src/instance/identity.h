// SPDX-License-Identifier: Apache-2.0
/*
 * Who a process in an instance is: "USER[:GROUP]", by number or by a name from the root file
 * system's own /etc/passwd and /etc/group.
 *
 * Those files are the image's and so hostile: they are opened beneath the root with openat2, must
 * be regular, are read up to 1 MiB, and a line of the wrong form is passed over, never guessed at.
 * A word of digits is always a number (CVE-2026-30892: nothing may trail it).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct identity {
    uint32_t uid, gid;
    uint32_t *additional_gids; /* owned */
    size_t additional_gid_count;
    char *home; /* of the passwd entry; "/" without one; owned */
};

void identity_free(struct identity *identity);
#define AUTO_IDENTITY __attribute__((cleanup(identity_free)))

/*
 * `root_fds`: the root's directories, topmost layer first (one for a plain directory). `words` NULL
 * or "" is root. Without ":GROUP" the primary and the additional groups come from the files.
 */
int identity_resolve(const int *root_fds, size_t root_count, const char *words,
                     struct identity *identity, struct error *error);
