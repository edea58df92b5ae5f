// SPDX-License-Identifier: Apache-2.0
/*
 * The file of one compiled filter in the cache of them:
 *
 *     magic, length of the key, length of the program, checksum of key and program
 *     key
 *     program
 *
 * It is named by the checksum of the key, and holds the key as a whole: two keys of the same name
 * do not mislead. It is not synced: what a crash leaves of it fails the checks.
 */
#pragma once

#include "base/error.h"
#include "container/seccomp_key.h"
#include "container/seccomp_program.h"

/*
 * Fill `compiled` with the program of that key. ENOENT: there is none; any other error: there
 * is something else. `compiled->count` is set only when all of it is right.
 */
int seccomp_entry_read(int directory_fd, const struct seccomp_key *key,
                       struct seccomp_compiled *compiled, struct error *error);

/* Put the program there as a whole, in place of what is there. */
int seccomp_entry_write(int directory_fd, const struct seccomp_key *key,
                        const struct seccomp_compiled *compiled, struct error *error);
