// SPDX-License-Identifier: Apache-2.0
/* Which manifest of an index is meant (image-spec 1.1, image-index.md). */
#pragma once

#include "image/oci_layout.h"

/* As oci_layout_find(), in an index that has been parsed. */
int oci_index_find(int layout_fd, struct json_object *index, const char *tag,
                   struct oci_descriptor *manifest, struct error *error);
