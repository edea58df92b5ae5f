// SPDX-License-Identifier: Apache-2.0
/* New file systems as detached mounts, by fsopen(2), fsconfig(2) and fsmount(2). */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct filesystem_request {
    const char *type;
    const char *source;             /* what mountinfo shows; NULL: "none" */
    const char *options;            /* "size=64k,mode=755"; a value may be quoted; NULL: none */
    const char *more_options;       /* the same, before `options`, which wins; NULL: none */
    unsigned long superblock_flags; /* MS_RDONLY, MS_SYNCHRONOUS ... */
    uint64_t attributes;            /* MOUNT_ATTR_* of the mount */
};

/*
 * The descriptor of the detached mount, or -1. The error tells what the kernel says about a wrong
 * option.
 */
int filesystem_mount(const struct filesystem_request *request, struct error *error);

/* Change options and superblock flags of the file system that `mount_fd` is of. */
int filesystem_reconfigure(int mount_fd, const char *options, unsigned long superblock_flags,
                           unsigned long superblock_flags_clear, struct error *error);

/*
 * Whether an option's value is longer than fsconfig(2) takes (255 bytes), so that only mount(2),
 * which takes a page, can pass it on.
 */
int filesystem_options_too_long(const char *options);
