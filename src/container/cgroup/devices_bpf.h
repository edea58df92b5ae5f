// SPDX-License-Identifier: Apache-2.0
/* Device rules as a BPF program: the parts, for tests. */
#pragma once

#include <linux/bpf.h>

#include "container/cgroup/devices.h"

struct device_program {
    struct bpf_insn *instructions; /* allocated */
    size_t count;
};

static inline void device_program_free(struct device_program *program)
{
    free(program->instructions);
}
#define AUTO_DEVICE_PROGRAM __attribute__((cleanup(device_program_free)))

int device_program_make(const struct device_rules *rules, struct device_program *program,
                        struct error *error);

/* The descriptor of the loaded program, or -1. */
int device_program_load(const struct device_program *program, struct error *error);
