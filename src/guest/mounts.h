// SPDX-License-Identifier: Apache-2.0
/* The file systems of the guest: the kernel's own, the root disk, and what the host asks for. */
#pragma once

#include "guest/fields.h"

/* /proc, /sys and /dev of the initramfs, before anything else. */
void mounts_begin(void);

/* mkdir -p */
int make_directories(const char *path, int mode);

/* GUEST_ROOT: afterwards the disk is "/", writable as yet. */
int mounts_enter_root(struct fields *fields, const char **on);

/* GUEST_MOUNT */
int mounts_add(struct fields *fields, const char **on);

/* Make the root read-only. */
int mounts_seal_root(void);

/* Unmount what can be, make the rest read-only, and write all that is left. */
void mounts_end(void);
