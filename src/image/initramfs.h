// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/boot_files.h"
#include "image/kernel.h"

/*
 * The initramfs of a kernel on a machine: /init, and the modules with the order in which they are
 * loaded. Uncompressed, since it is the guest that would have to unpack it. Made once; the path in
 * the cache, allocated. `has_9p`: the kernel can mount 9p.
 */
char *initramfs_get(const struct kernel *kernel, enum boot_machine machine, bool *has_9p,
                    struct error *error);
