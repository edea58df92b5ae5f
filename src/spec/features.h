// SPDX-License-Identifier: Apache-2.0
/* The features document (runtime-spec features.md and features-linux.md), made of the decoder's
 * own tables. */
#pragma once

struct json_object;

/* The caller puts the reference. */
struct json_object *spec_features(void);
