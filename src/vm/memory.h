// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's memory: one memfd, mapped once, its slots one behind the other in it, so that what
 * runs in other processes can share it by descriptor. It is gone when the last process that has it
 * ends, however that ends.
 */
#pragma once

#include "base/error.h"
#include "core/machine/machine.h"

struct vm_memory {
    int fd;
    uint8_t *host;
    uint64_t size; /* of all slots */
    struct frame *frames;
    struct guest_memory guest;
};

/* Whether a machine, and this host, can have `size` bytes of RAM. */
int vm_memory_check(uint64_t size, struct error *error);

/* `size` bytes of RAM; nothing is made when the host has less than that. */
int vm_memory_open(struct vm_memory *memory, uint64_t size, struct error *error);
void vm_memory_close(struct vm_memory *memory);

/* As after power-up: all zeroes, nothing decoded. No vCPU runs. */
void vm_memory_clear(struct vm_memory *memory);
