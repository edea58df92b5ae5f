// SPDX-License-Identifier: Apache-2.0
/* The words of mounts[].options that are the runtime's to carry out, not the file system's. */
#pragma once

#include "spec/reader.h"
#include "spec/spec.h"

/* A mount that is being decoded, and its propagation array with room for one of each option. */
struct mount_draft {
    struct spec_mount *mount;
    unsigned long *propagation;
};

struct mount_option {
    const char *name;
    void (*apply)(const struct mount_draft *draft, const struct mount_option *option);
    uint64_t set, clear;
};

extern const struct mount_option spec_mount_options[];
extern const size_t spec_mount_option_count;

/* NULL when it is none of ours. */
const struct mount_option *mount_option_find(const char *word);
