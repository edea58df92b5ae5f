// SPDX-License-Identifier: Apache-2.0
/*
 * All that decides what a filter is compiled to, as one row of bytes: linux.seccomp without what is
 * no part of the program (flags, listener), the native architecture, and who compiles. The last is
 * told by the build ids of the program and its shared objects: what another build of ours or of
 * libseccomp has made is never taken for our own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "spec/seccomp.h"

struct seccomp_key {
    char *bytes;   /* owned */
    size_t length; /* a multiple of 8 */
    uint64_t sum;  /* checksum() of them */
};

/* Fails where the program has no build id. */
int seccomp_key_make(const struct spec_seccomp *seccomp, struct seccomp_key *key,
                     struct error *error);
void seccomp_key_free(struct seccomp_key *key); /* {0} is fine */

#define AUTO_SECCOMP_KEY __attribute__((cleanup(seccomp_key_free)))
