// SPDX-License-Identifier: Apache-2.0
/*
 * Which modules a kernel needs on a machine, in the order in which they can be loaded. Debian's
 * packages come without modules.dep, which depmod(8) makes on installation: what a module needs is
 * read from the module itself.
 */
#pragma once

#include "base/error.h"
#include "base/string.h"
#include "image/boot_files.h"
#include "image/kernel.h"

struct modules {
    struct string_list first; /* paths, absolute: before the machine can do anything */
    struct string_list later; /* while the first process runs already */
    bool has_9p;
};

int modules_choose(const struct kernel *kernel, enum boot_machine machine, struct modules *modules,
                   struct error *error);
void modules_clear(struct modules *modules);
#define AUTO_MODULES __attribute__((cleanup(modules_clear)))

/*
 * The part of a module's file that the kernel needs: without the signature behind it. Checking an
 * RSA signature of 4096 bits takes a software engine longer than all else about a module, and
 * proves nothing here, where whoever gives the module gives the kernel too. The length.
 */
size_t module_length_without_signature(const void *module, size_t length);
