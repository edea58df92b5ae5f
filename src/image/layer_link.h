// SPDX-License-Identifier: Apache-2.0
/* Hard links of a layer, also to files that only the layers below have. */
#pragma once

#include "image/layer_directory.h"

int layer_link_make(struct layer_work *work, const struct layer_place *place, const char *target,
                    struct error *error);
