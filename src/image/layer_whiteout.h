// SPDX-License-Identifier: Apache-2.0
/* Whiteouts: how an archive says that something below is gone (image-spec 1.1, layer.md). */
#pragma once

#include "image/layer_directory.h"

/* Act on an entry whose last component begins with LAYER_WHITEOUT_PREFIX. */
int layer_whiteout_make(struct layer_work *work, const struct layer_place *place,
                        struct error *error);
