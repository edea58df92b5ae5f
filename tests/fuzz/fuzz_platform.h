// SPDX-License-Identifier: Apache-2.0
/*
 * The platform under fuzzed devices: a clock that the input moves, disks in memory whose requests
 * the input completes, a network that swallows frames. What devices must never ask of it is a
 * promise. It takes the place of src/vm at link time.
 */
#pragma once

#include "core/device/pci.h"
#include "core/memory/guest_memory.h"
#include "core/platform.h"
#include "mode.h"

#define FUZZ_MEMORY_SIZE (256u << 10)
#define FUZZ_ROM_BASE    (1u << 20)

/* What is left of the input; zeroes when nothing is. */
struct fuzz_input {
    const uint8_t *bytes;
    size_t left;
};

uint64_t fuzz_take(struct fuzz_input *input, unsigned size);
/* A value of `size` bytes that is often one of those that devices look for. */
uint64_t fuzz_value(struct fuzz_input *input, unsigned size);

#define FUZZ_ALLOCATIONS 16

struct platform {
    uint64_t clock;
    struct platform_timer *timers;
    void *allocations[FUZZ_ALLOCATIONS];
    unsigned allocation_count;
};

struct platform_console {
    struct platform_console_receiver receiver;
    size_t accepts; /* bytes more */
};

struct platform_block {
    uint8_t *bytes;
    uint64_t size;
    bool hold, fail;
    struct block_request *held;
};

struct platform_net {
    uint64_t frames;
    struct platform_net_receiver receiver;
};

/* 256 KiB of memory and a page that cannot be written. */
struct fuzz_machine {
    struct platform platform;
    struct guest_memory memory;
    uint8_t *ram, *rom;
    struct frame *frames;
};

void fuzz_machine_open(struct fuzz_machine *machine);
void fuzz_machine_close(struct fuzz_machine *machine);
/* Write some of the input to memory at an address that the input chooses. */
void fuzz_fill_memory(struct fuzz_machine *machine, struct fuzz_input *input);
void fuzz_platform_free(struct platform *platform);
void fuzz_advance(struct platform *platform, uint64_t nanoseconds);
void fuzz_block_open(struct platform_block *block, uint64_t size);
void fuzz_block_close(struct platform_block *block);
void fuzz_block_complete(struct platform_block *block);
void fuzz_config_write(struct pci_function *function, struct fuzz_input *input);
