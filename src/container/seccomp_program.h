// SPDX-License-Identifier: Apache-2.0
/* What a filter is made of, for the files that make it: not for others. */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What lies in the memory that parent and child share. */
struct seccomp_compiled {
    uint64_t count; /* of instructions; 0: not compiled yet */
    struct sock_filter instructions[BPF_MAXINSNS];
};

struct seccomp_program {
    struct seccomp_compiled *compiled;
    unsigned long flags; /* SECCOMP_FILTER_FLAG_* */
    bool listener;
};

/* The filter for the calls of one architecture. */
struct seccomp_part {
    uint32_t architecture; /* SCMP_ARCH_* */
    struct sock_filter *instructions;
    size_t count;
};

/*
 * One program of several: it looks at the architecture of a call and goes on in the part that is
 * made for it. A call of any other architecture is killed.
 */
int seccomp_join(const struct seccomp_part *parts, size_t count, struct seccomp_compiled *compiled,
                 struct error *error);
