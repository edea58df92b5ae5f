// SPDX-License-Identifier: Apache-2.0
/* The small types that the sections of a specification share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct spec_u16 {
    bool set;
    uint16_t value;
};
struct spec_u32 {
    bool set;
    uint32_t value;
};
struct spec_u64 {
    bool set;
    uint64_t value;
};
struct spec_i64 {
    bool set;
    int64_t value;
};
struct spec_bool {
    bool set, value;
};

/* One line of uid_map or gid_map (user_namespaces(7)). */
struct spec_id_mapping {
    uint32_t container_id, host_id, size;
};

struct spec_key_value {
    const char *key, *value;
};
