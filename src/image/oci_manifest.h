// SPDX-License-Identifier: Apache-2.0
/* One image of a layout: its manifest and configuration, decoded and checked against each other. */
#pragma once

#include <stddef.h>

#include "image/image.h"
#include "image/layer.h"
#include "image/oci_layout.h"

/* The kernel's overlayfs takes at most 500 lower directories (OVL_MAX_STACK). */
#define OCI_LAYER_LIMIT 500

struct oci_layer {
    struct oci_descriptor descriptor;
    char *diff_id; /* digest of the uncompressed archive */
    enum layer_compression compression;
};

struct oci_image {
    struct oci_layer *layers; /* lowest first */
    size_t layer_count;
    struct image_config config;
};

void oci_image_clear(struct oci_image *image);

/*
 * Decode a manifest blob and the configuration it names. Refused: artifacts that are no images,
 * unknown layer types, another platform's image, layers and diff_ids that do not pair.
 */
int oci_image_read(int layout_fd, const struct oci_descriptor *manifest, struct oci_image *image,
                   struct error *error);

/* The two halves, for tests and the fuzzer. */
int oci_manifest_decode(struct json_object *manifest, struct oci_descriptor *config,
                        struct oci_image *image, struct error *error);
int oci_config_decode(struct json_object *config, struct oci_image *image, struct error *error);

#define AUTO_OCI_IMAGE __attribute__((cleanup(oci_image_clear)))
