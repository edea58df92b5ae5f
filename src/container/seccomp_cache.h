// SPDX-License-Identifier: Apache-2.0
/*
 * Filters that were compiled before. A usual profile takes libseccomp more time than all the rest
 * of a container's start takes together, and nearly all containers of a host have the same one.
 *
 * Only a directory and files that belong to us and that nobody else can write are believed, and of
 * them only what is whole (container/seccomp_entry.h). Whatever is wrong with the cache, the filter
 * is compiled instead.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "container/seccomp.h"

enum { SECCOMP_CACHE_ENTRIES = 64 }; /* above it the oldest go */

/* seccomp_compile(), or what it made of the same before. `directory` is made when it is missing. */
int seccomp_cache_compile(const char *directory, const struct spec_seccomp *seccomp,
                          struct seccomp_program *program, const struct log *log,
                          struct error *error);
