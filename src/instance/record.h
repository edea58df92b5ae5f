// SPDX-License-Identifier: Apache-2.0
/* state.json <-> struct instance. The file is ours, and yet read as if it were not. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "instance/instance.h"

/* The caller puts the reference. */
struct json_object *record_encode(const struct instance *instance);

/* NULL where a member is missing, of the wrong type, or out of range. `log` is kept for warnings.
 */
struct instance *record_decode(const char *text, size_t length, const struct log *log,
                               struct error *error);
