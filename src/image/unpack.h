// SPDX-License-Identifier: Apache-2.0
/* The layers of an image, each unpacked once into the cache. */
#pragma once

#include "base/log.h"
#include "base/string.h"
#include "image/oci_manifest.h"

/* Unpack what is not there yet; `layers` gets the directories, topmost first. */
int unpack_layers(int layout_fd, const struct oci_image *image, const struct log *log,
                  struct string_list *layers, struct error *error);
