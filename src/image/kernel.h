// SPDX-License-Identifier: Apache-2.0
/*
 * Kernels for virtual machines, in the cache as CACHE/kernels/NAME:
 *
 *   vmlinuz     as it comes
 *   vmlinux     the ELF file inside; absent where its compression is not known
 *   modules/    what its package has below /lib/modules/RELEASE; absent for a kernel from a file,
 *               which gets the host's own, where it has some of that release
 *   config      absent for a kernel from a file
 *
 * and CACHE/kernels/PACKAGE.current, which holds the name of what a package like
 * linux-image-cloud-amd64 stood for when it was fetched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string.h"

struct kernel {
    char *name;      /* of the entry: "linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64" */
    char *directory; /* the entry */
    bool has_64_bits;
    bool has_vmlinux;
    char version[128]; /* as the kernel itself tells it */
};

void kernel_clear(struct kernel *kernel);
#define AUTO_KERNEL __attribute__((cleanup(kernel_clear)))

#define KERNEL_DEFAULT "linux-image-cloud-amd64"

/*
 * Find a kernel by the name of its package, of a file *.deb or of a vmlinuz (with a slash), or by
 * the name of an entry. What is not in the cache is fetched; `newest`: a package that may have
 * become another is looked up again.
 */
int kernel_get(const char *name, bool newest, struct kernel *kernel, struct error *error);

struct kernel_listed {
    char *name;
    char *current_of; /* "linux-image-cloud-amd64"; NULL: none */
    uint64_t bytes;   /* on disk */
    int64_t made;     /* seconds since 1970 */
};

struct kernel_list {
    struct kernel_listed *kernels;
    size_t count;
};

/* All that are in the cache, by name. */
int kernel_list(struct kernel_list *list, struct error *error);
void kernel_list_clear(struct kernel_list *list);
#define AUTO_KERNEL_LIST __attribute__((cleanup(kernel_list_clear)))

/* By the name of its entry or of its package. */
int kernel_remove(const char *name, struct error *error);
