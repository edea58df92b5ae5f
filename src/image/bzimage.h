// SPDX-License-Identifier: Apache-2.0
/* A kernel as distributions ship it: the boot protocol's header, and a compressed ELF file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct bzimage {
    uint32_t payload_offset, payload_length; /* of the compressed kernel in the file; 0: unknown */
    bool has_64_bits;                        /* the kernel in it is for x86-64 */
    char version[128];                       /* "6.1.0-56-cloud-amd64 (...)"; "" when not told */
};

/* Read and check the header. `name` is for messages. */
int bzimage_read(int fd, const char *name, struct bzimage *image, struct error *error);

/*
 * Write the ELF file inside to a descriptor. 1 when its compression is one that we do not know,
 * which is no error.
 */
int bzimage_extract(int fd, const char *name, const struct bzimage *image, int target_fd,
                    struct error *error);
