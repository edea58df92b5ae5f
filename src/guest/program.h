// SPDX-License-Identifier: Apache-2.0
/* The first process of our virtual machines, as the build has made it: part of openvirt itself, so
 * that no other file has to be found, and the two always fit each other. */
#pragma once

#include <stddef.h>

struct guest_program {
    const unsigned char *bytes; /* a static ELF executable */
    size_t size;
};

extern const struct guest_program guest_program_64, guest_program_32;
