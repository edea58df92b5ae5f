// SPDX-License-Identifier: Apache-2.0
/* What the fuzzer can be pointed at: each mode is one parser of hostile input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Must neither crash nor leak, and calls abort() when what it promises does not hold. */
typedef void fuzz_mode(const uint8_t *data, size_t size);

fuzz_mode fuzz_json, fuzz_config, fuzz_process, fuzz_resources, fuzz_seccomp, fuzz_state,
    fuzz_manifest, fuzz_image_config, fuzz_index, fuzz_layer, fuzz_layer_gzip, fuzz_ide, fuzz_e1000,
    fuzz_guest_channel, fuzz_virtio_block, fuzz_virtio_net, fuzz_virtio_console,
    fuzz_virtio_entropy, fuzz_virtio_balloon, fuzz_virtio_vsock, fuzz_virtio_9p, fuzz_share,
    fuzz_boot, fuzz_whole_machine, fuzz_decoder;

/* A promise of the code under test. */
#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_broken_promise(__FILE__, __LINE__, #condition);                                   \
    } while (0)

_Noreturn void fuzz_broken_promise(const char *file, int line, const char *condition);
